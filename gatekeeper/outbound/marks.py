"""Marks on requests that were looked at, for as long as they are under way: the clients below and the tripwire ask.

with sending(url): …      a request that was judged; no client judges it again
with passing(host): …     a request that is no tracking call, to a host that takes such calls on other paths
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from threading import Lock
from urllib.parse import urlsplit

from gatekeeper.delivery.permit import Permit, Withheld
from gatekeeper.vendors.hosts import known
from gatekeeper.vendors.spelling import plain_host

_sending: ContextVar[bool] = ContextVar("gatekeeper_sending", default=False)
_permit: ContextVar[Permit | None] = ContextVar("gatekeeper_permit", default=None)
_under_way: Counter[str] = Counter()  # plain host -> requests to it that are marked
_counting = Lock()
_takes_tracking = lru_cache(maxsize=1_024)(known)  # fast: 0.1 µs instead of 4; `known`, a function of the table alone


def is_sending() -> bool:
    """Whether this code sends a request that was looked at."""
    return _sending.get()


def permit() -> Permit | None:
    """What is to be asked before the first byte of the request that this code sends; see `first_byte`."""
    return _permit.get()


@contextmanager
def first_byte() -> Iterator[None]:
    """The first byte of a judged request is written in here, to an open connection. Raises Withheld.

    Nothing may wait in here: a withdrawal is answered when it is over.
    """
    asked = _permit.get()
    if asked is None:
        yield
        return
    if not asked.begin():
        raise Withheld
    try:
        yield
    finally:
        asked.end()


@contextmanager
def sending(url: str = "", permit: Permit | None = None) -> Iterator[None]:
    """What is sent in here, to the host of `url`, has been judged: the clients let it pass.

    `permit` is asked at once, and again by `first_byte` where the client can be asked for that. Raises Withheld.
    """
    if permit is not None:
        if not permit.begin():
            raise Withheld
        permit.end()
    mark, asked = _sending.set(True), _permit.set(permit)
    host = plain_host(urlsplit(url).netloc)
    with _counting:
        _under_way[host] += 1
    try:
        yield
    finally:
        _sending.reset(mark)
        _permit.reset(asked)
        with _counting:
            _under_way[host] -= 1
            if not _under_way[host]:
                del _under_way[host]


@contextmanager
def passing(host: str) -> Iterator[None]:
    """A request that is no tracking call goes out in here. To a listed host it is marked as looked at."""
    if not _takes_tracking(host):
        yield
        return
    with sending(f"//{host}"):
        yield


def looked_at(host: str) -> bool:
    """Whether a connection to a plain host is for a request that was looked at; name servers are asked by threads."""
    return _sending.get() or _under_way[host] > 0
