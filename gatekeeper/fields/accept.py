"""Values in. Pure. Raw values of an event → clean values of the catalogue's types, or `None` for invalid.

Nothing is guessed: a number in a string, a list where a scalar belongs, a NaN are invalid, and an invalid
value is dropped and named, never sent as it is. Text over its length is cut,
an identifier over it is invalid.
"""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from importlib import resources
from typing import Final

from gatekeeper.fields import Catalogue, Field
from gatekeeper.fields.names import printable
from gatekeeper.fields.phone import e164, region_of
from gatekeeper.model import Personal

MAX_ITEMS: Final = 200
CURRENCIES: Final = frozenset(
    code
    for line in resources.files("gatekeeper.fields").joinpath("iso4217.txt").read_text("ascii").splitlines()
    if not line.startswith("#")
    for code in line.split()
)
# Addresses inside a private network: they identify no visitor to a vendor (RFC 1918, 6598, 4193).
_LOCAL: Final = tuple(
    map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"))
)
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
# Meta's Parameter Builder appends ".<8 characters>" (older: 2) to a hash; it must survive untouched.
# Source: developers.facebook.com, Conversions API Parameter Builder (facts of 2026-11-23).
_SHA256_APPENDIX = re.compile(r"[0-9a-f]{64}\.[0-9A-Za-z_-]{2}(?:[0-9A-Za-z_-]{6})?")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
# What scripts write for nothing.
_NOTHING = frozenset({"undefined", "null", "(null)", "none", "nan", "(not set)", "[object object]"})
_MOST = 1_000_000  # of a thing, or of things
_EARLIEST = 946_684_800.0  # 2000-01-01; a smaller number is no Unix time in seconds
_LATEST = 32_503_680_000.0  # year 3000; a larger one is milliseconds or worse


def accept(raw: Mapping[str, object], catalogue: Catalogue) -> tuple[dict[str, object], dict[str, str]]:
    """Sort an event's `data` into clean values by key, and unusable names with their cause.

    A personal field that came both raw and hashed is taken raw: it can be normalised per vendor.
    """
    return sort(raw, catalogue)[:2]


def sort(raw: Mapping[str, object], catalogue: Catalogue) -> tuple[dict[str, object], dict[str, str], dict[str, None]]:
    """As `accept`, and the keys of everything that was named, in its order: `in_order` takes them."""
    data: dict[str, object] = {}
    unusable: dict[str, str] = {}
    named: dict[str, None] = {}
    by_name = catalogue.by_name
    region = catalogue.phone_region
    if "phone" in raw and "country" in raw:
        region = region_of((raw["country"],)) or region
    for name, value in raw.items():
        spec = by_name.get(name)
        if spec is None:
            key = printable(name)
            named[key] = None
            unusable[key] = "unknown_field"
            continue
        key = spec.key
        named[key] = None
        if value is None:  # an absent value, as most tag libraries write it
            continue
        if spec.hashed_as is None:
            clean = _CLEAN[spec.type](value, spec)
            if spec.limited and not spec.fits(clean):
                clean = None
        else:
            clean = _personal(spec, name, value, region)
        if clean is None:
            unusable[key] = "invalid"
        elif clean.__class__ is Items:
            data[key] = clean.rows
            unusable |= clean.lost
        elif name == spec.name or key not in data:
            data[key] = clean
    if not data.keys().isdisjoint(unusable):
        unusable = {name: cause for name, cause in unusable.items() if name not in data}
    return data, unusable, named


def accept_value(
    spec: Field, name: str, value: object, catalogue: Catalogue, country: str | None = None
) -> object | None:
    """One value of a known field that came in under `name`, clean; `None` if it is invalid. Items are `Items`.

    `country` is the event's own (`phone.region_of`), which a telephone number is read by.
    """
    if spec.hashed_as is not None:
        return _personal(spec, name, value, country or catalogue.phone_region)
    clean = _CLEAN[spec.type](value, spec)
    return clean if not spec.limited or spec.fits(clean) else None


def check_of(spec: Field) -> Callable[[object, Field], object] | None:
    """What `accept_value` asks of a value of a field that is neither personal nor limited; `None` for those."""
    return None if spec.hashed_as is not None or spec.limited else _CLEAN[spec.type]


def in_order(named: Mapping[str, None], data: Mapping[str, object], unusable: Mapping[str, str]) -> tuple[str, ...]:
    """The keys of what came in, in the order it was named; what was found inside (click ids, items' own) comes last."""
    ordered = [name for name in named if name in data or name in unusable]
    if len(ordered) == len(data) + len(unusable):
        return tuple(ordered)
    return tuple(dict.fromkeys(ordered) | dict.fromkeys(data) | dict.fromkeys(unusable))


def unix_time(value: object) -> float | None:
    """Unix seconds from a number of seconds or an RFC 3339 string with an offset; `None` if it is neither."""
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return float(value) if _EARLIEST <= value <= _LATEST else None
    if isinstance(value, str) and 10 < len(value) <= 40:
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return None
        return moment.timestamp() if moment.tzinfo is not None and moment.year < 3000 else None
    return None


def _text(value: object, spec: Field) -> str | None:
    if not isinstance(value, str):
        return None
    if value.isascii() and value.isprintable():
        return value[: spec.max_length]
    return _CONTROL.sub(" ", value)[: spec.max_length] if well_formed(value) else None


def _texts(value: object, spec: Field) -> str | tuple[str, ...] | None:
    if not isinstance(value, list):
        return _text(value, spec)
    clean = [_text(one, spec) for one in value[:100]]
    return tuple(one for one in clean if one is not None) if None not in clean else None


def _url(value: object, spec: Field) -> str | None:
    if not isinstance(value, str) or len(value) > spec.max_length or not value or not well_formed(value):
        return None
    if " " not in value and value.isascii() and value.isprintable():
        return value
    return None if _CONTROL.search(value) or " " in value.strip() else value.strip()


def _id(value: object, spec: Field) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value.strip() or len(value) > spec.max_length:
        return None
    if value.isascii() and value.isprintable():
        return value
    return None if _CONTROL.search(value) or not well_formed(value) else value


def _number(value: object, spec: Field) -> int | float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value if math.isfinite(value) and abs(value) < 1e15 else None


def _count(value: object, spec: Field) -> int | float | None:
    """A quantity or position: a number too small to be a telephone number."""
    count = _number(value, spec)
    return count if count is None or abs(count) <= _MOST else None


def _currency(value: object, spec: Field) -> str | None:
    if not isinstance(value, str) or len(value) >= 10:
        return None
    code = value if value in CURRENCIES else value.strip().upper()
    return code if code in CURRENCIES else None


def _ip(value: object, spec: Field) -> str | None:
    return _public(value.strip()) if isinstance(value, str) and len(value) <= spec.max_length else None


@lru_cache(maxsize=4096)
def _public(text: str) -> str | None:
    """The address in its canonical spelling; `None` if it is not an address, or one inside a private network."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified:
        return None
    return None if any(address in network for network in _LOCAL) else str(address)


def _time(value: object, spec: Field) -> float | None:
    return unix_time(value)


class Items:
    """Accepted items, and what of them is not sent: paths and causes, `unknown_field` or `invalid`."""

    __slots__ = ("lost", "rows")

    def __init__(self, rows: tuple[dict[str, object], ...], lost: Mapping[str, str]) -> None:
        self.rows = rows
        self.lost = lost


def _items(value: object, spec: Field) -> Items | None:
    if not isinstance(value, list) or len(value) > MAX_ITEMS:
        return None
    rows: list[dict[str, object]] = []
    lost: dict[str, str] = {}
    for item in value:
        if not isinstance(item, dict):
            return None
        kept: dict[str, object] = {}
        for key, inner in item.items():
            kind = spec.keys.get(key)
            clean = None if kind is None else _CLEAN[kind](inner, spec)
            if clean is not None:
                kept[key] = clean
            elif kind is None:
                lost["items." + printable(key)] = "unknown_field"
            elif inner is not None:  # an absent value, as most tag libraries write it
                lost["items." + key] = "invalid"
        if kept:
            rows.append(kept)
    return Items(tuple(rows), lost) if rows else None


def _personal(spec: Field, name: str, value: object, region: str | None) -> Personal | None:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)  # phone numbers and postal codes come as numbers
    if not isinstance(value, str) or len(value) > max(spec.max_length, 80):
        return None
    stripped = value.strip()
    if not stripped:
        return None
    if stripped.lower() in _NOTHING or not well_formed(value):
        return None
    if _SHA256.fullmatch(stripped):
        return Personal(stripped.lower(), hashed=True)
    if _SHA256_APPENDIX.fullmatch(value):
        return Personal(value, hashed=True)
    if name == spec.hashed_as:
        return None
    if spec.name == "phone":  # once here, not once per destination: parsing is the dearest of all
        number = e164(value, region)
        return None if number is None else Personal(number, hashed=False)
    return Personal(value, hashed=False)


def well_formed(value: str) -> bool:
    """Whether a string can be written as UTF-8 at all: a lone surrogate cannot."""
    if value.isascii():
        return True
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


_CLEAN: Final[Mapping[str, Callable[[object, Field], object]]] = {
    "url": _url,
    "text": _text,
    "texts": _texts,
    "id": _id,
    "number": _number,
    "count": _count,
    "currency": _currency,
    "items": _items,
    "ip": _ip,
    "time": _time,
}
