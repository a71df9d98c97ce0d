"""Whose pages may talk to the gate. Pure. A request's head in, what is done with it out.

For the gate's own endpoints that read or change what a visitor said (`collect`, `to`), never for the app's own
requests. The first row that fits; "own" is the page's own origin, "listed" one of `[server] origins`:

    Origin            Sec-Fetch-Site           Referer     the request is
    two that differ                                        a stranger's
    listed                                                 a listed page's
    own               absent or same-origin                an own page's
    null              same-origin                          an own page's   (a page without a referrer policy to tell by)
    any other                                              a stranger's
    absent            same-origin, none                    an own page's
    absent            any other                            a stranger's    (the request does not say which page's)
    absent            absent                   own, listed such a page's
    absent            absent                   any other   a stranger's, but of who shows a key or a context (`vouched`)
    absent            absent                   absent      a server's

A stranger may only look: a GET is read without cookies (they can still refuse), any other request is refused.
Sources: fetch standard, "Origin" header; W3C Fetch Metadata Request Headers. Pages can write none of these.
"""

from __future__ import annotations

from collections.abc import Set
from enum import Enum, auto
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from gatekeeper.model.head import Head
from gatekeeper.shells.asgi import Headers
from gatekeeper.signals import header_values

_READING: Final = frozenset({"GET", "HEAD"})
_OWN: Final = frozenset({b"same-origin"})
_OWN_OR_TYPED: Final = frozenset({b"same-origin", b"none"})  # none: typed, or opened from a bookmark


class Sender(Enum):
    """Who made a request."""

    SERVER = auto()
    OWN = auto()
    LISTED = auto()
    STRANGER = auto()


class Admission(NamedTuple):
    """A request that is taken: the CORS headers of its answer, and whether a page of another site made it."""

    cors: Headers
    foreign: bool


def admit(method: str, headers: Headers, origins: Set[str], *, vouched: bool = False) -> Admission | None:
    """What is done with a request; `None`: it is refused.

    `headers` have names in lower case, `origins` are those of the policy. `vouched`: the request shows a key or a
    context, which no page of another site can make a browser send.
    """
    who = sender(headers, origins, vouched=vouched)
    if who is Sender.STRANGER:
        return Admission((), foreign=True) if method in _READING else None
    return Admission(cors(headers, origins) if who is Sender.LISTED else (), foreign=False)


def sender(headers: Headers, origins: Set[str], *, vouched: bool = False) -> Sender:
    """Who made a request, by the table above."""
    headers = Head.of(headers)
    found = set(headers.values(b"origin"))
    site = set(headers.values(b"sec-fetch-site"))
    if found:
        origin = found.pop()
        if found:
            return Sender.STRANGER
        if origin.decode("latin-1") in origins:
            return Sender.LISTED
        if origin == b"null":
            return Sender.OWN if site == _OWN else Sender.STRANGER
        return Sender.OWN if site in (set(), _OWN) and _own(origin, headers) else Sender.STRANGER
    if site:
        return Sender.OWN if len(site) == 1 and site <= _OWN_OR_TYPED else Sender.STRANGER
    pages = set(headers.values(b"referer"))
    if not pages or vouched:
        return Sender.SERVER
    known = {_of_page(page, headers, origins) for page in pages}
    return known.pop() if len(known) == 1 else Sender.STRANGER


def cors(headers: Headers, origins: Set[str]) -> Headers:
    """The CORS headers of an answer: those of a listed origin, none for others. There is no `*`: cookies may count."""
    found = set(header_values(headers, b"origin"))
    if len(found) != 1 or (origin := found.pop()).decode("latin-1") not in origins:
        return ()
    return (
        (b"access-control-allow-origin", origin),
        (b"access-control-allow-credentials", b"true"),
        (b"vary", b"Origin"),
    )


def _own(origin: bytes, headers: Headers) -> bool:
    """Whether an origin is the request's own: the scheme may differ behind a proxy that ends TLS, the host may not."""
    hosts = {host.lower() for host in header_values(headers, b"host")}
    return len(hosts) == 1 and origin.partition(b"://")[2].lower() in hosts - {b""}


def _of_page(page: bytes, headers: Headers, origins: Set[str]) -> Sender:
    try:
        parts = urlsplit(page.decode("latin-1"))
        origin = f"{parts.scheme}://{parts.netloc}".lower()
    except ValueError:
        return Sender.STRANGER
    if origin in origins:
        return Sender.LISTED
    own = parts.scheme in ("http", "https") and _own(origin.encode("latin-1"), headers)
    return Sender.OWN if own else Sender.STRANGER
