"""Shaping without values. Pure. Names in, what a destination makes of events that have these fields out.

A decision is made again from the names in its audit line: valid values stand in for those that were not kept. Whether
the real ones were valid is noted when the decision is made (`unfit`), if that alone explains it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

from gatekeeper.fields import Catalogue, Field
from gatekeeper.model import Event, Personal, Shaped
from gatekeeper.vendors.kind import Shaping

_OF_TYPE: Final[Mapping[str, object]] = {
    "url": "https://shop.example/a",
    "text": "a",
    "texts": ("a",),
    "id": "a1",
    "number": 1,
    "currency": "EUR",
    "items": ({"item_id": "a", "item_name": "a", "price": 1, "quantity": 1},),
    "ip": "2001:4860:4860::8888",
    "time": 1_700_000_000.0,
}
# Of a personal field any name would do, but for these.
_PERSONAL: Final = {
    "email": "a@shop.example",
    "phone": "+4930901820",
    "postal_code": "10115",
    "country": "DE",
    "date_of_birth": "1990-12-31",
    "gender": "female",
}
_FBC: Final = "fb.1.1700000000000.a1"  # of the same click as the stand-in for its id


def sample(row: Field, *, hashed: bool = False) -> object:
    """A valid value of a field."""
    return _sample(row.name, row.type, hashed)


@lru_cache(maxsize=512)
def _sample(name: str, kind: str, hashed: bool) -> object:
    if kind == "personal":
        return Personal("0" * 64, hashed=True) if hashed else Personal(_PERSONAL.get(name, "berlin"), hashed=False)
    return _FBC if name == "fbc" else _OF_TYPE[kind]


def like(values: Mapping[str, object], catalogue: Catalogue) -> dict[str, object]:
    """Stand-ins for values, by key: hashed where they are."""
    return {
        key: sample(catalogue.by_key[key], hashed=isinstance(value, Personal) and value.hashed)
        for key, value in values.items()
    }


def shape(event: Event, kept: Mapping[str, object], shaping: Shaping) -> Shaped | str:
    """What the destination makes of it; in a few words why it makes nothing."""
    return shaping.to.shapes.shape(event, kept, shaping)


def unfit(
    event: Event, kept: Mapping[str, object], personal: Iterable[str], shaping: Shaping, catalogue: Catalogue
) -> tuple[str, ...]:
    """The fields whose values are why an event was refused; none where any values would have been.

    `kept` is what the destination refused, without the fields in `personal`, whose values may go nowhere.
    """
    stand_ins = like(kept, catalogue)
    gone = {name: sample(catalogue.by_key[name]) for name in personal}
    if isinstance(shape(event, stand_ins | gone, shaping), str):
        return ()
    found = list(gone)
    for name, value in kept.items():
        made = shape(event, stand_ins | gone | {name: value}, shaping)
        if isinstance(made, str) or name in made.invalid:
            found.append(name)
    return tuple(found)
