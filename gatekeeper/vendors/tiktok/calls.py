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
from gatekeeper.vendors.dialect import FLAG, Element, Kept, Leaf, Native, origin
from gatekeeper.vendors.formats import answers, credentials, json_body, parameters, tree
from gatekeeper.vendors.formats.credentials import Credential
from gatekeeper.vendors.kind import Destination, Shaping
from gatekeeper.vendors.tiktok import element as tiktok_event
from gatekeeper.vendors.tiktok import events as vendor

KIND = "tiktok"
NAME = "tiktok /event/track/"
ACCOUNT: str | None = "pixel_code"
ORIGIN: Final = "https://business-api.tiktok.com"
_PATH: Final = re.compile(r"/open_api/v1\.[0-9]{1,2}/(event/track|pixel/track|pixel/batch)/?")
_LISTS: Final = {"event/track": "data", "pixel/batch": "batch", "pixel/track": None}
_TOKEN: Final = Credential("Access-Token", re.compile(r"[\x21-\x7e]{1,512}"))
_JSON: Final = (("Content-Type", "application/json"),)
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")

personal = tiktok_event.personal
read_answer = vendor.read_answer


def matches(method: str, path: str) -> bool:
    """POST to one of the three endpoints."""
    return method == "POST" and _PATH.fullmatch(path) is not None


def decode(call: Call, to: Destination, body: bytes) -> Native:
    """Every event is an element, everything beside them is shared. Raises Unreadable."""
    route = _PATH.fullmatch(call.path)
    key = _LISTS[route[1]] if route is not None else None
    data = json_body.read_object(body)
    shared = (*credentials.read(call, (_TOKEN,)), *parameters.read(call.query, tiktok_event.TABLE, "query"))
    if key is None:
        elements: tuple[Element, ...] = (tiktok_event.element(data),)
    else:
        rows = json_body.objects(data.pop(key, []), key)
        shared = (*shared, *tree.flatten(data, tiktok_event.TABLE, "", ("body",)))
        stamp = json_body.stamp(shared)
        elements = tuple(tiktok_event.element(row, stamp) for row in rows)
    told = [*shared, *(leaf for one in elements for leaf in one.leaves)]
    return Native(call, elements, shared, tiktok_event.account(told, to), {"key": key})


def minimum(leaves: Sequence[Leaf], shaping: Shaping) -> str | None:
    """What the event needs; the caller's own User-Agent header is a server's, and matches nobody."""
    return tiktok_event.minimum([leaf for leaf in leaves if leaf.path[:1] != ("header",)], shaping)


def encode(native: Native, shared: Sequence[Leaf], kept: Sequence[Kept | None]) -> Outgoing:
    """The same body, built anew; the policy's pixel and token where the caller gave none."""
    sent = [one for one in kept if one is not None]
    to = sent[0].shaping.to
    key = native.frame["key"]
    events = [tiktok_event.rebuilt(one) for one in sent]
    data: dict[str, Any] = events[0]
    if key is not None:
        beside = [leaf for leaf in shared if leaf.path[:1] == ("body",) and leaf.role != FLAG]
        data = {**tree.rebuild(beside).get("body", {}), key: events}
    if key == "data":
        data = {"event_source": "web", "event_source_id": to.settings["pixel_code"], **data}
    else:
        data.setdefault("pixel_code", to.settings["pixel_code"])
    headers = list(_JSON)
    if not credentials.came(native.shared, "Access-Token"):
        headers.append(("Access-Token", to.secret("access_token")))
    return Outgoing("POST", f"{origin(to, ORIGIN)}{native.call.path}", tuple(headers), orjson.dumps(data))


def accepted(native: Native) -> Answer:
    """Success as the API writes it."""
    return Answer(200, _JSON, b'{"code":0,"message":"OK","request_id":"gatekeeper","data":{}}')


def relayed(answer: Answer, native: Native, kept: Sequence[Kept | None]) -> Answer:
    """Code, message and the events that failed, by the caller's numbers; what is no JSON is its status alone."""
    wait = answers.retry_after(answer)
    again = () if wait is None else (("Retry-After", str(int(wait))),)
    try:
        said = orjson.loads(answer.body)
        code = said["code"]
    except (ValueError, KeyError, TypeError):
        return Answer(502 if answer.status < 300 else answer.status, again)
    if not isinstance(code, int):
        return Answer(502, again)
    numbers = [n for n, one in enumerate(kept) if one is not None]
    request_id = said.get("request_id")
    told = {
        "code": code,
        "message": _message(said.get("message"), numbers, kept),
        "request_id": request_id if isinstance(request_id, str) and _ID.fullmatch(request_id) else "",
        "data": _failed(said.get("data"), numbers, kept),
    }
    return Answer(answer.status, (*_JSON, *again), orjson.dumps(told))


def _message(text: object, numbers: Sequence[int], kept: Sequence[Kept | None]) -> str:
    """TikTok's message without any secret of the policy's, its `Batch.N` in the caller's numbering."""
    if not isinstance(text, str):
        return ""
    for one in kept:
        for secret in one.shaping.to.secrets.values() if one is not None else ():
            text = text.replace(secret.value, "***")
    return vendor.BATCH.sub(lambda found: _renumbered(found, numbers), text)


def _renumbered(found: re.Match[str], numbers: Sequence[int]) -> str:
    n = int(found[1])
    return found[0][: found.start(1) - found.start()] + str(numbers[n] if n < len(numbers) else n)


def _failed(data: object, numbers: Sequence[int], kept: Sequence[Kept | None]) -> dict[str, Any]:
    """`failed_events` of a partly successful batch."""
    rows = data.get("failed_events") if isinstance(data, Mapping) else None
    if not isinstance(rows, list):
        return {}
    told = []
    for row in rows:
        n = row.get("order_in_batch") if isinstance(row, Mapping) else None
        if isinstance(n, int) and 0 <= n < len(numbers):
            code = row.get("error_code")
            told.append(
                {
                    "order_in_batch": numbers[n],
                    "error_code": code if isinstance(code, int) else 0,
                    "error_message": _message(row.get("error_message"), numbers, kept),
                }
            )
    return {"failed_events": told} if told else {}
