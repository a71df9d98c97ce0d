"""TikTok's web pixel, as pixel.js calls it.

    POST <origin>/api/v2/pixel         one event, or a list of them, as JSON under text/plain
    POST <origin>/api/v2/pixel/act     the same: what the visitor did
    POST <origin>/api/v1/track         the same, from older pixels

The page needs no more than a 200. Source: see calls.toml (omnibug's TikTok provider and its test).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import orjson

from gatekeeper.model import Call, Outgoing
from gatekeeper.vendors.dialect import Kept, Leaf, Native
from gatekeeper.vendors.formats import json_body, pairs
from gatekeeper.vendors.formats.parts import Route
from gatekeeper.vendors.formats.replies import Reply, json_answer, status_only
from gatekeeper.vendors.kind import Destination, Shaping
from gatekeeper.vendors.tiktok import element as tiktok_event

KIND = "tiktok"
NAME = "tiktok /api/v2/pixel"
ACCOUNT: str | None = "pixel_code"
ROUTE: Final = Route(re.compile(r"/api/v[12]/(?:pixel(?:/act)?|track)/?"), "https://analytics.tiktok.com")
_REPLY: Final = Reply(lambda native: json_answer({"code": 0, "message": "OK"}), refusal=status_only)

TABLE: Final = tiktok_event.TABLE

matches = ROUTE.matches
personal = tiktok_event.personal
read_answer = _REPLY.fates
accepted = _REPLY.taken
relayed = _REPLY.relayed


def decode(call: Call, to: Destination, body: bytes) -> Native:
    """Every event is an element. Raises Unreadable."""
    data = json_body.read(body)
    rows = json_body.objects(data if isinstance(data, list) else [data], "the body")
    elements = tuple(tiktok_event.element(row) for row in rows)
    account = tiktok_event.account([leaf for one in elements for leaf in one.leaves], to)
    shared = pairs.beside(call.query, TABLE, "query")
    return Native(call, elements, shared, account, {"list": isinstance(data, list)})


def minimum(leaves: Sequence[Leaf], shaping: Shaping) -> str | None:
    """The pixel, and what any event needs."""
    if not any(leaf.name == "context.pixel.code" for leaf in leaves):
        return "context.pixel.code missing"
    return tiktok_event.minimum(leaves, shaping)


def encode(native: Native, shared: Sequence[Leaf], kept: Sequence[Kept | None]) -> Outgoing:
    """A body of the same shape, built from what may be sent."""
    sent = [one for one in kept if one is not None]
    events = [tiktok_event.rebuilt(one) for one in sent]
    return Outgoing(
        "POST",
        ROUTE.url(sent[0].shaping.to, native.call.path),
        (("Content-Type", "text/plain;charset=UTF-8"),),
        orjson.dumps(events if native.frame["list"] else events[0]),
    )
