"""Segment's HTTP API and RudderStack's data plane, which speak the same.

    POST <origin>/v1/batch                                     {"batch": [message, …]}
    POST <origin>/v1/track|identify|page|screen|group|alias|import     one message
    POST <origin>/v1/t|i|p|g|a|s|b                             the same, from analytics.js
    POST <origin>/v1/m                                         its metrics: never sent
    POST <origin>/beacon/v1/batch, GET <origin>/pixel/v1/track|page     RudderStack

Segment answers 200 `{"success":true}`, RudderStack 200 `ok`: its SDKs take nothing but 200.
A message's own consent object is read as a flag. Where marketing is not granted it goes on with every category refused
that is not known to be another purpose's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from gatekeeper.model import Answer
from gatekeeper.vendors.dialect import FLAG, UNKNOWN, Leaf, Native
from gatekeeper.vendors.formats import table
from gatekeeper.vendors.formats.format import Format
from gatekeeper.vendors.formats.json_batch import Consents, JsonBatch, came_hashed
from gatekeeper.vendors.formats.parts import GET_OR_POST, Naming, Needs, Route, first_of
from gatekeeper.vendors.formats.replies import Reply, gif_answer, json_answer, text_answer

_TABLE: Final = table.load(__package__, "segment.toml")
# A category or a destination by name, as sites and Segment call them.
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_ .-]{0,39}")
_ID: Final = re.compile(r"[A-Za-z_]{0,32}[0-9]{0,5}")
_PREFERENCES: Final = ("context", "consent", "categoryPreferences")
_LISTS: Final = tuple(("context", "consentManagement", name) for name in ("deniedConsentIds", "allowedConsentIds"))
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


def _rudder_taken(native: Native) -> Answer:
    return gif_answer() if native.call.method == "GET" else text_answer(b"ok")


_CALLS: Final = "batch|track|identify|page|screen|group|alias|import"

_BODY: Final = JsonBatch(
    key="batch",
    basic=True,
    place_key=_place_key,
    dropped=re.compile(r"/v1/m/?"),
    consents=Consents(read=_flags, restrict=_restrict, leaves=_read_leaves),
)
SEGMENT: Final = Format(
    KIND="first_party",
    NAME="segment /v1/batch",
    ACCOUNT=None,
    table=_TABLE,
    route=Route(re.compile(rf"/v1/(?:{_CALLS}|[tipgasbm])/?")),
    body=_BODY,
    naming=Naming(first_of("event", "type")),
    needs=Needs(all_of=(("userId", "anonymousId"),)),
    hashes=came_hashed,
    reply=Reply(lambda native: json_answer({"success": True})),
)
RUDDERSTACK: Final = replace(
    SEGMENT,
    NAME="rudderstack /v1/batch",
    route=Route(re.compile(rf"(?:/beacon|/pixel)?/v1/(?:{_CALLS})/?"), methods=GET_OR_POST),
    body=replace(_BODY, dropped=None, alone=True),
    reply=Reply(_rudder_taken),
)
