"""Meta's pixel, as fbevents.js and image tags send it.

    GET  <origin>/tr/?id=…&ev=PageView&dl=…
    POST <origin>/tr/                          the same parameters in a form or multipart (sendBeacon)

Success is a GIF, or nothing for a POST. Meta would locate a restricted visitor by the connection, which is the gate's
here: Limited Data Use always names a state. Source: see pixel.toml.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

import orjson

from gatekeeper.vendors.dialect import Leaf, Unreadable
from gatekeeper.vendors.formats import contents, json_body, table
from gatekeeper.vendors.formats.format import Format
from gatekeeper.vendors.formats.parameters import Parameters, pixel_reply
from gatekeeper.vendors.formats.parts import GET_OR_POST, Given, Naming, Needs, Route, first_of
from gatekeeper.vendors.formats.table import Table
from gatekeeper.vendors.kind import Shaping
from gatekeeper.vendors.meta import calls as meta_capi
from gatekeeper.vendors.meta import events as vendor

_NAMES: Final = {own: name for name, own in vendor.EVENTS.items()}

_STATES: Final = frozenset(map(str, vendor.LDU_STATES.values()))


def _read(leaves: Sequence[Leaf], table: Table) -> Sequence[Leaf]:
    return contents.each(leaves, _products)


def _products(text: object) -> object:
    """Products come as JSON in one parameter."""
    try:
        return contents.read(json_body.read(str(text).encode()))
    except Unreadable:
        return None  # no list of products: found invalid


def _write(leaves: Sequence[Leaf]) -> list[tuple[str, object]]:
    return [(str(leaf.path[2]), _text(leaf) if leaf.role == "items" else leaf.value) for leaf in leaves]


def _text(leaf: Leaf) -> str:
    bare = leaf.name == "cd[content_ids]"
    return orjson.dumps(contents.ids(leaf.value) if bare else contents.write(leaf.value)).decode()


def _flags(given: Given, shaping: Shaping) -> Iterable[tuple[str, str]]:
    """Limited Data Use where the visitor or the caller asks for it; `dpo=` (none) only if it came."""
    limited = given.get("dpo") == "LDU"
    if not (limited or shaping.restricted_use):
        return [("dpo", "")] if given.get("dpo") == "" else []
    made = vendor.limited_data_use(shaping, located=False)
    state = str(made["data_processing_options_state"])
    if limited and given.get("dpost", "") in _STATES:
        state = given["dpost"]  # the page knows the state better
    return [("dpo", "LDU"), ("dpoco", "1"), ("dpost", state)]


DIALECT: Final = Format(
    KIND="meta_capi",
    NAME="meta_capi /tr",
    ACCOUNT="pixel_id",
    table=table.load(__package__, "pixel.toml"),
    route=Route(re.compile(r"/tr/?"), "https://www.facebook.com", GET_OR_POST),
    body=Parameters("id", _flags, read_all=_read, write_all=_write),
    naming=Naming(first_of("ev"), canonical=_NAMES),
    needs=Needs(
        all_of=(
            "id",
            "ev",
        )
    ),
    hashes=meta_capi.personal,
    reply=pixel_reply(),
)
