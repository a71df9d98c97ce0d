"""Segment's HTTP API and RudderStack's data plane, which speak the same.

    POST <origin>/v1/batch                                     {"batch": [message, …]}
    POST <origin>/v1/track|identify|page|screen|group|alias|import     one message
    POST <origin>/v1/t|i|p|g|a|s|b                             the same, from analytics.js
    POST <origin>/v1/m                                         its metrics: never sent
    GET  <origin>/v1/projects/<key>/settings                   its settings: answered with none
    POST <origin>/beacon/v1/batch, GET <origin>/pixel/v1/track|page     RudderStack
    GET  <origin>/sourceConfig                                 its settings: answered with none

Segment answers 200 `{"success":true}`, RudderStack 200 `ok`: its SDKs take nothing but 200.
A message's own consent object is read as a flag. Where marketing is not granted it goes on with every category refused
that is not known to be another purpose's. `name` and `category` are the names of a page or screen; in any other message
a property of that name is the site's own, such as a field of a form. Source: see segment.toml.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from gatekeeper.model import Answer, Call
from gatekeeper.vendors.dialect import FLAG, PROTOCOL, UNKNOWN, Leaf, Native
from gatekeeper.vendors.formats import contents, json_body, names, table, unsent
from gatekeeper.vendors.formats.format import Format
from gatekeeper.vendors.formats.json_batch import Consents, JsonBatch, came_hashed
from gatekeeper.vendors.formats.parts import GET_OR_POST, NAMELESS, Naming, Needs, Route, first_of
from gatekeeper.vendors.formats.replies import Reply, gif_answer, json_answer, text_answer
from gatekeeper.vendors.kind import Shaping

_TABLE: Final = table.load(__package__, "segment.toml")
# A category or a destination by name, as sites and Segment call them.
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_ .-]{0,39}")
_ID: Final = re.compile(r"[A-Za-z_]{0,32}[0-9]{0,5}")
_PREFERENCES: Final = ("context", "consent", "categoryPreferences")
_LISTS: Final = tuple(("context", "consentManagement", name) for name in ("deniedConsentIds", "allowedConsentIds"))
_PAGES: Final = frozenset({"page", "screen", "p", "s"})
_PAGE: Final = frozenset({"name", "category", "properties.name", "properties.category"})
_TRACKS: Final = frozenset({"track", "t"})
_TRACK: Final = "message.track"
# A product's keys in the e-commerce specification; without a `product_id` its `sku` or `id` names it.
_PRODUCT: Final = {
    "sku": "item_id", "id": "item_id", "product_id": "item_id", "name": "item_name", "brand": "item_brand",
    "category": "item_category", "variant": "item_variant", "price": "price", "quantity": "quantity",
    "coupon": "coupon", "position": "index",
}  # fmt: skip
_NAMED: Final = ("product_id", "sku", "id")
_KEY: Final = re.compile(r"/v1/projects/([A-Za-z0-9]{1,64})/settings/?")
# Categories that are not advertising. Source: signals/flags/segment.py and rudderstack.py, OneTrust's defaults.
_HARMLESS: Final = frozenset({"Analytics", "Performance", "Functional", "C0001", "C0002", "C0003", "4", "analytics"})


def _flags(leaves: Sequence[Leaf], data: Mapping[str, Any]) -> Mapping[str, Any]:
    context = data.get("context")
    found = {}
    if isinstance(context, dict):
        for software, key in (("segment", "consent"), ("rudderstack", "consentManagement")):
            if key in context:
                found[software] = context[key]
    return found


def _read_leaves(leaves: Sequence[Leaf]) -> tuple[Leaf, ...]:
    """Switches of consent and of destinations as flags: a name that reads like one, and yes or no."""
    return tuple(leaf.but(role=FLAG) if leaf.role == UNKNOWN and _is_switch(leaf) else leaf for leaf in leaves)


def _read_event(leaves: Sequence[Leaf], call: Call) -> Sequence[Leaf]:
    """The names of pages as such, products as items, and of a track call that it is one."""
    kind = json_body.text(leaves, "type") or call.path.rstrip("/").rpartition("/")[2]
    read = [_read_leaf(leaf, kind) for leaf in leaves]
    return [*read, Leaf(_TRACK, PROTOCOL, kind)] if kind in _TRACKS else read


def _read_leaf(leaf: Leaf, kind: str) -> Leaf:
    if leaf.name in _PAGE:
        if kind not in _PAGES:
            return leaf
        return leaf.but(role=PROTOCOL if names.is_name(leaf.value) else UNKNOWN)
    if leaf.name == "properties.products" and isinstance(leaf.value, list):
        rows = [_product(row) if isinstance(row, dict) else row for row in leaf.value]
        return leaf.but(value=contents.read(rows, _PRODUCT))
    return leaf


def _product(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """The product, the key that names it first."""
    first = next((key for key in _NAMED if row.get(key) not in (None, "")), None)
    return row if first is None else {first: row[first], **row}


def _write_event(leaves: Sequence[Leaf]) -> Sequence[Leaf]:
    return [
        leaf.but(value=contents.write(leaf.value, _PRODUCT)) if leaf.name == "properties.products" else leaf
        for leaf in leaves
    ]


def _nameless(leaves: Sequence[Leaf], shaping: Shaping) -> str | None:
    """Segment drops a track call without a name and says nothing."""
    found = {leaf.name for leaf in leaves}
    return "event missing" if _TRACK in found and "event" not in found else None


def _is_switch(leaf: Leaf) -> bool:
    path = leaf.path[1:]
    if path[:-1] == _PREFERENCES:
        return isinstance(leaf.value, bool) and _NAME.fullmatch(str(path[-1])) is not None
    if path[:-1] == ("integrations",):
        return leaf.value is False and _NAME.fullmatch(str(path[-1])) is not None
    if len(path) == 4 and path[:3] in _LISTS and isinstance(path[3], int):
        return isinstance(leaf.value, str) and _ID.fullmatch(leaf.value) is not None
    return False


def _restrict(message: Any, granted: bool) -> None:
    """The message's own consent objects without anything that might be advertising, unless that is granted."""
    if granted:
        return
    context = message.get("context", {})
    preferences = context.get("consent", {}).get("categoryPreferences", {})
    for name in preferences.keys() - _HARMLESS:
        preferences[name] = False
    management = context.get("consentManagement", {})
    if "allowedConsentIds" in management:
        management["allowedConsentIds"] = [one for one in management["allowedConsentIds"] if one in _HARMLESS]


def _place_key(data: Any, key: str) -> None:
    data["writeKey"] = key


def _settings(native: Native) -> Answer:
    """Settings without destinations in the page, so that analytics.js begins and sends to Segment's API alone."""
    match = _KEY.fullmatch(native.call.path)
    return json_answer(
        {
            "integrations": {"Segment.io": {"apiKey": "" if match is None else match[1]}},
            "plan": {"track": {"__default": {"enabled": True, "integrations": {}}}},
            "edgeFunction": {}, "middlewareSettings": {}, "enabledMiddleware": {}, "metrics": {"sampleRate": 0},
            "legacyVideoPluginsEnabled": False, "remotePlugins": [],
        }
    )  # fmt: skip


def _source(native: Native) -> Answer:
    """A source without destinations in the page: RudderStack's SDKs take it, and send to the data plane alone."""
    found = {"id": "gatekeeper", "name": "gatekeeper", "writeKey": "", "enabled": True, "workspaceId": "gatekeeper"}
    return json_answer({"source": {**found, "config": {}, "connections": [], "destinations": [], "dataplanes": {}}})


def _rudder_taken(native: Native) -> Answer:
    return gif_answer() if native.call.method == "GET" else text_answer(b"ok")


_CALLS: Final = "batch|track|identify|page|screen|group|alias|import"

_BODY: Final = JsonBatch(
    key="batch",
    basic=True,
    place_key=_place_key,
    read_event=_read_event,
    write_event=_write_event,
    consents=Consents(read=_flags, restrict=_restrict, leaves=_read_leaves),
)
SEGMENT: Final = Format(
    KIND="first_party",
    NAME="segment /v1/batch",
    ACCOUNT=None,
    table=_TABLE,
    route=Route(re.compile(rf"/v1/(?:{_CALLS}|[tipgasb])/?")),
    body=_BODY,
    naming=Naming(first_of("event", "type")),
    needs=Needs(all_of=(("userId", "anonymousId"),), more=_nameless),
    hashes=came_hashed,
    reply=Reply(lambda native: json_answer({"success": True})),
)
RUDDERSTACK: Final = replace(
    SEGMENT,
    NAME="rudderstack /v1/batch",
    route=Route(re.compile(rf"(?:/beacon|/pixel)?/v1/(?:{_CALLS})/?"), methods=GET_OR_POST),
    body=replace(_BODY, alone=True),
    reply=Reply(_rudder_taken),
)
METRICS: Final = replace(
    SEGMENT,
    NAME="segment /v1/m",
    route=Route(re.compile("/v1/m/?")),
    body=unsent.Unsent("metrics"),
    naming=NAMELESS,
    needs=unsent.NEEDS,
)
SETTINGS: Final = replace(
    METRICS,
    NAME="segment /v1/projects/<key>/settings",
    route=Route(_KEY, methods=frozenset({"GET"})),
    body=unsent.Unsent("configuration"),
    reply=Reply(_settings),
)
SOURCE: Final = replace(
    SETTINGS,
    NAME="rudderstack /sourceConfig",
    route=Route(re.compile("/sourceConfig/?"), methods=frozenset({"GET"})),
    reply=Reply(_source),
)
