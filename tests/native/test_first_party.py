"""The analytics products a site runs for itself: captured requests in, what may be sent out, and the SDK content."""

import base64
import json
from urllib.parse import parse_qs

import pytest

from gatekeeper.model import Answer
from tests.native.kit import VECTORS, gate_of, plan, query, readable, request, said, sent, vector, visitor

PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
PRODUCTS = ("plausible", "matomo", "umami", "posthog", "snowplow", "segment", "amplitude")
OURS = [one for one in VECTORS.values() if one["vendor"] in PRODUCTS]

# Under analytics and with the defaults, to the letter.
KEPT = {
    "plausible-event-long": {
        "name": "pageview",
        "url": "http://dummy.site/",
        "domain": "dummy.site",
        "referrer": "https://ref.example/",
        "revenue": {"currency": "USD", "amount": 12.5},
    },
    "matomo-bulk": {
        "requests": [
            "?idsite=1&rec=1&url=https%3A%2F%2Fshop.example%2F&_id=c1d2e3f4a5b60718",
            "?idsite=1&rec=1&url=https%3A%2F%2Fshop.example%2F&cid=c1d2e3f4a5b60718",
        ],
        "token_auth": "33dc3f2536d3025974cccb4b4d2d98f4",
    },
    "umami-event": {
        "type": "event",
        "payload": {
            "website": "0f2a1c6e-0000-4000-8000-000000000001",
            "hostname": "shop.example",
            "language": "en-US",
            "referrer": "https://ref.example/",
            "screen": "1920x1080",
            "title": "Thanks",
            "url": "/thanks",
            "name": "purchase",
            "data": {"value": 12.5},
        },
    },
    "snowplow-tp2": {
        "schema": "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4",
        "data": [
            {
                "e": "pv",
                "url": "https://shop.example/",
                "page": "Home",
                "refr": "https://ref.example/",
                "p": "pc",
                "duid": "dd-1",
                "tnuid": "ee-2",
                "eid": "758078da-a2c3-42d8-af6a-4ef7008f8586",
                "dtm": "1795473718139",
                "tv": "py-1.1.0",
                "tna": "cf",
                "aid": "shop",
                "stm": "1795473718000",
            }
        ],
    },
    "segment-js-t": {
        "timestamp": "2026-11-20T10:00:00.000Z",
        "sentAt": "2026-11-20T10:00:00.000Z",
        "anonymousId": "8a6e0804-2bd0-4672-b79d-d97027f9071a",
        "userId": "u-77",
        "type": "track",
        "event": "Order Completed",
        "properties": {"revenue": 12.5},
        "context": {
            "page": {"path": "/", "title": "x", "url": "https://shop.example/"},
            "locale": "en-US",
        },
        "messageId": "ajs-next-1",
        "writeKey": "WK",
    },
    "amplitude-httpapi": {
        "api_key": "KEY",
        "events": [
            {
                "device_id": "d-1",
                "event_properties": {"value": 12.5},
                "event_type": "purchase",
                "insert_id": "fd48449b",
                "library": "amplitude-python/1.3.0",
                "time": 1795473775600,
                "user_id": "u-77",
            }
        ],
    },
}
KEPT_PAIRS = {
    "matomo-get": {
        "idsite": "1",
        "rec": "1",
        "action_name": "Home",
        "url": "https://shop.example/",
        "urlref": "https://ref.example/",
        "_id": "c1d2e3f4a5b60718",
        "rand": "12345",
        "apiv": "1",
        "token_auth": "33dc3f2536d3025974cccb4b4d2d98f4",
        "res": "1920x1080",
        "lang": "en",
        "pv_id": "x1y2z3",
        "ec_id": "A1",
        "revenue": "12.5",
        "idgoal": "0",
        "send_image": "0",
    },
    "snowplow-get": {
        "e": "se",
        "se_ca": "shop",
        "se_ac": "buy",
        "se_va": "12.5",
        "p": "pc",
        "duid": "dd-1",
        "tnuid": "ee-2",
        "eid": "cae08b70-0685-4449-a734-83b853a13f6e",
        "dtm": "1795473718143",
        "tv": "py-1.1.0",
        "tna": "cf",
        "aid": "shop",
        "stm": "1795473718000",
    },
}
NOBODY = "00000000-0000-0000-0000-000000000000"
# facts: "Answers when we drop a call"
ANSWERS = {
    "plausible-event-long": (202, b"ok"),
    "matomo-get": (204, b""),
    "matomo-bulk": (200, {"status": "success", "tracked": 2, "invalid": 0}),
    "umami-event": (200, {"cache": "", "sessionId": NOBODY, "visitId": NOBODY}),
    "posthog-web-base64": (200, {"status": "Ok"}),
    "snowplow-tp2": (200, b"ok"),
    "snowplow-get": (200, base64.b64decode("R0lGODlhAQABAPAAAP///wAAACH5BAUAAAAALAAAAAABAAEAAAICRAEAOw==")),
    "segment-js-t": (200, {"success": True}),
    "amplitude-httpapi": (
        200,
        {"code": 200, "events_ingested": 1, "payload_size_bytes": 0, "server_upload_time": 0},
    ),
}


@pytest.mark.parametrize("name", KEPT)
def test_only_what_analytics_covers_is_sent(name):
    """Every body, to the letter."""
    gate = gate_of(VECTORS[name]["vendor"])
    assert sent(plan(gate, vector(name), visitor("analytics"))) == KEPT[name]


@pytest.mark.parametrize("name", KEPT_PAIRS)
def test_only_what_analytics_covers_is_sent_in_a_query(name):
    """Every query, to the letter."""
    gate = gate_of(VECTORS[name]["vendor"])
    assert query(plan(gate, vector(name), visitor("analytics"))) == KEPT_PAIRS[name]


def test_a_form_with_base64_stays_one():
    """posthog-js: `data` and the query's own parameters, without `ip=1`."""
    made = plan(gate_of("posthog"), vector("posthog-web-base64"), visitor("analytics"))
    (data,) = parse_qs(made.outgoing.body.decode())["data"]
    assert json.loads(base64.b64decode(data)) == {
        "event": "$pageview",
        "properties": {
            "token": "phc_key",
            "distinct_id": "0190-a",
            "$device_id": "0190-b",
            "$session_id": "0190-c",
            "$current_url": "https://shop.example/",
            "$referrer": "https://ref.example/",
        },
    }
    assert query(made) == {"_": "1795473718000", "ver": "1.200.0", "compression": "base64"}


@pytest.mark.parametrize("vector_", OURS, ids=lambda one: one["id"])
@pytest.mark.parametrize("granted", [(), ("marketing",)], ids=["nothing", "marketing"])
def test_without_analytics_nothing_is_sent_and_the_sdk_is_content(vector_, granted):
    """Marketing is another permission."""
    made = plan(gate_of(vector_["vendor"]), vector(vector_["id"]), visitor(*granted))
    assert made.outgoing is None
    assert made.reason == "no_analytics_consent"
    assert said(made.answer) == ANSWERS[vector_["id"]]


@pytest.mark.parametrize("vector_", OURS, ids=lambda one: one["id"])
def test_no_personal_value_of_the_captured_requests_goes_out(vector_):
    """In whatever way it was written: e-mail, address, the customer's number where it is not listed."""
    made = plan(gate_of(vector_["vendor"]), vector(vector_["id"]), visitor("analytics", "marketing"))
    out = readable(made.outgoing)
    for value in ("jane.doe", "amFuZS5kb2", "203.0.113.9", "Berlin", "sp=nuid", "gclid"):
        assert value not in out


@pytest.mark.parametrize("vector_", OURS, ids=lambda one: one["id"])
def test_an_sdk_gets_its_own_answer_for_success(vector_):
    """Cleaned: nothing of the vendor's answer but that it was one."""
    made = plan(gate_of(vector_["vendor"]), vector(vector_["id"]), visitor("analytics"))
    theirs = Answer(200, (("Set-Cookie", "sp=1"), ("Content-Type", "text/html")), b"whatever")
    assert said(made.dialect.relayed(theirs, made.native, made.kept)) == ANSWERS[vector_["id"]]
    refused = made.dialect.relayed(Answer(503, (("Retry-After", "7"),), b"down"), made.native, made.kept)
    assert (refused.status, refused.headers, refused.body) == (503, (("Retry-After", "7"),), b"")


@pytest.mark.parametrize("product", [*PRODUCTS, "rudderstack", "mixpanel"])
@pytest.mark.parametrize("path", ["/", "/admin", "/api/v2/users", "/v1/projects", "/track/../admin", "//i"])
def test_paths_of_no_protocol_go_nowhere(product, path):
    """No open relay, not even to the operator's own server."""
    made = plan(gate_of(product), request(path, {}), visitor("analytics"))
    assert made.outgoing is None and made.reason == "call_unreadable"


def test_a_destination_takes_only_the_protocol_it_speaks():
    """Segment's batch at a PostHog is not PostHog's, though both have a `/batch`."""
    made = plan(gate_of("posthog"), vector("segment-js-t"), visitor("analytics"))
    assert made.outgoing is None and made.reason == "call_unreadable"
