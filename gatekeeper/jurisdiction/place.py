"""Stage 2, locate. Pure. Address and look-up in, `Place` out; what cannot be known gets the strictest law."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

from gatekeeper.jurisdiction.laws import LawTable
from gatekeeper.model import Place

Found = tuple[str | None, str | None, tuple[str, ...]]  # country, region, ids of the laws there
Lookup = Callable[[str], Found | None]


def locate(
    *,
    address: str | None,
    lookup: Lookup,
    table: LawTable,
    always: tuple[str, ...] = (),
    default: str | None = None,
    declared: tuple[str | None, str | None] | None = None,
    how: str = "caller",
) -> Place:
    """Where a visitor is.

    `address` is the visitor's own address, if and only if the visitor's browser is the peer. `declared` is a
    (country, region) that a signed context or an authenticated caller vouches for; `how` says which of them.
    `default` is the law for loopback and private peers; `always` adds laws for everybody.
    """
    added = tuple(table.by_id[law] for law in always)
    unknown = table.strictest
    if declared is not None:
        # Nobody here can map a country to its laws yet, so a declared place is labelled and treated strictly.
        return Place(declared[0], declared[1], how, (unknown, *added))
    if address is None:
        return Place(None, None, "unknown", (unknown, *added))
    if is_local(address):
        law = table.by_id[default] if default is not None else unknown
        return Place(None, None, "local", tuple(dict.fromkeys((law, *added))))
    found = lookup(address)
    if found is None:
        return Place(None, None, "unknown", (unknown, *added))
    country, region, ids = found
    laws = tuple(table.by_id[law] for law in ids) or (unknown,)
    return Place(country, region, "address", tuple(dict.fromkeys((*laws, *added))))


def is_local(address: str) -> bool:
    """Whether an address is loopback, link-local or private: development and tests."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return parsed.is_loopback or parsed.is_link_local or (parsed.is_private and not parsed.is_unspecified)
