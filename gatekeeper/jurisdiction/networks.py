"""Addresses, and sets of networks. Pure. Text in; normalised addresses, membership and kind out.

An address is normalised once, here: zone id off, IPv4 out of its IPv6 wrappings (`::ffff:0:0/96`, RFC 4291;
NAT64's `64:ff9b::/96`, RFC 6052), canonical spelling. What is no address is `None`, never an error.
"""

from __future__ import annotations

import tomllib
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from enum import StrEnum
from functools import cache, lru_cache
from importlib.resources import files
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from gatekeeper.errors import ConfigError

Address = IPv4Address | IPv6Address

_NAT64 = int(IPv6Address("64:ff9b::")) >> 32
_MAPPED = int(IPv6Address("::ffff:0:0")) >> 32


@lru_cache(maxsize=4096)  # the same proxies and visitors again and again
def parse_address(text: str | None) -> Address | None:
    """The address that `text` is, normalised, or `None`. No port, no brackets; a zone id is dropped."""
    if not text or len(text) > 64:  # the longest address with a zone id is shorter
        return None
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        if int(address) >> 32 in (_NAT64, _MAPPED):
            return IPv4Address(int(address) & 0xFFFFFFFF)
        if address.scope_id is not None:
            return IPv6Address(int(address))
    return address


@lru_cache(maxsize=4096)
def spelled(text: str | None) -> str | None:
    """The canonical spelling of an address, or `None`."""
    address = parse_address(text)
    return None if address is None else str(address)


@lru_cache(maxsize=4096)
def network_of(text: str | None) -> tuple[int, int] | None:
    """Version and number of a public address's network, `None` for any other text.

    IPv4 /24, and IPv6 /56, which is what providers give to a household.
    """
    address = parse_address(text)
    if address is None or kind(address) is not Kind.PUBLIC:
        return None
    return address.version, int(address) >> (8 if address.version == 4 else 72)


class Ranges:
    """A set of networks, either family, asked in logarithmic time. Overlaps are merged."""

    __slots__ = ("_ends", "_starts")

    def __init__(self, networks: Iterable[IPv4Network | IPv6Network] = ()) -> None:
        """From parsed networks; IPv4 networks in IPv6 wrapping count as IPv4."""
        self._starts: dict[int, list[int]] = {4: [], 6: []}
        self._ends: dict[int, list[int]] = {4: [], 6: []}
        spans: dict[int, list[tuple[int, int]]] = {4: [], 6: []}
        for network in networks:
            first, last = int(network[0]), int(network[-1])
            if network.version == 6 and first >> 32 in (_NAT64, _MAPPED) and network.prefixlen >= 96:
                spans[4].append((first & 0xFFFFFFFF, last & 0xFFFFFFFF))
            else:
                spans[network.version].append((first, last))
        for version, found in spans.items():
            starts, ends = self._starts[version], self._ends[version]
            for first, last in sorted(found):
                if ends and first <= ends[-1] + 1:
                    ends[-1] = max(ends[-1], last)
                else:
                    starts.append(first)
                    ends.append(last)

    def __contains__(self, address: object) -> bool:
        """Whether an address (parsed, or as text) lies in one of the networks; text that is not an address does not."""
        if isinstance(address, str):
            address = parse_address(address)
        if not isinstance(address, (IPv4Address, IPv6Address)):
            return False
        number, version = int(address), address.version
        at = bisect_right(self._starts[version], number) - 1
        return at >= 0 and number <= self._ends[version][at]

    def __len__(self) -> int:
        """How many separate spans there are."""
        return len(self._starts[4]) + len(self._starts[6])


def parse_networks(key: str, names: Sequence[str]) -> Ranges:
    """The networks of a policy key such as `trusted_proxies`; ConfigError names key, value and remedy."""
    problems, networks = [], []
    for name in names:
        try:
            networks.append(ip_network(name))
        except ValueError:
            problems.append(f'{key}: "{name}" is not a network; {_remedy(name)}')
    if problems:
        raise ConfigError(*problems)
    return Ranges(networks)


def parse_list(key: str, text: str) -> Ranges:
    """A published list of relay or exit addresses: an address or network per line, or as first CSV column.

    Fits Apple's Private Relay list (https://mask-api.icloud.com/egress-ip-ranges.csv) and Tor's exit list
    (https://check.torproject.org/torbulkexitlist). Empty lines and `#` comments are skipped. Raises
    ConfigError with the first line that is neither, and for an empty list, which would suspect no address.
    """
    networks = []
    for number, line in enumerate(text.splitlines(), 1):
        entry = line.partition("#")[0].partition(",")[0].strip()
        if not entry:
            continue
        try:
            networks.append(ip_network(entry, strict=False))
        except ValueError:
            raise ConfigError(
                f"{key}: line {number} is not a network; each line begins with one, such as 192.0.2.0/24"
            ) from None
    if not networks:
        raise ConfigError(f"{key}: the list names no network; fetch it again or remove the key")
    return Ranges(networks)


class Kind(StrEnum):
    """What an address can tell of a place."""

    PUBLIC = "public"  # perhaps something
    LOCAL = "local"  # this machine or its own network
    NOWHERE = "nowhere"  # reserved or anycast: nothing


def kind(address: Address) -> Kind:
    """What an address can tell of a place, by the IANA registries and the well-known anycast services."""
    local, nowhere = _special()
    if address in local:
        return Kind.LOCAL
    return Kind.NOWHERE if address in nowhere else Kind.PUBLIC


@cache
def _special() -> tuple[Ranges, Ranges]:
    data = tomllib.loads(files("gatekeeper.jurisdiction").joinpath("networks.toml").read_text("utf-8"))
    local, reserved, anycast = (data[name]["networks"] for name in ("local", "reserved", "anycast"))
    return parse_networks("local", local), parse_networks("reserved", reserved + anycast)


def _remedy(name: str) -> str:
    try:
        return f'it has host bits set, write "{ip_network(name, strict=False)}"'
    except ValueError:
        return 'write it as "10.0.0.0/8" or "2001:db8::/32"'
