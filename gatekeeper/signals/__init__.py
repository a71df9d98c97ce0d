"""Stage 1, read. Pure. A request's headers and an event's own words in, `Signal`s out.

One wire format, one file. `Readers` joins what every reader makes of one request, in the order of the trail:
our own cookie, other platforms' cookies, a vouched-for context, opt-out headers, parameters and flags, and the
event's claim.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from gatekeeper.model import Purpose, Role, Signal, Standing
from gatekeeper.signals import context, dnt, event, flags, gpc, own, parameters
from gatekeeper.signals.cookies import CookieReaders
from gatekeeper.signals.flags import google
from gatekeeper.signals.header import header_values, split_cookies
from gatekeeper.signals.tcf import PURPOSES, PurposeTable

Headers = Iterable[tuple[bytes, bytes]]
Verify = Callable[[str, str, bytes, bytes], bool]
HEADERS = frozenset({b"cookie", b"sec-gpc", b"dnt"})
"""The headers that are read; nothing else in a request's head can change what it says."""
_LONGEST_QUERY = 16_384  # bytes; what is longer holds no consent string of ours to read
_PARAMETERS = 200
# One of the parameters that are read, or a name that may be one of them in disguise.
_SPEAKS = re.compile(
    b"(?:^|&)(?:(?:" + "|".join((*parameters.NAMES, *google.NAMES)).encode() + b")(?:[=&]|$)|[^=&]*[%+])"
)
_UNREADABLE = Signal("query", Role.FLAG, Standing.MALFORMED, note="the query is too long to be read")


def speaks(query: bytes) -> bool:
    """Whether a query may say something of consent."""
    return len(query) > _LONGEST_QUERY or query.count(b"&") >= _PARAMETERS or _SPEAKS.search(query) is not None


class Readers:
    """All readers, compiled once per policy; share it."""

    __slots__ = ("_categories", "_cookies", "_dnt_denies", "_own", "_table")

    def __init__(
        self,
        cookies: CookieReaders | None = None,
        *,
        categories: flags.Categories | None = None,
        dnt_denies: Sequence[Purpose] = (),
        table: PurposeTable = PURPOSES,
    ) -> None:
        self._cookies = cookies or CookieReaders()
        self._categories = categories or {}
        self._dnt_denies = tuple(dnt_denies)
        self._own = own.COOKIE.encode()
        self._table = table

    def read(
        self,
        headers: Headers,
        *,
        query: bytes = b"",
        claim: Mapping[str, bool] | None = None,
        carried: Mapping[str, Any] | None = None,
        vouched: tuple[Signal, ...] | None = None,
        foreign: bool = False,
        verify: Verify,
    ) -> tuple[Signal, ...]:
        """Every signal one request carries.

        `headers` are the request's (lower-case name, value) pairs, duplicates included; `query` its query
        string; `claim` the event's consent object; `carried` its `flags`; `vouched` the signals of a visitor context
        that came along, `None` without one: beside it the cookies only narrow. So do those of a `foreign` request,
        which a page of another site made, and they name no person. `verify` is `KeyRing.verify`.
        """
        headers = tuple(headers)
        found: tuple[Signal, ...] = ()
        lines = header_values(headers, b"cookie")
        if lines:
            found += self._read_cookies(lines, verify)
            if vouched is not None or foreign:
                found = context.beside(found, vouched or ())
            if foreign:
                found = context.nameless(found)
        if vouched is not None:
            found += vouched
        found += gpc.read(header_values(headers, b"sec-gpc"))
        found += dnt.read(header_values(headers, b"dnt"), self._dnt_denies)
        if query:
            found += self._read_query(query)
        if carried:
            found += flags.read(carried, self._categories)
        if claim is not None:
            found += event.read(claim)
        return found

    def _read_cookies(self, lines: tuple[bytes, ...], verify: Verify) -> tuple[Signal, ...]:
        found: tuple[Signal, ...] = ()
        if any(self._own in line for line in lines):
            found += own.read(split_cookies(lines), verify)
        return found + self._cookies.read(lines)

    def _read_query(self, query: bytes) -> tuple[Signal, ...]:
        if len(query) > _LONGEST_QUERY:
            return (_UNREADABLE,)
        if not speaks(query):
            return ()
        values: dict[str, list[str]] = {}
        try:
            pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True, max_num_fields=_PARAMETERS)
        except ValueError:
            return (_UNREADABLE,)
        for name, value in pairs:
            values.setdefault(name, []).append(value)
        return parameters.read(values, self._table) + google.read_query(values)


__all__ = ["CookieReaders", "Headers", "Readers", "Verify", "context", "header_values", "split_cookies"]
