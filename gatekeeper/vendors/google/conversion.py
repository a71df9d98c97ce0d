"""Google: one conversion out of one event. Pure. For `events.py`.

What is hashed and what is clear: developers.google.com/data-manager/api/devguides/concepts/formatting (2026) and
the protos of google-ads v26 (UserIdentifier, OfflineUserAddressInfo). E-mail, phone, names and street are hashed;
city, state, country and postal code are clear. An address is matched on name, country and postal code together:
without all four of them none of its parts is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from gatekeeper.model import Event, Personal
from gatekeeper.vendors.formats import normalise
from gatekeeper.vendors.kind import DAY

CLICKS: Final = ("gclid", "gbraid", "wbraid")  # mutually exclusive; gclid wins
HASHED: Final[Mapping[str, Callable[[str], str | None]]] = {
    "email_hash": normalise.google_email,
    "phone_hash": lambda e164: e164,  # with its plus
    "first_name_hash": normalise.lower,  # with its punctuation and inner blanks, as the guide has it
    "last_name_hash": normalise.lower,
    "street_hash": normalise.lower,
}
CLEAR: Final[Mapping[str, Callable[[str], str | None]]] = {
    "city_hash": normalise.place_name,
    "state_hash": normalise.place_name,
    "postal_code_hash": normalise.clear_postal_code,
    "country_hash": lambda raw: None if (code := normalise.country(raw)) is None else code.upper(),
}
CONTACT: Final = ("email_hash", "phone_hash")
# An address is of no use to Google without these.
ADDRESS: Final = frozenset({"first_name_hash", "last_name_hash", "postal_code_hash", "country_hash"})
# Events that may be uploaded on an e-mail address or telephone number alone: enhanced conversions for leads.
LEADS: Final = frozenset({"generate_lead", "qualify_lead", "close_convert_lead", "sign_up", "contact"})
ADJUSTMENT_AGE: Final = 54 * DAY  # CONVERSION_EXPIRED

# What may share a request.
CLICK: Final = b"click conversions"
ADJUSTMENT: Final = b"conversion adjustments"
INGEST: Final = b"data manager events"
INGEST_INCOMPLETE: Final = b"data manager events without currency"  # Data Manager refuses a request whole


@dataclass(frozen=True, slots=True)
class Made:
    """One conversion, which others it may share a request with, and which fields are in it."""

    head: bytes
    body: Mapping[str, Any] = field(repr=False)
    used: frozenset[str]


def normal(kept: Mapping[str, object]) -> tuple[dict[str, Any], list[str]]:
    """Values as Google takes them, by field key, and the names of those it cannot take."""
    values: dict[str, Any] = {}
    invalid: list[str] = []
    for name, value in kept.items():
        if type(value) is Personal:
            value = personal(name, value)
        elif name == "order_value" and isinstance(value, (int, float)) and value < 0:
            value = None  # Google takes a conversion back by an adjustment, not by a negative value
        if value is None:
            invalid.append(name)
        else:
            values[name] = value
    return values, invalid


def personal(name: str, value: Personal) -> str | None:
    """A personal value as Google takes it, normalised and hashed or clear; `None` if it has no use for it."""
    if name not in HASHED and name not in CLEAR:
        return None
    if name in CLEAR:
        return None if value.hashed else CLEAR[name](value.value)
    if not normalise.plain_hash(value):
        return None
    return normalise.hashed(value, None if value.hashed else HASHED[name](value.value))


def unmatched(fields: Set[str]) -> str | None:
    """Why Google can match no person by these fields (by key): no click, no contact, no whole address."""
    if fields.isdisjoint(CLICKS) and fields.isdisjoint(CONTACT) and not fields >= ADDRESS:
        return "neither a click id nor anything about the person is left"
    return None


def not_enhancing(fields: Set[str], age: float) -> str | None:
    """Why these fields (by key) make no enhancement of a conversion of that age (seconds)."""
    if "transaction_id" not in fields:
        return "neither a click id nor a transaction id to find the conversion by"
    if fields.isdisjoint(CONTACT) and not fields >= ADDRESS:
        return "no click id, and nothing about the person to enhance a conversion with"
    if age > ADJUSTMENT_AGE:
        return "the conversion is older than Google takes adjustments for"
    return None


def uploaded(event: Event, values: Mapping[str, Any], *, action: str, age: float, granted: bool) -> Made | str:
    """A member of `conversions` or `conversionAdjustments`, or why it can be neither. `age` is in seconds."""
    lead = event.name in LEADS and "transaction_id" not in values and not values.keys().isdisjoint(CONTACT)
    if lead or not values.keys().isdisjoint(CLICKS):
        return _click(event, values, action, granted)
    return not_enhancing(values.keys(), age) or _adjustment(values, action)


def _click(event: Event, values: Mapping[str, Any], action: str, granted: bool) -> Made:
    used: set[str] = set()
    out: dict[str, Any] = {
        "conversionAction": action,
        "conversionDateTime": _time(event).strftime("%Y-%m-%d %H:%M:%S+00:00"),
    }
    _put(out, used, values, orderId="transaction_id", conversionValue="order_value", userIpAddress="ip")
    if "order_value" in values:
        _put(out, used, values, currencyCode="currency")
    click = _click_id(values)
    if click is not None:
        _put(out, used, values, **{click: click})
    if click in (None, "gclid"):  # no identifiers beside gbraid and wbraid
        _identifiers(out, used, values, address=False)
    if "items" in values and (items := cart(values["items"])):
        out["cartData"] = {"items": items}
        used.add("items")
    word = "GRANTED" if granted else "DENIED"
    out["consent"] = {"adUserData": word, "adPersonalization": word}
    return Made(CLICK, out, frozenset(used))


def _adjustment(values: Mapping[str, Any], action: str) -> Made:
    """An enhancement: it has no consent field, so it is only made where consent is given."""
    used: set[str] = set()
    out: dict[str, Any] = {"conversionAction": action, "adjustmentType": "ENHANCEMENT"}
    _put(out, used, values, orderId="transaction_id", userAgent="user_agent")
    _identifiers(out, used, values, address=True)
    return Made(ADJUSTMENT, out, frozenset(used))


def ingested(event: Event, values: Mapping[str, Any], *, granted: bool) -> Made | str:
    """A member of Data Manager's `events`, or why it can be none."""
    why = unmatched(values.keys())
    if why is not None:
        return why
    used: set[str] = set()
    word = "CONSENT_GRANTED" if granted else "CONSENT_DENIED"
    out: dict[str, Any] = {
        "eventTimestamp": _time(event).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": "WEB",
        "transactionId": event.id,  # the dedupe key, where there is no order
        "consent": {"adUserData": word, "adPersonalization": word},
    }
    _put(out, used, values, transactionId="transaction_id", conversionValue="order_value")
    if "order_value" in values:
        _put(out, used, values, currency="currency")
    click = _click_id(values)
    if click is not None:
        out["adIdentifiers"] = {click: values[click]}
        used.add(click)
    users: list[dict[str, Any]] = []
    for key, place in (("email_hash", "emailAddress"), ("phone_hash", "phoneNumber")):
        if key in values:
            users.append({place: values[key]})
            used.add(key)
    if values.keys() >= ADDRESS:
        address: dict[str, Any] = {}
        _put(address, used, values, givenName="first_name_hash", familyName="last_name_hash")
        _put(address, used, values, regionCode="country_hash", postalCode="postal_code_hash")
        users.append({"address": address})
    if users:
        out["userData"] = {"userIdentifiers": users}
    device: dict[str, Any] = {}
    _put(device, used, values, ipAddress="ip", userAgent="user_agent")
    if device:
        out["eventDeviceInfo"] = device
    incomplete = "conversionValue" in out and "currency" not in out
    return Made(INGEST_INCOMPLETE if incomplete else INGEST, out, frozenset(used))


def _click_id(values: Mapping[str, Any]) -> str | None:
    return next((name for name in CLICKS if name in values), None)


def _put(out: dict[str, Any], used: set[str], values: Mapping[str, Any], **places: str) -> None:
    """Each value that is there in its place (`place="field"`), and its field among the used ones."""
    for place, name in places.items():
        if name in values:
            out[place] = values[name]
            used.add(name)


def _identifiers(out: dict[str, Any], used: set[str], values: Mapping[str, Any], *, address: bool) -> None:
    """`userIdentifiers`: one thing each, five at most."""
    users: list[dict[str, Any]] = []
    for key, place in (("email_hash", "hashedEmail"), ("phone_hash", "hashedPhoneNumber")):
        if key in values:
            users.append({place: values[key]})
            used.add(key)
    if address and values.keys() >= ADDRESS:
        info: dict[str, Any] = {}
        _put(info, used, values, hashedFirstName="first_name_hash", hashedLastName="last_name_hash")
        _put(info, used, values, hashedStreetAddress="street_hash", city="city_hash", state="state_hash")
        _put(info, used, values, countryCode="country_hash", postalCode="postal_code_hash")
        users.append({"addressInfo": info})
    if users:
        out["userIdentifiers"] = users


def cart(items: object, product: str = "productId") -> list[dict[str, Any]]:
    """`cartData.items`: what has an id, under the key `product`; quantities are whole numbers."""
    rows = []
    for item in items if isinstance(items, tuple) else ():
        if "item_id" not in item:
            continue
        row = {product: item["item_id"]}
        quantity = item.get("quantity")
        if isinstance(quantity, (int, float)) and quantity == int(quantity) and 0 < quantity < 2**31:
            row["quantity"] = int(quantity)
        if isinstance(item.get("price"), (int, float)) and item["price"] >= 0:
            row["unitPrice"] = item["price"]
        rows.append(row)
    return rows


def _time(event: Event) -> datetime:
    return datetime.fromtimestamp(event.time, UTC)
