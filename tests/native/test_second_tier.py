"""Pinterest, Snap, LinkedIn, Microsoft, Reddit and X: kinds that take calls only."""

from __future__ import annotations

import copy
import hashlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.audit.lines import decision_line
from gatekeeper.errors import ConfigError
from gatekeeper.model import Answer, Call
from gatekeeper.policy.check import warnings
from gatekeeper.vendors import DIALECTS, KINDS
from tests.builders import DESTINATIONS, NOW, make_gate, make_policy
from tests.laws.encodings import found_in
from tests.native.kit import EVERYTHING, answered, granting
from tests.sizes import sized

SECOND: dict[str, dict[str, Any]] = {
    "pinterest": {"kind": "pinterest", "ad_account_id": "549755885175", "access_token": "OURS-TOKEN"},
    "snap": {"kind": "snap", "pixel_id": "pixel123", "access_token": "OURS-TOKEN"},
    "linkedin": {"kind": "linkedin", "access_token": "OURS-TOKEN"},
    "microsoft": {"kind": "microsoft", "tag_id": "123456", "access_token": "OURS-TOKEN"},
    "reddit": {"kind": "reddit", "pixel_id": "a2_abc", "access_token": "OURS-TOKEN"},
    "x": {"kind": "x", "pixel_id": "o8z6j"},
}
GATE = make_gate(make_policy(destinations=SECOND))
SECONDS = int(NOW) - 60
ISO = "2026-11-23T23:59:00.000Z"
AGENT = "Mozilla/5.0"


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


EMAIL = sha("jane@example.com")
PAGE = "https://shop.example/thanks?email=jane%40example.com"
# Kind -> path, body as a client writes it, and the body as it goes out with consent.
GOOD: dict[str, tuple[str, Any, Any]] = {
    "pinterest": (
        "/v5/ad_accounts/549755885175/events",
        {"data": [{
            "event_name": "checkout", "action_source": "web", "event_time": SECONDS, "event_id": "e1",
            "event_source_url": PAGE, "opt_out": False, "device_model": "Pixel 9",
            "user_data": {"em": ["Jane@Example.com"], "ph": ["+14155550100"], "client_ip_address": "203.0.113.9",
                          "client_user_agent": AGENT, "click_id": "dj0yJnU", "hashed_maids": [EMAIL]},
            "custom_data": {"currency": "EUR", "value": "12.5", "order_id": "T1", "search_string": "jane doe",
                            "contents": [{"id": "sku1", "item_price": "12.5", "quantity": 1}]},
        }]},
        {"data": [{
            "event_name": "checkout", "action_source": "web", "event_time": SECONDS, "event_id": "e1",
            "event_source_url": "https://shop.example/thanks", "opt_out": False,
            "user_data": {"em": [EMAIL], "ph": [sha("14155550100")], "client_ip_address": "203.0.113.9",
                          "client_user_agent": AGENT, "click_id": "dj0yJnU"},
            "custom_data": {"currency": "EUR", "value": "12.5", "order_id": "T1",
                            "contents": [{"id": "sku1", "item_price": "12.5", "quantity": 1}]},
        }]},
    ),
    "snap": (
        "/v3/pixel123/events",
        {"data": [{
            "event_name": "PURCHASE", "action_source": "website", "event_time": SECONDS, "event_source_url": PAGE,
            "user_data": {"em": ["Jane@Example.com"], "client_ip_address": "203.0.113.9", "client_user_agent": AGENT,
                          "sc_click_id": "click", "sc_cookie1": "uuid_c1", "madid": "6d92078a"},
            "custom_data": {"currency": "USD", "value": 12.5, "order_id": "T1", "sign_up_method": "jane"},
        }]},
        {"data": [{
            "event_name": "PURCHASE", "action_source": "website", "event_time": SECONDS,
            "event_source_url": "https://shop.example/thanks",
            "user_data": {"em": [EMAIL], "client_ip_address": "203.0.113.9", "client_user_agent": AGENT,
                          "sc_click_id": "click", "sc_cookie1": "uuid_c1"},
            "custom_data": {"currency": "USD", "value": 12.5, "order_id": "T1"},
        }]},
    ),
    "linkedin": (
        "/rest/conversionEvents",
        {
            "conversion": "urn:lla:llaPartnerConversion:104012",
            "conversionHappenedAt": SECONDS * 1000, "eventId": "e1",
            "conversionValue": {"currencyCode": "USD", "amount": "1500.0"},
            "user": {
                "userIds": [{"idType": "SHA256_EMAIL", "idValue": "jane@example.com"},
                            {"idType": "ACXIOM_ID", "idValue": "acx-jane"},
                            {"idType": "LINKEDIN_FIRST_PARTY_ADS_TRACKING_UUID", "idValue": "df5gf5-gh6t7"}],
                "userInfo": {"firstName": "Jane", "lastName": "Doe", "title": "CEO of jane", "countryCode": "us"},
            },
        },
        {
            "conversion": "urn:lla:llaPartnerConversion:104012",
            "conversionHappenedAt": SECONDS * 1000, "eventId": "e1",
            "conversionValue": {"currencyCode": "USD", "amount": "1500"},
            "user": {"userIds": [{"idType": "SHA256_EMAIL", "idValue": EMAIL},
                                 {"idType": "LINKEDIN_FIRST_PARTY_ADS_TRACKING_UUID", "idValue": "df5gf5-gh6t7"}]},
        },
    ),
    "microsoft": (
        "/v1/123456/events",
        {"continueOnValidationError": True, "data": [{
            "eventType": "custom", "eventName": "purchase", "eventId": "e1", "eventTime": SECONDS,
            "eventSourceUrl": PAGE, "pageTitle": "Thanks", "adStorageConsent": "G",
            "userData": {"em": "Ja.ne+shop@example.com", "clientIpAddress": "203.0.113.9", "clientUserAgent": AGENT,
                         "anonymousId": "jane-1", "msclkid": "abc", "gaid": "6d92078a"},
            "customData": {"eventLabel": "jane", "value": 12.5, "currency": "EUR", "transactionId": "T1"},
        }]},
        {"continueOnValidationError": True, "data": [{
            "eventType": "custom", "eventName": "purchase", "eventId": "e1", "eventTime": SECONDS,
            "eventSourceUrl": "https://shop.example/thanks", "adStorageConsent": "G",
            "userData": {"em": EMAIL, "clientIpAddress": "203.0.113.9", "clientUserAgent": AGENT, "msclkid": "abc"},
            "customData": {"value": 12.5, "currency": "EUR", "transactionId": "T1"},
        }]},
    ),
    "reddit": (
        "/api/v3/pixels/a2_abc/conversion_events",
        {"data": {"test_id": "t1", "events": [{
            "event_at": SECONDS * 1000, "action_source": "WEBSITE", "click_id": "rdt1",
            "type": {"tracking_type": "PURCHASE"},
            "user": {"email": "Ja.ne+shop@example.com", "ip_address": "203.0.113.9", "user_agent": AGENT,
                     "idfa": "6d92078a", "screen_dimensions": {"width": 1, "height": 2}},
            "metadata": {"currency": "EUR", "value": 12.5, "conversion_id": "e1"},
        }]}},
        {"data": {"test_id": "t1", "events": [{
            "event_at": SECONDS * 1000, "action_source": "WEBSITE", "click_id": "rdt1",
            "type": {"tracking_type": "PURCHASE"},
            "user": {"email": EMAIL, "ip_address": sha("203.0.113.9"), "user_agent": AGENT},
            "metadata": {"currency": "EUR", "value": 12.5, "conversion_id": "e1"},
        }]}},
    ),
    "x": (
        "/12/measurement/conversions/o8z6j",
        {"conversions": [{
            "event_id": "tw-o8z6j-o87ne", "conversion_time": ISO, "conversion_id": "e1", "value": "12.5",
            "price_currency": "EUR", "description": "for jane",
            "identifiers": [{"twclid": "23opevjt88psuo13lu8d020qkn"}, {"hashed_email": "Jane@Example.com"},
                            {"hashed_email": EMAIL}, {"maid": "6d92078a"},
                            {"ip_address": "203.0.113.9", "user_agent": AGENT}],
        }]},
        {"conversions": [{
            "event_id": "tw-o8z6j-o87ne", "conversion_time": ISO, "conversion_id": "e1", "value": 12.5,
            "price_currency": "EUR",
            "identifiers": [{"twclid": "23opevjt88psuo13lu8d020qkn"}, {"hashed_email": EMAIL},
                            {"hashed_email": EMAIL}, {"ip_address": "203.0.113.9", "user_agent": AGENT}],
        }]},
    ),
}  # fmt: skip
# Where the list of events is.
LISTS = {
    "pinterest": ("data",), "snap": ("data",), "linkedin": ("elements",), "microsoft": ("data",),
    "reddit": ("data", "events"), "x": ("conversions",),
}  # fmt: skip


def call_to(kind: str, data: Any, *headers: tuple[bytes, bytes]) -> Call:
    return Call("POST", GOOD[kind][0], "", headers, json.dumps(data).encode())


def batch(kind: str, *events: Any) -> dict[str, Any]:
    made: Any = list(events)
    for step in reversed(LISTS[kind]):
        made = {step: made}
    return made


def one_of(kind: str) -> dict[str, Any]:
    """The one good event of a kind."""
    event = GOOD[kind][1]
    for step in LISTS[kind] if kind != "linkedin" else ():
        event = event[step]
    return event[0] if isinstance(event, list) else event


def send(kind: str, call: Call, *granted: str, gate=GATE, **more):
    return granting(gate, kind, call, *(granted or EVERYTHING), **more)


def test_linkedins_types_of_ids_are_not_written_down_as_they_came():
    """They are a part of the native name, and may be anything."""
    event = copy.deepcopy(GOOD["linkedin"][1])
    event["user"]["userIds"] += [{"idType": one, "idValue": "x"} for one in ("81.20.54.228", "jane@example.com")]
    made = send("linkedin", call_to("linkedin", event))
    line = decision_line(made.plans[0], GATE.policy).core
    assert made.outgoing is not None and b"(unprintable name)" in line
    assert found_in(line, "81.20.54.228") is None and found_in(line, "jane@example.com") is None


@pytest.mark.parametrize("kind", GOOD)
@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer(200, (), b"<html>"), Answer(502)),
        (Answer(503, (("Retry-After", "9"),), b"down"), Answer(503, (("Retry-After", "9"),))),
        (Answer(204), Answer(204)),
    ],
)
def test_an_answer_that_is_no_json_is_not_passed_on(kind, answer, expected):
    """A status, and when to come back."""
    gate = make_gate(make_policy(destinations=SECOND))
    assert answered(gate, send(kind, call_to(kind, GOOD[kind][1]), gate=gate), answer) == expected


@pytest.mark.parametrize("kind", GOOD)
@pytest.mark.parametrize("path", ["/", "/v5/user_account", "/rest/adAccounts", "/12/accounts", "/api/v3/me"])
def test_only_the_vendors_own_paths_are_forwarded(kind, path):
    """No open relay."""
    made = send(kind, Call("POST", path, "", (), b"{}"))
    assert made.outgoing is None and made.reason == "call_unreadable"


BROKEN = [b"", b"{", b"[]", b"7", b'{"data":7}', b'{"data":[7],"elements":[7],"conversions":[7],"events":[7]}',
          b'{"a":1,"a":2}', b'{"a":NaN}', b"\xff", b'{"x":' * 200 + b"1" + b"}" * 200]  # fmt: skip


@pytest.mark.parametrize("kind", GOOD)
@pytest.mark.parametrize("text", BROKEN)
def test_what_cannot_be_read_is_blocked(kind, text):
    """And answered as the vendor would."""
    made = send(kind, Call("POST", GOOD[kind][0], "", (), text))
    assert made.outgoing is None and made.reason in ("call_unreadable", "insufficient_data")
    assert made.answer.status in (200, 201)


KEYS = (
    "user_data userData user userIds idType idValue identifiers em event_time event_at custom_data contents value"
    " data_processing_options modes opt_out type conversion"
).split()
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=sized(120), deadline=None)
@given(st.sampled_from(sorted(GOOD)), JSON, st.sampled_from(KEYS))
def test_no_shape_of_json_makes_the_gate_fail(kind, value, key):
    """Blocked for a reason that says why, or sent; never an error of the gate's own."""
    for data in (batch(kind, {**one_of(kind), key: value}), batch(kind, value), value):
        try:
            call = call_to(kind, data)
        except UnicodeEncodeError:
            return
        assert send(kind, call).reason in (None, "call_unreadable", "insufficient_data", "no_marketing_consent")


def test_no_event_is_routed_to_them():
    """A page view goes to whoever takes events; a warning says how these are reached."""
    policy = make_policy(destinations=DESTINATIONS | SECOND)
    assert {to.name for to in policy.destinations_for("page_view")} == {"ga4", "meta_capi", "own"}
    told = [line for line in warnings(policy) if "takes calls only" in line]
    assert told[0] == (
        "destinations.pinterest: takes calls only, no events; point the vendor's SDK at /gk/to/pinterest/"
    )
    assert len(told) == 6
    listed = make_policy(destinations=DESTINATIONS | {"x": SECOND["x"] | {"events": ["purchase"]}})
    assert {to.name for to in listed.destinations_for("purchase")} == {"ga4", "meta_capi", "own"}


def test_a_policy_that_routes_an_event_there_does_not_load():
    """With the name and the remedy."""
    with pytest.raises(ConfigError) as found:
        make_policy(destinations=DESTINATIONS | SECOND, events={"purchase": {"destinations": ["x"]}})
    assert found.value.problems == (
        'events.purchase.destinations: "x" takes calls only (kind x), not events; remove it',
    )


def test_every_kind_has_a_dialect():
    """What takes calls only must take calls."""
    kinds = {name for name, module in KINDS.items() if module.KIND.calls_only}
    assert kinds == set(GOOD) and kinds <= {one.KIND for one in DIALECTS}
