"""Names, languages and purposes as the tables of the policy file spell them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from gatekeeper.model import Purpose
from gatekeeper.vendors.settings import Spelled

Name = Annotated[
    str,
    Spelled(
        r"[A-Za-z][A-Za-z0-9_.-]*",
        "is not a name; begin it with a letter, go on with letters, digits, dots, dashes and _",
        64,
    ),
]
Prefix = Annotated[
    str, Spelled(r"/[A-Za-z0-9_/-]*[A-Za-z0-9_-]", "is not a path; begin it with / and end it without, such as /gk")
]
Language = Annotated[
    str, Spelled(r"[a-z]{2,3}(-[A-Z][A-Za-z]{1,3})?", "is not a language; write de or pt-BR")
]  # BCP 47, its short forms
AgeBand = Literal["under_13", "13_15", "16_17", "adult"]
# TOML has no enums: a purpose is written as a string.
PurposeName = Annotated[Purpose, Field(strict=False)]
# What a consent platform's category or service stands for: a purpose, a destination, or a list of them.
Words = Annotated[
    list[str],
    BeforeValidator(lambda value: [value] if isinstance(value, str) else value, json_schema_input_type=str | list[str]),
]
