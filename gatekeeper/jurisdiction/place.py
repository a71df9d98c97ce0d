"""Where the visitor is, and under which laws. Pure. What is known of them in, a `Place` out.

What counts, in this order; each piece of knowledge adds its laws, none removes another's:

    an anonymiser, by the policy's ranges, the database or an edge's code   unknown: the strictest law
    the visitor's own address, looked up                                    a place
    what an edge, a signed context or an authenticated caller says          a place; beside an address, both
    a loopback or private peer                                              the policy's `default` law
    nothing of this                                                         the strictest law
    the account's residence or the visitor's choice, and `always`           more laws

A server's address is never taken for the visitor's: the caller passes `address` only when the visitor's
browser is the peer.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from functools import lru_cache
from typing import assert_never

from gatekeeper.jurisdiction.codes import country_code, is_anonymised, region_code
from gatekeeper.jurisdiction.laws import LawTable
from gatekeeper.jurisdiction.networks import Kind, kind, parse_address
from gatekeeper.model import Found, Place
from gatekeeper.model.place import How

Told = tuple[str | None, str | None]
Lookup = Callable[[str], Found | None]


class _Known(Enum):
    SILENT = auto()  # nothing was said
    PLACE = auto()
    LOCAL = auto()
    ANONYMISED = auto()
    UNKNOWN = auto()  # something was said, but it is no place


def locate(
    *,
    address: str | None,
    how: How,
    lookup: Lookup,
    table: LawTable,
    at: float,
    always: tuple[str, ...] = (),
    default: str | None = None,
    declared: Told | None = None,
    residence: Told | None = None,
    suspicious: Callable[[str], bool] | None = None,
) -> Place:
    """The place and its laws at a time (Unix seconds), the strictest first, each once.

    `address` is the visitor's, `None` unless their browser is the peer. `declared` is a country and region
    from elsewhere, and `how` says from where: `context`, `caller` or `cdn`; where an address gives the place,
    the result's `how` is `address`. `default` is a law's id for loopback and private peers, `always` are ids
    of laws for everybody; both were checked when the policy was loaded. `residence` is what the account or
    the visitor's own choice adds. `suspicious` recognises relay and exit addresses.
    """
    seen, country, region = _look(address, lookup, suspicious)
    told, told_country, told_region = _hear(declared)
    places: tuple[Told, ...] = ((None, None),)  # unknown: the strictest law
    beside: tuple[Told, ...] = ()
    ids = always
    if _Known.ANONYMISED in (seen, told):
        country, region, how = None, None, "anonymised"
    elif seen is _Known.PLACE:
        how = "address"
        if told_country == country and (told_region is None or region is None):
            region = region or told_region  # two halves of one answer
            told = _Known.SILENT
        places = ((country, region),)
        if told is not _Known.SILENT:
            beside = ((told_country, told_region),)
    elif told is _Known.PLACE:
        country, region = told_country, told_region
        places = ((country, region),)
    elif seen is _Known.LOCAL and told is _Known.SILENT:
        how = "local"
        if default is not None:
            places, ids = (), (default, *always)
    else:
        how = "unknown"
    home, home_country, home_region = _hear(residence)
    if home is not _Known.SILENT:
        beside += ((home_country, home_region),)
    return Place(country, region, how, table.union(places + beside, ids, at), beside)


def _look(
    address: str | None, lookup: Lookup, suspicious: Callable[[str], bool] | None
) -> tuple[_Known, str | None, str | None]:
    spelled, sort = _parsed(address)
    if spelled is None:
        return _Known.UNKNOWN, None, None
    if suspicious is not None and suspicious(spelled):
        return _Known.ANONYMISED, None, None
    match sort:
        case Kind.LOCAL:
            return _Known.LOCAL, None, None
        case Kind.NOWHERE:
            return _Known.UNKNOWN, None, None
        case Kind.PUBLIC:
            found = lookup(spelled)
        case _:
            assert_never(sort)
    if found is None:
        return _Known.UNKNOWN, None, None
    if found.anonymised:
        return _Known.ANONYMISED, None, None
    return _hear((found.country, found.region))


@lru_cache(maxsize=4096)
def _parsed(address: str | None) -> tuple[str | None, Kind]:
    parsed = parse_address(address)
    return (None, Kind.NOWHERE) if parsed is None else (str(parsed), kind(parsed))


def _hear(told: Told | None) -> tuple[_Known, str | None, str | None]:
    """Codes from outside, checked: what kind of answer they are, the country and the region."""
    if told is None or not any(told):
        return _Known.SILENT, None, None
    if is_anonymised(told[0]):
        return _Known.ANONYMISED, None, None
    country = country_code(told[0])
    if country is None:
        return _Known.UNKNOWN, None, None
    return _Known.PLACE, country, region_code(told[1], country)
