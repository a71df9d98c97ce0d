"""Mixpanel's ingestion endpoints.

    GET, POST <origin>/track      `data=` with JSON or base64, in a form or the query; or JSON
    POST <origin>/import          events of the past, as a JSON list
    POST <origin>/engage          properties of a person
    POST <origin>/groups          properties of companies and the like: never sent

Success is 200 `1`, or `{"status": 1, "error": null}` with `verbose=1`. Source: see mixpanel.toml.
"""

from __future__ import annotations

import re
from typing import Any, Final

from gatekeeper.model import Answer
from gatekeeper.vendors.dialect import Native
from gatekeeper.vendors.formats import table
from gatekeeper.vendors.formats.format import Format
from gatekeeper.vendors.formats.json_batch import JsonBatch, came_hashed
from gatekeeper.vendors.formats.parts import GET_OR_POST, Naming, Needs, Route, first_of
from gatekeeper.vendors.formats.replies import Reply, gif_answer, json_answer, text_answer


def _taken(native: Native) -> Answer:
    asked = {leaf.name: leaf.value for leaf in native.shared if leaf.name.startswith("query.")}
    if native.call.path.startswith("/import"):
        count = len(native.elements)
        return json_answer({"code": 200, "num_records_imported": count, "status": "OK"})
    if asked.get("query.verbose") == "1":
        return json_answer({"status": 1, "error": None})
    return gif_answer() if asked.get("query.img") == "1" else text_answer(b"1")


def _place_key(data: Any, key: str) -> None:
    for one in data if isinstance(data, list) else (data,):
        if "event" in one:
            one.setdefault("properties", {})["token"] = key
        else:
            one["$token"] = key


DIALECT: Final = Format(
    KIND="first_party",
    NAME="mixpanel /track",
    ACCOUNT=None,
    table=table.load(__package__, "mixpanel.toml"),
    route=Route(re.compile(r"/(?:track|import|engage|groups)/?"), methods=GET_OR_POST),
    body=JsonBatch(lists=True, basic=True, place_key=_place_key, dropped=re.compile(r"/groups/?")),
    naming=Naming(first_of("event"), default="profile"),
    needs=Needs(all_of=(("event", "$set.", "$set_once."),)),
    hashes=came_hashed,
    reply=Reply(_taken),
)
