"""The shapes that are searched for, one file each. Pure: a folded text in, spans out.

Each file has one `find(text)` and opens with what it takes for its shape and what it leaves alone. A newcomer
adds a shape by copying the shortest one and naming it here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from gatekeeper.scrub.found import Span
from gatekeeper.scrub.shapes import card, email, home, iban, ip, jwt, key, phone, token

Shapes: TypeAlias = tuple[Callable[[str], Iterator[Span]], ...]

SHAPES: Shapes = (
    email.find,
    card.find,
    phone.find,
    ip.find,
    iban.find,
    jwt.find,
    key.find,
    token.find,
    home.find,
)
