"""What a regulator, a partner or a visitor asks for, made of the policy, the tables of the product and the log."""
