"""Failed deliveries in words (`failures.toml`): what a code means, and the vendor's own page. Pure."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any


def sentence(code: str | None) -> str:
    """What a code means and what helps; a code that no row is for is its own sentence."""
    rows: Mapping[str, str] = _table()["codes"]
    if not code:
        return "no reason is known"
    if code in rows:
        return rows[code]
    begins = [row for row in rows if row.endswith("*") and code.startswith(row[:-1])]
    if not begins:
        return code
    first = rows[max(begins, key=len)]
    inner = code.removeprefix("dead:")
    return first if inner == code else f"{first}; the last time {sentence(inner)}"


def page(kind: str) -> str | None:
    """The page on which the vendor of a kind of destination says what its errors mean."""
    found: str | None = _table()["pages"].get(kind, {}).get("url")
    return found


@cache
def _table() -> Mapping[str, Any]:
    return tomllib.loads(resources.files(__package__).joinpath("failures.toml").read_text("utf-8"))
