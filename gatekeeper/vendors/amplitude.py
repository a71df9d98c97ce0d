"""Amplitude's HTTP V2 API.

    POST <origin>/2/httpapi     {"api_key": …, "events": [{"event_type", "device_id" or "user_id", …}]}

Success is 200 `{"code": 200, "events_ingested": n, …}`; a 400 or 429 names events by their index, which is turned back
into the caller's own numbering. Source: see amplitude.toml.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from gatekeeper.model import Answer
from gatekeeper.vendors.dialect import Kept, Native
from gatekeeper.vendors.formats import table
from gatekeeper.vendors.formats.format import Format
from gatekeeper.vendors.formats.json_batch import Folding, JsonBatch, came_hashed
from gatekeeper.vendors.formats.parts import Naming, Needs, Route, first_of
from gatekeeper.vendors.formats.replies import Reply, json_answer, parsed

_INDEXED: Final = ("events_with_invalid_fields", "events_with_missing_fields", "events_with_invalid_id_lengths")
_LISTED: Final = ("silenced_events", "throttled_events")
_NUMBER: Final = re.compile("-?[0-9]{1,18}")
_FIELD: Final = re.compile(r"[a-z_]{1,40}")


def _taken(native: Native) -> Answer:
    count = len(native.elements)
    return json_answer({"code": 200, "events_ingested": count, "payload_size_bytes": 0, "server_upload_time": 0})


def _renumbered(answer: Answer, native: Native, kept: Sequence[Kept | None]) -> Answer | None:
    """A refusal that names events, under the numbers that the caller gave them; `None` for any other answer."""
    if answer.status not in (400, 429):
        return None
    said = parsed(answer)
    if said is None:
        return None
    places = [n for n, one in enumerate(kept) if one is not None]

    def back(numbers: object) -> list[int]:
        found = numbers if isinstance(numbers, list) else []
        return [places[n] for n in found if isinstance(n, int) and not isinstance(n, bool) and 0 <= n < len(places)]

    out: dict[str, Any] = {"code": answer.status}
    for name in _INDEXED:
        if isinstance(said.get(name), dict):
            out[name] = {key: back(rows) for key, rows in said[name].items() if _FIELD.fullmatch(key)}
    for name in _LISTED:
        if name in said:
            out[name] = back(said[name])
    return json_answer(out, answer.status)


def _fold(event: dict[str, Any], alone: bool) -> object:
    """A session is a number here: the time it began."""
    session = event.get("session_id")
    return {**event, "session_id": int(session)} if session is not None and _NUMBER.fullmatch(session) else event


def _place_key(data: Any, key: str) -> None:
    data["api_key"] = key


DIALECT: Final = Format(
    KIND="first_party",
    NAME="amplitude /2/httpapi",
    ACCOUNT=None,
    table=table.load(__package__, "amplitude.toml"),
    route=Route(re.compile(r"/(?:2/httpapi|batch)/?")),
    body=JsonBatch(key="events", place_key=_place_key, folding=Folding(fold=_fold)),
    naming=Naming(first_of("event_type")),
    needs=Needs(
        all_of=(
            "event_type",
            ("user_id", "device_id"),
        )
    ),
    hashes=came_hashed,
    reply=Reply(_taken, _renumbered),
)
