"""What a host and a path mean, in any spelling. Pure. A host in, its plain name out; a path in, all its readings out.

Percent-encoding (several times over), case, dots and slashes, backslashes, path parameters, the port and the user of a
host, full-width letters: clients, proxies and servers undo some of them and not others. So a path has several
readings, and a path that is for tracking by one of them is for tracking.
Sources: RFC 3986 sections 5.2.4 and 6.2.2, WHATWG URL standard (host and path states), RFC 3490 (dots of hosts).
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final
from urllib.parse import unquote, unquote_to_bytes

DEPTH: Final = 5  # times a path is decoded; one that changes still is not readable
_LONGEST: Final = 8192
_PLAIN_HOST: Final = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")
_PORT: Final = re.compile(r":[0-9]*$")
_DOTS: Final = str.maketrans("\u3002\uff0e\uff61", "...")
_PLAIN_PATH: Final = re.compile(r"(?:/[A-Za-z0-9_~!$&'()*+,=:@-][A-Za-z0-9_~!$&'()*+,=:@.-]*)*/?")
_BROKEN: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_NEEDLESS: Final = re.compile(r"%([0-9A-Fa-f]{2})")
# What need not be encoded in a path: unreserved characters, and those that no path of a vendor gives a meaning.
_UNENCODED: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:@!$&'()*+,=")


def plain_host(host: str) -> str:
    """The name of a host: lower case, in ASCII, without user, port and last dot; never fails."""
    if _PLAIN_HOST.fullmatch(host):
        return host
    name = host[:_LONGEST]
    for _ in range(DEPTH):
        name = unquote(name)
    name = re.sub(r"[\x00-\x20\x7f\u200b-\u200d\u2060\u00ad\ufeff]", "", name.rpartition("@")[2])
    name = unicodedata.normalize("NFKC", name.translate(_DOTS)).lower()
    if not name.startswith("["):  # an IPv6 address has colons of its own
        name = _PORT.sub("", name)
    name = re.sub(r"\.{2,}", ".", name).strip(".")
    try:
        return name if name.isascii() else name.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return name


def readings(path: str) -> frozenset[str] | None:
    """The paths that servers may take a path for, lower case, without a last slash; `None` if it cannot be decoded."""
    if _PLAIN_PATH.fullmatch(path):
        return frozenset((path.rstrip("/").lower() or "/",))
    if len(path) > _LONGEST or _BROKEN.search(path):
        return None
    found: set[str] = set()
    for _ in range(DEPTH + 1):
        if _CONTROL.search(path):
            return None
        for text in {path, re.split(r"[?#]", path, maxsplit=1)[0]}:
            found.update(_forms(unicodedata.normalize("NFKC", text).lower().replace("\\", "/")))
        try:
            decoded = unquote_to_bytes(path).decode("utf-8")
        except UnicodeDecodeError:
            return None
        if decoded == path:
            return frozenset(found)
        path = decoded
    return None


def _forms(text: str) -> set[str]:
    """With path parameters and without, with dot segments resolved and left out."""
    found = set()
    for kept in (text, re.sub(r";[^/]*", "", text)):
        resolved: list[str] = []
        flat: list[str] = []
        for segment in (one.strip() for one in kept.split("/")):
            if segment == "..":
                del resolved[-1:]
            elif segment not in ("", "."):
                resolved.append(segment)
                flat.append(segment)
        found |= {"/" + "/".join(resolved), "/" + "/".join(flat)}
    return found


def plain_path(path: str) -> str:
    """A path as a format reads it and as it is sent: without needless encoding and doubled slashes; case as it came."""
    if "%" in path:
        path = _NEEDLESS.sub(_decoded, path)
    return re.sub("//+", "/", path) or "/"


def _decoded(match: re.Match[str]) -> str:
    letter = chr(int(match[1], 16))
    return letter if letter in _UNENCODED else match[0]
