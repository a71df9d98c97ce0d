"""Mixpanel's ingestion endpoints.

    GET, POST <origin>/track      `data=` with JSON or base64, in a form or the query; or JSON
    POST <origin>/import          events of the past, as a JSON list or one per line
    POST <origin>/engage          properties of a person
    POST <origin>/groups          properties of companies and the like: never sent
    GET  <origin>/flags, /flags/definitions     feature flags: answered with none

Success is 200 `1`, or wherever `verbose=1` was asked for `{"status": 1, "error": null}`, which the SDKs read; of an
import it is else a count. Source: see mixpanel.toml.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Final

from gatekeeper.model import Answer, Call
from gatekeeper.vendors.dialect import Native, Unreadable
from gatekeeper.vendors.formats import coding, table, unsent
from gatekeeper.vendors.formats.format import Format
from gatekeeper.vendors.formats.json_batch import JsonBatch, came_hashed
from gatekeeper.vendors.formats.parts import GET_OR_POST, NAMELESS, Naming, Needs, Route, first_of
from gatekeeper.vendors.formats.replies import Reply, gif_answer, json_answer, text_answer

_SWITCHES: Final = re.compile(r"(?:^|[?&])(verbose|img)=1(?=&|\Z)")
_LARGEST: Final = 2**20  # bytes of a form that is looked through


def _taken(native: Native) -> Answer:
    asked = _asked(native.call)
    if "verbose" in asked:
        return json_answer({"status": 1, "error": None})
    if native.call.path.startswith("/import"):
        count = len(native.elements)
        return json_answer({"code": 200, "num_records_imported": count, "status": "OK"})
    return gif_answer() if "img" in asked else text_answer(b"1")


def _asked(call: Call) -> set[str]:
    """What the SDK wants for an answer; it says so in the query or the form, also of what cannot be read."""
    found = set(_SWITCHES.findall(call.query))
    coded = [value for name, value in call.headers if name == b"content-encoding"]
    try:
        body = coding.decode(call.body, coded[-1].decode("latin-1") if coded else "", _LARGEST)
    except Unreadable:
        return found
    return found if body[:1] in (b"{", b"[") else found | set(_SWITCHES.findall(body.decode("latin-1")))


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
    route=Route(re.compile(r"/(?:track|import|engage)/?"), methods=GET_OR_POST),
    body=JsonBatch(lists=True, basic=True, place_key=_place_key, lines=re.compile("/import/?")),
    naming=Naming(first_of("event"), default="profile"),
    needs=Needs(all_of=(("event", "$set.", "$set_once."),)),
    hashes=came_hashed,
    reply=Reply(_taken),
)
GROUPS: Final = replace(
    DIALECT,
    NAME="mixpanel /groups",
    route=Route(re.compile("/groups/?"), methods=GET_OR_POST),
    body=unsent.Unsent("group"),
    naming=NAMELESS,
    needs=unsent.NEEDS,
)
FLAGS: Final = replace(
    GROUPS,
    NAME="mixpanel /flags",
    route=Route(re.compile("/flags(?:/definitions)?/?"), methods=GET_OR_POST),
    body=unsent.Unsent("configuration"),
    reply=Reply(lambda native: json_answer({"flags": [] if "definitions" in native.call.path else {}})),
)
