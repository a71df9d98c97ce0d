"""Uploads to the Google Ads API through the gate: real requests in, what may be sent out."""

import json
from urllib.parse import urlsplit

import pytest

from gatekeeper.calls import finish_call
from gatekeeper.model import Answer
from gatekeeper.testing import google as simulator
from gatekeeper.testing.received import Received
from tests.builders import HASH, NOW
from tests.native.vendor_calls import (
    GPC,
    GRANTED,
    LIMITED,
    LONG_GRANTED,
    REFUSED,
    call_of,
    gate_of,
    headers_of,
    planned,
    posted,
    sent_json,
)

CLICKS = "/v26/customers/1234:uploadClickConversions"
ADJUSTMENTS = "/v26/customers/1234:uploadConversionAdjustments"
ACTION = "customers/1234/conversionActions/12345"
WHEN = "2026-11-23 23:59:50+00:00"
GATE = gate_of()
ADDRESS = {"hashedFirstName": HASH, "hashedLastName": HASH, "countryCode": "us", "postalCode": "94045"}


def click(**changes):
    """A click conversion of now."""
    return {"conversionAction": ACTION, "conversionDateTime": WHEN, "gclid": "EAIaIQ", **changes}


def enhancement(**changes):
    """An enhancement of a conversion."""
    person = [{"hashedEmail": HASH}]
    return {
        "adjustmentType": "ENHANCEMENT",
        "conversionAction": ACTION,
        "orderId": "T1",
        "userIdentifiers": person,
    } | changes


def clicks(*rows, headers=(), **top):
    """A call that uploads click conversions."""
    return posted(CLICKS, {"conversions": list(rows), "partialFailure": True, **top}, headers=headers)


def adjustments(*rows):
    """A call that uploads adjustments."""
    return posted(ADJUSTMENTS, {"conversionAdjustments": list(rows), "partialFailure": True})


def objections(made):
    """What Google would object to in what is sent."""
    out = made.outgoing
    parts = urlsplit(out.url)
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    return simulator.check(Received.read(out.method, target, out.headers, out.body, b"", NOW))


def of_now(data):
    """The vector's conversions, of now and with full consent."""
    for row in data["conversions"]:
        row |= {"conversionDateTime": WHEN, "consent": {"adUserData": "GRANTED"}}
    return data


def test_the_vectors_click_conversion():
    """With consent: the click id, the order and the hashes go; address, session attributes and cart do not."""
    made = planned(GATE, call_of("gads-uploadClickConversions", body=of_now), GRANTED)
    assert sent_json(made) == {
        "conversions": [
            {
                "conversionAction": ACTION, "conversionDateTime": WHEN, "gclid": "EAIaIQ", "orderId": "1234",
                "conversionValue": 200, "currencyCode": "USD",
                "userIdentifiers": [
                    {"hashedEmail": "87924606b4131a8aceeeae8868531fbb9712aaa07a5d3a756b26ce0f5d6ca674"},
                    {"hashedPhoneNumber": "76ff44c6428f2fc2750fec01cb3190423adaebb21e797d942f339f3c7c1761dd"},
                ],
                "consent": {"adUserData": "GRANTED", "adPersonalization": "GRANTED"},
            }
        ],
        "partialFailure": True,
    }  # fmt: skip
    assert objections(made) == ()
    assert {"ip": "not_needed", "items": "not_needed"}.items() <= made.plans[0].decisions[0].stripped.items()


def test_the_vectors_enhancement():
    """A whole address goes by Google's rules; the browser does not."""
    made = planned(GATE, call_of("gads-uploadConversionAdjustments"), LONG_GRANTED)
    (row,) = sent_json(made)["conversionAdjustments"]
    assert "userAgent" not in row and "consent" not in row
    assert row["userIdentifiers"][2]["addressInfo"]["countryCode"] == "US" and row["orderId"] == "T1"
    assert objections(made) == ()


@pytest.mark.parametrize("said", [(), (REFUSED,), (GRANTED, GPC)], ids=["silent", "refused", "gpc"])
@pytest.mark.parametrize("call", [clicks(click(), click(orderId="2")), adjustments(enhancement())])
def test_without_permission_nothing_is_sent_and_the_caller_gets_results(said, call):
    """One result for each conversion, as if it had been taken."""
    made = planned(GATE, call, *said)
    assert made.outgoing is None and made.reason in ("no_marketing_consent", "gpc_opt_out")
    results = json.loads(made.answer.body)["results"]
    assert len(results) == len(made.plans) and all(row["conversionAction"] == ACTION for row in results)
    assert "partialFailureError" not in json.loads(made.answer.body)


@pytest.mark.parametrize(
    "consent",
    [
        {"adUserData": "DENIED"},
        {"adPersonalization": "DENIED"},
        {"ad_user_data": 3},
        {"adUserData": 7},
        {"adUserData": True},
        {"adUserData": None},
        "GRANTED",
    ],
)
def test_a_refusal_in_a_conversions_own_consent_blocks_that_one_alone(consent):
    """As words or numbers; what is none of Google's words is a refusal."""
    made = planned(GATE, clicks(click(consent=consent), click(orderId="2")), GRANTED)
    assert [row["orderId"] for row in sent_json(made)["conversions"]] == ["2"]
    assert made.plans[0].decisions[0].reason in ("no_marketing_consent", "consent_unreadable")


def test_consent_is_never_loosened():
    """What came unspecified stays so; a visitor who opted out of more is denied personalisation."""
    (row,) = sent_json(planned(GATE, clicks(click(consent={"adUserData": "UNSPECIFIED"})), GRANTED))["conversions"]
    assert row["consent"] == {"adUserData": "UNSPECIFIED", "adPersonalization": "GRANTED"}
    call = clicks(click(consent={"adUserData": 2, "adPersonalization": 2}))
    (row,) = sent_json(planned(gate_of(tables=LIMITED), call, GPC, address="127.0.0.1"))["conversions"]
    assert row["consent"] == {"adUserData": 2, "adPersonalization": "DENIED"}


@pytest.mark.parametrize("click_id", ["gbraid", "wbraid"])
def test_no_identifiers_beside_gbraid_and_wbraid(click_id):
    """Google refuses them together, as for events."""
    row = click(**{click_id: "x", "userIdentifiers": [{"hashedEmail": HASH}]})
    del row["gclid"]
    (sent,) = sent_json(planned(GATE, clicks(row), GRANTED))["conversions"]
    assert sent[click_id] == "x" and "userIdentifiers" not in sent


def test_a_part_of_an_address_goes_nowhere():
    """Whole or not at all; and a click conversion has no place for one."""
    part = {name: value for name, value in ADDRESS.items() if name != "postalCode"}
    persons = [{"hashedEmail": HASH}, {"addressInfo": part | {"city": "Anytown"}}]
    (sent,) = sent_json(planned(GATE, adjustments(enhancement(userIdentifiers=persons)), GRANTED))[
        "conversionAdjustments"
    ]
    assert sent["userIdentifiers"] == [{"hashedEmail": HASH}]
    (sent,) = sent_json(planned(GATE, clicks(click(userIdentifiers=[{"addressInfo": ADDRESS}])), GRANTED))[
        "conversions"
    ]
    assert "userIdentifiers" not in sent


@pytest.mark.parametrize(
    ("call", "why"),
    [
        (clicks({"conversionAction": ACTION, "conversionDateTime": WHEN, "orderId": "1"}),
         "neither a click id nor anything about the person is left"),
        (clicks(click(conversionAction="jo@example.com")), "conversionAction missing"),
        (adjustments(enhancement(userIdentifiers=[{"hashedEmail": "jo@example.com"}])),
         "no click id, and nothing about the person to enhance a conversion with"),
        (adjustments(enhancement(gclidDateTimePair={"conversionDateTime": "2026-09-01 00:00:00+00:00"})),
         "the conversion is older than Google takes adjustments for"),
        (adjustments({"adjustmentType": "RETRACTION", "conversionAction": ACTION}),
         "neither a click id nor a transaction id to find the conversion by"),
    ],
)  # fmt: skip
def test_the_minimum_is_that_of_events(call, why):
    """The same rules as for events of ours."""
    made = planned(GATE, call, LONG_GRANTED)
    assert made.reason == "insufficient_data" and made.plans[0].decisions[0].steps[-1].why == why


def test_a_conversion_is_taken_back_by_its_order():
    """A retraction needs nobody."""
    call = adjustments({"adjustmentType": "RETRACTION", "conversionAction": ACTION, "orderId": "T1"})
    (sent,) = sent_json(planned(GATE, call, GRANTED))["conversionAdjustments"]
    assert sent == {"adjustmentType": "RETRACTION", "conversionAction": ACTION, "orderId": "T1"}


def test_the_cart_goes_where_the_policy_names_it():
    """Products and quantities by Google's keys; what is in no table is stripped."""
    gate = gate_of(fields=["gclid", "items"])
    cart = {"merchantId": "7", "items": [{"productId": "1", "quantity": 3, "unitPrice": 10.99, "giftTo": "Jo"}]}
    (sent,) = sent_json(planned(gate, clicks(click(cartData=cart)), GRANTED))["conversions"]
    assert sent["cartData"] == {"merchantId": "7", "items": [{"productId": "1", "quantity": 3, "unitPrice": 10.99}]}


TOKENS = {"Authorization": "Bearer ya29.TOKEN", "developer-token": "DEVTOKEN", "login-customer-id": "999"}


def test_a_callers_own_tokens_go_on():
    """Each of them once, and nowhere else."""
    made = planned(GATE, clicks(click(), headers=headers_of(TOKENS)), GRANTED)
    assert dict(made.outgoing.headers) == TOKENS | {"Content-Type": "application/json"}
    assert len(made.outgoing.headers) == 4
    assert "TOKEN" not in repr(made) and "TOKEN" not in made.outgoing.url + made.outgoing.body.decode()


def test_the_policys_tokens_are_put_in_where_there_are_none():
    """Also in the place of one that cannot be one."""
    gate = gate_of(login_customer_id="12-3")
    made = planned(gate, clicks(click(), headers=((b"authorization", b"Basic abc"),)), GRANTED)
    assert dict(made.outgoing.headers) == {
        "Content-Type": "application/json",
        "Authorization": "Bearer ADS-TOKEN",
        "developer-token": "ADS-DEVELOPER",
        "login-customer-id": "123",
    }


def test_two_tokens_are_none_to_choose_from():
    """A call that can be read in two ways is not sent."""
    twice = clicks(click(), headers=((b"authorization", b"Bearer a"), (b"authorization", b"Bearer b")))
    assert planned(GATE, twice, GRANTED).reason == "call_unreadable"


def test_a_call_for_another_customer_is_not_for_us_to_send():
    """The gate is no open relay."""
    call = posted(CLICKS.replace("1234", "9999"), {"conversions": [click()]})
    assert planned(GATE, call, GRANTED).reason == "unlisted_destination"


@pytest.mark.parametrize(
    "path", ["/v26/customers/1234/googleAds:search", "/v26/customers/1234:mutate", "/v26/customers:x"]
)
def test_no_other_method_is_called(path):
    """Known paths only."""
    assert planned(GATE, posted(path, {}), GRANTED).reason == "call_unreadable"


def test_uploads_are_of_the_event_that_the_policy_lists():
    """An upload is a conversion, and `events` says which event is one; of several nobody can tell."""
    assert planned(gate_of(events=["purchase"]), clicks(click()), GRANTED).plans[0].event.name == "purchase"
    assert planned(gate_of(events=["purchase", "sign_up"]), clicks(click()), GRANTED).reason == "event_not_routed"
    assert planned(gate_of(events=["conversion", "sign_up"]), clicks(click()), GRANTED).outgoing is not None


def three(gate):
    """Three conversions, the second of them blocked."""
    denied = click(orderId="b", consent={"adUserData": "DENIED"})
    return planned(gate, clicks(click(orderId="a"), denied, click(orderId="c")), GRANTED)


def test_a_partial_failure_has_the_callers_positions():
    """The second that was sent is the caller's third; the dropped one has its result."""
    gate = gate_of()
    made = three(gate)
    failure = {
        "code": 3, "message": "The gclid is unknown., at conversions[1].gclid; ADS-TOKEN",
        "details": [{"errors": [{
            "errorCode": {"conversionUploadError": "UNPARSEABLE_GCLID"},
            "location": {"fieldPathElements": [{"fieldName": "conversions", "index": 1}, {"fieldName": "gclid"}]},
        }]}],
    }  # fmt: skip
    sent = {"conversionAction": ACTION, "gclid": "EAIaIQ", "extra": 1}
    body = json.dumps({"results": [sent, {}], "partialFailureError": failure, "jobId": "9"}).encode()
    answer = finish_call(gate, made, Answer(200, (("X-Secret", "1"),), body))
    told = json.loads(answer.body)
    assert told["results"] == [
        {"conversionAction": ACTION, "gclid": "EAIaIQ"},
        {"conversionAction": ACTION, "conversionDateTime": WHEN, "gclid": "EAIaIQ", "orderId": "b"},
        {},
    ]
    assert told["partialFailureError"]["message"] == "The gclid is unknown., at conversions[2].gclid; ***"
    (error,) = told["partialFailureError"]["details"][0]["errors"]
    assert error["location"]["fieldPathElements"][0] == {"fieldName": "conversions", "index": 2}
    assert answer.headers == (("Content-Type", "application/json; charset=UTF-8"),)
    ends = {line["status"]: line for line in gate.recorder.lines[-2:]}
    assert ends["failed"]["request_ids"] == [made.plans[2].request_id]
    assert ends["failed"]["reason"] == "google_unparseable_gclid"


def test_an_error_of_the_whole_request_is_passed_on_without_secrets():
    """Google's object, with nothing beside it."""
    gate = gate_of()
    error = {"code": 401, "message": "ADS-TOKEN expired", "status": "UNAUTHENTICATED"}
    answer = finish_call(gate, three(gate), Answer(401, (("Retry-After", "3"),), json.dumps({"error": error}).encode()))
    assert answer.status == 401 and json.loads(answer.body) == {"error": error | {"message": "*** expired"}}
    assert ("Retry-After", "3") in answer.headers


@pytest.mark.parametrize(
    ("answer", "status"),
    [(Answer(200, (), b"<html>"), 502), (Answer(503, (), b"<html>"), 503), (Answer(404, (), b"[]"), 404)],
)
def test_what_is_no_answer_of_the_api_is_its_status_alone(answer, status):
    """No page of anybody's reaches the caller."""
    gate = gate_of()
    told = finish_call(gate, three(gate), answer)
    assert (told.status, told.body) == (status, b"")


def test_an_answer_without_a_bottom_is_cut():
    """Nesting cannot exhaust the stack."""
    gate = gate_of()
    deep = b'{"error":' + b'{"a":' * 900 + b"1" + b"}" * 900 + b"}"
    assert finish_call(gate, three(gate), Answer(400, (), deep)).status == 400
