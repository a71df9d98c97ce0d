"""The cookies that vendors' own scripts write in a site's name, by kind of destination (`cookies.toml`)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources


def written_by(kind: str) -> tuple[str, ...]:
    """Names of cookies, with `*` at the end for any rest; none for a kind that is not in the table."""
    return tuple(_table().get(kind, {}).get("names", ()))


@cache
def _table() -> Mapping[str, Mapping[str, list[str]]]:
    return tomllib.loads(resources.files(__package__).joinpath("cookies.toml").read_text("utf-8"))
