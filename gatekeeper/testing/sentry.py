"""Sentry: `/api/<project>/envelope/` and the older `/api/<project>/store/`.

Answers as Relay does: who does not authenticate gets 401, an envelope that cannot be taken apart 400;
everything else gets 200 with the event id, because Sentry judges an event later and out of sight.
"""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from collections.abc import Iterator
from urllib.parse import urlsplit

import orjson

from gatekeeper.model import Answer
from gatekeeper.testing.received import Problem, Received
from gatekeeper.testing.vendor import Object, Report, errors, is_number, is_text, reply

KIND = "sentry"

AUTH = "develop.sentry.dev/sdk/foundations/transport/authentication"
RELAY = "getsentry/relay, relay-server/src/extractors/request_meta.rs"
ENVELOPES = "develop.sentry.dev/sdk/foundations/transport/envelopes"
EVENTS = "develop.sentry.dev/sdk/foundations/transport/event-payloads"
LIMITS = "develop.sentry.dev/sdk/foundations/transport/envelopes#size-limits"

MAX_BODY = 20 * 1024 * 1024  # bytes, compressed
MAX_EVENT = 1024 * 1024  # bytes

_PATH = re.compile(r"/api/(\d+)/(envelope|store)/?")
_KEY = re.compile(r"(?:^|[\s,])sentry_key\s*=\s*([^,\s]+)")
_LINE_FEEDS = re.compile(rb"\n+")
_EVENT_ID = re.compile(r"[0-9a-f]{32}")
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?")


def check(received: Received) -> tuple[Problem, ...]:
    """Authentication, then the framing, then each event."""
    report = Report(ENVELOPES)
    route = _PATH.fullmatch(received.path)
    if route is None:
        report.error("path", "not an endpoint of Sentry")
        return tuple(report.problems)
    if received.method != "POST":
        report.error("method", "POST is needed")
    if len(received.body) > MAX_BODY:
        report.error("body", f"more than {MAX_BODY} bytes", LIMITS)
    raw = received.decoded
    if raw is None:
        report.error("body", "does not decompress")
        return tuple(report.problems)
    if route[2] == "store":
        _check_auth(received, None, route[1], report)
        event = received.json
        if isinstance(event, dict):
            _check_event(event, len(raw), "event", report)
        else:
            report.error("body", "not a JSON object", EVENTS)
    else:
        _check_envelope(received, raw, route[1], report)
    return tuple(report.problems)


def events(received: Received) -> tuple[Object, ...]:
    """The payloads of the items of type `event`, or the one event of a store request."""
    route, raw = _PATH.fullmatch(received.path), received.decoded
    if route is None or raw is None:
        return ()
    if route[2] == "store":
        return (received.json,) if isinstance(received.json, dict) else ()
    found = []
    for header, payload, fault in _items(raw):
        is_event = fault is None and header is not None and header.get("type") == "event"
        event = _json(payload) if is_event else None
        if isinstance(event, dict):
            found.append(event)
    return tuple(found)


def answer(received: Received, problems: tuple[Problem, ...]) -> Answer:
    """200 `{"id": …}`; 401 without authentication, 400, 404, 405 or 413 for what is no envelope."""
    for problem in errors(problems):
        match problem.path:
            case "path":
                return reply(404, {"detail": problem.rule})
            case "method":
                return reply(405, {"detail": problem.rule})
            case "auth":
                return reply(401, {"detail": problem.rule})
            case "body" if problem.source == LIMITS:
                return reply(413, {"detail": problem.rule})
            case path if path == "body" or path.startswith("envelope"):
                return reply(400, {"detail": problem.rule})
    named = [event.get("event_id") for event in events(received)] + [_header(received).get("event_id")]
    event_id = next((name for name in named if isinstance(name, str)), secrets.token_hex(16))
    return reply(200, {"id": event_id})


def _check_envelope(received: Received, raw: bytes, project: str, report: Report) -> None:
    header = _json(raw.partition(b"\n")[0])
    if not isinstance(header, dict):
        _check_auth(received, None, project, report)
        report.error("envelope.header", "not a JSON object")
        return
    _check_auth(received, header.get("dsn"), project, report)
    listed = 0
    for index, (item, payload, fault) in enumerate(_items(raw)):
        path = f"items[{index}]"
        if item is None or fault is not None:
            report.error(f"envelope.{path}", fault or "an item header that is not a JSON object")
            return
        if not is_text(item.get("type")):
            report.error(f"envelope.{path}.type", "type is needed")
        if item.get("type") != "event":
            continue
        listed += 1
        event = _json(payload)
        if not isinstance(event, dict):
            report.error(path, "not a JSON object", EVENTS)
            continue
        _check_event(event, len(payload), path, report)
        if header.get("event_id") != event.get("event_id"):
            report.error(f"{path}.event_id", "not the event_id of the envelope's header")
    if listed > 1:
        report.error("envelope.items", "more than one event")


def _check_event(event: Object, size: int, path: str, report: Report) -> None:
    event_id, timestamp = event.get("event_id"), event.get("timestamp")
    if not isinstance(event_id, str) or not _EVENT_ID.fullmatch(event_id):
        report.error(f"{path}.event_id", "event_id is needed: 32 lower-case hex digits", EVENTS)
    if not is_number(timestamp) and not (isinstance(timestamp, str) and _TIMESTAMP.fullmatch(timestamp)):
        report.error(f"{path}.timestamp", "timestamp is needed: RFC 3339 or Unix seconds", EVENTS)
    if not is_text(event.get("platform")):
        report.error(f"{path}.platform", "platform is needed", EVENTS)
    if size > MAX_EVENT:
        report.error(path, f"an event of more than {MAX_EVENT} bytes", LIMITS)


def _check_auth(received: Received, dsn: object, project: str, report: Report) -> None:
    """The public key, from one place of the request or from the envelope's header; both must agree."""
    keys = []
    for name in ("x-sentry-auth", "authorization"):
        value = received.header(name) or ""
        if value.lower().startswith("sentry "):
            found = _KEY.search(value)
            keys.append(found[1] if found else "")
        elif name == "authorization" and value.lower().startswith("basic "):
            keys.append(_basic_user(value[6:]))
    if "sentry_key" in received.query:
        keys.append(received.query["sentry_key"][0])
    if len(keys) > 1:
        report.error("auth", "multiple authorization payloads detected", RELAY)
    if dsn is None:
        if not any(keys):
            report.error("auth", "missing authorization information", AUTH)
        return
    key, named = _split_dsn(dsn)
    if not key or not named:
        report.error("auth", "bad envelope authentication header", RELAY)
    elif (keys and keys[0] != key) or named != project:
        report.error("envelope.dsn", "dsn header mismatch between envelope and request")


def _split_dsn(dsn: object) -> tuple[str, str]:
    """The public key and the project of a DSN; empty where it is none."""
    try:
        parts = urlsplit(dsn if isinstance(dsn, str) else "")
    except ValueError:
        return "", ""
    return parts.username or "", parts.path.rpartition("/")[2]


def _basic_user(encoded: str) -> str:
    try:
        return base64.b64decode(encoded, validate=True).decode(errors="replace").partition(":")[0]
    except (binascii.Error, ValueError):
        return ""


def _header(received: Received) -> Object:
    """The envelope's header, or an empty object."""
    header = _json((received.decoded or b"").partition(b"\n")[0])
    return header if isinstance(header, dict) else {}


def _items(raw: bytes) -> Iterator[tuple[Object | None, bytes, str | None]]:
    """Header, payload and fault of each item; the first fault ends the reading."""
    position = raw.find(b"\n") + 1 or len(raw)
    while (position := _past_empty_lines(raw, position)) < len(raw):
        end = _line_end(raw, position)
        start = min(end + 1, len(raw))
        header = _json(raw[position:end])
        if not isinstance(header, dict):
            yield None, b"", None
            return
        length = header.get("length")
        if length is None:
            stop = _line_end(raw, start)
        elif isinstance(length, int) and not isinstance(length, bool) and length >= 0:
            stop = start + length
        else:
            yield header, b"", "length is not a number of bytes"
            return
        if stop > len(raw):
            yield header, raw[start:], "the payload is shorter than its length"
            return
        if raw[stop : stop + 1] not in (b"", b"\n"):
            yield header, raw[start:stop], "no line feed after the payload: a wrong length"
            return
        yield header, raw[start:stop], None
        position = stop + 1


def _past_empty_lines(raw: bytes, position: int) -> int:
    """Where the next line begins that is not empty, or the end of the data."""
    empty = _LINE_FEEDS.match(raw, position)
    return empty.end() if empty else position


def _line_end(raw: bytes, position: int) -> int:
    """Where the line ends that begins at `position`: its line feed, or the end of the data."""
    found = raw.find(b"\n", position)
    return len(raw) if found < 0 else found


def _json(data: bytes) -> object:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
