"""Meta's Conversions API, as servers call it.

    POST <origin>/v26.0/<pixel id>/events     {"data": [event, …], "access_token": …}

The parameters come as JSON, as a form, as multipart or in the query alone, and go out as they came; `data` may be a
list, its JSON as text, and each event in it again JSON as text (facebook-business does both). The token is the
caller's own, in query, body or header, or else the policy's. Values of Meta's Parameter Builder end in an appendix
(`<sha256>.ABcDEFGh`, `203.0.113.9.ABcDEFGh`) that stays. Source: see calls.toml.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from gatekeeper.model import Answer, Call, Outgoing, Personal
from gatekeeper.vendors.dialect import FLAG, PROTOCOL, SECRET, Element, Kept, Leaf, Native, Unreadable
from gatekeeper.vendors.formats import (
    contents,
    credentials,
    form,
    json_body,
    names,
    normalise,
    pairs,
    table,
    times,
    tree,
)
from gatekeeper.vendors.formats.format import Format, OwnBody, Rest
from gatekeeper.vendors.formats.parts import Needs, Route, given
from gatekeeper.vendors.formats.replies import Reply
from gatekeeper.vendors.kind import DAY, Destination, Shaping
from gatekeeper.vendors.meta import answers as graph_answer
from gatekeeper.vendors.meta import events as vendor

JSON: Final = "application/json"
QUERY: Final = "query"
_TABLE: Final = table.load(__package__, "calls.toml")
_TOKEN: Final = (credentials.authorization("Bearer|OAuth", r"[\x21-\x7e]{1,2048}"),)
_NAMES: Final = {own: name for name, own in vendor.EVENTS.items()}
_APPENDIX: Final = re.compile(r"(.{2,45})(\.[0-9A-Za-z_-]{2}(?:[0-9A-Za-z_-]{6})?)")
_IN_STORE: Final = 62 * DAY
_LDU: Final = "data_processing_options"
# Of extinfo only the platform and the system's version, which Meta requires; the rest describes a device.
_EXTINFO: Final = {0: re.compile(r"[ai]2"), 4: re.compile(r"[0-9.]{1,12}")}


@dataclass(frozen=True, slots=True)
class Frame:
    """How a call was written: `coat` a content type or QUERY; `text`: `data` was text; `texts`: which events were."""

    coat: str
    text: bool
    texts: frozenset[int]
    appendices: Mapping[tuple[int, tuple[str | int, ...]], str]


def _read_call(call: Call, to: Destination, body: bytes, dialect: Format) -> Native:
    """Every event of `data` is an element, everything beside it is shared."""
    coat, beside, data = _posted(call, body)
    rows, texts = _events(data)
    appendices: dict[tuple[int, tuple[str | int, ...]], str] = {}
    shared = (*beside, *credentials.read_valid(call, _TOKEN))
    stamp = json_body.stamp(shared)
    return Native(
        call,
        tuple(_element(row, n, appendices, stamp) for n, row in enumerate(rows)),
        shared,
        dialect.route.account(call.path),
        {"written": Frame(coat, isinstance(data, str), texts, appendices)},
    )


def _write_call(rest: Rest, dialect: Format) -> Outgoing:
    """The same parameters in the same encoding, each event rebuilt."""
    written: Frame = rest.native.frame["written"]
    events: list[object] = []
    for n, one in enumerate(rest.kept):
        if one is not None:
            event = _event(n, one, written)
            events.append(orjson.dumps(event).decode() if n in written.texts else event)
    data: object = orjson.dumps(events).decode() if written.text else events
    own = any(leaf.role == SECRET and leaf.name != "appsecret_proof" for leaf in rest.native.shared)
    beside = [leaf for leaf in rest.shared if own or leaf.role != SECRET]  # the proof is one of the caller's own token
    query = pairs.rows(beside, QUERY)
    if not own:
        query.append(("access_token", rest.to.secret("access_token")))
    if rest.to.settings.get("test_event_code") and not any(leaf.name == "test_event_code" for leaf in beside):
        query.append(("test_event_code", rest.to.settings["test_event_code"]))
    headers: tuple[tuple[str, str], ...] = ()
    body = b""
    if written.coat == QUERY:
        query.append(("data", data))
    elif written.coat == JSON:
        headers, body = (("Content-Type", JSON),), orjson.dumps({**tree.below(beside, "body", _TABLE), "data": data})
    else:
        kind, body = form.write(written.coat, [*pairs.rows(beside, written.coat), ("data", data)])
        headers = (("Content-Type", kind),)
    return Outgoing("POST", dialect.route.url(rest.to, rest.native.call.path, pairs.write_pairs(query)), headers, body)


def _posted(call: Call, body: bytes) -> tuple[str, tuple[Leaf, ...], Any]:
    """The coat, the parameters beside `data`, and `data`. Raises Unreadable if it is not there exactly once."""
    query = pairs.read_pairs(call.query)
    found: list[Any] = [value for name, value in query if name == "data"]
    shared = pairs.leaves([row for row in query if row[0] != "data"], _TABLE, QUERY)
    if not body:
        coat = QUERY
    elif body.lstrip()[:1] == b"{":
        coat = JSON
        top = json_body.read_object(body)
        found += [top.pop("data")] if "data" in top else []
        for name, value in top.items():
            shared += tuple(tree.flatten(value, _TABLE, name, ("body", name)))
    else:
        coat, posted = form.read(body, form.content_type(call))
        found += [value for name, value in posted if name == "data"]
        shared += pairs.leaves([row for row in posted if row[0] != "data"], _TABLE, coat)
    if len(found) != 1:
        raise Unreadable("the events are not there exactly once")
    return coat, shared, found[0]


def _events(data: Any) -> tuple[list[dict[str, Any]], frozenset[int]]:
    """The events, and which of them were JSON as text."""
    rows = _text(data)
    if not isinstance(rows, list) or len(rows) > json_body.MAX_ELEMENTS:
        raise Unreadable("data is not a list, or too long")
    texts = frozenset(n for n, row in enumerate(rows) if isinstance(row, str))
    events = [_text(row) for row in rows]
    if any(not isinstance(event, dict) for event in events):
        raise Unreadable("data is not a list of objects")
    return events, texts


def _text(value: Any) -> Any:
    return json_body.read(value.encode("utf-8", "replace")) if isinstance(value, str) else value


def _element(
    row: dict[str, Any], n: int, appendices: dict[tuple[int, tuple[str | int, ...]], str], stamp: str | None
) -> Element:
    leaves: list[Leaf] = []
    for leaf in tree.flatten(row, _TABLE, "data"):
        if leaf.role == "items":
            leaf = leaf.but(value=contents.read(leaf.value))
        elif leaf.role == "ip" and isinstance(leaf.value, str):
            address, appendix = split_appendix(leaf.value)
            if appendix:
                appendices[n, leaf.path] = appendix
                leaf = leaf.but(value=address)
        leaves.append(leaf)
    extinfo = _extinfo(row)
    name = json_body.text(leaves, "data.event_name")
    return Element(
        _NAMES.get(name or "") or names.canonical(name),
        (*leaves, *extinfo),
        id=json_body.text(leaves, "data.event_id"),
        time=_seconds(leaves),
        stamp=json_body.stamp(leaves) or stamp,
    )


def split_appendix(value: str) -> tuple[str, str]:
    """An address and Meta's appendix to it, if it has one."""
    match = _APPENDIX.fullmatch(value)
    if match is None:
        return value, ""
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return match[1], match[2]
    return value, ""


def _extinfo(row: dict[str, Any]) -> tuple[Leaf, ...]:
    app = row.get("app_data")
    given = app.get("extinfo") if isinstance(app, dict) else None
    if not isinstance(given, list) or len(given) != 16:
        return ()
    if any(not (isinstance(given[n], str) and pattern.fullmatch(given[n])) for n, pattern in _EXTINFO.items()):
        return ()
    kept = [given[n] if n in _EXTINFO else "" for n in range(16)]
    return (Leaf("data.app_data.extinfo", PROTOCOL, kept, ("app_data", "extinfo")),)


def _seconds(leaves: Sequence[Leaf]) -> float | None:
    return times.whole_seconds(json_body.text(leaves, "data.event_time"))


def personal(field: str, value: Personal) -> str | None:
    """Normalised and hashed by Meta's rules; a hash passes as it came."""
    if field not in vendor.HASHED:
        return None
    return normalise.hashed(value, None if value.hashed else vendor.HASHED[field][1](value.value))


def _event(n: int, one: Kept, written: Frame) -> dict[str, Any]:
    leaves = []
    for leaf in one.leaves:
        if leaf.role == FLAG:
            continue
        if leaf.role == "items":
            bare = leaf.name.endswith("content_ids")
            leaf = leaf.but(value=contents.ids(leaf.value) if bare else contents.write(leaf.value))
        appendix = written.appendices.get((n, leaf.path)) if written.appendices else None
        leaves.append(leaf if appendix is None else leaf.but(value=f"{leaf.value}{appendix}"))
    event: dict[str, Any] = tree.rebuild(leaves, _TABLE)
    limited = any(leaf.value == "LDU" for leaf in one.leaves if leaf.name == f"data.{_LDU}")
    vendor.limit_data_use(event, given(one.leaves), one.shaping, limited=limited)
    return event


def _lacks(leaves: Sequence[Leaf], shaping: Shaping) -> str | None:
    """A name, a time that is not too old, and enough of `user_data`."""
    found = {leaf.name: leaf.value for leaf in leaves}
    missing = [name for name in ("data.event_name", "data.event_time") if name not in found]
    if missing:
        return f"{', '.join(missing)} missing"
    moment = _seconds(leaves)
    oldest = _IN_STORE if found.get("data.action_source") == "physical_store" else vendor.KIND.max_age
    if moment is None or shaping.at - moment > oldest:
        return "the event is older than Meta accepts"  # one such event would fail the whole request
    return vendor.insufficient({str(leaf.path[1]) for leaf in leaves if leaf.path[:1] == ("user_data",)})


def _taken(native: Native) -> Answer:
    return graph_answer.taken(len(native.elements))


def _told(answer: Answer, native: Native, kept: Sequence[Kept | None]) -> Answer:
    """Meta's own words about the caller's own events."""
    return graph_answer.relayed(answer, kept)


DIALECT: Final = Format(
    KIND="meta_capi",
    NAME="meta_capi /events",
    ACCOUNT="pixel_id",
    table=_TABLE,
    route=Route(
        re.compile(r"(?:/v[0-9]{1,3}\.[0-9])?/(?P<account>[0-9A-Za-z_-]{1,64})/events/?"), "https://graph.facebook.com"
    ),
    body=OwnBody(_read_call, _write_call),
    needs=Needs(more=_lacks),
    hashes=personal,
    reply=Reply(_taken, _told, fates=vendor.read_answer),
)
