"""Google's Data Manager API: the rules of `POST /v1/events:ingest`. Pure.

Its clients write enums as integers (`?$alt=json;enum-encoding=int`), people as names: both are taken.
"""

from __future__ import annotations

import re
from datetime import datetime

from gatekeeper.testing.fields import documented
from gatekeeper.testing.vendor import (
    CURRENCY,
    NOT_A_HASH,
    NOT_DOCUMENTED,
    Object,
    Report,
    is_address,
    is_hash,
    is_number,
    is_text,
    join,
)

INGEST = "developers.google.com/data-manager/api/reference/rest/v1/events/ingest"
FORMATTING = "developers.google.com/data-manager/api/devguides/concepts/formatting"

PATH = "/v1/events:ingest"
MAX_EVENTS = 2000
MAX_IDENTIFIERS = 10

_BODY = documented("data_manager", "body")
_EVENT = documented("data_manager", "event")
_AD_IDENTIFIERS = documented("data_manager", "ad_identifiers")
_HASHED_ADDRESS = ("givenName", "familyName", "addressLine")
_ADDRESS = frozenset((*_HASHED_ADDRESS, "regionCode", "postalCode", "city", "administrativeArea"))
_SOURCES = ("WEB", "APP", "IN_STORE", "PHONE", "MESSAGE", "OTHER")
_CONSENTS = ("CONSENT_GRANTED", "CONSENT_DENIED", 1, 2)
_HEX, _BASE64 = ("HEX", 1), ("BASE64", 2)
_SOMEBODY = ("adIdentifiers", "userData", "thirdPartyUserData", "clientId", "userId", "appInstanceId")

_BASE64_DIGEST = re.compile(r"[A-Za-z0-9+/]{43}=")
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)")


def check_body(body: Object, report: Report) -> None:
    """The request's JSON object."""
    report.source = INGEST
    report.unknown_keys(body, _BODY, "")
    destinations = body.get("destinations")
    if not isinstance(destinations, list) or not destinations:
        report.error("destinations", "destinations is needed: a list of objects")
    else:
        for index, destination in enumerate(destinations):
            _check_destination(destination, f"destinations[{index}]", report)
    _check_consent(body, "", report)
    encoding = body.get("encoding")
    if "encoding" in body and encoding not in (*_HEX, *_BASE64):
        report.error("encoding", "neither HEX nor BASE64")
    listed = body.get("events")
    if not isinstance(listed, list) or not listed:
        report.error("events", "events is needed: a list of objects")
        return
    if len(listed) > MAX_EVENTS:
        report.error("events", f"more than {MAX_EVENTS} events")
    if "encoding" not in body and any(isinstance(event, dict) and "userData" in event for event in listed):
        report.error("encoding", "encoding is needed with userData: HEX or BASE64")
    for index, event in enumerate(listed):
        if isinstance(event, dict):
            _check_event(event, f"events[{index}]", body, report)
        else:
            report.error(f"events[{index}]", "not an object")


def _check_destination(destination: object, path: str, report: Report) -> None:
    account = destination.get("operatingAccount") if isinstance(destination, dict) else None
    if not isinstance(account, dict) or not is_text(account.get("accountId")):
        report.error(f"{path}.operatingAccount", "operatingAccount is needed: accountType and accountId")


def _check_event(event: Object, path: str, body: Object, report: Report) -> None:
    report.unknown_keys(event, _EVENT, path)
    if not _is_timestamp(event.get("eventTimestamp")):
        report.error(f"{path}.eventTimestamp", "eventTimestamp is needed: RFC 3339")
    source = event.get("eventSource", "OTHER")
    if source not in _SOURCES and not (isinstance(source, int) and 0 <= source <= len(_SOURCES)):
        report.error(f"{path}.eventSource", "not a documented source")
    if "transactionId" in event and not is_text(event["transactionId"]):
        report.error(f"{path}.transactionId", "not a string")
    if not any(event.get(name) for name in _SOMEBODY):
        report.error(path, "an ad identifier, user data or another identifier is needed")
    currency = event.get("currency")
    if "currency" in event and not (isinstance(currency, str) and CURRENCY.fullmatch(currency)):
        report.error(f"{path}.currency", "not three capital letters of ISO 4217")
    if "conversionValue" in event and not is_number(event["conversionValue"]):
        report.error(f"{path}.conversionValue", "not a number")
    identifiers = event.get("adIdentifiers", {})
    if isinstance(identifiers, dict):
        report.unknown_keys(identifiers, _AD_IDENTIFIERS, f"{path}.adIdentifiers")
    else:
        report.error(f"{path}.adIdentifiers", "not an object")
    device = event.get("eventDeviceInfo", {})
    if not isinstance(device, dict) or ("ipAddress" in device and not is_address(device["ipAddress"])):
        report.error(f"{path}.eventDeviceInfo.ipAddress", "not an IP address")
    _check_consent(event, path, report)
    _check_user_data(event, path, body, report)


def _check_user_data(event: Object, path: str, body: Object, report: Report) -> None:
    if "userData" not in event:
        return
    user_data = event["userData"]
    path = f"{path}.userData.userIdentifiers"
    identifiers = user_data.get("userIdentifiers") if isinstance(user_data, dict) else None
    if not isinstance(identifiers, list) or not identifiers:
        report.error(path, "userIdentifiers is needed: a list of objects")
        return
    if len(identifiers) > MAX_IDENTIFIERS:
        report.error(path, f"more than {MAX_IDENTIFIERS} user identifiers")
    for index, identifier in enumerate(identifiers):
        where = f"{path}[{index}]"
        if not isinstance(identifier, dict) or len(identifier) != 1:
            report.error(where, "not exactly one identifier")
            continue
        [(name, value)] = identifier.items()
        if name in ("emailAddress", "phoneNumber"):
            _check_digest(value, f"{where}.{name}", body, report)
        elif name == "address" and isinstance(value, dict):
            _check_address(value, f"{where}.address", body, report)
        else:
            report.error(join(where, name), NOT_DOCUMENTED)


def _check_address(address: Object, path: str, body: Object, report: Report) -> None:
    report.unknown_keys(address, _ADDRESS, path)
    for name, value in address.items():
        if name in _HASHED_ADDRESS:
            _check_digest(value, f"{path}.{name}", body, report)
        elif name in _ADDRESS and (not is_text(value) or is_hash(value)):
            report.error(f"{path}.{name}", "not a string in the clear", FORMATTING)
    for name in ("regionCode", "postalCode"):
        if name not in address:
            report.error(f"{path}.{name}", f"{name} is needed in an address", FORMATTING)


def _check_digest(value: object, path: str, body: Object, report: Report) -> None:
    """A digest in the encoding that the request declares; an encrypted one cannot be judged."""
    if "encryptionInfo" in body:
        return
    if body.get("encoding") in _BASE64:
        if not (isinstance(value, str) and _BASE64_DIGEST.fullmatch(value)):
            report.error(path, "not a SHA-256 digest in base64", FORMATTING)
    elif not is_hash(value):
        report.error(path, NOT_A_HASH, FORMATTING)


def _check_consent(holder: Object, path: str, report: Report) -> None:
    consent = holder.get("consent", {})
    path = join(path, "consent")
    if not isinstance(consent, dict):
        report.error(path, "not an object")
        return
    report.unknown_keys(consent, frozenset({"adUserData", "adPersonalization"}), path)
    for name, value in consent.items():
        if value not in _CONSENTS or isinstance(value, bool):
            report.error(join(path, name), "neither CONSENT_GRANTED nor CONSENT_DENIED")
        elif name == "adUserData" and value in ("CONSENT_DENIED", 2):
            report.warn(join(path, name), "events without this consent are rejected later: DENIED_CONSENT")


def _is_timestamp(value: object) -> bool:
    if not isinstance(value, str) or not _TIMESTAMP.fullmatch(value):
        return False
    try:
        datetime.fromisoformat(value[:19])
    except ValueError:
        return False
    return True
