"""TikTok's web pixel, as pixel.js calls it.

    POST <origin>/api/v2/pixel         one event, or a list of them, as JSON under text/plain
    POST <origin>/api/v2/pixel/act     the same: what the visitor did
    POST <origin>/api/v1/track         the same, from older pixels

The page needs no more than a 200. Source: see calls.toml (omnibug's TikTok provider and its test).
"""

from __future__ import annotations

import re
from typing import Final

import orjson

from gatekeeper.model import Call, Outgoing
from gatekeeper.vendors.dialect import Native
from gatekeeper.vendors.formats import json_body, pairs
from gatekeeper.vendors.formats.format import Format, OwnBody, Rest
from gatekeeper.vendors.formats.parts import Needs, Route
from gatekeeper.vendors.formats.replies import Reply, json_answer, status_only
from gatekeeper.vendors.kind import Destination
from gatekeeper.vendors.tiktok import element as tiktok_event


def _read_call(call: Call, to: Destination, body: bytes, dialect: Format) -> Native:
    """Every event is an element. Raises Unreadable."""
    data = json_body.read(body)
    rows = json_body.objects(data if isinstance(data, list) else [data], "the body")
    elements = tuple(tiktok_event.element(row) for row in rows)
    account = tiktok_event.account([leaf for one in elements for leaf in one.leaves], to)
    shared = pairs.beside(call.query, dialect.table, "query")
    return Native(call, elements, shared, account, {"list": isinstance(data, list)})


def _write_call(rest: Rest, dialect: Format) -> Outgoing:
    """A body of the same shape, built from what may be sent."""
    events = [tiktok_event.rebuilt(one) for one in rest.sent]
    return Outgoing(
        "POST",
        dialect.route.url(rest.to, rest.native.call.path),
        (("Content-Type", "text/plain;charset=UTF-8"),),
        orjson.dumps(events if rest.native.frame["list"] else events[0]),
    )


DIALECT: Final = Format(
    KIND="tiktok",
    NAME="tiktok /api/v2/pixel",
    ACCOUNT="pixel_code",
    table=tiktok_event.TABLE,
    route=Route(re.compile(r"/api/v[12]/(?:pixel(?:/act)?|track)/?"), "https://analytics.tiktok.com"),
    body=OwnBody(_read_call, _write_call),
    needs=Needs(all_of=("context.pixel.code",), more=tiktok_event.lacks),
    hashes=tiktok_event.personal,
    reply=Reply(lambda native: json_answer({"code": 0, "message": "OK"}), refusal=status_only),
)
