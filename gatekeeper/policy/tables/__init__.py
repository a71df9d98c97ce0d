"""The tables of the policy file, each a pydantic model: what may be written in them."""
