"""A tracking call by any client: filtered with consent, dropped without, and the client is content either way."""

import json

import pytest

import gatekeeper.outbound
from gatekeeper import context
from tests.outbound.clients import CLIENTS

each_client = pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
MEASUREMENT = "/mp/collect?measurement_id=G-TEST&api_secret=s3cret"
BODY = json.dumps(
    {
        "client_id": "1.2",
        "user_id": "jane@example.com",
        "events": [
            {
                "name": "purchase",
                "params": {
                    "value": 10,
                    "currency": "EUR",
                    "page_location": "https://shop.example/?email=jane@example.com",
                },
            }
        ],
    }
).encode()


@each_client
def test_with_consent_the_call_arrives_filtered(shop, client):
    """Through the client's own connection, at the destination's endpoint."""
    with shop.visitor("analytics"):
        status, _ = client("POST", shop.sims.ga4.url + MEASUREMENT, BODY, {"Content-Type": "application/json"})
    assert status == 204
    (received,) = shop.sims.ga4.received
    assert received.errors == () and b"jane" not in received.raw
    assert received.json["events"][0]["params"]["value"] == 10
    assert "order_value" in shop.line_to("ga4")["deliveries"][0]["fields_sent"]


@each_client
@pytest.mark.parametrize("granted", [(), ("marketing",)], ids=["nothing", "marketing-only"])
def test_without_consent_nothing_arrives_and_the_answer_is_the_vendors(shop, client, granted):
    """A 204, as GA4 gives; the decision is on disk."""
    with shop.visitor(*granted):
        assert client("POST", shop.sims.ga4.url + MEASUREMENT, BODY) == (204, b"")
    assert shop.sims.ga4.received == ()
    assert [line["deliveries"][0]["reason"] for line in shop.lines()] == ["no_analytics_consent"]


@each_client
def test_outside_any_request_the_visitor_is_unknown(shop, client):
    """Strictest law, no signal: nothing is sent."""
    assert client("POST", shop.sims.ga4.url + MEASUREMENT, BODY)[0] == 204
    assert shop.sims.ga4.received == ()


@each_client
def test_the_vendors_own_host_is_caught_and_goes_to_the_policys_endpoint(shop, client):
    """The SDK need not know where the policy sends."""
    with shop.visitor("analytics"):
        assert client("POST", "https://www.google-analytics.com" + MEASUREMENT, BODY)[0] == 204
    assert len(shop.sims.ga4.received) == 1


@each_client
def test_a_tracking_host_that_is_no_destination_is_blocked_and_recorded(shop, client):
    """Known from hosts.toml; its own SDK's answer comes back."""
    with shop.visitor("analytics", "marketing"):
        answer = client("POST", "https://api.segment.io/v1/batch", b'{"batch":[]}')
    assert answer == (200, b'{"success":true}')
    assert shop.line_to("api.segment.io")["deliveries"] == [
        {"destination": "api.segment.io", "status": "blocked", "reason": "unlisted_destination"}
    ]


@each_client
def test_other_hosts_are_not_touched(shop, client):
    """The same host on another port, and nothing in the log: the answer is the server's, byte for byte."""
    url = shop.sims.http_json.url
    with shop.visitor():
        client("POST", url + "/orders?email=jane@example.com", b'{"email":"jane@example.com"}', {"X-Own": "1"})
    (received,) = shop.sims.http_json.received
    assert received.body == b'{"email":"jane@example.com"}' and received.header("X-Own") == "1"
    assert received.query == {"email": ["jane@example.com"]} and shop.lines() == []


@each_client
def test_a_redirect_to_a_tracking_host_is_caught_at_the_second_hop(shop, client):
    """From a harmless host that sends on to a vendor."""
    shop.sims.http_json.answer(302, headers={"Location": "https://api.segment.io/v1/pixel/track?data=x"})
    with shop.visitor("analytics", "marketing"):
        assert client("GET", shop.sims.http_json.url + "/go")[0] == 200
    assert [line["deliveries"][0]["destination"] for line in shop.lines()] == ["api.segment.io"]


@each_client
def test_an_unreadable_call_is_blocked_and_the_client_is_content(shop, client):
    """A body that is no JSON, for a destination of the policy."""
    with shop.visitor("analytics"):
        assert client("POST", shop.sims.ga4.url + MEASUREMENT, b"not json \xff")[0] == 204
    assert shop.sims.ga4.received == ()
    assert [line["deliveries"][0]["reason"] for line in shop.lines()] == ["call_unreadable"]


@each_client
def test_a_body_over_the_limit_is_blocked(shop, client):
    """server.max_body holds here too."""
    with shop.visitor("analytics"):
        assert client("POST", shop.sims.ga4.url + MEASUREMENT, b"x" * (2**20 + 1))[0] == 204
    assert [line["deliveries"][0]["reason"] for line in shop.lines()] == ["call_unreadable"]


@each_client
def test_a_vendor_that_does_not_answer_is_the_clients_own_error(shop, client):
    """As without the gate; the log says that it failed, and why by the error's class."""
    shop.sims.ga4.reset(times=10)  # some clients try again
    with shop.visitor("analytics"), pytest.raises(Exception) as raised:
        client("POST", shop.sims.ga4.url + MEASUREMENT, BODY)
    assert not raised.type.__module__.startswith("gatekeeper")
    (line,) = shop.lines("outcome")
    assert line["status"] == "failed" and line["destination"] == "ga4"


@each_client
def test_what_cannot_be_recorded_is_not_sent(shop, client, monkeypatch):
    """A full disk: nothing leaves, and the client has its answer."""

    def broken(batch):
        raise OSError

    monkeypatch.setattr(shop.runtime.gate.recorder, "append", broken)
    with shop.visitor("analytics"):
        assert client("POST", shop.sims.ga4.url + MEASUREMENT, BODY) == (204, b"")
    assert shop.sims.ga4.received == ()


@each_client
def test_an_error_of_the_gate_is_a_call_that_is_not_sent(shop, client, monkeypatch):
    """The app's request goes on; the vendor gets nothing."""

    def broken(*args):
        raise ZeroDivisionError

    monkeypatch.setattr("gatekeeper.outbound.intercept.plan_call", broken)
    with shop.visitor("analytics"):
        assert client("POST", shop.sims.ga4.url + MEASUREMENT, BODY) == (204, b"")
    assert shop.sims.ga4.received == ()


@each_client
def test_a_call_may_say_itself_whose_it_is(shop, client):
    """`Gatekeeper-Context` from `dump()`: for threads and workers. A forged one denies; it is never sent on."""
    with shop.visitor("analytics"):
        token = context.dump()
    client("POST", shop.sims.ga4.url + MEASUREMENT, BODY, {"Gatekeeper-Context": token})
    client("POST", shop.sims.ga4.url + MEASUREMENT, BODY, {"Gatekeeper-Context": token[:-3] + "AAA"})
    (received,) = shop.sims.ga4.received
    assert received.header("Gatekeeper-Context") is None
    assert [line["consent_state"]["analytics"] for line in shop.lines()] == [True, False]


@each_client
def test_uninstalled_clients_are_as_they_were(shop, client):
    """Nothing of ours is in the way any more."""
    gatekeeper.outbound.uninstall()
    client("POST", shop.sims.ga4.url + MEASUREMENT, BODY)
    (received,) = shop.sims.ga4.received
    assert b"jane" in received.body and shop.lines() == []
