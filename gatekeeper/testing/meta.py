"""Meta Conversions API: `POST /v26.0/<dataset>/events`. All or nothing: one bad event fails the request.

The rules for one event are in `meta_event.py`; this file knows the endpoint, its encodings and answers.
"""

from __future__ import annotations

import re
import secrets
from urllib.parse import parse_qs

import orjson

from gatekeeper.model import Answer
from gatekeeper.testing.fields import documented
from gatekeeper.testing.meta_event import BEST_PRACTICES, ENDPOINT, SUBCODES, check_event
from gatekeeper.testing.received import Problem, Received
from gatekeeper.testing.vendor import Object, Report, errors, is_hash, is_text, objects, reply

KIND = "meta_capi"

MAX_EVENTS = 1000

_PATH = re.compile(r"/v\d+\.\d+/\d+/events/?")
_BOUNDARY = re.compile(r"boundary=\"?([^\";,\s]+)", re.IGNORECASE)
_PART_NAME = re.compile(rb"\bname=\"([^\"]*)\"", re.IGNORECASE)
_NOT_FOUND = "not an endpoint of the Conversions API"
_UNAUTHORIZED = "access_token is needed"
_FIELDS = documented("meta_capi", "body")


def check(received: Received) -> tuple[Problem, ...]:
    """The documented rules for the request and each of its events."""
    report = Report(ENDPOINT)
    if not _PATH.fullmatch(received.path):
        report.error("path", _NOT_FOUND)
        return tuple(report.problems)
    if received.method != "POST":
        report.error("method", "POST is needed")
    fields = _fields(received)
    token = received.query.get("access_token", [fields.get("access_token")])[0]
    bearer = (received.header("authorization") or "").lower().startswith("bearer ")
    if not is_text(token) and not bearer:
        report.error("access_token", _UNAUTHORIZED)
    proof = received.query.get("appsecret_proof", [fields.get("appsecret_proof")])[0]
    if proof is not None and not is_hash(proof):
        report.error("appsecret_proof", "not an HMAC-SHA256 in 64 lower-case hex digits")
    report.unknown_keys(fields, _FIELDS, "", "warning")
    listed = fields.get("data")
    if not isinstance(listed, list) or not listed:
        report.error("data", "data is needed: a list of events")
        return tuple(report.problems)
    if len(listed) > MAX_EVENTS:
        report.error("data", f"more than {MAX_EVENTS} events", BEST_PRACTICES)
    for index, event in enumerate(listed):
        if isinstance(event, dict):
            check_event(event, f"data[{index}]", received.at, report)
        else:
            report.error(f"data[{index}]", "not an object")
    return tuple(report.problems)


def events(received: Received) -> tuple[Object, ...]:
    """`data`, decoded from whichever encoding carried it."""
    if not _PATH.fullmatch(received.path):
        return ()
    return tuple(event for _, event in objects(_fields(received).get("data"), ""))


def answer(received: Received, problems: tuple[Problem, ...]) -> Answer:
    """200 with the number of events, or 400 with the first error, 404 where Meta has no such endpoint."""
    trace = secrets.token_urlsafe(17)
    refused = errors(problems)
    if not refused:
        return reply(200, {"events_received": len(events(received)), "messages": [], "fbtrace_id": trace})
    first = refused[0]
    if first.rule == _UNAUTHORIZED:
        kind, code = "OAuthException", 104
    elif first.rule == _NOT_FOUND:
        kind, code = "OAuthException", 2500
    else:
        kind, code = "OAuthException", 100
    error: Object = {
        "message": f"(#{code}) {first.path}: {first.rule}",
        "type": kind,
        "code": code,
        "is_transient": False,
        "error_user_title": "Invalid parameter",
        "error_user_msg": f"{first.path}: {first.rule}",
        "fbtrace_id": trace,
    }
    if first.rule in SUBCODES:
        error["error_subcode"] = SUBCODES[first.rule]
    return reply(404 if first.rule == _NOT_FOUND else 400, {"error": error})


def _fields(received: Received) -> Object:
    """The body's fields from JSON, form or multipart; `data` as a list, its JSON strings decoded too."""
    raw = received.decoded or b""
    fields: Object
    match received.content_type:
        case "application/x-www-form-urlencoded":
            form = parse_qs(raw.decode(errors="replace"), keep_blank_values=True)
            fields = {name: values[-1] for name, values in form.items()}
        case "multipart/form-data":
            fields = _multipart(received.header("content-type") or "", raw)
        case _:
            body = received.json
            fields = dict(body) if isinstance(body, dict) else {}
    listed = _from_string(fields.get("data"))
    if isinstance(listed, list):
        listed = [_from_string(event) for event in listed]
    return fields | {"data": listed} if "data" in fields else fields


def _from_string(value: object) -> object:
    """JSON inside a string, decoded; anything else as it is."""
    try:
        return orjson.loads(value) if isinstance(value, str) else value
    except orjson.JSONDecodeError:
        return value


def _multipart(content_type: str, raw: bytes) -> Object:
    """The text fields of a multipart/form-data body (RFC 7578)."""
    boundary = _BOUNDARY.search(content_type)
    if boundary is None:
        return {}
    fields: Object = {}
    delimiter = b"\r\n--" + boundary[1].encode("latin-1", "replace")
    for part in (b"\r\n" + raw).split(delimiter)[1:]:
        head, _, value = part.partition(b"\r\n\r\n")
        name = _PART_NAME.search(head)
        if name is not None:
            fields[name[1].decode(errors="replace")] = value.decode(errors="replace")
    return fields
