"""The companies behind the packaged kinds: where they are, and where they say what they do (`recipients.toml`)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources


def known(company: str | None) -> Mapping[str, str]:
    """`country` and `privacy_policy` of a company, by its registered name; empty for one that is not in the table."""
    return _table().get(company or "", {})


@cache
def _table() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads(resources.files(__package__).joinpath("recipients.toml").read_text("utf-8"))
