"""The heads of calls: what of a caller's counts and may be looked at, and what of a vendor's answer goes back. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from msgspec import structs

from gatekeeper.gate.calls import CallPlan
from gatekeeper.model import Answer, Caller
from gatekeeper.model.head import Head
from gatekeeper.shells.asgi import Header, Headers
from gatekeeper.shells.asgi.caller import from_browser
from gatekeeper.signals import context, header_values

# Set by browsers alone: pages cannot write them (fetch standard, "forbidden request-header"), and server SDKs have no
# use for them. Not Sec-Fetch-Mode: Node's own fetch sends it. Not cookies: servers pass visitors' cookies on.
_BROWSERS: Final = frozenset({b"sec-fetch-site", b"origin"})
# What a vendor's answer may say to the caller besides its body.
_ANSWERED: Final = frozenset(
    {
        "content-type",
        "retry-after",
        "x-sentry-rate-limits",
        "x-sentry-error",
        "x-plausible-dropped",
        "allow",
        "www-authenticate",
    }
)
_HEADER_NAMES: Final = re.compile(rb"[A-Za-z0-9-]+(?:[ \t]*,[ \t]*[A-Za-z0-9-]+){0,49}")
_UNPRINTABLE: Final = re.compile(r"[^\x20-\x7e\t]")
_OURS: Final = frozenset({b"cookie", context.HEADER})
_OURS_TRUSTED: Final = _OURS | {b"authorization"}


def decision(plan: CallPlan) -> Header:
    """The header by which developers see what became of a call."""
    return b"gatekeeper-decision", plan.header.encode("latin-1")


def known(answer: Answer) -> Iterable[Header]:
    """The headers of a vendor's answer that its caller gets, and that no cache keeps it."""
    for name, value in answer.headers:
        if name.lower() in _ANSWERED and not _UNPRINTABLE.search(value):
            yield name.lower().encode("ascii"), value.encode("ascii")
    yield b"cache-control", b"no-store"  # an answer belongs to one visitor and one moment


def preflight(headers: Headers) -> Iterable[Header]:
    """What a page of a listed origin may send: the vendor's SDK decides that, not we."""
    yield b"access-control-allow-methods", b"GET, POST, PUT, PATCH, DELETE"
    asked = header_values(headers, b"access-control-request-headers")
    if len(asked) == 1 and _HEADER_NAMES.fullmatch(asked[0]):
        yield b"access-control-allow-headers", asked[0]
    yield b"access-control-max-age", b"600"


def seen(caller: Caller) -> Caller:
    """The caller, with an address only if the visitor's own browser is the peer (DESIGN, rule 2).

    A call that no browser made and that no context came with is of an unknown visitor: the address is that of
    some server, and its law would be the wrong one.
    """
    if Head.of(caller.headers).asked(_says_browser):
        return caller
    return structs.replace(caller, address=None, edge=None, relayed=not from_browser(caller.headers))


def own_kept_back(caller: Caller) -> Headers:
    """The headers a dialect may look at: no cookies, and nothing that was meant for the gate."""
    return Head.of(caller.headers).part(_may_pass_trusted if caller.trusted else _may_pass)


def _says_browser(names: tuple[bytes, ...]) -> bool:
    return not _BROWSERS.isdisjoint(names)


def _may_pass(name: bytes) -> bool:
    return name not in _OURS


def _may_pass_trusted(name: bytes) -> bool:
    return name not in _OURS_TRUSTED
