"""Why a file or folder cannot be used by this process, and what helps: its owner is who can use it."""

from __future__ import annotations

import os
import pwd
from pathlib import Path


def hindrance(path: Path, error: OSError, what: str) -> str:
    """A sentence: this process cannot do `what` at a path, why, and the remedy."""
    place = Path(os.fsdecode(error.filename)) if error.filename else path
    if not isinstance(error, PermissionError):
        return f"cannot {what} at {place} ({(error.strerror or type(error).__name__).lower()})"
    there = _nearest(place)
    me, owner = _user(os.geteuid()), _owner(there)
    if owner is None or owner == me:
        return f"cannot {what} (permission denied); run chmod u+rwX on {there}"
    return (
        f"cannot {what}: {there} belongs to the user {owner}, and this is {me}; "
        f"run this as {owner}, or give it to {me} with chown"
    )


def _owner(path: Path) -> str | None:
    try:
        return _user(path.stat().st_uid)
    except OSError:
        return None


def _nearest(path: Path) -> Path:
    """The path itself, or the nearest folder above it that can be looked at."""
    for one in (path, *path.parents):
        try:
            one.stat()
        except OSError:
            continue
        return one
    return path


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
