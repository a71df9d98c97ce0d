"""Copies of people's data that wait for their one download: files of the gate's user alone, for a day at most."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path
from typing import Final, NamedTuple

LASTS: Final = 86_400.0  # seconds
FOLDER: Final = "exports"
TYPES: Final = {"json": b"application/json", "csv": b"text/csv; charset=utf-8", "html": b"text/html; charset=utf-8"}
_ID: Final = re.compile(r"ex_[0-9a-f]{32}")


class Copy(NamedTuple):
    """A copy that was fetched."""

    form: str
    data: bytes


def put(audit_folder: Path, data: bytes, form: str, now: float) -> str:
    """Keep a copy, and remove what was not fetched in time; its id. Raises OSError."""
    folder = audit_folder.parent / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    expire(audit_folder, now)
    name = f"ex_{secrets.token_hex(16)}"
    descriptor = os.open(folder / f"{name}.{form}", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    return name


def take(audit_folder: Path, name: str, now: float) -> Copy | None:
    """A copy, for the first who asks; `None`: there is none, or it was fetched before. Raises OSError."""
    expire(audit_folder, now)
    if not _ID.fullmatch(name):
        return None
    for form in TYPES:
        path = audit_folder.parent / FOLDER / f"{name}.{form}"
        mine = path.with_suffix(f".taken-{secrets.token_hex(4)}")
        try:
            path.rename(mine)  # of several who ask at once, one
        except FileNotFoundError:
            continue
        try:
            return Copy(form, mine.read_bytes())
        finally:
            mine.unlink()
    return None


def expire(audit_folder: Path, now: float) -> int:
    """Remove copies that are older than a day; how many. Raises OSError."""
    gone = 0
    for path in (audit_folder.parent / FOLDER).glob("ex_*"):
        try:
            if path.stat().st_mtime < now - LASTS:
                path.unlink()
                gone += 1
        except FileNotFoundError:
            continue
    return gone
