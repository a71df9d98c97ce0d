"""Request targets. Pure. What a path may look like before the gate acts on it; RFC 9112 section 3.2.

A path that two programs read differently is how a request gets somewhere it must not: dot segments, doubled and
encoded slashes, backslashes, control characters, and targets that are no path at all.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from gatekeeper.shells.asgi import Scope

_VISIBLE: Final = re.compile(rb"[\x21-\x7e]*")
_ENCODED: Final = re.compile(rb"%(?:2f|5c|00|0d|0a)", re.IGNORECASE)
_BROKEN: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")


def raw_path(scope: Scope) -> bytes:
    """The request's path, percent-encoded as it came, without the mount point and the query.

    Servers may leave `raw_path` out (ASGI 3); then the decoded path is encoded again.
    """
    raw = scope.get("raw_path")
    path = bytes(raw) if raw is not None else quote(str(scope["path"])).encode("ascii")
    path = path.partition(b"?")[0]
    mounted = scope.get("root_path", "")
    if not mounted:
        return path
    root = quote(str(mounted)).encode("ascii")
    return path[len(root) :] if path.startswith(root + b"/") else path


def target_fault(target: bytes) -> str | None:
    """Why a whole request target (path and query) cannot be taken at all, in a few words; `None` if it can."""
    if not target.startswith(b"/"):
        return "the request target is not a path"
    if not _VISIBLE.fullmatch(target) or b"\\" in target or b"#" in target:
        return "the request target holds a character that must be encoded"
    return None


def path_fault(path: bytes) -> str | None:
    """Why a path cannot be handed on to a vendor, in a few words; `None` if it can. Stricter than `target_fault`."""
    fault = target_fault(path)
    if fault is not None:
        return fault
    if b"%" not in path and b"/." not in path and b"//" not in path:
        return None
    if b"//" in path:
        return "the path has an empty segment"
    if _ENCODED.search(path) or _BROKEN.search(path):
        return "the path holds an encoding that is not allowed"
    if any(segment in (b".", b"..") for segment in unquote_to_bytes(path).split(b"/")):
        return "the path has a dot segment"
    return None
