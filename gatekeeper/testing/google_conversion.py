"""Google Ads API: the rules for one click conversion and one conversion adjustment. Pure."""

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

UPLOADS = "developers.google.com/google-ads/api/docs/conversions/upload-offline"
ENHANCED = "developers.google.com/google-ads/api/docs/conversions/enhanced-conversions/web"
PROTOS = "google-ads v26, ClickConversion and ConversionAdjustment"
CONSENT = "developers.google.com/google-ads/api/reference/rpc/v26/Consent"

MAX_IDENTIFIERS = 5
ADJUSTMENT_WINDOW = 54 * 86400  # seconds after the conversion: CONVERSION_EXPIRED

_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d\d:\d\d")
_ACTION = re.compile(r"customers/(\d+)/conversionActions/\d+")
_CLICKS = ("gclid", "gbraid", "wbraid")
_CLICK = documented("google_ads", "click_conversion")
_ADJUSTMENT = documented("google_ads", "conversion_adjustment")
_SOURCE = "userIdentifierSource"
_HASHED = ("hashedEmail", "hashedPhoneNumber")
_HASHED_ADDRESS = ("hashedFirstName", "hashedLastName", "hashedStreetAddress")
_ADDRESS = frozenset((*_HASHED_ADDRESS, "city", "state", "countryCode", "postalCode"))
_OTHER_IDENTIFIERS = frozenset({"mobileId", "thirdPartyUserId"})


def check_click(click: Object, path: str, customer: str, now: float, report: Report) -> None:
    """One member of `conversions`, for that customer, at `now` (Unix seconds)."""
    report.unknown_keys(click, _CLICK, path)
    _check_action(click, path, customer, report)
    time = _read_time(click.get("conversionDateTime"))
    if time is None:
        report.error(f"{path}.conversionDateTime", "conversionDateTime is needed: yyyy-mm-dd hh:mm:ss+|-hh:mm")
    elif time > now + 60:
        report.error(f"{path}.conversionDateTime", "in the future")
    clicks = [name for name in _CLICKS if is_text(click.get(name))]
    if len(clicks) > 1:
        report.error(path, "more than one of gclid, gbraid and wbraid", PROTOS)
    if not clicks and not click.get("userIdentifiers"):
        report.error(path, "gclid, gbraid, wbraid or userIdentifiers is needed")
    if clicks and clicks[0] != "gclid" and click.get("userIdentifiers"):
        report.error(f"{path}.userIdentifiers", "user identifiers do not go with gbraid or wbraid", PROTOS)
    if "conversionValue" in click and not is_number(click["conversionValue"]):
        report.error(f"{path}.conversionValue", "not a number")
    currency = click.get("currencyCode")
    if "currencyCode" in click and not (isinstance(currency, str) and CURRENCY.fullmatch(currency)):
        report.error(f"{path}.currencyCode", "not three capital letters of ISO 4217")
    if "orderId" in click and not is_text(click["orderId"]):
        report.error(f"{path}.orderId", "not a string")
    if "userIpAddress" in click and not is_address(click["userIpAddress"]):
        report.error(f"{path}.userIpAddress", "not an IP address")
    _check_identifiers(click, path, report, addresses=False)
    _check_consent(click, path, report)


def check_adjustment(adjustment: Object, path: str, customer: str, now: float, report: Report) -> None:
    """One member of `conversionAdjustments`, for that customer, at `now` (Unix seconds)."""
    report.unknown_keys(adjustment, _ADJUSTMENT, path)
    _check_action(adjustment, path, customer, report)
    kind = adjustment.get("adjustmentType")
    if kind not in ("ENHANCEMENT", "RESTATEMENT", "RETRACTION"):
        report.error(f"{path}.adjustmentType", "adjustmentType is needed: ENHANCEMENT, RESTATEMENT or RETRACTION")
    pair = adjustment.get("gclidDateTimePair")
    if not is_text(adjustment.get("orderId")) and (kind == "ENHANCEMENT" or not isinstance(pair, dict)):
        report.error(f"{path}.orderId", "orderId is needed", ENHANCED)
    if kind == "ENHANCEMENT" and not adjustment.get("userIdentifiers"):
        report.error(f"{path}.userIdentifiers", "userIdentifiers is needed for an enhancement", ENHANCED)
    if isinstance(pair, dict) and "conversionDateTime" in pair:
        time = _read_time(pair["conversionDateTime"])
        where = f"{path}.gclidDateTimePair.conversionDateTime"
        if time is None:
            report.error(where, "not yyyy-mm-dd hh:mm:ss+|-hh:mm")
        elif time < now - ADJUSTMENT_WINDOW:
            report.error(where, "a conversion older than 54 days")
    if kind in ("RESTATEMENT", "RETRACTION") and _read_time(adjustment.get("adjustmentDateTime")) is None:
        report.error(f"{path}.adjustmentDateTime", "adjustmentDateTime is needed: yyyy-mm-dd hh:mm:ss+|-hh:mm")
    if kind == "RESTATEMENT" and not isinstance(adjustment.get("restatementValue"), dict):
        report.error(f"{path}.restatementValue", "restatementValue is needed for a restatement")
    _check_identifiers(adjustment, path, report, addresses=True)


def _check_action(conversion: Object, path: str, customer: str, report: Report) -> None:
    action = conversion.get("conversionAction")
    named = _ACTION.fullmatch(action) if isinstance(action, str) else None
    if named is None:
        rule = "conversionAction is needed: customers/<id>/conversionActions/<id>"
        report.error(f"{path}.conversionAction", rule)
    elif named[1] != customer:
        report.error(f"{path}.conversionAction", "a conversion action of another customer than the path's")


def _check_identifiers(conversion: Object, path: str, report: Report, *, addresses: bool) -> None:
    """`userIdentifiers`: at most five, each one thing; postal addresses in adjustments only."""
    identifiers = conversion.get("userIdentifiers", [])
    path = f"{path}.userIdentifiers"
    if not isinstance(identifiers, list):
        report.error(path, "not a list of objects")
        return
    if len(identifiers) > MAX_IDENTIFIERS:
        report.error(path, f"more than {MAX_IDENTIFIERS} user identifiers", PROTOS)
    for index, identifier in enumerate(identifiers):
        where = f"{path}[{index}]"
        given = [name for name in identifier if name != _SOURCE] if isinstance(identifier, dict) else []
        if len(given) != 1:
            report.error(where, "not exactly one identifier", PROTOS)
            continue
        name, value = given[0], identifier[given[0]]
        if name in _HASHED:
            if not is_hash(value):
                report.error(f"{where}.{name}", NOT_A_HASH)
        elif name == "addressInfo" and addresses:
            _check_address(value, f"{where}.addressInfo", report)
        elif name in _OTHER_IDENTIFIERS or name == "addressInfo":
            report.error(f"{where}.{name}", "only hashedEmail and hashedPhoneNumber are taken here", PROTOS)
        else:
            report.error(join(where, name), NOT_DOCUMENTED, PROTOS)


def _check_address(address: object, path: str, report: Report) -> None:
    if not isinstance(address, dict):
        report.error(path, "not an object", PROTOS)
        return
    report.unknown_keys(address, _ADDRESS, path)
    for name, value in address.items():
        if name in _HASHED_ADDRESS and not is_hash(value):
            report.error(f"{path}.{name}", NOT_A_HASH, ENHANCED)
        elif name in _ADDRESS and name not in _HASHED_ADDRESS and (not is_text(value) or is_hash(value)):
            report.error(f"{path}.{name}", "not a string in the clear", ENHANCED)


def _check_consent(click: Object, path: str, report: Report) -> None:
    consent = click.get("consent", {})
    path = f"{path}.consent"
    if not isinstance(consent, dict):
        report.error(path, "not an object", CONSENT)
        return
    report.unknown_keys(consent, frozenset({"adUserData", "adPersonalization"}), path)
    for name in ("adUserData", "adPersonalization"):
        if consent.get(name, "GRANTED") not in ("GRANTED", "DENIED"):
            report.error(f"{path}.{name}", "neither GRANTED nor DENIED", CONSENT)
    if consent.get("adUserData") == "DENIED" and click.get("userIdentifiers"):
        report.warn(f"{path}.adUserData", "user identifiers without consent to send them", CONSENT)


def _read_time(value: object) -> float | None:
    """Google's date and time as Unix seconds, or None."""
    if not isinstance(value, str) or not _DATE_TIME.fullmatch(value):
        return None
    try:
        return datetime.fromisoformat(value).timestamp()
    except (ValueError, OverflowError):
        return None
