"""The field names that vendors document, from `fields.toml`, which gives the source of each table."""

from __future__ import annotations

import tomllib
from importlib.resources import files

_TABLES = tomllib.loads(files("gatekeeper.testing").joinpath("fields.toml").read_text(encoding="utf-8"))


def documented(vendor: str, place: str) -> frozenset[str]:
    """The names that `vendor` documents for that place of its requests."""
    return frozenset(_TABLES[vendor][place]["names"])
