"""Products as Meta writes them, and those who write like Meta. Pure. Rows in, catalogue `items` out, and back.

    contents       [{"id": "sku1", "quantity": 2, "item_price": 10}]
    content_ids    ["sku1"]

Source: developers.facebook.com/docs/meta-pixel/reference (object properties), developers.pinterest.com (contents),
read 2026-11-23. What is not a list of such rows is passed on as it is, for the gate to find invalid.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from gatekeeper.vendors.dialect import Leaf, Unreadable
from gatekeeper.vendors.formats import json_body, pairs

# The vendor's key -> the catalogue's. Another key is passed on under a name that no catalogue row has.
META: Final = {
    "id": "item_id", "quantity": "quantity", "item_price": "price", "title": "item_name", "brand": "item_brand",
    "category": "item_category",
}  # fmt: skip
_NUMERIC: Final = frozenset({"number", "count"})


def read(value: object, keys: Mapping[str, str] = META) -> object:
    """Rows, or a list of bare ids, as `items`; tag managers write the list as JSON in text."""
    if isinstance(value, str) and value.lstrip()[:1] == "[":
        value = _listed(value)
    if not isinstance(value, list):
        return value
    return [_row(one, keys) if isinstance(one, dict) else {"item_id": one} for one in value]


def write(value: object, keys: Mapping[str, str] = META, *, text: bool = False) -> list[dict[str, object]]:
    """`items` as the vendor's rows; with `text` prices are text."""
    back = {field: key for key, field in keys.items()}
    rows = value if isinstance(value, (tuple, list)) else ()
    return [
        {
            back[field]: pairs.text(inner) if text and field == "price" else inner
            for field, inner in row.items()
            if field in back
        }
        for row in rows
    ]


def ids(value: object) -> list[object]:
    """`items` as the list of their ids."""
    rows = value if isinstance(value, (tuple, list)) else ()
    return [row["item_id"] for row in rows if "item_id" in row]


def each(leaves: Iterable[Leaf], made: Callable[[object], object], *without: str) -> list[Leaf]:
    """The leaves, those of some roles left out, with what is made of the products in them."""
    left = [leaf for leaf in leaves if leaf.role not in without] if without else leaves
    return [leaf.but(value=made(leaf.value)) if leaf.role == "items" else leaf for leaf in left]


def _listed(text: str) -> object:
    try:
        return json_body.read(text.encode("utf-8", "replace"))
    except Unreadable:
        return text


def _row(row: Mapping[str, object], keys: Mapping[str, str]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in row.items():
        field = keys.get(key)
        if field is None or field in found:
            field = f"{key}*"
        found[field] = value
    return found


def numbers(value: object, keys: Mapping[str, str]) -> object:
    """`items` with numbers for the prices and quantities that came as text; `keys` are the catalogue's, with types."""
    if not isinstance(value, list):
        return value
    return [
        {
            key: pairs.number(inner) if isinstance(inner, str) and keys.get(key) in _NUMERIC else inner
            for key, inner in row.items()
        }
        if isinstance(row, dict)
        else row
        for row in value
    ]
