"""Sentry's protocol, as its SDKs speak it.

    POST <endpoint>/api/<project>/envelope/      items: event, transaction, session(s), check_in, client_report, …
    POST <endpoint>/api/<project>/store/         one event as JSON, or that in zlib and base64

Each item is an element. What can only be sent unread (attachments, replays, profiles, feedback, logs) is dropped unless
the destination's `items` names its type. Success is 200 `{"id": …}`; an SDK goes silent for a while on 429, so it sees
one only where the vendor itself sent it. Source: see calls.toml.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import orjson

from gatekeeper.model import Answer, Call, Outgoing
from gatekeeper.vendors.dialect import PROTOCOL, SECRET, STAMP, STAMP_KEYS, UNKNOWN, Element, Kept, Leaf, Native
from gatekeeper.vendors.formats import coding, json_body, replies, table, times, tree
from gatekeeper.vendors.formats.format import Format, OwnBody, Rest
from gatekeeper.vendors.formats.parts import Needs, Route
from gatekeeper.vendors.formats.replies import Reply
from gatekeeper.vendors.kind import Destination, Shaping
from gatekeeper.vendors.sentry import envelope

_TABLE: Final = table.load(__package__, "calls.toml", below={"stacktrace.": ("exception.values.", "threads.values.")})
_EVENTS: Final = {"event": "error", "transaction": "transaction"}
_KINDS: Final = frozenset({*_EVENTS, "session", "sessions", "client_report", "check_in"})
_PERFORMANCE: Final = frozenset({"spans", "start_timestamp", "measurements"})
# What an item's payload needs besides what the gate left of it.
_NEEDS: Final = {
    "transaction": ("transaction", "timestamp", "start_timestamp", "contexts.trace.trace_id"),
    "session": ("session.sid", "session.started"),
    "sessions": ("sessions.aggregates.started",),
    "client_report": ("client_report.discarded_events.quantity",),
    "check_in": ("check_in.monitor_slug", "check_in.status"),
}
_SAYS: Final = ("message", "logentry.message", "logentry.formatted", "message.message", "message.formatted")
_KEY: Final = re.compile(r"(?:^|[\s,])sentry_key\s*=\s*([A-Za-z0-9_-]{1,64})(?=[\s,]|$)")
_PUBLIC: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LARGEST: Final = 2**20  # bytes of an event, as Sentry limits them
_EVENT_ID: Final = re.compile(r"[0-9a-f]{32}")
_LIMITS: Final = re.compile(r"[0-9]{1,6}:[a-z_;]{0,200}:[a-z_]{0,20}(:[a-z_]{0,40})?(:[a-z_;]{0,80})?")
_ITEM_HEADERS: Final = {
    "content_type": re.compile(r"[a-z]{1,20}/[a-z0-9.+-]{1,60}"),
    "attachment_type": re.compile(r"event\.[a-z_]{1,20}"),
    "filename": re.compile(r"[A-Za-z][A-Za-z_-]{0,40}\.[a-z0-9]{1,8}"),
    "platform": re.compile(r"[a-z-]{1,20}"),
    "item_count": re.compile(r"[0-9]{1,5}"),
}


def _read_call(call: Call, to: Destination, body: bytes, dialect: Format) -> Native:
    """The envelope's header is shared; each item is an element."""
    route = dialect.route.paths.fullmatch(call.path)
    account = _account(to, "" if route is None else route[1])
    if route is not None and route[2] == "store":
        event = _element("event", _stored(body))
        return Native(call, (event,), _auth(call, None), account, {"store": True, "heads": ({},)})
    header, items = envelope.read(body)
    shared = (*_auth(call, header.pop("dsn", None)), *tree.flatten(header, _TABLE, "envelope", ("envelope",)))
    allowed = to.settings.get("items", ())
    return Native(
        call,
        tuple(_read(item, allowed) for item in items),
        shared,
        account,
        {"heads": tuple(_head(item) for item in items), "id": header.get("event_id")},
    )


def _write_call(rest: Rest, dialect: Format) -> Outgoing:
    """The same items, each rebuilt with its own length."""
    headers = (("X-Sentry-Auth", _authorization(rest.to, rest.shared)),)
    url = dialect.route.url(rest.to, rest.native.call.path)
    if rest.native.frame.get("store"):
        body = _payload(rest.sent[0].leaves)
        return Outgoing("POST", url, (("Content-Type", "application/json"), *headers), body)
    header = tree.below(rest.shared, "envelope", _TABLE)
    heads = zip(rest.kept, rest.native.frame["heads"], strict=True)
    body = envelope.write(header, ((head, _payload(one.leaves)) for one, head in heads if one is not None))
    return Outgoing("POST", url, (("Content-Type", "application/x-sentry-envelope"), *headers), body)


def _stored(body: bytes) -> bytes:
    """The event of a store request: JSON, or as raven clients write it, that in zlib and base64."""
    if body.lstrip()[:1] == b"{":
        return body
    try:
        plain = base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        return body
    return plain if plain.lstrip()[:1] == b"{" else coding.decode(plain, "deflate", _LARGEST)


def _account(to: Destination, project: str) -> str | None:
    """The DSN itself where the call is for its project: what `ACCOUNT` compares with. `None` without a DSN."""
    dsn = to.settings.get("dsn")
    if dsn is None:
        return None
    return str(dsn) if urlsplit(dsn).path.rpartition("/")[2] == project else f"project {project}"


def _auth(call: Call, dsn: object) -> tuple[Leaf, ...]:
    """The public key, from where the SDK put it: a header, the query or the envelope's own DSN."""
    found: list[str] = []
    for name, value in call.headers:
        if name in (b"x-sentry-auth", b"authorization") and value.lower().startswith(b"sentry "):
            found += _KEY.findall(value.decode("latin-1"))
    found += parse_qs(call.query, max_num_fields=50).get("sentry_key", [])
    with suppress(ValueError):
        found.append(urlsplit(dsn).username or "" if isinstance(dsn, str) else "")
    keys = [key for key in found if _PUBLIC.fullmatch(key)]
    return (Leaf("sentry_key", SECRET, keys[0], ("auth",)),) if keys else ()


def _head(item: envelope.Item) -> dict[str, Any]:
    """What may stay of an item's header besides its length."""
    kept = {
        name: item.header[name]
        for name, pattern in _ITEM_HEADERS.items()
        if isinstance(item.header.get(name), (str, int)) and pattern.fullmatch(str(item.header[name]))
    }
    return {"type": item.header.get("type"), **kept}


def _read(item: envelope.Item, allowed: Sequence[str]) -> Element:
    kind = item.header.get("type")
    name = kind if isinstance(kind, str) and re.fullmatch("[a-z][a-z_]{0,30}", kind) else "unnamed"
    if name in _KINDS:
        return _element(name, item.payload)
    role = PROTOCOL if name in allowed else UNKNOWN
    return Element(name, (Leaf(f"item.{name}", role, item.payload, ("unread",)),))


def _element(kind: str, payload: bytes) -> Element:
    data = json_body.read_object(payload)
    event = _EVENTS.get(kind, kind)
    if kind == "event" and (data.get("type") == "transaction" or not _PERFORMANCE.isdisjoint(data)):
        event = "transaction"  # whatever the item is called
    stamp = _stamp(data)
    for name in ("exception", "threads", "breadcrumbs"):  # each may come as a list, or as one without `values`
        inner = data.get(name)
        if isinstance(inner, list):
            data[name] = {"values": inner}
        elif name == "exception" and isinstance(inner, dict) and "values" not in inner:
            data[name] = {"values": [inner]}
    leaves = tree.flatten(data, _TABLE, "" if kind in _EVENTS else kind)
    filled = {f"{name}.formatted" for name in ("logentry", "message") if _is_filled(data.get(name))}
    if filled:
        filled |= {"message"} if "logentry.formatted" in filled else set()
        leaves = [leaf.but(role=UNKNOWN) if leaf.name in filled else leaf for leaf in leaves]
    moment = data.get("timestamp")
    return Element(
        event,
        (Leaf(f"item.{kind}", PROTOCOL, kind), *leaves),
        id=json_body.text(leaves, "event_id"),
        time=times.seconds(moment),
        stamp=stamp or json_body.stamp(leaves),
    )


def _is_filled(message: object) -> bool:
    """Whether a message is a template that was filled: with the parameters, what they were filled into goes, too."""
    return isinstance(message, dict) and bool(message.get("params"))


def _stamp(data: dict[str, Any]) -> str | None:
    """A mark in a context of its own, taken out: Sentry's contexts are objects, so it is the one text in it."""
    contexts = data.get("contexts")
    for name in STAMP_KEYS:
        mark = contexts.pop(name, None) if isinstance(contexts, dict) else None
        if isinstance(mark, dict):
            return next((value for value in mark.values() if isinstance(value, str)), "")
    return None


def _payload(leaves: Iterable[Leaf]) -> bytes:
    leaves = tuple(leaves)
    for leaf in leaves:
        if leaf.path == ("unread",) and isinstance(leaf.value, bytes):
            return leaf.value
    return orjson.dumps(tree.rebuild(leaves, _TABLE))


def _authorization(to: Destination, shared: Iterable[Leaf]) -> str:
    """The caller's public key, or that of the policy's own DSN."""
    key = next((str(leaf.value) for leaf in shared if leaf.path == ("auth",)), None)
    if key is None and to.settings.get("dsn"):
        key = urlsplit(to.settings["dsn"]).username
    return "Sentry sentry_version=7, sentry_client=gatekeeper/1" + (f", sentry_key={key}" if key else "")


def _lacks(leaves: Sequence[Leaf], shaping: Shaping) -> str | None:
    """An item of a type that may be sent, with what its type needs; an event says something about an error."""
    names = {leaf.name for leaf in leaves if leaf.role != STAMP}
    kind = next((leaf.value for leaf in leaves if leaf.name.startswith("item.") and not leaf.path), None)
    if kind is None:
        return None if any(leaf.path == ("unread",) for leaf in leaves) else "the policy does not list this item type"
    if kind == "event":
        told = not names.isdisjoint(_SAYS) or any(
            name in ("exception.values.type", "exception.values.value") or "stacktrace.frames." in name
            for name in names
        )
        return None if told else "nothing about an error is left"
    missing = [name for name in _NEEDS[str(kind)] if name not in names]
    return f"{', '.join(missing)} missing" if missing else None


def _taken(native: Native) -> Answer:
    """200 with the event's own id."""
    ids = [native.frame.get("id"), *(one.id for one in native.elements)]
    event_id = next((one for one in ids if isinstance(one, str) and _EVENT_ID.fullmatch(one)), "0" * 32)
    return replies.json_answer({"id": event_id})


def _told(answer: Answer, native: Native, kept: Sequence[Kept | None]) -> Answer:
    """Success as ever; else the status, and how long the vendor wants to be left alone."""
    limits = tuple(
        (title, value)
        for name, value in answer.headers
        for title, pattern in (("X-Sentry-Rate-Limits", _LIMITS), ("Retry-After", re.compile("[0-9]{1,6}")))
        if name.lower() == title.lower() and all(pattern.fullmatch(part.strip()) for part in value.split(","))
    )
    if 200 <= answer.status < 300:
        made = _taken(native)
        return Answer(200, (*made.headers, *limits), made.body)
    return Answer(answer.status, limits)


DIALECT: Final = Format(
    KIND="sentry",
    NAME="sentry /envelope/",
    ACCOUNT="dsn",
    table=_TABLE,
    route=Route(re.compile(r"/api/([0-9]{1,20})/(envelope|store)/?")),
    body=OwnBody(_read_call, _write_call),
    needs=Needs(more=_lacks),
    reply=Reply(_taken, _told),
)
