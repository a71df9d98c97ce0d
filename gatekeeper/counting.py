"""Numbers with their nouns, as sentences hold them: `1 stream`, `2 streams`, `1,204 deliveries`. Pure."""

from __future__ import annotations

import re


def counted(number: float, noun: str) -> str:
    """The number, and the noun in the form that it asks for; `1.5 days`, but `90 days` for 90.0."""
    whole = int(number) if number == int(number) else number
    return f"{whole:,} {noun if number == 1 else plural(noun)}"


def plural(noun: str) -> str:
    """More than one of a noun that is regular: `delivery` is `deliveries`, `key` is `keys`, `match` is `matches`."""
    if re.search(r"[^aeiou]y$", noun):
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(("s", "x", "ch", "sh")) else f"{noun}s"
