"""Snowplow's tracker protocol.

    POST <origin>/com.snowplowanalytics.snowplow/tp2     {"schema": "iglu:…/payload_data/…", "data": [event, …]}
    POST <origin>/<vendor>/tp2                           the same, where the collector's own path is another
    GET  <origin>/i, /ice.png                            one event in the query

Contexts and self-describing events are JSON in text, plain or base64: judged like the rest, always written as base64.
One without data is left out, since the pipeline would refuse the whole event for it. `SP-Anonymous` is always said: the
collector would else give the gate's own address and a cookie of its own to every visitor.
Success is 200 `ok`, or a pixel. Source: see snowplow.toml.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from typing import Any, Final

import orjson

from gatekeeper.model import Answer
from gatekeeper.vendors.dialect import Leaf, Native
from gatekeeper.vendors.formats import json_body, json_form, pairs, table
from gatekeeper.vendors.formats.format import Format
from gatekeeper.vendors.formats.json_batch import Folding, JsonBatch, came_hashed
from gatekeeper.vendors.formats.parts import GET_OR_POST, Naming, Needs, Route, first_of
from gatekeeper.vendors.formats.replies import Reply, gif_answer, text_answer
from gatekeeper.vendors.kind import Shaping

_PIXEL: Final = base64.b64decode("R0lGODlhAQABAPAAAP///wAAACH5BAUAAAAALAAAAAABAAEAAAICRAEAOw==")
# As text -> as the table knows it.
_INSIDE: Final = {"cx": "cx", "co": "cx", "ue_px": "ue", "ue_pr": "ue"}
_WRITTEN: Final = {"cx": "cx", "ue": "ue_px"}


def _unfold(event: Any) -> dict[str, Any] | None:
    """What is JSON in text, as JSON."""
    if not isinstance(event, dict):
        return None
    out = {name: value for name, value in event.items() if name not in _INSIDE and name not in _WRITTEN}
    for name, inside in _INSIDE.items():
        text = event.get(name)
        if isinstance(text, str) and text:
            out[inside] = json_body.read(text.encode() if text.lstrip()[:1] == "{" else json_form.unbase64(text))
    return out


def _fold(event: dict[str, Any], alone: bool) -> object:
    """The JSON back in text; every value is text in this protocol."""
    for inside, name in _WRITTEN.items():
        value = event.pop(inside, None)
        if isinstance(value, dict) and (whole := _whole(value)):
            event[name] = base64.urlsafe_b64encode(orjson.dumps(whole)).decode().rstrip("=")
    return {name: pairs.text(value) for name, value in event.items()}


def _whole(value: dict[str, Any]) -> dict[str, Any] | None:
    """A self-describing value of which something is left, or contexts without those of which nothing is."""
    data = value.get("data")
    if isinstance(data, list):
        data = [one for one in data if isinstance(one, dict) and one.get("schema") and one.get("data")]
    elif not isinstance(data, dict) or not data.get("schema") or not data.get("data"):
        data = None
    return {"schema": value["schema"], "data": data} if data and "schema" in value else None


def _lacks(leaves: Sequence[Leaf], shaping: Shaping) -> str | None:
    """A self-describing event describes something."""
    if not any(leaf.name == "e" and leaf.value == "ue" for leaf in leaves):
        return None
    left = {leaf.name for leaf in leaves}
    said = {"ue.schema", "ue.data.schema"} <= left and any(name.startswith("ue.data.data.") for name in left)
    return None if said else "nothing is left of what the event describes"


def _taken(native: Native) -> Answer:
    if native.call.method == "GET":
        return gif_answer(_PIXEL)
    return text_answer(b"ok")


DIALECT: Final = Format(
    KIND="first_party",
    NAME="snowplow /com.snowplowanalytics.snowplow/tp2",
    ACCOUNT=None,
    table=table.load(__package__, "snowplow.toml"),
    route=Route(re.compile(r"/[a-z][a-z0-9._-]{0,60}/tp2|/i|/ice\.png"), methods=GET_OR_POST),
    body=JsonBatch(
        key="data", alone=True, headers=(("SP-Anonymous", "*"),), folding=Folding(unfold=_unfold, fold=_fold)
    ),
    naming=Naming(first_of("se_ac", "e")),
    needs=Needs(
        all_of=(
            "e",
            "p",
            "tv",
        ),
        more=_lacks,
    ),
    hashes=came_hashed,
    reply=Reply(_taken),
)
