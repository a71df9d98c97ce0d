"""Segment's HTTP API and RudderStack's data plane, which speak the same.

    POST <origin>/v1/batch                                     {"batch": [message, …]}
    POST <origin>/v1/track|identify|page|screen|group|alias|import     one message
    POST <origin>/v1/t|i|p|g|a|s|b                             the same, from analytics.js; /v1/m are its own metrics: dropped
    POST <origin>/beacon/v1/batch, GET <origin>/pixel/v1/track|page     RudderStack

Segment answers 200 `{"success":true}`, RudderStack 200 `ok`: its SDKs take nothing but 200. Where the policy does not say
whom the destination `speaks` to, shared paths get Segment's answer, which both kinds of SDK take.
A message's own consent object is read as a flag, and goes on with advertising refused where that was decided.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from gatekeeper.model import Answer
from gatekeeper.native import table
from gatekeeper.native.dialect import FLAG, UNKNOWN, Leaf, Native
from gatekeeper.native.json_batch import JsonBatch, gif_answer, json_answer, text_answer

_TABLE: Final = table.load("segment.toml")
# A category or a destination by name, as sites and Segment call them.
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_ .-]{0,39}")
_PREFERENCES: Final = "context.consent.categoryPreferences."
_IDS: Final = ("context.consentManagement.deniedConsentIds", "context.consentManagement.allowedConsentIds")
# The categories that are advertising in Segment's own templates and OneTrust's. Source: signals/flags/segment.py.
_ADVERTISING: Final = frozenset({"Advertising", "Marketing", "Targeting", "C0004"})


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
    return tuple(replace(leaf, role=FLAG) if leaf.role == UNKNOWN and _is_switch(leaf) else leaf for leaf in leaves)


def _is_switch(leaf: Leaf) -> bool:
    if leaf.name.startswith(_PREFERENCES):
        return isinstance(leaf.value, bool) and _NAME.fullmatch(leaf.name[len(_PREFERENCES) :]) is not None
    if leaf.name.startswith("integrations."):
        return leaf.value is False and _NAME.fullmatch(leaf.name[len("integrations.") :]) is not None
    return leaf.name in _IDS and isinstance(leaf.value, str) and re.fullmatch(r"[A-Z]{0,3}[0-9]{1,5}", leaf.value) is not None


def _restrict(data: Any, granted: bool) -> None:
    """Advertising refused in every message's consent object, unless it is granted."""
    if granted:
        return
    for message in data["batch"] if "batch" in data else (data,):
        preferences = message.get("context", {}).get("consent", {}).get("categoryPreferences", {})
        for name in _ADVERTISING & preferences.keys():
            preferences[name] = False
        management = message.get("context", {}).get("consentManagement", {})
        if "allowedConsentIds" in management:
            management["allowedConsentIds"] = [one for one in management["allowedConsentIds"] if one not in _ADVERTISING]


def _place_key(data: Any, key: str) -> None:
    data["writeKey"] = key


def _rudder_taken(native: Native) -> Answer:
    return gif_answer() if native.call.method == "GET" else text_answer(b"ok")


_CALLS: Final = "batch|track|identify|page|screen|group|alias|import"

SEGMENT: Final = JsonBatch(
    NAME="segment /v1/batch",
    table=_TABLE,
    paths=re.compile(rf"/v1/(?:{_CALLS}|[tipgasbm])/?"),
    dropped=re.compile(r"/v1/m/?"),
    batch="batch",
    taken=lambda native: json_answer(b'{"success":true}'),
    needs=(("userId", "anonymousId"),),
    named=("event", "type"),
    basic=True,
    place_key=_place_key,
    flags=_flags,
    read_leaves=_read_leaves,
    restrict=_restrict,
)
RUDDERSTACK: Final = replace(
    SEGMENT,
    NAME="rudderstack /v1/batch",
    paths=re.compile(rf"(?:/beacon|/pixel)?/v1/(?:{_CALLS})/?"),
    dropped=None,
    taken=_rudder_taken,
    methods=frozenset({"GET", "POST"}),
)
