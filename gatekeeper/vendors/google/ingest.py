"""Google's Data Manager API, as its clients call it.

    POST <origin>/v1/events:ingest     {"destinations": […], "events": […], "consent": {…}, "encoding": "HEX"}

Each event is an element. Enums come as words, or from the client libraries as numbers (`?$alt=json;enum-encoding=int`).
Hashes come in hexadecimal or base64, and go out in hexadecimal. An event's own consent stands over the request's; what
goes out has it per event. Source: see ingest.toml.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from gatekeeper.fields import CATALOGUE
from gatekeeper.model import Answer, Call, Outgoing
from gatekeeper.vendors.dialect import FLAG, Element, Kept, Leaf, Native
from gatekeeper.vendors.formats import contents, credentials, json_body, names, pairs, replies, times, tree
from gatekeeper.vendors.formats import table as tables
from gatekeeper.vendors.formats.format import Format, OwnBody, Rest
from gatekeeper.vendors.formats.parts import Needs, Route
from gatekeeper.vendors.formats.replies import Reply
from gatekeeper.vendors.google import api as google_api
from gatekeeper.vendors.google import conversion as google_conversion
from gatekeeper.vendors.google import events as vendor
from gatekeeper.vendors.google import person as google_person
from gatekeeper.vendors.kind import Destination, Shaping

_TABLE: Final = tables.load(__package__, "ingest.toml")
_WORDS: Final = {0: "unspecified", 1: "granted", 2: "denied"}  # ConsentStatus
_STYLES: Final = {  # granted, denied, hexadecimal
    True: (1, 2, 1),
    False: ("CONSENT_GRANTED", "CONSENT_DENIED", "HEX"),
}
_ADS: Final = ("GOOGLE_ADS", "1")  # AccountType and Product
_BASE64: Final = ("BASE64", "2")
_ITEM: Final = {"merchantProductId": "item_id", "unitPrice": "price", "quantity": "quantity"}
_EVENT: Final = ("events",)


def _read_call(call: Call, to: Destination, body: bytes, dialect: Format) -> Native:
    """Every event is an element, what stands beside them is shared. Raises Unreadable."""
    data = google_api.spelled(json_body.read_object(body))
    rows = json_body.objects(data.pop("events", []), "events")
    shared = (
        *credentials.read(call, google_api.CREDENTIALS),
        *pairs.beside(call.query, _TABLE, "query"),
        *tree.flatten(data, _TABLE, "", ("body",)),
    )
    numbers = any(leaf.name == "query.$alt" and "enum-encoding=int" in str(leaf.value) for leaf in shared)
    packed = str(data.get("encoding")) in _BASE64
    stamp = json_body.stamp(shared)
    elements = tuple(_element(row, data.get("consent"), to, packed, stamp) for row in rows)
    destinations = json_body.objects(data.get("destinations", []), "destinations")
    return Native(call, elements, shared, _account(destinations, to), {"numbers": numbers})


def _write_call(rest: Rest, dialect: Format) -> Outgoing:
    """The same request, rebuilt; the policy's conversion action where no destination was named."""
    granted, denied, hexadecimal = _STYLES[rest.native.frame["numbers"]]
    data: dict[str, Any] = tree.below(rest.shared, "body", _TABLE, FLAG)
    data.setdefault("destinations", [vendor.account(rest.to)])
    given = google_api.flags(rest.native.shared)
    data["events"] = [_event(one, given, granted, denied) for one in rest.sent]
    data.pop("encoding", None)
    if any("userData" in event for event in data["events"]):
        data["encoding"] = hexadecimal
    query = pairs.rows(rest.shared, "query")
    url = dialect.route.url(rest.to, rest.native.call.path, pairs.write_pairs(query))
    return Outgoing("POST", url, google_api.headers(rest.native, rest.to, ads=False), orjson.dumps(data))


def _account(destinations: Sequence[Mapping[str, Any]], to: Destination) -> str | None:
    """The policy's customer if every destination is an account of Google Ads with that number; else what is not."""
    own = str(to.settings["customer_id"])
    for one in destinations:
        account = one.get("operatingAccount")
        if not isinstance(account, Mapping):
            return "no account"
        kinds = {str(account[key]) for key in ("accountType", "product") if key in account}
        if str(account.get("accountId")) != vendor.digits(own) or not kinds or not kinds <= set(_ADS):
            return "another account"
    return own if destinations else None


def _element(row: dict[str, Any], beside: object, to: Destination, packed: bool, stamp: str | None) -> Element:
    leaves = [_readable(leaf, packed) for leaf in tree.flatten(row, _TABLE, "events", _EVENT)]
    leaves = google_person.whole(leaves, to)
    name = json_body.text(leaves, "events.eventName")
    own = json_body.stamp(leaves)
    moment = next((leaf.value for leaf in leaves if leaf.name == "events.eventTimestamp"), None)
    consents = [one for one in (beside, row.get("consent")) if one is not None]
    flags: dict[str, Any] = {}
    if consents:
        flags = {"google": google_api.said(_merged(consents), _WORDS)}
    return Element(
        google_api.event_name(to, "conversion") if name is None else names.canonical(name),
        tuple(leaves),
        time=times.seconds(moment),
        stamp=stamp if own is None else own,
        flags=flags,
    )


def _merged(consents: Sequence[object]) -> object:
    """The event's switches over the request's; one that is no object spoils both."""
    made: dict[str, object] = {}
    for one in consents:
        if not isinstance(one, Mapping):
            return one
        made |= one
    return made


def _readable(leaf: Leaf, packed: bool) -> Leaf:
    if leaf.role == "items":
        return leaf.but(value=contents.read(leaf.value, _ITEM))
    row = CATALOGUE.by_name.get(leaf.role)
    if packed and row is not None and row.key in google_conversion.HASHED and isinstance(leaf.value, str):
        return leaf.but(value=_unpacked(leaf.value))
    return leaf


def _unpacked(value: str) -> str:
    try:
        plain = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return value
    return plain.hex() if len(plain) == 32 else value


def _event(one: Kept, given: Mapping[str, object], granted: object, denied: object) -> dict[str, Any]:
    leaves = contents.each(one.leaves, lambda items: google_conversion.cart(items, "merchantProductId"), FLAG)
    made: dict[str, Any] = tree.below(leaves, "events", _TABLE)
    if not made.get("cartData", {}).get("items"):
        made.pop("cartData", None)
    made["consent"] = google_api.decided({**given, **google_api.flags(one.leaves)}, one.shaping, granted, denied)
    return made


def _lacks(leaves: Sequence[Leaf], shaping: Shaping) -> str | None:
    """A time, and a click or a person: the rule of events."""
    if not any(leaf.name == "events.eventTimestamp" for leaf in leaves):
        return "eventTimestamp missing"
    return google_conversion.unmatched(tables.fields(leaf for leaf in leaves if leaf.path[:1] == _EVENT))


def _taken(native: Native) -> Answer:
    """The id of a request; what became of its events Google would tell later."""
    return Answer(200, google_api.JSON, b'{"requestId":"gatekeeper"}')


def _told(answer: Answer, native: Native, kept: Sequence[Kept | None]) -> Answer:
    """The request's id and Google's warnings, in the caller's numbering."""
    body = replies.parsed(answer)
    if body is None or not 200 <= answer.status < 300:
        return google_api.refused(answer, body, kept)
    known = {key: body[key] for key in ("requestId", "fieldWarnings") if key in body}
    return replies.json_answer(google_api.told(known, kept), headers=google_api.JSON)


DIALECT: Final = Format(
    KIND="google_ads",
    NAME="google_ads /v1/events:ingest",
    ACCOUNT="customer_id",
    table=_TABLE,
    route=Route(re.compile("/v1/events(?::|%3A)ingest"), "https://datamanager.googleapis.com"),
    body=OwnBody(_read_call, _write_call),
    needs=Needs(more=_lacks),
    hashes=google_conversion.personal,
    reply=Reply(_taken, _told, fates=vendor.read_answer),
)
