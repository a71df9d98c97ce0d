"""Google Analytics 4, Measurement Protocol: the rules for events, parameters, items and names. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from gatekeeper.testing.fields import documented
from gatekeeper.testing.vendor import CURRENCY, Object, Report, is_text, join

_DOCS = "developers.google.com/analytics/devguides/collection"
REFERENCE = f"{_DOCS}/protocol/ga4/reference"
LIMITS = f"{_DOCS}/protocol/ga4/sending-events#limitations"
COLLECTION_LIMITS = "support.google.com/analytics/answer/9267744"
NAMING = "support.google.com/analytics/answer/13316687"
ITEMS = f"{_DOCS}/protocol/ga4/reference/events#purchase"

MAX_AGE = 72 * 3600  # seconds
MAX_EVENTS = MAX_PARAMS = 25
MAX_ITEMS = 200
VALUE_LENGTH = 100
LONGER = {"page_location": 1000, "page_referrer": 420, "page_title": 300}  # COLLECTION_LIMITS, exceptions

_NAME = re.compile(r"[^\W\d_][\w\u0300-\u036f\u0900-\u0dff\u0e00-\u0eff]*")  # of any script, with its marks
_RESERVED_PREFIXES = ("firebase_", "ga_", "google_", "gtag.")
_RESERVED = documented("ga4", "reserved_events")
_EVENT = documented("ga4", "event")


def check_events(body: Object, now: float, report: Report) -> None:
    """`events` of a request that arrived at `now` (Unix seconds)."""
    listed = body.get("events")
    if not isinstance(listed, list) or not listed:
        report.error("events", "events is needed: a list of objects")
        return
    if len(listed) > MAX_EVENTS:
        report.error("events", f"more than {MAX_EVENTS} events", LIMITS)
    for index, event in enumerate(listed):
        path = f"events[{index}]"
        if not isinstance(event, dict):
            report.error(path, "not an object")
            continue
        report.unknown_keys(event, _EVENT, path)
        check_time(event, f"{path}.timestamp_micros", now, report)
        name = event.get("name")
        check_name(name, 40, f"{path}.name", report)
        if isinstance(name, str) and name in _RESERVED:
            report.error(f"{path}.name", "a reserved event name", NAMING)
        params = event.get("params", {})
        if isinstance(params, dict):
            _check_params(params, f"{path}.params", report)
        else:
            report.error(f"{path}.params", "not an object")


def _check_params(params: Object, path: str, report: Report) -> None:
    if len(params) > MAX_PARAMS:
        report.error(path, f"more than {MAX_PARAMS} parameters", LIMITS)
    for name, value in params.items():
        check_name(name, 40, join(path, name), report)
        if name == "items":
            _check_items(value, f"{path}.items", report)
        else:
            _check_value(value, LONGER.get(name, VALUE_LENGTH), join(path, name), report)
    if isinstance(params.get("value"), str | bool):
        report.error(f"{path}.value", "not a number", ITEMS)
    if "value" in params and "currency" not in params:
        report.warn(f"{path}.currency", "currency is needed with value, or revenue is not computed", ITEMS)
    currency = params.get("currency")
    if isinstance(currency, str) and not CURRENCY.fullmatch(currency):
        report.warn(f"{path}.currency", "not three capital letters of ISO 4217", ITEMS)


def _check_items(items: object, path: str, report: Report) -> None:
    if not isinstance(items, list):
        report.error(path, "not a list of objects")
        return
    if len(items) > MAX_ITEMS:
        report.error(path, f"more than {MAX_ITEMS} items", ITEMS)
    for index, item in enumerate(items):
        where = f"{path}[{index}]"
        if not isinstance(item, dict):
            report.error(where, "not an object")
            continue
        if not (is_text(item.get("item_id")) or is_text(item.get("item_name"))):
            report.error(where, "item_id or item_name is needed", ITEMS)
        for name, value in item.items():
            _check_value(value, VALUE_LENGTH, join(where, name), report)


def _check_value(value: object, length: int, path: str, report: Report) -> None:
    match value:
        case None:
            report.error(path, "null is not a parameter value")
        case list():
            report.error(path, "an array is not a parameter value")
        case dict():
            report.error(path, "an object is not a parameter value")
        case str() if len(value) > length:
            report.error(path, f"longer than {length} characters", COLLECTION_LIMITS)


def check_name(name: object, length: int, path: str, report: Report) -> None:
    """The name of an event, a parameter or a user property."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        report.error(path, "not a name: a letter, then letters, digits and underscores", NAMING)
    elif len(name) > length:
        report.error(path, f"longer than {length} characters", LIMITS)
    elif name.startswith(_RESERVED_PREFIXES):
        report.error(path, "a reserved prefix", NAMING)


def check_time(holder: Mapping[str, object], path: str, now: float, report: Report) -> None:
    """`timestamp_micros`, of a request or of an event, where it is given."""
    if "timestamp_micros" not in holder:
        return
    value = holder["timestamp_micros"]
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)  # protocol buffers write 64-bit integers as strings
    if not isinstance(value, int) or isinstance(value, bool):
        report.error(path, "not a whole number of microseconds")
    elif value / 1e6 < now - MAX_AGE:
        report.error(path, "older than 72 hours", LIMITS)
    elif value / 1e6 > now + 60:
        report.warn(path, "in the future")
