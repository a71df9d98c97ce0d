"""Who is calling. An ASGI scope in, a `Caller` out: address, trust and context of one request."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

from gatekeeper.gate import Caller, Gate
from gatekeeper.jurisdiction.address import client_address, edge_place
from gatekeeper.shells.asgi import Headers, Scope
from gatekeeper.signals import context, header_values
from gatekeeper.vendors.kind import Secret


def identify(scope: Scope, headers: Headers, gate: Gate) -> Caller:
    """What the gate may believe of a request; `headers` are the scope's, with names in lower case.

    A bearer key of the policy makes a trusted caller, whose own address is not the visitor's. A
    `Gatekeeper-Context` header speaks for the visitor of another request, so the peer is no visitor either.
    """
    there = dict(headers)
    visitor = None
    if context.HEADER in there:
        tokens = header_values(headers, context.HEADER)
        # Two that differ cannot both be the visitor's: then neither is.
        token = tokens[0] if len(set(tokens)) == 1 else b""
        visitor = gate.visitor(token.decode("latin-1"), gate.clock())
    trusted = b"authorization" in there and _has_key(headers, gate)
    client = scope.get("client")
    peer = client[0] if client else None
    return Caller(
        headers=headers,
        query=scope.get("query_string", b""),
        address=None if trusted or visitor else client_address(peer, headers, gate.policy.trust),
        edge=None if trusted or visitor else edge_place(peer, headers, gate.policy.trust),
        trusted=trusted,
        visitor=visitor,
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
