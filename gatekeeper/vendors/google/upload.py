"""Uploads to the Google Ads API, as servers send them by REST.

    POST <origin>/v26/customers/<id>:uploadClickConversions        {"conversions": […], "partialFailure": true}
    POST <origin>/v26/customers/<id>:uploadConversionAdjustments   {"conversionAdjustments": […], …}

Each conversion is an element. A dropped one has a result in the answer as if it had been taken, and errors have the
caller's own positions. Source: see upload.toml; developers.google.com/google-ads/api/docs/conversions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

import orjson

from gatekeeper.model import Answer, Call, Outgoing
from gatekeeper.vendors.dialect import FLAG, Element, Kept, Leaf, Native
from gatekeeper.vendors.formats import contents, credentials, json_body, pairs, replies, table, times, tree
from gatekeeper.vendors.formats.format import Format, OwnBody, Rest
from gatekeeper.vendors.formats.parts import Needs, Route
from gatekeeper.vendors.formats.replies import Reply
from gatekeeper.vendors.google import api as google_api
from gatekeeper.vendors.google import conversion as google_conversion
from gatekeeper.vendors.google import events as vendor
from gatekeeper.vendors.google import person as google_person
from gatekeeper.vendors.kind import Destination, Shaping

_ROUTE: Final = Route(
    re.compile(r"/v[0-9]{1,3}/customers/([0-9]{1,20})(?::|%3A)(uploadClickConversions|uploadConversionAdjustments)"),
    "https://googleads.googleapis.com",
)
_LISTS: Final = {"uploadClickConversions": "conversions", "uploadConversionAdjustments": "conversionAdjustments"}
_CLICK: Final = "uploadClickConversions"
_TABLE: Final = table.load(__package__, "upload.toml")
_WORDS: Final = {0: "unspecified", 1: "unknown", 2: "granted", 3: "denied"}  # ConsentStatusEnum
_ENHANCEMENT: Final = ("ENHANCEMENT", "4")  # ConversionAdjustmentTypeEnum
_PAIR: Final = frozenset({"gclidDateTimePair.gclid", "gclidDateTimePair.conversionDateTime"})
_ITEM: Final = {"productId": "item_id", "unitPrice": "price", "quantity": "quantity"}
_RESULT: Final = frozenset(
    "conversionAction conversionDateTime adjustmentType adjustmentDateTime gclid gbraid wbraid orderId "
    "gclidDateTimePair userIdentifiers".split()
)


def _read_call(call: Call, to: Destination, body: bytes, dialect: Format) -> Native:
    """Every conversion is an element, what stands beside them is shared. Raises Unreadable."""
    customer, method = _route(call)
    key = _LISTS[method]
    data = google_api.spelled(json_body.read_object(body))
    rows = json_body.objects(data.pop(key, []), key)
    shared = (
        *credentials.read(call, google_api.CREDENTIALS),
        *pairs.beside(call.query, _TABLE, "query"),
        *tree.flatten(data, _TABLE, "", ("body",)),
    )
    own = str(to.settings["customer_id"])
    account = own if customer == vendor.digits(own) else customer
    stamp = json_body.stamp(shared)
    return Native(call, tuple(_element(row, to, method, stamp) for row in rows), shared, account, {"method": method})


def _write_call(rest: Rest, dialect: Format) -> Outgoing:
    """The same upload, rebuilt; its consent objects never looser than what was decided."""
    method = rest.native.frame["method"]
    conversions = [_conversion(one, method) for one in rest.sent]
    data = {_LISTS[method]: conversions, **tree.below(rest.shared, "body", _TABLE, FLAG)}
    query = pairs.rows(rest.shared, "query")
    url = dialect.route.url(rest.to, rest.native.call.path, pairs.write_pairs(query))
    return Outgoing("POST", url, google_api.headers(rest.native, rest.to, ads=True), orjson.dumps(data))


def _route(call: Call) -> tuple[str, str]:
    found = _ROUTE.paths.fullmatch(call.path)
    return ("", _CLICK) if found is None else (found[1], found[2])


def _element(row: dict[str, Any], to: Destination, method: str, stamp: str | None) -> Element:
    leaves = contents.each(tree.flatten(row, _TABLE), lambda rows: contents.read(rows, _ITEM))
    leaves = google_person.whole(leaves, to, addresses=method != _CLICK)
    clicks = {leaf.role for leaf in leaves if leaf.role in google_conversion.CLICKS} & to.fields
    if method == _CLICK and clicks and "gclid" not in clicks:  # Google takes no identifiers beside the other two
        leaves = google_person.nobody(leaves)
    own = json_body.stamp(leaves)
    consent = row.get("consent")
    return Element(
        google_api.event_name(to, "conversion" if method == _CLICK else "conversion_adjustment"),
        tuple(leaves),
        time=_seconds(leaves),
        stamp=stamp if own is None else own,
        flags={} if consent is None else {"google": google_api.said(consent, _WORDS)},
    )


def _seconds(leaves: Sequence[Leaf]) -> float | None:
    found = (times.seconds(leaf.value) for leaf in leaves if leaf.role == "event_time")
    return next((moment for moment in found if moment is not None), None)


def _conversion(one: Kept, method: str) -> dict[str, Any]:
    made: dict[str, Any] = tree.rebuild(contents.each(one.leaves, google_conversion.cart, FLAG), _TABLE)
    if not made.get("cartData", {}).get("items"):
        made.pop("cartData", None)
    if method == _CLICK:
        made["consent"] = google_api.decided(google_api.flags(one.leaves), one.shaping, "GRANTED", "DENIED")
    return made


def _result(one: Element) -> Any:
    """What Google repeats of a conversion that it took."""
    told = [leaf for leaf in one.leaves if str(leaf.path[:1][0]) in _RESULT and leaf.role]
    return tree.rebuild([leaf for leaf in told if leaf.value not in (None, "")], _TABLE)


def _known(result: object, kept: Sequence[Kept | None]) -> Any:
    if not isinstance(result, dict):
        return {}
    return {key: google_api.told(value, kept) for key, value in result.items() if key in _RESULT}


def _lacks(leaves: Sequence[Leaf], shaping: Shaping) -> str | None:
    """What a conversion or an adjustment is found and matched by: the rules of events."""
    names = {leaf.name: leaf.value for leaf in leaves}
    fields = table.fields(leaf for leaf in leaves if leaf.path[:1] not in (("header",), ("query",)))
    kind = names.get("adjustmentType")
    needs = ["conversionAction", "conversionDateTime"] if kind is None else ["conversionAction"]
    missing = [name for name in needs if name not in names]
    if missing:
        return f"{', '.join(missing)} missing"
    if kind is None:
        return google_conversion.unmatched(fields)
    if str(kind) in _ENHANCEMENT:
        moment = times.seconds(names.get("gclidDateTimePair.conversionDateTime"))
        return google_conversion.not_enhancing(fields, 0.0 if moment is None else shaping.at - moment)
    if "transaction_id" in fields or names.keys() >= _PAIR:
        return None
    return "neither a click id nor a transaction id to find the conversion by"


def _taken(native: Native) -> Answer:
    """A result for every conversion; none if it was only to be validated."""
    if any(leaf.name == "validateOnly" and leaf.value is True for leaf in native.shared):
        return Answer(200, google_api.JSON, b"{}")
    return replies.json_answer({"results": [_result(one) for one in native.elements]}, headers=google_api.JSON)


def _told(answer: Answer, native: Native, kept: Sequence[Kept | None]) -> Answer:
    """Results and errors in the caller's numbering."""
    body = replies.parsed(answer)
    if body is None or not 200 <= answer.status < 300:
        return google_api.refused(answer, body, kept)
    made: dict[str, Any] = {}
    results = body.get("results")
    if isinstance(results, list):
        rest = iter(results)
        listed = zip(native.elements, kept, strict=True)
        made["results"] = [_result(one) if left is None else _known(next(rest, {}), kept) for one, left in listed]
    if isinstance(body.get("partialFailureError"), dict):
        made["partialFailureError"] = google_api.told(body["partialFailureError"], kept)
    return replies.json_answer(made, headers=google_api.JSON)


DIALECT: Final = Format(
    KIND="google_ads",
    NAME="google_ads :uploadClickConversions",
    ACCOUNT="customer_id",
    table=_TABLE,
    route=_ROUTE,
    body=OwnBody(_read_call, _write_call),
    needs=Needs(more=_lacks),
    hashes=google_conversion.personal,
    reply=Reply(_taken, _told, fates=vendor.read_answer),
)
