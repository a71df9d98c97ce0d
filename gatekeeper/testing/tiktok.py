"""TikTok Events API 2.0: `POST /open_api/v1.3/event/track/`, and the older `pixel/track/` and `pixel/batch/`.

Errors come inside HTTP 200: `code` says what happened, `message` names the path as `Batch.0.user.email`.
"""

from __future__ import annotations

import re
import secrets

from gatekeeper.model import Answer
from gatekeeper.testing.fields import documented
from gatekeeper.testing.received import Problem, Received
from gatekeeper.testing.vendor import (
    CURRENCY,
    NOT_A_HASH,
    Object,
    Report,
    errors,
    is_address,
    is_hash,
    is_number,
    is_text,
    is_url,
    objects,
    reply,
    texts,
)

KIND = "tiktok"

# TikTok's own pages are not to be had without an account; these implementations agree with each other.
SOURCE = "Events API 2.0, as sent by segmentio/action-destinations and rudderlabs/rudder-transformer"
TAG = "Events API 2.0, as sent by stape-io/tiktok-tag"

MAX_EVENTS = 1000
MAX_EVENTS_V1 = 50
MAX_AGE = 28 * 86400  # seconds

TRACK = "/open_api/v1.3/event/track/"
_OLD = {"/open_api/v1.3/pixel/track/", "/open_api/v1.3/pixel/batch/"}
_UNAUTHORIZED = "Access-Token is needed"
_BODY = documented("tiktok", "body")
_EVENT = documented("tiktok", "event")
_HASHED = documented("tiktok", "user_hashed")
_CLEAR = documented("tiktok", "user_clear")
_BATCH = re.compile(r"(?:data|batch)\[(\d+)\]")


def check(received: Received) -> tuple[Problem, ...]:
    """The documented rules for the request and each of its events."""
    report = Report(SOURCE)
    if received.path != TRACK and received.path not in _OLD:
        report.error("path", "not an endpoint of the Events API")
        return tuple(report.problems)
    if received.method != "POST":
        report.error("method", "POST is needed")
    if not is_text(received.header("access-token")):
        report.error("header:Access-Token", _UNAUTHORIZED)
    body = received.json
    if not isinstance(body, dict):
        report.error("body", "not a JSON object")
    elif received.path == TRACK:
        _check_track(body, received.at, report)
    else:
        _check_old(body, report)
    return tuple(report.problems)


def events(received: Received) -> tuple[Object, ...]:
    """`data`; in the older shape `batch`, or the body itself."""
    body = received.json
    if not isinstance(body, dict):
        return ()
    listed: object = []
    if received.path == TRACK:
        listed = body.get("data")
    elif received.path in _OLD:
        listed = body.get("batch", [body])
    return tuple(event for _, event in objects(listed, ""))


def answer(received: Received, problems: tuple[Problem, ...]) -> Answer:
    """HTTP 200 with `code` 0, 40002 (a bad field) or 40105 (no token); 404 and 405 for what is not served."""
    refused = errors(problems)
    code, message = 0, "OK"
    for problem in refused:
        if problem.path == "path":
            return Answer(404)
        if problem.path == "method":
            return Answer(405, (("Allow", "POST"),))
    if any(problem.rule == _UNAUTHORIZED for problem in refused):
        code, message = 40105, "Access token is incorrect or has been revoked."
    elif refused:
        path = _BATCH.sub(r"Batch.\1", refused[0].path)
        code, message = 40002, f"{path}: {refused[0].rule}"
    return reply(200, {"code": code, "message": message, "request_id": secrets.token_hex(16), "data": {}})


def _check_track(body: Object, now: float, report: Report) -> None:
    report.unknown_keys(body, _BODY, "", "warning")
    source = body.get("event_source")
    if source not in ("web", "app", "offline", "crm"):
        report.error("event_source", "event_source is needed: web, app, offline or crm")
    if not is_text(body.get("event_source_id")):
        report.error("event_source_id", "event_source_id is needed: the pixel code")
    listed = body.get("data")
    if not isinstance(listed, list) or not listed:
        report.error("data", "data is needed: a list of events")
        return
    if len(listed) > MAX_EVENTS:
        report.error("data", f"more than {MAX_EVENTS} events")
    for index, event in enumerate(listed):
        path = f"data[{index}]"
        if isinstance(event, dict):
            _check_event(event, path, now, report)
            if source == "web" and "page" not in event:
                report.warn(f"{path}.page", "page.url is expected of web events", TAG)
        else:
            report.error(path, "not an object")


def _check_event(event: Object, path: str, now: float, report: Report) -> None:
    report.unknown_keys(event, _EVENT, path)
    time = event.get("event_time")
    if not is_text(event.get("event")):
        report.error(f"{path}.event", "event is needed: its name")
    if not isinstance(time, int) or isinstance(time, bool):
        report.error(f"{path}.event_time", "event_time is needed: whole Unix seconds")
    elif time > 100_000_000_000:
        report.error(f"{path}.event_time", "in milliseconds, not in seconds")
    elif not now - MAX_AGE <= time <= now + 60:
        report.warn(f"{path}.event_time", "in the future, or more than 28 days ago")
    if not is_text(event.get("event_id")):
        report.warn(f"{path}.event_id", "event_id is needed for deduplication")
    if not isinstance(event.get("limited_data_use", False), bool):
        report.error(f"{path}.limited_data_use", "not true or false")
    page = event.get("page", {})
    if not isinstance(page, dict) or ("url" in page and not is_url(page["url"])):
        report.error(f"{path}.page.url", "not a URL")
    _check_user(event.get("user"), f"{path}.user", report)
    _check_properties(event, f"{path}.properties", report)


def _check_user(user: object, path: str, report: Report) -> None:
    if not isinstance(user, dict) or not any(user.values()):
        report.error(path, "user is needed: at least one identifier")
        return
    report.unknown_keys(user, _HASHED | _CLEAR, path)
    for name, given in user.items():
        if name in _HASHED:
            for where, value in texts(given, f"{path}.{name}"):
                if not is_hash(value):
                    report.error(where, NOT_A_HASH)
        elif name == "ip" and not is_address(given):
            report.error(f"{path}.ip", "not an IP address in the clear")
        elif name in _CLEAR and (not is_text(given) or is_hash(given)):
            report.error(f"{path}.{name}", "not a string in the clear")


def _check_properties(event: Object, path: str, report: Report) -> None:
    properties = event.get("properties", {})
    if not isinstance(properties, dict):
        report.error(path, "not an object")
        return
    currency = properties.get("currency")
    if "currency" in properties and not (isinstance(currency, str) and CURRENCY.fullmatch(currency)):
        report.error(f"{path}.currency", "not three capital letters of ISO 4217")
    if "value" in properties and not is_number(properties["value"]):
        report.error(f"{path}.value", "not a number")
    if event.get("event") in ("Purchase", "CompletePayment") and not {"currency", "value"} <= properties.keys():
        report.warn(path, "currency and value are expected of a purchase")
    contents = properties.get("contents", [])
    if not isinstance(contents, list) or any(not isinstance(content, dict) for content in contents):
        report.error(f"{path}.contents", "not a list of objects")


def _check_old(body: Object, report: Report) -> None:
    """The 1.0 shape: `pixel_code`, `event`, `context`, alone or in a batch."""
    if not is_text(body.get("pixel_code")):
        report.error("pixel_code", "pixel_code is needed")
    batch = body.get("batch", [body])
    if not isinstance(batch, list) or not batch or len(batch) > MAX_EVENTS_V1:
        report.error("batch", f"not a list of at most {MAX_EVENTS_V1} events")
    for path, event in objects(batch, "batch"):
        if not is_text(event.get("event")):
            report.error(f"{path}.event", "event is needed: its name")
        context = event.get("context")
        user = context.get("user", {}) if isinstance(context, dict) else None
        if not isinstance(user, dict):
            report.error(f"{path}.context", "context is needed: an object")
            continue
        for name in ("email", "phone_number", "external_id"):
            for where, value in texts(user.get(name, []), f"{path}.context.user.{name}"):
                if not is_hash(value):
                    report.error(where, NOT_A_HASH)
