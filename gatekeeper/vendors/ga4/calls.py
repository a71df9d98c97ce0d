"""GA4's Measurement Protocol, as servers call it.

    POST <origin>/mp/collect?measurement_id=G-…&api_secret=…      {"client_id": …, "events": […]}
    POST <origin>/mp/collect?firebase_app_id=…&api_secret=…      {"app_instance_id": …, "events": […]}
    POST <origin>/debug/mp/collect?…                              the same, answered with what is wrong with it

An app stream has a secret of its own, which its calls bring along: the policy's is the web stream's.
Source: developers.google.com/analytics/devguides/collection/protocol/ga4, read 2026-11-23.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final, NamedTuple

import orjson

from gatekeeper.model import Answer, Call, Outgoing
from gatekeeper.vendors.dialect import FLAG, SECRET, STAMP, Element, Kept, Leaf, Native
from gatekeeper.vendors.formats import json_body, pairs, replies, table, times, tree
from gatekeeper.vendors.formats.format import Format, OwnBody, Rest
from gatekeeper.vendors.formats.parts import Needs, Route
from gatekeeper.vendors.formats.replies import Reply
from gatekeeper.vendors.kind import Destination, Shaping

_TABLE: Final = table.load(__package__, "calls.toml")
_APP: Final = "firebase_app_id"
_NEEDS: Final = Needs(("client_id", "events.name"))
_APP_NEEDS: Final = Needs(("app_instance_id", "api_secret", "events.name"))


def _read_call(call: Call, to: Destination, body: bytes, dialect: Format) -> Native:
    """What belongs to the visitor is shared; each of `events[]` is an element."""
    query = (_query if len(call.query) <= _SHORT else _query.__wrapped__)(call.query)
    data = json_body.read_object(body)
    shared, elements = json_body.split(data, "events", _TABLE)
    account = _account(query, to)
    consent = data.get("consent")
    flags: Mapping[str, Any] = {"google": consent} if consent is not None else {}
    if data.get("non_personalized_ads") is True:
        flags = {"google": {**(consent if isinstance(consent, dict) else {}), "ad_personalization": "DENIED"}}
    beside = _found(shared)
    found = tuple([_element(leaves, beside, flags) for leaves in elements])
    return Native(call, found, (*query, *shared), account)


def _write_call(rest: Rest, dialect: Format) -> Outgoing:
    """A body of the same shape, rebuilt; `consent` is what was decided, never looser than the caller sent it."""
    granted = all(one.shaping.marketing_granted for one in rest.sent)
    query = {leaf.name: leaf for leaf in rest.shared if leaf.path[0] == "query"}
    stream = _APP if _APP in query else "measurement_id"
    about = query[stream].value if stream in query else rest.to.settings[stream]
    secret = query["api_secret"].value if "api_secret" in query else rest.to.secret("api_secret")
    beside = [leaf for leaf in rest.shared if leaf.path[0] != "query" and leaf.role not in (FLAG, SECRET)]
    data = tree.rebuild(beside, _TABLE)
    data["events"] = [tree.rebuild(one.leaves, _TABLE) for one in rest.sent]
    word = "GRANTED" if granted else "DENIED"
    data["consent"] = {"ad_user_data": word, "ad_personalization": word}
    for leaf in rest.shared:
        if leaf.role == FLAG and leaf.path[0] == "consent" and str(leaf.value).upper() != "GRANTED":
            data["consent"][str(leaf.path[1])] = "DENIED"
        if leaf.name == "non_personalized_ads" and leaf.value is True:
            data["consent"]["ad_personalization"] = "DENIED"
    parameters = (stream, str(about), str(secret))
    written = (_written if sum(map(len, parameters)) <= _SHORT else _written.__wrapped__)(*parameters)
    url = dialect.route.url(rest.to, rest.native.call.path.rstrip("/"), written)
    return Outgoing("POST", url, (("Content-Type", "application/json"),), orjson.dumps(data))


class _Found(NamedTuple):
    """What leaves say of their event: its name, id, time and stamp."""

    name: str | None
    id: str | None
    time: float | None
    stamp: str | None


def _found(leaves: Sequence[Leaf]) -> _Found:
    """The first of each that is there."""
    name = event_id = moment = stamp = None
    for called, role, value, _ in map(_PARTS, leaves):
        if value is not None:
            if name is None and called == "events.name":
                name = str(value)
            elif event_id is None and called == "events.params.event_id":
                event_id = str(value)
            elif moment is None and called.endswith("timestamp_micros"):
                moment = times.microseconds(value)
        if stamp is None and role == STAMP:
            stamp = str(value)
    return _Found(name, event_id, moment, stamp)


def _element(leaves: tuple[Leaf, ...], beside: _Found, flags: Mapping[str, Any]) -> Element:
    """One event; its time and stamp are those beside the list, where it has none of its own."""
    own = _found(leaves)
    time, stamp = own.time or beside.time, own.stamp or beside.stamp
    return Element(own.name or "unnamed", leaves, own.id, time, stamp, flags)


def _account(query: Sequence[Leaf], to: Destination) -> str | None:
    """The web stream that a call is for; for the policy's app stream its web stream, which `ACCOUNT` compares with."""
    streams = [str(leaf.value) for leaf in query if leaf.name == "measurement_id"]
    apps = [str(leaf.value) for leaf in query if leaf.name == _APP]
    if apps and (streams or any(app != to.settings.get(_APP) for app in apps)):
        return "another stream"
    return str(to.settings["measurement_id"]) if apps else next(iter(streams), None)


_SHORT: Final = 512  # characters of a query that is remembered
_PARTS: Final = attrgetter("name", "role", "value", "path")


@lru_cache(maxsize=64)
def _query(text: str) -> tuple[Leaf, ...]:
    """The property and its secret, which are the same in all calls of an app."""
    return tuple(leaf.but(path=("query", *leaf.path)) for leaf in pairs.read(text, _TABLE))


@lru_cache(maxsize=64)
def _written(stream: str, about: str, secret: str) -> str:
    """The query of a stream and its secret, which are the same in all calls of an app."""
    return pairs.write_pairs([(stream, about), ("api_secret", secret)])


def _lacks(leaves: Sequence[Leaf], shaping: Shaping) -> str | None:
    """A client id, and an event with a name; for an app its instance and secret."""
    return (_APP_NEEDS if _APP in [leaf.name for leaf in leaves] else _NEEDS).missing(leaves, shaping)


def _taken(native: Native) -> Answer:
    """204 and empty; the debug endpoint finds nothing wrong."""
    return replies.json_answer({"validationMessages": []}) if _checks(native) else Answer(204)


def _told(answer: Answer, native: Native, kept: Sequence[Kept | None]) -> Answer:
    """The status; of the debug endpoint also what it found, which repeats what was sent."""
    if _checks(native) and answer.status == 200:
        return Answer(200, replies.JSON, answer.body)
    return Answer(204 if 200 <= answer.status < 300 else answer.status)


def _checks(native: Native) -> bool:
    return native.call.path.startswith("/debug")


DIALECT: Final = Format(
    KIND="ga4",
    NAME="ga4 /mp/collect",
    ACCOUNT="measurement_id",
    table=_TABLE,
    route=Route(re.compile("(?:/debug)?/mp/collect/?"), "https://www.google-analytics.com"),
    body=OwnBody(_read_call, _write_call),
    needs=Needs(more=_lacks),
    reply=Reply(_taken, _told),
)
