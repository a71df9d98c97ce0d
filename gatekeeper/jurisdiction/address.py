"""The visitor's address. Pure. Socket peer, headers and trust in; the address, or that it is unknown, out.

The peer is the visitor's browser, or a proxy. A visitor never gets the place of an undeclared proxy:

    no header of a proxy, and the peer is not a declared proxy  the peer
    a declared proxy                                            the answer of the walk
    another peer, which is the answer of the walk               the peer: the server put it into the proxy's place
                                                                (uvicorn's `proxy_headers`), and left the headers
    any header of a proxy from any other peer                   unknown

The walk goes through the configured header from right to left and stops at the first entry that is not a declared
proxy. Exactly one header is configured: `X-Forwarded-For`, `Forwarded` (RFC 7239), or one that an edge overwrites, such
as CF-Connecting-IP. The address is unknown if that entry is not an address (`unknown`, `_hidden`, garbage), or if all
are declared proxies. It is also unknown if another address stands left of the answer, or if another header names a
third one: then the answer forwards for others, and may be an undeclared proxy. A client that forges such a header gets
the strictest law.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from gatekeeper.errors import ConfigError
from gatekeeper.jurisdiction.forwarded import ADDRESSES, CHAINS, SIGNS, entries, node
from gatekeeper.jurisdiction.networks import Address, Ranges, parse_address, parse_networks, spelled
from gatekeeper.model.head import Head

Headers = Iterable[tuple[bytes, bytes]]

UNIX = "unix"  # among the trusted proxies: a peer that connects through a Unix socket

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose headers are believed, and which. Header names are lower-case bytes, as in ASGI."""

    proxies: Ranges
    unix: bool = False
    header: bytes = b"x-forwarded-for"
    country: bytes | None = None
    region: bytes | None = None

    def covers(self, peer: str | None) -> bool:
        """Whether a socket peer (an address; `None` or empty for a Unix socket) is a trusted proxy."""
        return len(self.proxies) > 0 and parse_address(peer) in self.proxies if peer else self.unix

    @property
    def declared(self) -> bool:
        """Whether the policy names any proxy."""
        return self.unix or len(self.proxies) > 0


class Client(NamedTuple):
    """The visitor's address in canonical spelling, `None` where it cannot be known.

    `undeclared`: a proxy seems to be in between that the policy does not declare.
    """

    address: str | None
    undeclared: bool = False


def parse_trust(
    proxies: Sequence[str],
    *,
    header: str = "x-forwarded-for",
    country: str | None = None,
    region: str | None = None,
    key: str = "server",
) -> Trust:
    """Trust from the policy. `proxies` are networks, or `"unix"` for the peers of a Unix socket.

    `header` carries the client's address; `country` and `region` are an edge's place headers, not read if
    absent. Raises ConfigError naming key, value and remedy.
    """
    networks = [name for name in proxies if name != UNIX]
    problems = [
        f'{key}.trusted_proxies: "{name}" trusts everybody, so anyone could choose their address; '
        "name the proxies' networks"
        for name in networks
        if name == "*" or name.endswith("/0")
    ]
    for name, value in (("client_header", header), ("country_header", country), ("region_header", region)):
        if value is not None and not _NAME.fullmatch(value):
            problems.append(f'{key}.{name}: "{value}" is not a header name; write it as "CF-IPCountry"')
    if region is not None and country is None:
        problems.append(f'{key}.region_header: "{region}" needs a country_header beside it; set that too')
    if problems:
        raise ConfigError(*problems)
    return Trust(
        proxies=parse_networks(f"{key}.trusted_proxies", networks),
        unix=UNIX in proxies,
        header=header.lower().encode("ascii"),
        country=country.lower().encode("ascii") if country else None,
        region=region.lower().encode("ascii") if region else None,
    )


def client_of(peer: str | None, headers: Headers, trust: Trust) -> Client:
    """Whose address a request comes from.

    `peer` is the address of the socket's other end, `None` or empty for a Unix socket. `headers` are the
    request's, with lower-case names, duplicates kept.
    """
    pairs = Head.of(headers)
    names = pairs.asked(frozenset)
    covered = trust.covers(peer)
    spoken = pairs.asked(_shows_proxy) or trust.header in names or trust.country in names
    if not spoken and not covered:
        return Client(spelled(peer))
    answer, alone = _walk(entries(pairs, trust.header), trust)
    if not covered:
        # Only the server can have put the answer into the peer's place, or the peer speaks of itself.
        placed = answer is not None and answer == parse_address(peer)
        if not placed or not (trust.declared or CHAINS.isdisjoint(names)):
            return Client(None, undeclared=True)
    if answer is None:
        return Client(None)
    if not alone or any(_third(entries(pairs, name), answer, trust) for name in names & ADDRESSES - {trust.header}):
        return Client(None, undeclared=True)
    return Client(str(answer))


def _shows_proxy(names: tuple[bytes, ...]) -> bool:
    return not SIGNS.isdisjoint(names)


def _walk(hops: Sequence[str], trust: Trust) -> tuple[Address | None, bool]:
    """The first hop from the right that is no declared proxy, and whether nothing else stands left of it."""
    for n in range(len(hops) - 1, -1, -1):
        address = node(hops[n])
        if address is None:
            return None, False
        if address not in trust.proxies:
            return address, all(not left or node(left) == address for left in hops[:n])
    return None, False


def _third(hops: Sequence[str], answer: Address, trust: Trust) -> bool:
    """Whether a header that is not the configured one names another host than the answer and declared proxies."""
    if all(not hop or (address := node(hop)) == answer or address in trust.proxies for hop in hops):
        found, alone = _walk([hop for hop in hops if hop], trust)
        return found is not None and not alone
    return True


def edge_place(peer: str | None, headers: Headers, trust: Trust) -> tuple[str | None, str | None] | None:
    """Country and region as an edge's headers give them, uninterpreted; `None` where none is to be believed.

    Believed only from trusted proxies. A country header that is there twice contradicts itself: both come
    back as one text that is no country, so that the strictest law applies.
    """
    if trust.country is None or not trust.covers(peer):
        return None
    found = list(headers)
    countries = [value.decode("latin-1") for name, value in found if name == trust.country]
    regions = [value.decode("latin-1") for name, value in found if name == trust.region]
    if not countries:
        return None
    return ",".join(countries), regions[0] if len(regions) == 1 else None
