"""Whose pages may talk to the gate. Pure. A request's Origin and Host in, the CORS headers of the answer out."""

from __future__ import annotations

from collections.abc import Set

from gatekeeper.shells.asgi import Headers
from gatekeeper.signals import header_values


def cors(headers: Headers, origins: Set[str]) -> Headers | None:
    """The CORS headers of an answer: none for same-origin and servers, `None` for a stranger's page.

    `origins` are those of the policy. There is no `*`: the answer may depend on cookies.
    """
    found = set(header_values(headers, b"origin"))
    if not found:
        return ()
    if len(found) > 1:
        return None
    origin = found.pop()
    if origin.decode("latin-1") in origins:
        return (
            (b"access-control-allow-origin", origin),
            (b"access-control-allow-credentials", b"true"),
            (b"vary", b"Origin"),
        )
    # Same origin: the scheme may differ behind a proxy that ends TLS, the host may not.
    hosts = set(header_values(headers, b"host"))
    same = origin.partition(b"://")[2].lower() in {host.lower() for host in hosts}
    return () if same and len(hosts) == 1 else None
