"""The client's address. Pure. Peer and `X-Forwarded-For` in, the visitor's address out.

The header is read right to left and believed only as far as trusted proxies wrote it: the first address
that is not a trusted proxy's is the visitor's (RFC 7239 section 8.1: nothing further left can be believed).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def client_address(peer: str | None, forwarded_for: Iterable[bytes], trusted: Sequence[Network]) -> str | None:
    """The visitor's address, or `None` if it cannot be told."""
    address = _parse(peer or "")
    if address is None or not _trusts(trusted, address):
        return None if address is None else str(address)
    hops = [hop for line in forwarded_for for hop in line.decode("latin-1").split(",")]
    for hop in reversed(hops):
        address = _parse(hop)
        if address is None:
            return None  # a proxy we trust wrote something that is no address: unknown, not "the proxy"
        if not _trusts(trusted, address):
            return str(address)
    return None  # every hop is a proxy of ours: the request is ours, not a visitor's


def _trusts(trusted: Sequence[Network], address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return any(address in network for network in trusted)


def _parse(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
