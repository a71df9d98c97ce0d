"""What a part of a format does where its vendor has nothing of its own. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

T = TypeVar("T")


def unchanged(value: T, *more: object) -> T:
    """The value itself: the table says all that is to be known of it."""
    return value


def nothing(*given: object) -> None:
    """Nothing: no name, no flag to write, nothing that is missing, no answer of its own."""


def no_flags(*given: object) -> Mapping[str, Any]:
    """No flags: an event of this vendor's never carries consent, or only ever restricts it."""
    return {}
