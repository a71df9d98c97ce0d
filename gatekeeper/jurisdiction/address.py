"""The client's address. Pure. Socket peer, headers and trust in; the client's address, or `None`, out.

Nothing in a header is believed unless the socket's peer is a trusted proxy. Exactly one header is configured:

    X-Forwarded-For, Forwarded (RFC 7239)    all lines joined, walked right to left past trusted proxies
    any other, such as CF-Connecting-IP      one value that the edge overwrites

The walk stops at the first entry that is no trusted proxy. If that entry is no address (`unknown`, `_hidden`,
garbage), or if every entry is trusted, nobody knows the client: `None`, and the strictest law applies.
The entries to the left were written by the client and are never looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gatekeeper.errors import ConfigError
from gatekeeper.jurisdiction.networks import Address, Ranges, parse_address, parse_networks, spelled

Headers = Iterable[tuple[bytes, bytes]]

UNIX = "unix"  # among the trusted proxies: whoever connects through a Unix socket

_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PAIR = re.compile(rf'[ \t]*({_WORD})=({_WORD}|"(?:[^"\\]|\\.)*")[ \t]*(;|,|\Z)')
_NAME = re.compile(_WORD)
_BRACKETS = re.compile(r"\[([^\[\]]*)\](?::(\d{1,5}|_[\w.-]+))?", re.ASCII)
_PORT = re.compile(r"([^:]*):(\d{1,5}|_[\w.-]+)", re.ASCII)


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
        problems.append(f'{key}.region_header: "{region}" needs a country_header beside it')
    if problems:
        raise ConfigError(*problems)
    return Trust(
        proxies=parse_networks(f"{key}.trusted_proxies", networks),
        unix=UNIX in proxies,
        header=header.lower().encode("ascii"),
        country=country.lower().encode("ascii") if country else None,
        region=region.lower().encode("ascii") if region else None,
    )


def client_address(peer: str | None, headers: Headers, trust: Trust) -> str | None:
    """The client's address in canonical spelling, or `None` where nobody can know it.

    `peer` is the address of the socket's other end, `None` or empty for a Unix socket. `headers` are the
    request's, with lower-case names, duplicates kept.
    """
    if not trust.covers(peer):
        return spelled(peer)
    lines = [value.decode("latin-1") for name, value in headers if name == trust.header]
    if trust.header == b"x-forwarded-for":
        entries = ",".join(lines).split(",") if lines else []
    elif trust.header == b"forwarded":
        entries = _forwarded(",".join(lines))
    else:
        entries = lines if len(lines) == 1 else []
    for entry in reversed(entries):
        address = _node(entry.strip(" \t"))
        if address is None:
            return None
        if address not in trust.proxies:
            return str(address)
    return None


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


def _forwarded(text: str) -> list[str]:
    """The `for` of each element, in order; none where the header is not well formed (RFC 7239, section 4)."""
    entries: list[str] = []
    at, current = 0, None
    while at < len(text):
        pair = _PAIR.match(text, at)
        if pair is None:
            return []
        name, value, separator = pair.groups()
        if name.lower() == "for":
            if current is not None:
                return []
            current = re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value
        if separator != ";":
            entries.append(current or "")
            current = None
        at = pair.end()
    return [] if text.rstrip(" \t").endswith((",", ";")) else entries


def _node(text: str) -> Address | None:
    """One entry: an address, with or without port; IPv6 with a port in brackets."""
    brackets = _BRACKETS.fullmatch(text)
    if brackets is not None:
        inner, port = brackets.groups()
        return None if ":" not in inner or _bad_port(port) else parse_address(inner)
    if text.count(":") == 1:
        with_port = _PORT.fullmatch(text)
        if with_port is None or _bad_port(with_port[2]):
            return None
        text = with_port[1]
    return parse_address(text)


def _bad_port(port: str | None) -> bool:
    return port is not None and port.isdigit() and int(port) > 65535
