"""Google Analytics 4: Measurement Protocol (`/mp/collect`, `/debug/mp/collect`) and web hits (`/g/collect`).

`/mp/collect` answers 204 to anything, as Google does: an event that Google drops is seen in `problems` only.
The validation server at `/debug/mp/collect` lists them in its answer.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qs

from gatekeeper.model import Answer
from gatekeeper.testing.fields import documented
from gatekeeper.testing.ga4_event import (
    COLLECTION_LIMITS,
    LIMITS,
    REFERENCE,
    check_events,
    check_name,
    check_time,
)
from gatekeeper.testing.received import Problem, Received
from gatekeeper.testing.vendor import (
    HTTP,
    NOT_A_HASH,
    Object,
    Report,
    errors,
    is_address,
    is_hash,
    is_number,
    is_text,
    join,
    objects,
    reply,
    texts,
)

KIND = "ga4"

USER_DATA = "developers.google.com/analytics/devguides/collection/ga4/uid-data"
WEB = "web hits as gtag.js sends them"

MAX_BODY = 130_000  # bytes
MAX_PROPERTIES = 25

_PROTOCOL = ("/mp/collect", "/debug/mp/collect")
_STREAM = re.compile(r"G-[A-Z0-9]+")
_BODY = documented("ga4", "body")
_CONSENT = documented("ga4", "consent")
_LOCATION = documented("ga4", "user_location")
_DEVICE = documented("ga4", "device")
_HASHED = ("sha256_email_address", "sha256_phone_number")
_HASHED_ADDRESS = ("sha256_first_name", "sha256_last_name", "sha256_street")
_ADDRESS = frozenset((*_HASHED_ADDRESS, "city", "region", "postal_code", "country"))


def check(received: Received) -> tuple[Problem, ...]:
    """The documented rules of the endpoint that was called."""
    report = Report(REFERENCE)
    if received.path in _PROTOCOL:
        _check_protocol(received, report)
    elif received.path == "/g/collect":
        _check_web(received, report)
    else:
        report.error("path", "not an endpoint of Google Analytics")
    return tuple(report.problems)


def events(received: Received) -> tuple[Object, ...]:
    """`events` of the Measurement Protocol; one flat object per web hit, its line overriding the query."""
    if received.path == "/g/collect":
        return tuple(dict(hit) for hit in _web_hits(received))
    body = received.json
    if not isinstance(body, dict) or received.path not in _PROTOCOL:
        return ()
    return tuple(event for _, event in objects(body.get("events"), ""))


def answer(received: Received, problems: tuple[Problem, ...]) -> Answer:
    """204 whatever came; the validation server 200 with its messages; 404 and 405 for what is not served."""
    if received.path == "/g/collect":
        origin = received.header("origin")
        if origin is None:
            return Answer(204)
        allow = (("Access-Control-Allow-Origin", origin), ("Access-Control-Allow-Credentials", "true"))
        return Answer(204, allow)
    if received.path not in _PROTOCOL:
        return Answer(404)
    if received.method != "POST":
        return Answer(405, (("Allow", "POST"),))
    if received.path == "/mp/collect":
        return Answer(204)
    messages = [
        {"fieldPath": problem.path, "description": problem.rule, "validationCode": _code(problem)}
        for problem in errors(problems)
    ]
    return reply(200, {"validationMessages": messages})


def _code(problem: Problem) -> str:
    """The validation server's code for a problem (protocol/ga4/validating-events)."""
    for words, code in (
        ("is needed", "VALUE_REQUIRED"),
        ("reserved", "NAME_RESERVED"),
        ("not a name", "NAME_INVALID"),
        ("more than", "EXCEEDED_MAX_ENTITIES"),
        ("characters", "VALUE_OUT_OF_BOUNDS"),
    ):
        if words in problem.rule:
            return code
    return "VALUE_INVALID"


def _check_protocol(received: Received, report: Report) -> None:
    if received.method != "POST":
        report.error("method", "POST is needed")
    app = "firebase_app_id" in received.query
    stream = received.query.get("measurement_id", [""])[0]
    if not app and not _STREAM.fullmatch(stream):
        report.error("query:measurement_id", "measurement_id (G-…) or firebase_app_id is needed")
    if not is_text(received.query.get("api_secret", [""])[0]):
        report.error("query:api_secret", "api_secret is needed")
    if len(received.decoded or received.body) >= MAX_BODY:
        report.error("body", f"not smaller than {MAX_BODY} bytes", LIMITS)
    body = received.json
    if not isinstance(body, dict):
        report.error("body", "not a JSON object")
        return
    report.unknown_keys(body, _BODY, "")
    identifier = "app_instance_id" if app else "client_id"
    if not is_text(body.get(identifier)):
        report.error(identifier, f"{identifier} is needed")
    if "user_id" in body and not (is_text(body["user_id"]) and len(str(body["user_id"])) <= 256):
        report.error("user_id", "not a string of at most 256 characters", COLLECTION_LIMITS)
    if "ip_override" in body and not is_address(body["ip_override"]):
        report.error("ip_override", "not an IP address")
    if body.get("validation_behavior", "RELAXED") not in ("RELAXED", "ENFORCE_RECOMMENDATIONS"):
        report.error("validation_behavior", "neither RELAXED nor ENFORCE_RECOMMENDATIONS")
    check_time(body, "timestamp_micros", received.at, report)
    _check_part(body, "consent", _CONSENT, report)
    _check_part(body, "user_location", _LOCATION, report)
    _check_part(body, "device", _DEVICE, report)
    _check_user_properties(body, report)
    _check_user_data(body, report)
    check_events(body, received.at, report)


def _check_part(body: Object, name: str, known: frozenset[str], report: Report) -> None:
    """An object of strings with fixed keys; consent has fixed values too."""
    if name not in body:
        return
    part = body[name]
    if not isinstance(part, dict):
        report.error(name, "not an object")
        return
    report.unknown_keys(part, known, name)
    for key, value in part.items():
        if name == "consent" and value not in ("GRANTED", "DENIED"):
            report.error(join(name, key), "neither GRANTED nor DENIED")
        elif not isinstance(value, str):
            report.error(join(name, key), "not a string")


def _check_user_properties(body: Object, report: Report) -> None:
    properties = body.get("user_properties", {})
    if not isinstance(properties, dict):
        report.error("user_properties", "not an object")
        return
    if len(properties) > MAX_PROPERTIES:
        report.error("user_properties", f"more than {MAX_PROPERTIES} user properties", LIMITS)
    for name, held in properties.items():
        path = join("user_properties", name)
        check_name(name, 24, path, report)
        value = held.get("value") if isinstance(held, dict) else None
        if not isinstance(value, str) and not is_number(value):
            report.error(path, "value is needed: a string or a number")
        elif isinstance(value, str) and len(value) > 36:
            report.error(f"{path}.value", "longer than 36 characters", LIMITS)


def _check_user_data(body: Object, report: Report) -> None:
    user_data = body.get("user_data", {})
    if not isinstance(user_data, dict):
        report.error("user_data", "not an object", USER_DATA)
        return
    report.unknown_keys(user_data, frozenset({*_HASHED, "address"}), "user_data")
    _check_hashes(user_data, _HASHED, "user_data", report)
    address = user_data.get("address", [])
    for path, one in objects(address if isinstance(address, list) else [address], "user_data.address"):
        report.unknown_keys(one, _ADDRESS, path)
        _check_hashes(one, _HASHED_ADDRESS, path, report)


def _check_hashes(holder: Object, names: tuple[str, ...], path: str, report: Report) -> None:
    for name in names:
        for where, value in texts(holder.get(name, []), f"{path}.{name}"):
            if not is_hash(value):
                report.error(where, NOT_A_HASH, USER_DATA)


def _web_hits(received: Received) -> list[dict[str, str]]:
    """The hits in one web request: the query, overridden by each line of the body."""
    query = {name: values[-1] for name, values in received.query.items()}
    lines = (received.decoded or b"").decode(errors="replace").split("\n")
    hits = [parse_qs(line.rstrip("\r"), keep_blank_values=True) for line in lines if line.strip()]
    return [query | {name: values[-1] for name, values in hit.items()} for hit in hits or [{}]]


def _check_web(received: Received, report: Report) -> None:
    if received.method not in {"GET", "POST"}:
        report.error("method", "GET or POST is needed", HTTP)
    for index, hit in enumerate(_web_hits(received)):
        if hit.get("v") != "2":
            report.error(f"hits[{index}].v", "protocol version 2 is needed", WEB)
        if not _STREAM.fullmatch(hit.get("tid", "")):
            report.error(f"hits[{index}].tid", "a measurement id (G-…) is needed", WEB)
        if not hit.get("en"):
            report.error(f"hits[{index}].en", "an event name is needed", WEB)
