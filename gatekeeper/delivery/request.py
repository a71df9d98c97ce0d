"""An Outgoing as bytes. Pure: the request's head is rebuilt, and what could be read as another request is refused.

Targets go out as they are, except for the characters that no URL may hold: those are percent-encoded, as browsers do
(WHATWG URL, "path" and "special-query percent-encode set"). Control characters are refused, wherever they are.
"""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final
from urllib.parse import quote, unquote_to_bytes, urlsplit

from gatekeeper.errors import DeliveryError
from gatekeeper.model import Outgoing
from gatekeeper.model.reasons import INTERNAL

_BODILESS: Final = frozenset({"GET", "HEAD"})  # a Content-Length of 0 on them makes some servers suspicious
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")  # all but the tab
# Nothing to encode, no fragment: nearly every URL there is.
_PLAIN: Final = re.compile(r"(https?://[^/?#\\\x00-\x20\x7f-\U0010ffff]+)([!$-&(-;=?-_a-z|~]*)")
_URL: Final = re.compile(r"(https?://[^/?#\\]+)([^?#]*)(\??[^#]*)(?:#.*)?", re.IGNORECASE)
_CONTROL_OR_TAB: Final = re.compile(r"[\x00-\x1f\x7f]")
_PATH_SAFE: Final = "!$%&'()*+,-./:;=@[\\]^_|~"
_QUERY_SAFE: Final = "!$%&()*+,-./:;=?@[\\]^_`{|}~"

# What a header is to us; the sum of those given says which of our own to add.
_ACCEPT, _AGENT, _HOST, _FRAMING = 1, 2, 4, 8
_OURS: Final = {
    "accept": _ACCEPT, "user-agent": _AGENT, "host": _HOST, "content-length": _FRAMING, "transfer-encoding": _FRAMING,
}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """Where a request goes. `own` holds the headers that are ours to add, by the sum of what was given."""

    host: str
    port: int
    tls: bool
    own: tuple[str, ...] = field(repr=False)


def write(outgoing: Outgoing) -> tuple[Origin, bytes]:
    """The origin, and the whole request. Raises DeliveryError if it cannot be one: `internal_error`."""
    try:
        where, target = _split(outgoing.url)
        lines, given = [], 0
        for name, value in outgoing.headers:
            title, what = _name(name)
            given |= what
            if not value.isprintable() and _CONTROL.search(value):
                raise ValueError
            lines.append(f"{title}: {value}\r\n")
        method, body = outgoing.method, outgoing.body
        if given & _FRAMING or not (method in _METHODS or _TOKEN.fullmatch(method)):
            raise ValueError
        length = f"Content-Length: {len(body)}\r\n\r\n" if body or method not in _BODILESS else "\r\n"
        head = f"{method} {target} HTTP/1.1\r\n{''.join(lines)}{where.own[given]}{length}"
        return where, head.encode() + body
    except ValueError:
        # The message can hold the URL, and the URL the vendor's secret.
        raise DeliveryError(INTERNAL) from None


def _split(url: str) -> tuple[Origin, str]:
    """Origin and target of a URL. Raises ValueError."""
    if plain := _PLAIN.fullmatch(url):
        start, target = plain.groups()
    else:
        found = _URL.fullmatch(url)
        if found is None or _CONTROL_OR_TAB.search(url):
            raise ValueError
        start, path, query = found.groups()
        target = quote(path, _PATH_SAFE) + quote(query, _QUERY_SAFE)
    return origin(start), target if target[:1] == "/" else "/" + target


@lru_cache(maxsize=256)
def origin(start: str) -> Origin:
    """The origin that a URL begins with, such as `https://vendor.example:8443`. Raises ValueError."""
    parts = urlsplit(start)
    tls = parts.scheme == "https"
    host, port = _ascii(parts.hostname or ""), parts.port or (443 if tls else 80)
    name = f"[{host}]" if ":" in host else host
    if port != (443 if tls else 80):
        name = f"{name}:{port}"
    basic = ""
    if parts.username is not None:  # as in the DSNs of some vendors
        user, password = unquote_to_bytes(parts.username), unquote_to_bytes(parts.password or "")
        basic = f"Authorization: Basic {b64encode(user + b':' + password).decode()}\r\n"
    lines = ((_ACCEPT, "Accept: */*"), (_AGENT, "User-Agent: gatekeeper"), (_HOST, f"Host: {name}"))
    return Origin(
        host,
        port,
        tls,
        tuple(
            basic + "".join(f"{line}\r\n" for what, line in lines if not given & what)
            for given in range(_ACCEPT + _AGENT + _HOST + 1)
        ),
    )


def _ascii(host: str) -> str:
    """A host's name as the DNS knows it, or an address. Raises ValueError."""
    if not host.isascii():
        import idna

        host = idna.encode(host, uts46=True).decode()
    if not re.fullmatch(r"[0-9a-z._~-]+|[0-9a-f:.]*:[0-9a-f:.]*(?:%[0-9a-z]+)?", host):
        raise ValueError
    return host


@lru_cache(maxsize=512)
def _name(name: str) -> tuple[str, int]:
    """A header's name as it is written, `Content-Type`, and what it is to us. Raises ValueError."""
    if not _TOKEN.fullmatch(name):
        raise ValueError
    return "-".join(part[:1].upper() + part[1:].lower() for part in name.split("-")), _OURS.get(name.lower(), 0)
