"""TikTok's Events API, as servers call it.

    POST <origin>/open_api/v1.3/event/track/     {"event_source": "web", "event_source_id": …, "data": [event, …]}
    POST <origin>/open_api/v1.3/pixel/track/     one event with its pixel_code (Events API 1.0)
    POST <origin>/open_api/v1.3/pixel/batch/     {"pixel_code": …, "batch": [event, …]}

The token is the caller's own, else the policy's. Errors come inside HTTP 200: what a caller sees has the code, and the
numbers of events as the caller counted them. Source: see calls.toml; for answers rudder-transformer's network tests.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from gatekeeper.model import Answer, Call, Outgoing
from gatekeeper.vendors.dialect import FLAG, Element, Kept, Leaf, Native
from gatekeeper.vendors.formats import credentials, json_body, pairs, replies, tree
from gatekeeper.vendors.formats.credentials import Credential
from gatekeeper.vendors.formats.format import Format, OwnBody, Rest
from gatekeeper.vendors.formats.parts import Needs, Route
from gatekeeper.vendors.formats.replies import Reply
from gatekeeper.vendors.kind import Destination, Shaping
from gatekeeper.vendors.tiktok import element as tiktok_event
from gatekeeper.vendors.tiktok import events as vendor

_ROUTE: Final = Route(
    re.compile(r"/open_api/v1\.[0-9]{1,2}/(event/track|pixel/track|pixel/batch)/?"), "https://business-api.tiktok.com"
)
_LISTS: Final = {"event/track": "data", "pixel/batch": "batch", "pixel/track": None}
_TOKEN: Final = Credential("Access-Token", re.compile(r"[\x21-\x7e]{1,512}"))
_OK: Final = 0
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


def _read_call(call: Call, to: Destination, body: bytes, dialect: Format) -> Native:
    """Every event is an element, everything beside them is shared. Raises Unreadable."""
    route = _ROUTE.paths.fullmatch(call.path)
    key = _LISTS[route[1]] if route is not None else None
    data = json_body.read_object(body)
    shared = (*credentials.read(call, (_TOKEN,)), *pairs.beside(call.query, dialect.table, "query"))
    if key is None:
        elements: tuple[Element, ...] = (tiktok_event.element(data),)
    else:
        rows = json_body.objects(data.pop(key, []), key)
        shared = (*shared, *tree.flatten(data, dialect.table, "", ("body",)))
        stamp = json_body.stamp(shared)
        elements = tuple(tiktok_event.element(row, stamp) for row in rows)
    told = [*shared, *(leaf for one in elements for leaf in one.leaves)]
    return Native(call, elements, shared, tiktok_event.account(told, to), {"key": key})


def _write_call(rest: Rest, dialect: Format) -> Outgoing:
    """A body of the same shape, rebuilt; the policy's pixel and token where the caller gave none."""
    key = rest.native.frame["key"]
    events = [tiktok_event.rebuilt(one) for one in rest.sent]
    data: dict[str, Any] = events[0]
    if key is not None:
        data = {**tree.below(rest.shared, "body", dialect.table, FLAG), key: events}
    if key == "data":
        data = {"event_source": "web", "event_source_id": rest.to.settings["pixel_code"], **data}
    else:
        data.setdefault("pixel_code", rest.to.settings["pixel_code"])
    headers = list(replies.JSON)
    if not credentials.came(rest.native.shared, "Access-Token"):
        headers.append(("Access-Token", rest.to.secret("access_token")))
    return Outgoing("POST", dialect.route.url(rest.to, rest.native.call.path), tuple(headers), orjson.dumps(data))


def _lacks(leaves: Sequence[Leaf], shaping: Shaping) -> str | None:
    """What the event needs; the caller's own User-Agent header is a server's, and identifies no visitor."""
    return tiktok_event.lacks([leaf for leaf in leaves if leaf.path[:1] != ("header",)], shaping)


def _taken(native: Native) -> Answer:
    return replies.json_answer({"code": _OK, "message": "OK", "request_id": "gatekeeper", "data": {}})


def _told(answer: Answer, native: Native, kept: Sequence[Kept | None]) -> Answer:
    """Code, message and the events that failed, by the caller's numbers; what cannot be read is its status alone."""
    said = replies.parsed(answer)
    if said is None or "code" not in said:
        return replies.unreadable(answer)
    if not isinstance(said["code"], int):
        return Answer(502, replies.wait(answer))
    words = replies.Words(kept, "***")
    request_id = said.get("request_id")
    told = {
        "code": said["code"],
        "message": _message(said.get("message"), words),
        "request_id": request_id if isinstance(request_id, str) and _ID.fullmatch(request_id) else "",
        "data": _failed(said.get("data"), words),
    }
    return replies.json_answer(told, answer.status, (*replies.JSON, *replies.wait(answer)))


def _message(text: object, words: replies.Words) -> str:
    """TikTok's message without any secret of the policy's, its `Batch.N` in the caller's numbering."""
    if not isinstance(text, str):
        return ""

    def renumbered(match: re.Match[str]) -> str:
        return match[0][: match.start(1) - match.start()] + str(words.number(int(match[1])))

    return vendor.BATCH.sub(renumbered, words.text(text))


def _failed(data: object, words: replies.Words) -> dict[str, Any]:
    """`failed_events` of a partly successful batch."""
    rows = data.get("failed_events") if isinstance(data, Mapping) else None
    if not isinstance(rows, list):
        return {}
    told = []
    for row in rows:
        n = row.get("order_in_batch") if isinstance(row, Mapping) else None
        if isinstance(n, int) and 0 <= n < len(words.numbers):
            code = row.get("error_code")
            told.append(
                {
                    "order_in_batch": words.numbers[n],
                    "error_code": code if isinstance(code, int) else 0,
                    "error_message": _message(row.get("error_message"), words),
                }
            )
    return {"failed_events": told} if told else {}


DIALECT: Final = Format(
    KIND="tiktok",
    NAME="tiktok /event/track/",
    ACCOUNT="pixel_code",
    table=tiktok_event.TABLE,
    route=_ROUTE,
    body=OwnBody(_read_call, _write_call),
    needs=Needs(more=_lacks),
    hashes=tiktok_event.personal,
    reply=Reply(_taken, _told, fates=vendor.read_answer),
)
