"""Meta Conversions API: the rules for one event. Pure."""

from __future__ import annotations

import re

from gatekeeper.testing.fields import documented
from gatekeeper.testing.vendor import (
    CURRENCY,
    NOT_A_HASH,
    Object,
    Report,
    is_address,
    is_hash,
    is_number,
    is_text,
    is_url,
    join,
    texts,
)

_DOCS = "developers.facebook.com/docs/marketing-api"
ENDPOINT = f"{_DOCS}/conversions-api/using-the-api"
SERVER_EVENT = f"{_DOCS}/conversions-api/parameters/server-event"
CUSTOMER = f"{_DOCS}/conversions-api/parameters/customer-information-parameters"
CUSTOM = f"{_DOCS}/conversions-api/parameters/custom-data"
FBC_FBP = f"{_DOCS}/conversions-api/parameters/fbp-and-fbc"
BEST_PRACTICES = f"{_DOCS}/conversions-api/best-practices"
PROCESSING = "developers.facebook.com/docs/marketing-apis/data-processing-options"

MAX_AGE = 7 * 86400  # seconds
MAX_AGE_IN_STORE = 62 * 86400  # seconds, action_source physical_store

TOO_OLD = "event_time is too long ago (7 days, 62 for physical_store)"
INSUFFICIENT = "not enough customer information: a combination that Meta refuses"
SUBCODES = {TOO_OLD: 2804003, INSUFFICIENT: 2804050}

_HASHED = documented("meta_capi", "user_data_hashed")
_CLEAR = documented("meta_capi", "user_data_clear")
_TOO_LITTLE = tuple(
    frozenset(names.split())
    for names in ("ct country st zp ge client_user_agent", "db client_user_agent", "fn ge", "ln ge")
)
_EVENT = documented("meta_capi", "event")
_SOURCES = documented("meta_capi", "action_source")

_APPENDIX = re.compile(r"\.(?:[A-Za-z0-9_-]{8}|[A-Za-z0-9_-]{2})$")  # what the Parameter Builder library adds
_FBC = re.compile(r"fb\.\d\.\d{13}\.[^\s]+")
_FBP = re.compile(r"fb\.\d\.\d{13}\.\d{1,10}")


def check_event(event: Object, path: str, now: float, report: Report) -> None:
    """One member of `data`, in a request that arrived at `now` (Unix seconds)."""
    report.unknown_keys(event, _EVENT, path)
    if not is_text(event.get("event_name")):
        report.error(f"{path}.event_name", "event_name is needed", SERVER_EVENT)
    source = event.get("action_source")
    if not isinstance(source, str) or source not in _SOURCES:
        report.error(f"{path}.action_source", "action_source is needed: one of the documented ones", SERVER_EVENT)
    _check_time(event, path, now, report)
    if "event_id" in event and not is_text(event["event_id"]):
        report.error(f"{path}.event_id", "not a string", SERVER_EVENT)
    if "opt_out" in event and not isinstance(event["opt_out"], bool):
        report.error(f"{path}.opt_out", "not true or false", SERVER_EVENT)
    if "event_source_url" in event and not is_url(event["event_source_url"]):
        # The page says it "must begin with http:// or https://"; no source here shows a request refused for it.
        report.warn(f"{path}.event_source_url", "not a URL", SERVER_EVENT)
    elif source == "website" and "event_source_url" not in event:
        report.error(f"{path}.event_source_url", "event_source_url is needed for website events", SERVER_EVENT)
    _check_user_data(event, path, report)
    _check_custom_data(event, path, report)
    _check_limited_use(event, path, report)


def _check_time(event: Object, path: str, now: float, report: Report) -> None:
    time = event.get("event_time")
    path = f"{path}.event_time"
    oldest = now - (MAX_AGE_IN_STORE if event.get("action_source") == "physical_store" else MAX_AGE)
    if isinstance(time, str) and time.isascii() and time.isdigit() and len(time) < 20:
        time = int(time)  # form fields have no numbers
    if not isinstance(time, int) or isinstance(time, bool):
        report.error(path, "event_time is needed: whole Unix seconds", SERVER_EVENT)
    elif time > 100_000_000_000:
        report.error(path, "in milliseconds, not in seconds", SERVER_EVENT)
    elif time < oldest:
        report.error(path, TOO_OLD, SERVER_EVENT)
    elif time > now + 60:
        report.warn(path, "in the future", SERVER_EVENT)


def _check_user_data(event: Object, path: str, report: Report) -> None:
    user_data = event.get("user_data")
    path = f"{path}.user_data"
    if not isinstance(user_data, dict) or not user_data:
        report.error(path, "user_data is needed: at least one customer information parameter", CUSTOMER)
        return
    report.unknown_keys(user_data, _HASHED | _CLEAR, path)
    for name in user_data:
        for where, value in texts(user_data[name], join(path, name)):
            _check_customer(name, value, where, report)
    given = frozenset(name for name, value in user_data.items() if value)
    if any(given <= too_little for too_little in _TOO_LITTLE):
        report.error(path, INSUFFICIENT, BEST_PRACTICES)
    if event.get("action_source") == "website" and not user_data.get("client_user_agent"):
        report.warn(f"{path}.client_user_agent", "client_user_agent is needed for website events", CUSTOMER)


def _check_customer(name: str, value: object, path: str, report: Report) -> None:
    """One customer information parameter: hashed where Meta asks for it, in the clear where it does not."""
    bare = _APPENDIX.sub("", value) if isinstance(value, str) else value
    if name in _HASHED:
        if not is_hash(bare):
            report.error(path, NOT_A_HASH, CUSTOMER)
    elif name == "external_id":
        if not is_hash(bare):
            report.warn(path, "hashing is recommended", CUSTOMER)
    elif name == "client_ip_address":
        if not is_address(value) and not is_address(bare):
            report.error(path, "not an IP address in the clear", CUSTOMER)
    elif name == "client_user_agent":
        if not is_text(value) or is_hash(bare):
            report.error(path, "not a user agent in the clear", CUSTOMER)
    elif name == "fbc":
        if not isinstance(value, str) or not _FBC.fullmatch(value):
            report.error(path, "not fb.<index>.<milliseconds>.<fbclid>", FBC_FBP)
    elif name == "fbp" and not (isinstance(bare, str) and (_FBP.fullmatch(bare) or _FBP.fullmatch(str(value)))):
        report.error(path, "not fb.<index>.<milliseconds>.<random number>", FBC_FBP)


def _check_custom_data(event: Object, path: str, report: Report) -> None:
    custom = event.get("custom_data", {})
    path = f"{path}.custom_data"
    if not isinstance(custom, dict):
        report.error(path, "not an object", CUSTOM)
        return
    currency, value = custom.get("currency"), custom.get("value")
    if "currency" in custom and not (isinstance(currency, str) and CURRENCY.fullmatch(currency.upper())):
        report.error(f"{path}.currency", "not three letters of ISO 4217", CUSTOM)
    if "value" in custom and not is_number(value):
        report.error(f"{path}.value", "not a number", CUSTOM)
    if event.get("event_name") == "Purchase":
        for name in ("currency", "value"):
            if name not in custom:
                report.error(f"{path}.{name}", f"{name} is needed for Purchase", CUSTOM)


def _check_limited_use(event: Object, path: str, report: Report) -> None:
    """Limited Data Use: the option, and the pair of country and state."""
    options = event.get("data_processing_options", [])
    country = event.get("data_processing_options_country")
    state = event.get("data_processing_options_state")
    at = f"{path}.data_processing_options"
    if not isinstance(options, list) or any(option != "LDU" for option in options):
        report.error(at, "not a list with LDU, or an empty one", PROCESSING)
        return
    if country not in (None, 0, 1) or isinstance(country, bool):
        report.error(f"{at}_country", "neither 1 (United States) nor 0 (to be found by Meta)", PROCESSING)
    if state not in (None, 0, *range(1000, 1015)) or isinstance(state, bool):
        report.error(f"{at}_state", "not a documented state, nor 0 (to be found by Meta)", PROCESSING)
    if country is not None and state is None:
        report.error(f"{at}_state", "a state is needed with a country", PROCESSING)
    if state is not None and country is None:
        report.error(f"{at}_country", "a country is needed with a state", PROCESSING)
    if state and country == 0:
        report.error(f"{at}_country", "a state of the United States with country 0", PROCESSING)
    user_data = event.get("user_data")
    located = bool(country and state) or (isinstance(user_data, dict) and bool(user_data.get("client_ip_address")))
    if options and not located:
        report.warn(at, "without country and state Meta looks at client_ip_address, which is missing", PROCESSING)
