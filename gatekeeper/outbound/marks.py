"""What is let through: requests that were judged, each by what it is, and for as long as it is under way.

with sending(outgoing): …     this request, and no other, passes the clients below; the lowest sends it as it was judged
with passing(host): …         a request that is no tracking call, to a host that takes such calls on other paths

A client below asks `covering` whether the request in its hands is the one that was judged, by method, address and the
bytes of its body. A second request that begins meanwhile, in a log handler or in a task that outlives the first, is
judged like any other. The lowest place of a client asks `judged_head`: what instrumentation added to the head of a
judged request on its way down does not leave. `lines` has what may.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from gatekeeper.delivery.permit import Permit, Withheld
from gatekeeper.installation.forks import Guard
from gatekeeper.model import Outgoing
from gatekeeper.vendors.hosts import known
from gatekeeper.vendors.spelling import plain_host, plain_path

# A client's own lines about the message and the connection, and what a client itself writes into each; all other lines
# are those that were judged. Words of these lists say nothing about a person, even if the app wrote them.
_CODING: Final = r"(?:gzip|x-gzip|deflate|br|zstd|compress|identity|\*)(?:;\s?q=[01](?:\.\d)?)?"
_VERSION: Final = r"\d{1,4}(?:\.\d{1,4}){0,3}(?:\.?(?:a|b|rc|dev|post)\d{1,2})?"
_CLIENT: Final = r"(?:Python(?:-urllib3?|-requests|-httpx2?)?|aiohttp|niquests|urllib3\.future)"
_FRAMING: Final = {
    name: re.compile(words, re.IGNORECASE)
    for name, words in {
        "host": r".*",
        "content-length": r"\d+",
        "transfer-encoding": r"chunked",
        "connection": r"(?:close|keep-alive|TE)(?:,\s?(?:close|keep-alive|TE))?",
        "te": r"trailers",
        "accept": r"\*/\*",
        "accept-encoding": rf"{_CODING}(?:,\s?{_CODING})*",
        "user-agent": rf"{_CLIENT}/{_VERSION}(?: {_CLIENT}/{_VERSION})?",
        "proxy-authorization": r".*",  # for the app's own proxy
        "proxy-connection": r"close|keep-alive",
    }.items()
}


class _Seal:
    """A judged request under way; closed when it has ended, also for those who inherited it."""

    __slots__ = ("is_open", "outgoing", "permit")

    def __init__(self, outgoing: Outgoing, permit: Permit | None) -> None:
        self.outgoing = outgoing
        self.permit = permit
        self.is_open = True


_seal: ContextVar[_Seal | None] = ContextVar("gatekeeper_sending", default=None)
_under_way: Counter[str] = Counter()  # plain host -> requests to it that were looked at
_counting = Guard()
_takes_tracking = lru_cache(maxsize=1_024)(known)  # fast: 0.1 µs instead of 4; `known`, a function of the table alone


@contextmanager
def sending(outgoing: Outgoing, permit: Permit | None = None) -> Iterator[None]:
    """This request has been judged: the clients let it pass, once or as often as one of them tries again.

    `permit` is asked at once, and again by `first_byte` where the client can be asked for that. Raises Withheld.
    """
    if permit is not None:
        if not permit.begin():
            raise Withheld
        permit.end()
    seal = _Seal(outgoing, permit)
    mark = _seal.set(seal)
    try:
        with _counted(plain_host(urlsplit(outgoing.url).netloc)):
            yield
    finally:
        seal.is_open = False
        _seal.reset(mark)


def covering(method: str, host: str, path: str, query: str, body: bytes | None) -> Outgoing | None:
    """The judged request, if this is the one, its body included. `None`: a body that cannot be compared here."""
    outgoing = judged_head(method, host, path, query)
    return outgoing if outgoing is not None and outgoing.body == body else None


def judged_head(method: str, host: str, path: str, query: str) -> Outgoing | None:
    """The judged request, if this head is its own. For places that have no body yet, or where `covering` was asked."""
    seal = _seal.get()
    if seal is None or not seal.is_open:
        return None
    outgoing = seal.outgoing
    if outgoing.method != method.upper():
        return None
    parts = urlsplit(outgoing.url)
    if plain_host(host) != plain_host(parts.hostname or "") or plain_path(path or "/") != plain_path(parts.path or "/"):
        return None
    # A propagator may have put something behind it.
    return outgoing if query.startswith(parts.query) else None


@contextmanager
def first_byte() -> Iterator[None]:
    """The first byte of the judged request (see `covering`) is written in here, to an open connection. Raises Withheld.

    Nothing may wait in here: a withdrawal is answered when it is over.
    """
    seal = _seal.get()
    permit = None if seal is None or not seal.is_open else seal.permit
    if permit is None:
        yield
        return
    if not permit.begin():
        raise Withheld
    try:
        yield
    finally:
        permit.end()


def target(outgoing: Outgoing, *, in_full: bool) -> str:
    """What stands in the request line; `in_full` for a proxy."""
    parts = urlsplit(outgoing.url)
    return outgoing.url if in_full else (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def lines(outgoing: Outgoing, given: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The header lines of a judged request: its own, and of those that are `given` the client's framing.

    Of `accept`, `accept-encoding`, `te` and `user-agent` what was judged is sent, else the values that clients
    themselves write, and no other: a propagator may have written there, too.
    """
    own = {name.lower() for name, _ in outgoing.headers}
    framing = [(name, value) for name, value in given if name.lower() not in own and _is_framing(name.lower(), value)]
    return [*framing, *outgoing.headers]


def _is_framing(name: str, value: str) -> bool:
    words = _FRAMING.get(name)
    return words is not None and words.fullmatch(value.strip()) is not None


@contextmanager
def passing(host: str) -> Iterator[None]:
    """A request that is no tracking call goes out in here. To a listed host it is marked as looked at."""
    if not _takes_tracking(host):
        yield
        return
    with _counted(plain_host(host)):
        yield


@contextmanager
def _counted(host: str) -> Iterator[None]:
    with _counting:
        _under_way[host] += 1
    try:
        yield
    finally:
        with _counting:
            _under_way[host] -= 1
            if not _under_way[host]:
                del _under_way[host]


def looked_at(host: str) -> bool:
    """Whether a connection to a plain host is for a request that was looked at; name servers are asked by threads."""
    return _under_way[host] > 0
