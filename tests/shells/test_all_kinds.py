"""One full event, both consents, every kind of destination: no vendor has anything to object to."""

import json

import pytest

from gatekeeper.testing.deletions import KIND as DELETIONS
from tests.builders import HASH
from tests.running import API_KEY, running

BEARER = {"Authorization": f"Bearer {API_KEY}"}
EVENT = {
    "event": "purchase",
    "event_id": "evt-1",
    "consent": {"necessary": True, "analytics": True, "marketing": True},
    "data": {
        "page_url": "https://shop.example/thanks?gclid=EAIaIQ&ttclid=E.C.P.abc&fbclid=IwAR2F4&utm_source=mail",
        "page_title": "Thanks",
        "transaction_id": "T1",
        "order_value": 12.5,
        "currency": "USD",
        "email": " Jane.Doe+shop@Gmail.com ",
        "phone": "+1 (415) 555-0100",
        "first_name": "Mary-Jane",
        "last_name": "O'Connor",
        "street": "1600 Amphitheatre Pkwy",
        "city": "São Paulo",
        "state": "California",
        "postal_code": "94103-1234",
        "country": "United States",
        "external_id": "C-77",
        "user_id": "u-77",
        "client_id": "1234567890.1700000000",
        "session_id": "s_1",
        "fbp": "fb.1.1596403881668.1116446470",
        "ttp": "2F7h37YkS1j57AYSKTI7IHhJPYH",
        "user_agent": "Mozilla/5.0",
        "ip": "203.0.113.9",
        "items": [{"item_id": "sku1", "item_name": "Knife", "price": 12.5, "quantity": 1}],
    },
}
EVERYWHERE = ["ga4", "meta_capi", "errors", "own", "ads", "enhanced", "dm", "tiktok", "json"]
GOOGLE = {"kind": "google_ads", "customer_id": "123-456-7890", "conversion_action": "987654", "access_token": "t"}


def more(sims):
    """The kinds that the common policy does not have, Google Ads by each of its three uploads."""
    every = ["order_value", "currency", "transaction_id", "gclid", "email", "phone", "items", "ip", "user_agent",
             "first_name", "last_name", "street", "city", "state", "postal_code", "country"]  # fmt: skip
    ads = GOOGLE | {"endpoint": sims.google_ads.url, "developer_token": "d", "login_customer_id": "111-222-3333"}
    return {
        "ads": ads | {"fields": every},
        "enhanced": ads | {"fields": [name for name in every if name != "gclid"]},
        "dm": GOOGLE | {"endpoint": sims.google_ads.url, "route": "data_manager", "fields": every},
        "tiktok": {"kind": "tiktok", "pixel_code": "PIXEL", "access_token": "t", "endpoint": sims.tiktok.url},
        "json": {
            "kind": "http_json", "purpose": "marketing", "endpoint": sims.http_json.url + "/in",
            "headers": {"X-Key": "k"}, "rename": {"page_url": "url", "event": "type"},
        },
    }  # fmt: skip


@pytest.fixture(scope="module")
def gate(tmp_path_factory):
    """A sidecar in front of all simulators."""
    with running(
        "sidecar", tmp_path_factory.mktemp("gate"), destinations=more, events={"purchase": {"destinations": EVERYWHERE}}
    ) as up:
        yield up


def test_no_vendor_objects_to_a_full_event(gate):
    """Delivered everywhere, once; the simulators know the vendors' documented rules."""
    event = EVENT | {"data": EVENT["data"] | {"error_type": "TypeError"}}
    record = gate.record(gate.post(event, headers=BEARER))
    assert gate.statuses(record) == dict.fromkeys(EVERYWHERE, "delivered")
    for sim in gate.sims:
        assert sim.received or sim.kind == DELETIONS, sim.kind
        for received in sim.received:
            assert received.errors == (), sim.kind
            assert b"jane.doe" not in received.raw.lower() and b"4155550100" not in received.raw, sim.kind


def test_each_google_upload_was_used(gate):
    """A click id makes a click conversion, an order without one an enhancement, and Data Manager takes both."""
    gate.record(gate.post(EVENT | {"event_id": "evt-2"}, headers=BEARER))
    paths = {received.path.rpartition("/")[2] for received in gate.sims.google_ads.received}
    assert paths == {"1234567890:uploadClickConversions", "1234567890:uploadConversionAdjustments", "events:ingest"}


def test_the_record_names_a_clear_field_as_what_it_is(gate):
    """TikTok gets the city in clear, Meta its hash: the audit tells them apart."""
    event = EVENT | {"event_id": "evt-3"}
    record = gate.record(gate.post(event, headers=BEARER))
    sent = {d["destination"]: set(d["fields_sent"]) for d in record["deliveries"] if d["status"] == "delivered"}
    assert "city" in sent["tiktok"] and "city_hash" not in sent["tiktok"]
    assert "city_hash" in sent["meta_capi"] and "city" not in sent["meta_capi"]
    assert {"postal_code", "country"} <= sent["dm"] and "postal_code_hash" in sent["tiktok"]
    assert "email_hash" in sent["tiktok"]


def test_a_conversion_that_google_refuses_fails_alone(gate):
    """`partialFailureError` is read per conversion, from the answer of the vendor's stand-in."""
    hashed = {"page_url": "https://shop.example/", "transaction_id": "T2", "email_hash": HASH, "gclid": "x"}
    answer = {
        "results": [{}],
        "partialFailureError": {
            "code": 3,
            "details": [
                {
                    "errors": [
                        {
                            "errorCode": {"conversionUploadError": "EXPIRED_EVENT"},
                            "location": {"fieldPathElements": [{"fieldName": "conversions", "index": 0}]},
                        }
                    ]
                }
            ],
        },
    }
    gate.sims.google_ads.answer(200, json.dumps(answer).encode(), times=3)
    event = {"event": "purchase", "consent": EVENT["consent"], "data": hashed}
    statuses = {d["destination"]: (d["status"], d.get("reason")) for d in gate.record(gate.post(event))["deliveries"]}
    assert statuses["ads"] == ("failed", "google_expired_event")
