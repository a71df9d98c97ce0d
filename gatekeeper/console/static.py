"""The style sheet and the modules of the console. One hash is over all of them, and stands in their addresses."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final

FOLDER: Final = "static"
TYPES: Final = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}


@cache
def contents() -> Mapping[str, bytes]:
    """Name -> the file. Modules name each other without a folder: the hash is in the folder that all are under."""
    folder = files("gatekeeper.console").joinpath(FOLDER)
    found = {one.name: one.read_bytes() for one in folder.iterdir() if one.name.rpartition(".")[2] in TYPES}
    return dict(sorted(found.items()))


@cache
def version() -> str:
    """Twelve characters of the hash over all files."""
    digest = hashlib.sha256()
    for name, data in contents().items():
        digest.update(f"{name}\0{len(data)}\0".encode() + data)
    return base64.urlsafe_b64encode(digest.digest()).decode()[:12]
