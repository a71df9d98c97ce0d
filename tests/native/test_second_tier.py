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
from tests.native.requests import EVERYTHING, answered, body, everything, planned, query, vector

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
    return planned(gate, kind, call, *(granted or EVERYTHING), **more)


@pytest.mark.parametrize("kind", GOOD)
def test_an_event_goes_out_hashed_and_without_what_is_in_no_table(kind):
    """Clear values by the vendor's own rules; device ids and free text nowhere."""
    _, came, goes = GOOD[kind]
    made = send(kind, call_to(kind, came))
    assert body(made) == goes
    for text in (b"jane", b"Jane", b"6d92078a", b"Pixel 9"):
        assert text not in everything(made)
    assert made.outgoing.url.startswith(KINDS[kind].KIND.endpoint)


@pytest.mark.parametrize("kind", GOOD)
@pytest.mark.parametrize("granted", [("analytics",), ()], ids=["analytics", "silent"])
def test_without_marketing_consent_nothing_goes(kind, granted):
    """And the client gets its success."""
    made = planned(GATE, kind, call_to(kind, GOOD[kind][1]), *granted)
    assert made.outgoing is None and made.reason == "no_marketing_consent"
    assert made.answer.status in (200, 201)


@pytest.mark.parametrize("kind", GOOD)
def test_an_opt_out_signal_blocks_whatever_the_cookie_says(kind):
    """Sec-GPC."""
    assert send(kind, call_to(kind, GOOD[kind][1]), headers=(("sec-gpc", "1"),)).reason == "gpc_opt_out"


@pytest.mark.parametrize("kind", [kind for kind in GOOD if kind != "x"])
def test_the_token_is_the_callers_or_else_the_policys(kind):
    """In the header, at Snap in the query."""
    ours, theirs = (
        send(kind, call_to(kind, GOOD[kind][1], *headers)) for headers in ((), ((b"authorization", b"Bearer THEIRS"),))
    )
    assert ("Authorization", "Bearer THEIRS") in theirs.outgoing.headers
    assert b"OURS-TOKEN" not in everything(theirs) and b"OURS-TOKEN" in everything(ours)
    assert query(ours) == ({"access_token": "OURS-TOKEN"} if kind == "snap" else {})
    assert "TOKEN" not in repr(ours) and "THEIRS" not in repr(theirs)


def test_xs_signature_is_passed_on():
    """It is of method and address, not of the body."""
    signed = b'OAuth oauth_consumer_key="k", oauth_signature="s%3D"'
    made = send("x", call_to("x", GOOD["x"][1], (b"authorization", signed)))
    assert ("Authorization", signed.decode()) in made.outgoing.headers


def test_linkedins_version_travels_and_clear_names_only_if_listed():
    """A policy may list them; a hash is of no use there."""
    head = ((b"linkedin-version", b"202603"), (b"x-restli-method", b"BATCH_CREATE"), (b"x-jane", b"jane"))
    made = send("linkedin", call_to("linkedin", batch("linkedin", one_of("linkedin")), *head))
    assert {("LinkedIn-Version", "202603"), ("X-RestLi-Method", "BATCH_CREATE")} <= set(made.outgoing.headers)
    assert b"jane" not in everything(made)
    named = SECOND["linkedin"] | {"fields": ["first_name", "last_name", "country"]}
    gate = make_gate(make_policy(destinations={"linkedin": named}))
    sent = send("linkedin", call_to("linkedin", GOOD["linkedin"][1]), gate=gate)
    assert body(sent)["user"] == {
        "userIds": [],
        "userInfo": {"firstName": "Jane", "lastName": "Doe", "countryCode": "US"},
    }
    decision = sent.plans[0].decisions[0]
    assert set(decision.kept) == {"first_name", "last_name", "country"}
    assert not {"first_name_hash", "last_name_hash", "country_hash"} & set(decision.stripped)


def test_linkedins_types_of_ids_are_not_written_down_as_they_came():
    """They are a part of the native name, and may be anything."""
    event = copy.deepcopy(GOOD["linkedin"][1])
    event["user"]["userIds"] += [{"idType": one, "idValue": "x"} for one in ("81.20.54.228", "jane@example.com")]
    made = send("linkedin", call_to("linkedin", event))
    line = decision_line(made.plans[0], GATE.policy).core
    assert made.outgoing is not None and b"(unprintable name)" in line
    assert found_in(line, "81.20.54.228") is None and found_in(line, "jane@example.com") is None


@pytest.mark.parametrize(
    "name", ["jane@example.com", "+4915743739351", "eyJ3aG8iOiJqYW5lIn0", "Jane 4111", "x" * 61, " "]
)
def test_a_clear_name_has_to_look_like_one(name):
    """Whatever else stands there goes nowhere."""
    named = SECOND["linkedin"] | {"fields": ["first_name", "last_name", "email"]}
    user = {
        "userIds": [{"idType": "SHA256_EMAIL", "idValue": EMAIL}],
        "userInfo": {"firstName": "Jürgen", "lastName": name},
    }
    call = call_to("linkedin", {**one_of("linkedin"), "user": user})
    made = send("linkedin", call, gate=make_gate(make_policy(destinations={"linkedin": named})))
    assert body(made)["user"]["userInfo"] == {"firstName": "Jürgen"}
    assert made.plans[0].decisions[0].stripped["last_name_hash"] == "invalid"


@pytest.mark.parametrize("kind", GOOD)
def test_an_event_without_anything_to_match_is_dropped_alone(kind):
    """The rest of the batch goes out; answers count as the caller does."""
    good = one_of(kind)
    poor = {key: value for key, value in good.items() if key not in ("user_data", "userData", "user", "identifiers",
                                                                     "click_id")}  # fmt: skip
    gate = make_gate(make_policy(destinations=SECOND))
    made = send(kind, call_to(kind, batch(kind, poor, good)), gate=gate)
    assert made.header == "sent; elements=1/2"
    assert [plan.decisions[0].reason for plan in made.plans] == ["insufficient_data", None]
    said, told = ANSWERS[kind]
    assert (
        json.loads(answered(gate, made, Answer(200, (("Set-Cookie", "a=b"),), json.dumps(said).encode())).body) == told
    )


_DONE = {"status": "processed", "error_message": "", "warning_message": ""}
_FAILED = {"status": "failed", "error_message": "no", "warning_message": ""}
# What the vendor says of the one event it got, and what the caller of two is told.
ANSWERS = {
    "pinterest": (
        {"num_events_received": 1, "num_events_processed": 0, "events": [_FAILED]},
        {"num_events_received": 2, "num_events_processed": 1, "events": [_DONE, _FAILED]},
    ),
    "snap": (
        {"status": "INVALID", "error_records": [{"reason": "OURS-TOKEN", "record_indexes": [0]}]},
        {"status": "INVALID", "error_records": [{"reason": "…", "record_indexes": [1]}]},
    ),
    "linkedin": ({"elements": [{"status": 422}]}, {"elements": [{"status": 201}, {"status": 422}]}),
    "microsoft": (
        {"eventsReceived": 1, "error": {"details": [{"index": 0, "errorMessage": "no"}]}},
        {"eventsReceived": 2, "error": {"details": [{"index": 1, "errorMessage": "no"}]}},
    ),
    "reddit": ({"data": {"message": "ok"}}, {"data": {"message": "ok"}}),
    "x": ({"data": {"conversions_processed": 1}}, {"data": {"conversions_processed": 2}}),
}


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


def test_limited_use_is_only_ever_made_stricter():
    """What came limited stays so, and an opt-out that is not honoured is told by each vendor's own flag."""
    policy = make_policy(
        destinations=SECOND, consent={"gpc": "where_required"}, jurisdiction={"default": "ucpa"}
    )  # fmt: skip
    gate = make_gate(policy)

    def told(kind, **keys):
        event = {**one_of(kind), **keys}
        made = send(kind, call_to(kind, batch(kind, event)), gate=gate, headers=headers, address="127.0.0.1")
        found = body(made)
        for step in LISTS[kind]:
            found = found[step]
        return found[0]

    headers = (("sec-gpc", "1"),)
    assert told("pinterest")["opt_out"] is True
    assert told("pinterest")["custom_data"]["opt_out_type"] == "LDP"
    assert told("snap")["data_processing_options"] == ["LDU"]
    assert told("microsoft")["adStorageConsent"] == "D"
    assert told("reddit")["user"]["data_processing_options"] == {"modes": ["LDU"]}
    assert told("x")["restricted_data_use"] == "restrict_optimization"
    headers = ()
    assert told("pinterest", opt_out=True)["opt_out"] is True
    assert told("snap", data_processing_options=["LDU"])["data_processing_options"] == ["LDU"]
    limited = {
        **one_of("reddit")["user"],
        "data_processing_options": {"modes": ["LDU"], "country": "US", "region": "US-CA"},
    }
    assert told("reddit", user=limited)["user"]["data_processing_options"]["region"] == "US-CA"
    assert told("x", restricted_data_use="restrict_optimization")["restricted_data_use"] == "restrict_optimization"
    assert "data_processing_options" not in told("snap")


def test_microsofts_denied_consent_is_a_denial():
    """Like Google's."""
    made = send("microsoft", call_to("microsoft", batch("microsoft", {**one_of("microsoft"), "adStorageConsent": "D"})))
    assert made.outgoing is None and made.reason == "no_marketing_consent"
    tag = send("microsoft", Call("GET", "/action/0", "ti=123456&Ver=2&evt=pageLoad&asc=D"))
    assert tag.outgoing is None and tag.answer == Answer(204)


def test_snaps_vector():
    """As Segment sends it."""
    made = send("snap", vector("snap-capi-v3"))
    (event,) = body(made)["data"]
    assert query(made) == {"access_token": "access123"}
    assert event["data_processing_options"] == ["LDU"] and event["data_processing_options_state"] == 1000
    assert set(event["user_data"]) == {
        "em", "ph", "client_ip_address", "client_user_agent", "sc_click_id", "sc_cookie1",
    }  # fmt: skip
    assert planned(GATE, "snap", vector("snap-capi-v3")).outgoing is None


def test_bings_tag():
    """Page without click id, matching data, no ids of bat.js, no screen and no title."""
    made = send("microsoft", vector("bing-uet"))
    sent = query(made)
    assert sent["p"] == "https://shop.example/" and sent["asc"] == "G" and "r" not in sent
    assert json.loads(sent["pid"]) == {"em": "86e0b9e56c17cc4d12387e1949b85053fbe73bc3ce5a1188713a9d300cc6133d"}
    assert {"mid", "sid", "vid", "sw", "sh", "lg", "tl", "pi"} & sent.keys() == set()
    assert made.outgoing.url.startswith("https://bat.bing.com/action/0?")
    assert planned(GATE, "microsoft", vector("bing-uet"), "analytics").answer == Answer(204)


def test_reddits_pixel():
    """Hashed e-mail and the conversion; no browser id, no advertising id, no screen."""
    swap = ("id=xx_abc123z", "id=a2_abc")
    made = send("reddit", vector("reddit-pixel", swap))
    sent = query(made)
    assert sent["em"] == "86e0b9e56c17cc4d12387e1949b85053fbe73bc3ce5a1188713a9d300cc6133d"
    assert (sent["m.valueDecimal"], sent["m.currency"], sent["opt_out"]) == ("20", "USD", "0")
    assert {"uuid", "aaid", "idfa", "sw", "sh"} & sent.keys() == set()
    blocked = planned(GATE, "reddit", vector("reddit-pixel", swap), "analytics")
    assert blocked.outgoing is None and blocked.answer.headers == (("Content-Type", "image/gif"),)


def test_reddit_takes_both_versions_and_its_own_normal_form():
    """Reddit's own pair: letters and digits only before the @."""
    event = {
        "event_at": ISO,
        "event_type": {"tracking_type": "Purchase"},
        "user": {"email": "Al.ice$+Apple@Example.Com"},
    }
    call = Call("POST", "/api/v2.0/conversions/events/a2_abc", "", (), json.dumps({"events": [event]}).encode())
    (sent,) = body(send("reddit", call))["events"]
    assert sent["user"] == {"email": "ff8d9819fc0e12bf0d24892e45987e249a28dce836a85cad60e28eaaa8c6d976"}


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("pinterest", "/v5/ad_accounts/1/events"),
        ("snap", "/v3/other/events"),
        ("microsoft", "/v1/99/events"),
        ("reddit", "/api/v3/pixels/a2_other/conversion_events"),
        ("reddit", "/api/v2.0/conversions/events/a2_other"),
        ("x", "/12/measurement/conversions/other"),
    ],
)
def test_another_account_is_not_ours_to_send_to(kind, path):
    """Even with a token of its own."""
    call = call_to(kind, GOOD[kind][1])
    made = send(kind, Call("POST", path, "", call.headers, call.body))
    assert made.outgoing is None and made.reason == "unlisted_destination"


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


@settings(max_examples=120, deadline=None)
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


def test_a_calls_own_event_list_still_counts():
    """`events` of a destination says which of its calls go out."""
    gate = make_gate(make_policy(destinations={"snap": SECOND["snap"] | {"events": ["page_view"]}}))
    assert send("snap", call_to("snap", GOOD["snap"][1]), gate=gate).reason == "event_not_routed"


def test_every_kind_has_a_dialect():
    """What takes calls only must take calls."""
    kinds = {name for name, module in KINDS.items() if module.KIND.calls_only}
    assert kinds == set(GOOD) and kinds <= {one.KIND for one in DIALECTS}
