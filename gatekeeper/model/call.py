"""Requests in a vendor's own words, and what vendors answer. Nouns: frozen, typed, no logic."""

from __future__ import annotations

from typing import ClassVar

from gatekeeper.model.event import Discreet


class Call(Discreet, frozen=True):
    """One vendor-native request as an app or a page made it, before anything was decided.

    `path` is the vendor's own, percent-encoded as it came, with a leading slash; `query` has no question mark;
    `headers` are (lower-case name, value) pairs with duplicates, latin-1 as ASGI has them; `body` as received,
    Content-Encoding included.
    """

    hidden: ClassVar[frozenset[str]] = frozenset({"query", "headers", "body"})

    method: str
    path: str
    query: str = ""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""


class Outgoing(Discreet, frozen=True):
    """One request to one vendor, complete. The only thing `delivery` ever sends."""

    hidden: ClassVar[frozenset[str]] = frozenset({"url", "headers", "body"})

    method: str
    url: str  # may hold the vendor's secret in its query
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Answer(Discreet, frozen=True):
    """What a vendor answered. The body is read for its error code and then dropped, never logged."""

    hidden: ClassVar[frozenset[str]] = frozenset({"body"})

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
