"""Who sends an event, as far as a shell knows. Nouns: frozen, typed, no logic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gatekeeper.model.consent import Signal
from gatekeeper.model.event import Discreet


@dataclass(frozen=True, slots=True)
class Visitor:
    """What is known of a visitor apart from any one event.

    `declared` is (country, region) of the visitor, or `None` where it is not known; `residence` that of the
    account or of the visitor's own choice, which adds laws; `age_band` one of `AGE_BANDS`. `issued` is when the token
    it was read from was issued (Unix seconds): a token that is made of another one does not live longer. `account` are
    the pseudonyms of the account that is logged in.
    """

    signals: tuple[Signal, ...]
    declared: tuple[str | None, str | None] | None = None
    residence: tuple[str | None, str | None] | None = None
    age_band: str | None = None
    subject: str | None = None
    issued: float | None = None
    account: tuple[str, ...] = ()


class Caller(Discreet, frozen=True):
    """What a shell knows of who sent an event.

    `headers` are (lower-case name, value) pairs with duplicates. `address` is the visitor's address if the
    visitor's browser is the peer, else `None`. `trusted` callers are the operator's own servers: their subject,
    place and past event times are believed. `visitor` is a verified context that came along, and what `headers` say
    beside it narrows it. `account` are the pseudonyms of the account that is logged in, as the host app says.
    `relayed`: no browser is the peer, so that `headers` say nothing of marks on elements of a call. `foreign`: a page
    of another site made the request, so that its cookies only narrow.
    """

    hidden: ClassVar[frozenset[str]] = frozenset({"headers", "query", "address"})

    headers: tuple[tuple[bytes, bytes], ...] = ()
    query: bytes = b""
    address: str | None = None
    edge: tuple[str | None, str | None] | None = None  # what a trusted edge says of the place
    residence: tuple[str | None, str | None] | None = None  # of the account, or chosen by the visitor
    age_band: str | None = None
    trusted: bool = False
    visitor: Visitor | None = None
    account: tuple[str, ...] = ()
    relayed: bool = False
    foreign: bool = False
