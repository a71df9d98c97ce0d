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

from gatekeeper.model import Answer, Call, Outgoing
from gatekeeper.vendors.dialect import Kept, Leaf, Native, origin
from gatekeeper.vendors.formats import answers, json_body, parameters
from gatekeeper.vendors.kind import Destination, Shaping
from gatekeeper.vendors.tiktok import element as tiktok_event

KIND = "tiktok"
NAME = "tiktok /api/v2/pixel"
ACCOUNT: str | None = "pixel_code"
ORIGIN: Final = "https://analytics.tiktok.com"
_PATH: Final = re.compile(r"/api/v[12]/(?:pixel(?:/act)?|track)/?")

personal = tiktok_event.personal
read_answer = answers.by_status


def matches(method: str, path: str) -> bool:
    """POST to one of the pixel's endpoints."""
    return method == "POST" and _PATH.fullmatch(path) is not None


def decode(call: Call, to: Destination, body: bytes) -> Native:
    """Every event is an element. Raises Unreadable."""
    data = json_body.read(body)
    rows = json_body.objects(data if isinstance(data, list) else [data], "the body")
    elements = tuple(tiktok_event.element(row) for row in rows)
    account = tiktok_event.account([leaf for one in elements for leaf in one.leaves], to)
    shared = parameters.read(call.query, tiktok_event.TABLE, "query")
    return Native(call, elements, shared, account, {"list": isinstance(data, list)})


def minimum(leaves: Sequence[Leaf], shaping: Shaping) -> str | None:
    """The pixel, and what any event needs."""
    if not any(leaf.name == "context.pixel.code" for leaf in leaves):
        return "context.pixel.code missing"
    return tiktok_event.minimum(leaves, shaping)


def encode(native: Native, shared: Sequence[Leaf], kept: Sequence[Kept | None]) -> Outgoing:
    """The same body, built anew."""
    sent = [one for one in kept if one is not None]
    events = [tiktok_event.rebuilt(one) for one in sent]
    return Outgoing(
        "POST",
        f"{origin(sent[0].shaping.to, ORIGIN)}{native.call.path}",
        (("Content-Type", "text/plain;charset=UTF-8"),),
        orjson.dumps(events if native.frame["list"] else events[0]),
    )


def accepted(native: Native) -> Answer:
    """200 and an empty success."""
    return Answer(200, (("Content-Type", "application/json"),), b'{"code":0,"message":"OK"}')


def relayed(answer: Answer, native: Native, kept: Sequence[Kept | None]) -> Answer:
    """Success as ever, without the cookies of the answer; else the status."""
    return accepted(native) if 200 <= answer.status < 300 else Answer(answer.status)
