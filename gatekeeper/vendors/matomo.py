"""Matomo's tracking API.

    GET, POST <origin>/matomo.php, /piwik.php     one event as pairs, in the query or a form
    POST      the same                            {"requests": ["?idsite=…", {…}], "token_auth": …}

Success is 200 and a pixel, 204 with `send_image=0`, or for a bulk request JSON with the number of events; the indices
that Matomo names in it are turned back into the caller's own numbering. No address is passed on, neither as `cip` nor
in a header: Matomo sees the gate's. Source: see matomo.toml.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import parse_qs

import orjson

from gatekeeper.model import Answer
from gatekeeper.vendors.dialect import Kept, Leaf, Native
from gatekeeper.vendors.formats import json_form, pairs, table
from gatekeeper.vendors.formats.format import Format
from gatekeeper.vendors.formats.json_batch import Folding, JsonBatch, came_hashed
from gatekeeper.vendors.formats.parts import GET_OR_POST, Naming, Needs, Route
from gatekeeper.vendors.formats.replies import Reply, gif_answer, json_answer, parsed

# ec_items is [[sku, name, category or up to five of them, price, quantity], …].
_ITEM: Final = ("item_id", "item_name", "item_category", "price", "quantity")
_CATEGORIES: Final = ("item_category", *(f"item_category{n}" for n in range(2, 6)))


def _unfold(event: Any) -> dict[str, Any] | None:
    """An element of a bulk request is an object or a query; items are JSON in text."""
    if isinstance(event, str):
        event = dict(pairs.read_pairs(event.partition("?")[2] if "?" in event else event))
    if not isinstance(event, dict):
        return None
    rows = event.get("ec_items")
    return {**event, "ec_items": _items(rows)} if isinstance(rows, str) else event


def _items(text: str) -> object:
    try:
        rows = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        return text
    return [_item(row) for row in rows]


def _item(row: Sequence[object]) -> dict[str, object]:
    found: dict[str, object] = {
        key: value for key, value in zip(_ITEM, row, strict=False) if isinstance(value, (str, int, float))
    }
    if len(row) > 2 and isinstance(row[2], list):
        found |= {key: value for key, value in zip(_CATEGORIES, row[2], strict=False) if value not in (None, "", False)}
    return found


def _row(item: dict[str, object]) -> list[object]:
    """The item as Matomo writes it; a category that is alone as itself."""
    categories = [item[key] for key in _CATEGORIES if key in item]
    category = categories if len(categories) > 1 else next(iter(categories), "")
    return [category if key == "item_category" else item.get(key, 1 if key == "quantity" else "") for key in _ITEM]


def _fold(event: dict[str, Any], alone: bool) -> object:
    """As pairs, or as a query in the list."""
    items = event.get("ec_items")
    if items is not None:
        event = {**event, "ec_items": orjson.dumps([_row(item) for item in items]).decode()}
    return event if alone else f"?{json_form.form(event.items())}"


def _named(leaves: Sequence[Leaf]) -> str | None:
    """What the event is: an order, a name of its own, or one of the things Matomo tells apart."""
    said = {leaf.name: str(leaf.value) for leaf in leaves}
    if said.get("idgoal") == "0":
        return "purchase"
    return said.get("e_a") or next((name for name in ("link", "download", "search", "ping") if name in said), None)


def _taken(native: Native) -> Answer:
    if native.frame.get("key") is not None:
        return json_answer({"status": "success", "tracked": len(native.elements), "invalid": 0})
    asked = parse_qs(native.call.query, max_num_fields=pairs.MAX_PAIRS, errors="replace").get("send_image", [])
    asked += [str(leaf.value) for one in native.elements for leaf in one.leaves if leaf.name == "send_image"]
    return Answer(204) if "0" in asked else gif_answer()


def _renumbered(answer: Answer, native: Native, kept: Sequence[Kept | None]) -> Answer | None:
    """A bulk request's own count, dropped events counted as tracked; `None` for anything else."""
    if native.frame.get("key") is None or not 200 <= answer.status < 300:
        return None
    said = parsed(answer)
    if said is None or not isinstance(said.get("invalid"), int):
        return None
    places = [n for n, one in enumerate(kept) if one is not None]
    invalid = min(max(said["invalid"], 0), len(places))
    out = {"status": "success", "tracked": len(kept) - invalid, "invalid": invalid}
    indices = said.get("invalid_indices")
    if isinstance(indices, list):
        out["invalid_indices"] = [places[n] for n in indices if isinstance(n, int) and 0 <= n < len(places)]
    return json_answer(out)


def _place_key(data: Any, key: str) -> None:
    data["token_auth"] = key


DIALECT: Final = Format(
    KIND="first_party",
    NAME="matomo /matomo.php",
    ACCOUNT=None,
    table=table.load(__package__, "matomo.toml"),
    route=Route(re.compile(r"/(?:matomo|piwik)\.php"), methods=GET_OR_POST),
    body=JsonBatch(key="requests", alone=True, place_key=_place_key, folding=Folding(unfold=_unfold, fold=_fold)),
    naming=Naming(_named, default="page_view"),
    needs=Needs(
        all_of=(
            "idsite",
            "rec",
        )
    ),
    hashes=came_hashed,
    reply=Reply(_taken, _renumbered),
)
