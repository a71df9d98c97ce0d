"""Who is calling. An ASGI scope in, a `Caller` out: address, trust and context of one request."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from functools import partial

from gatekeeper.context import Here
from gatekeeper.gate import Gate
from gatekeeper.jurisdiction.address import Client, client_of, edge_place
from gatekeeper.model import Caller
from gatekeeper.model.head import Head
from gatekeeper.shells.asgi import Header, Headers, Scope, lowered, undeclared
from gatekeeper.signals import context, header_values
from gatekeeper.vendors.kind import Secret


def identify(scope: Scope, headers: Iterable[Header], gate: Gate) -> Caller:
    """What the gate may believe of a request; `headers` are the scope's, with names in lower case.

    A bearer key of the policy makes a trusted caller, whose own address is not the visitor's. A
    `Gatekeeper-Context` header speaks for the visitor of another request, so the peer is no visitor either.
    """
    headers, visitor = Head.of(headers), None
    if headers.has(context.HEADER):
        tokens = header_values(headers, context.HEADER)
        # Two that differ cannot both be the visitor's: then neither is.
        token = tokens[0] if len(set(tokens)) == 1 else b""
        visitor = gate.visitor(token.decode("latin-1"), gate.clock())
    trusted = headers.has(b"authorization") and _has_key(headers, gate)
    client = scope.get("client")
    peer = client[0] if client else None
    theirs = Client(None) if trusted or visitor else client_of(peer, headers, gate.policy.trust)
    if theirs.undeclared:
        undeclared.seen(gate.metrics)
    return Caller(
        headers=headers,
        query=scope.get("query_string", b""),
        address=theirs.address,
        edge=None if trusted or visitor else edge_place(peer, headers, gate.policy.trust),
        trusted=trusted,
        visitor=visitor,
    )


def here(gate: Gate, scope: Scope) -> Here:
    """The context of a request's code; the request is read when something first asks."""
    return Here(gate, partial(asked, gate, scope), root=scope.get("root_path", ""))


def asked(gate: Gate, scope: Scope) -> Caller:
    """The same as `identify`, of a request whose headers may be in any case."""
    return identify(scope, lowered(scope), gate)


def from_browser(headers: Headers) -> bool:
    """Whether a request shows that a browser is the peer, so that what it says is said by its own visitor.

    Browsers alone write `Sec-…`, `Origin` and `DNT`; those that are too old for `Sec-Fetch-Site` are known by their
    user agent. A cookie alone is no sign: servers pass visitors' cookies on.
    """
    return any(
        name in (b"origin", b"dnt") or name.startswith(b"sec-") or (name == b"user-agent" and value[:8] == b"Mozilla/")
        for name, value in headers
    )


def presents_key(headers: Headers) -> bool:
    """Whether a request tries to authenticate at all."""
    return any(value[:7].lower() == b"bearer " for value in header_values(headers, b"authorization"))


def _has_key(headers: Headers, gate: Gate) -> bool:
    return bool(gate.policy.api_keys) and bearer(headers, gate.policy.api_keys)


def bearer(headers: Sequence[tuple[bytes, bytes]], keys: Sequence[Secret]) -> bool:
    """Whether a request carries one of these as its bearer token. Header names are in lower case."""
    for value in header_values(headers, b"authorization"):
        if value[:7].lower() == b"bearer ":
            # Compared as digests: neither the time nor the length of a comparison tells anything of a key.
            given = hashlib.sha256(value[7:].strip()).digest()
            known = [hashlib.sha256(key.value.encode()).digest() for key in keys if key.value]
            return any(hmac.compare_digest(given, digest) for digest in known)
    return False
