"""Reads the data files that lie beside the code, once, at import."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Any


def table(package: str, name: str) -> dict[str, Any]:
    """The TOML file `name` in `package`, parsed."""
    return tomllib.loads(files(package).joinpath(name).read_text(encoding="utf-8"))
