"""Data Manager's events:ingest through the gate: real requests in, what may be sent out."""

import base64
import hashlib
import json

import pytest

from gatekeeper.calls import finish_call
from gatekeeper.model import Answer
from tests.builders import HASH
from tests.native.test_google_upload import objections
from tests.native.vendor_calls import (
    GPC,
    GRANTED,
    LIMITED,
    LONG_GRANTED,
    REFUSED,
    call_of,
    gate_of,
    planned,
    posted,
    sent_json,
)

PATH = "/v1/events:ingest"
WHEN = "2026-11-23T23:59:50Z"
VECTOR = "gdm-ingest-python-client"
DM = {"customer_id": "123-456-7890"}
GATE = gate_of(**DM)
ACCOUNT = {
    "operatingAccount": {"accountId": "1234567890", "accountType": "GOOGLE_ADS"},
    "productDestinationId": "987654",
}
ADDRESS = {"givenName": HASH, "familyName": HASH, "regionCode": "us", "postalCode": "94045"}


def event(**changes):
    """An event of now."""
    return {"eventTimestamp": WHEN, "transactionId": "T1", "adIdentifiers": {"gclid": "GCLID123"}, **changes}


def ingest(*events, query="", **top):
    """A call of events:ingest."""
    return posted(PATH, {"destinations": [ACCOUNT], "events": list(events), **top}, query=query)


def of_now(data, consent=1):
    """The vector's event, of now, its visitor asked for everything."""
    data["events"][0]["eventTimestamp"] = WHEN
    data["consent"]["adPersonalization"] = consent
    return data


def test_the_vector_of_the_python_client():
    """Numbers stay numbers; with consent the click, the order and the hash go, the device does not."""
    made = planned(GATE, call_of(VECTOR, body=of_now), GRANTED)
    assert made.outgoing.url == (
        "https://datamanager.googleapis.com/v1/events:ingest?%24alt=json%3Benum-encoding%3Dint"
    )
    assert sent_json(made) == {
        "destinations": [{
            "operatingAccount": {"accountId": "1234567890", "accountType": 1}, "productDestinationId": "987654",
        }],
        "validateOnly": True,
        "encoding": 1,
        "events": [{
            "transactionId": "T1", "eventTimestamp": WHEN, "currency": "USD", "conversionValue": 12.5, "eventSource": 1,
            "adIdentifiers": {"gclid": "GCLID123"},
            "userData": {"userIdentifiers": [
                {"emailAddress": "509e933019bb285a134a9334b8bb679dff79d0ce023d529af4bd744d47b4fd8a"},
            ]},
            "consent": {"adUserData": 1, "adPersonalization": 1},
        }],
    }  # fmt: skip
    assert objections(made) == ()
    assert {"ip": "not_needed", "user_agent": "not_needed"}.items() <= made.plans[0].decisions[0].stripped.items()


def test_the_vector_as_it_is_is_refused_by_its_own_consent():
    """adPersonalization 2 is a refusal: the two advertising permissions are one for us."""
    made = planned(GATE, call_of(VECTOR, body=lambda data: of_now(data, 2)), GRANTED)
    assert made.outgoing is None and made.reason == "no_marketing_consent"


def test_words_stay_words():
    """The vector of a program that writes enums out, its person whole."""
    made = planned(GATE, call_of("gdm-ingest-granted"), LONG_GRANTED)
    body, came = sent_json(made), json.loads(call_of("gdm-ingest-granted").body)
    del came["events"][0]["eventDeviceInfo"]
    assert body == came and objections(made) == ()
    assert ("Authorization", "Bearer ya29.TOKEN") in made.outgoing.headers


@pytest.mark.parametrize("said", [(), (REFUSED,), (GRANTED, GPC)], ids=["silent", "refused", "gpc"])
def test_without_permission_nothing_is_sent_and_the_client_gets_a_request_id(said):
    """What became of events Google would tell later."""
    made = planned(GATE, ingest(event()), *said)
    assert made.outgoing is None and made.reason in ("no_marketing_consent", "gpc_opt_out")
    assert made.answer.status == 200 and json.loads(made.answer.body)["requestId"]


def test_raw_values_are_hashed_by_googles_rules():
    """A client that forgot to hash does not leak."""
    persons = [{"emailAddress": "J.o+shop@Gmail.com"}, {"address": ADDRESS | {"givenName": "Jo!"}}]
    made = planned(GATE, ingest(event(userData={"userIdentifiers": persons})), GRANTED)
    (sent,) = sent_json(made)["events"]
    assert sent["userData"]["userIdentifiers"] == [
        {"emailAddress": hashlib.sha256(b"jo@gmail.com").hexdigest()},
        {"address": ADDRESS | {"givenName": hashlib.sha256(b"jo").hexdigest(), "regionCode": "US"}},
    ]
    assert sent_json(made)["encoding"] == "HEX" and objections(made) == ()


def test_hashes_in_base64_go_out_in_hexadecimal():
    """One of the two encodings is enough to send."""
    packed = base64.b64encode(bytes.fromhex(HASH)).decode()
    call = ingest(event(userData={"userIdentifiers": [{"emailAddress": packed}]}), encoding="BASE64")
    body = sent_json(planned(GATE, call, GRANTED))
    assert body["encoding"] == "HEX"
    assert body["events"][0]["userData"] == {"userIdentifiers": [{"emailAddress": HASH}]}


def test_what_is_encrypted_nobody_can_judge():
    """Such identifiers are no hashes, and stay here with their key."""
    call = ingest(
        event(userData={"userIdentifiers": [{"emailAddress": "q83vEjRWeJA="}]}),
        encryptionInfo={"gcpWrappedKeyInfo": {"kekUri": "gcp-kms://x"}},
    )
    body = sent_json(planned(GATE, call, GRANTED))
    assert "userData" not in body["events"][0] and "encryptionInfo" not in body and "encoding" not in body


def test_a_part_of_an_address_goes_nowhere():
    """Whole or not at all."""
    part = {name: value for name, value in ADDRESS.items() if name != "familyName"}
    persons = [{"address": part}, {"address": ADDRESS}]
    (sent,) = sent_json(planned(GATE, ingest(event(userData={"userIdentifiers": persons})), GRANTED))["events"]
    assert sent["userData"]["userIdentifiers"] == [{"address": ADDRESS | {"regionCode": "US"}}]


@pytest.mark.parametrize(
    ("request_consent", "own", "goes"),
    [
        ({"adUserData": "CONSENT_DENIED"}, None, False),
        ({"adUserData": "CONSENT_DENIED"}, {"adUserData": "CONSENT_GRANTED"}, True),
        ({"adUserData": "CONSENT_GRANTED"}, {"adUserData": 2}, False),
        ({"adPersonalization": 2}, {"adUserData": 1}, False),
        ("granted", None, False),
        (None, [], False),
        (None, None, True),
    ],
)
def test_an_events_own_consent_stands_over_the_requests(request_consent, own, goes):
    """Switch by switch; what is no consent object is a refusal."""
    one = event() if own is None else event(consent=own)
    made = planned(GATE, ingest(one, **({} if request_consent is None else {"consent": request_consent})), GRANTED)
    assert (made.outgoing is not None) is goes
    if goes:
        body = sent_json(made)
        assert body["events"][0]["consent"]["adUserData"] == "CONSENT_GRANTED" and "consent" not in body


def test_a_visitor_who_opted_out_of_more_is_denied_personalisation():
    """Whatever the event says."""
    call = ingest(event(consent={"adUserData": 1, "adPersonalization": 1}), query="$alt=json;enum-encoding=int")
    made = planned(gate_of(tables=LIMITED, **DM), call, GPC, address="127.0.0.1")
    assert sent_json(made)["events"][0]["consent"] == {"adUserData": 1, "adPersonalization": 2}


@pytest.mark.parametrize(
    "account",
    [
        {"accountId": "999", "accountType": "GOOGLE_ADS"},
        {"accountId": "1234567890", "accountType": "GOOGLE_ANALYTICS_PROPERTY"},
        {"accountId": "1234567890"},
        None,
    ],
)
def test_every_destination_must_be_the_policys_account(account):
    """One of them elsewhere would carry all events there."""
    call = posted(PATH, {"destinations": [ACCOUNT, {"operatingAccount": account}], "events": [event()]})
    assert planned(GATE, call, GRANTED).reason == "unlisted_destination"


def test_the_policys_conversion_action_where_no_destination_is_named():
    """As for events of ours."""
    made = planned(GATE, posted(PATH, {"events": [event()]}), GRANTED)
    assert sent_json(made)["destinations"] == [ACCOUNT] and objections(made) == ()


def test_the_policys_token_is_put_in_where_there_is_none():
    """No developer token: this API has none."""
    assert dict(planned(GATE, ingest(event()), GRANTED).outgoing.headers) == {
        "Content-Type": "application/json",
        "Authorization": "Bearer ADS-TOKEN",
    }


@pytest.mark.parametrize("route", [{}, {"route": "data_manager", "developer_token": None}])
def test_either_route_takes_calls_of_either_api(route):
    """`route` is how our own events go."""
    made = planned(gate_of(**DM, **route), ingest(event()), GRANTED)
    assert made.outgoing.url.startswith("https://datamanager.googleapis.com/v1/")


@pytest.mark.parametrize("change", [{"adIdentifiers": {}}, {"eventTimestamp": "soon"}, {"eventTimestamp": None}])
def test_an_event_without_the_minimum_is_left_out(change):
    """Elements are dropped one by one."""
    made = planned(GATE, ingest(event(**change), event(transactionId="T2")), GRANTED)
    assert [one["transactionId"] for one in sent_json(made)["events"]] == ["T2"]
    assert made.plans[0].decisions[0].reason == "insufficient_data"


def test_an_answers_warnings_have_the_callers_positions():
    """The first that was sent is the caller's second."""
    made = planned(GATE, ingest(event(adIdentifiers={}), event()), GRANTED)
    body = {"requestId": "r1", "fieldWarnings": [{"field": "events[0].currency", "reason": "X"}], "more": 1}
    told = json.loads(finish_call(GATE, made, Answer(200, (), json.dumps(body).encode())).body)
    assert told == {"requestId": "r1", "fieldWarnings": [{"field": "events[1].currency", "reason": "X"}]}
    error = {"code": 400, "details": [{"fieldViolations": [{"field": "events.events[0].userData"}]}]}
    told = json.loads(finish_call(GATE, made, Answer(400, (), json.dumps({"error": error}).encode())).body)
    assert told["error"]["details"][0]["fieldViolations"] == [{"field": "events.events[1].userData"}]
