"""Runs of digit groups: what cards and phone numbers are written in."""

from __future__ import annotations

import re
from collections.abc import Iterator

ENOUGH = re.compile(r"\d(?:[ \t.\-/()_+]{0,3}\d){6}")  # seven digits near each other
_RUN = re.compile(r"[0-9+(][0-9 \t.\-/()_+]{5,}")
_GROUP = re.compile("[0-9]+")


def runs(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of each stretch of digits and the separators that are usual between them."""
    return (match.span() for match in _RUN.finditer(text))


def groups(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Start and end of each group of digits in `text[start:end]`."""
    return [match.span() for match in _GROUP.finditer(text, start, end)]
