"""Events that are queued: marked with their visitor when they are queued, judged one by one when they are sent."""

import json
import threading

import posthog.client
import pytest
import requests
import rudderstack.analytics.client
import segment.analytics.client
import sentry_sdk

from gatekeeper import context
from gatekeeper.outbound import stamps
from gatekeeper.vendors.dialect import STAMP_KEYS
from tests.outbound.test_clients import MEASUREMENT


def visitor_of(shop, token):
    """What the token of a message says."""
    return {signal.source for signal in shop.runtime.gate.visitor(token, shop.runtime.gate.clock()).signals}


def test_the_key_is_one_that_dialects_read():
    """One word on both sides."""
    assert stamps.KEY in STAMP_KEYS


def test_segment_and_rudderstack_mark_a_message_when_it_is_queued(shop):
    """`_enqueue` is what every method of theirs ends in."""
    for sdk in (segment.analytics.client, rudderstack.analytics.client):
        client = sdk.Client("KEY", send=False)
        with shop.visitor("analytics"):
            _, message = client.track("u1", "Order Completed", {"value": 3})
        assert visitor_of(shop, message["gatekeeper_context"])
        assert "gatekeeper_context" not in client.track("u1", "Order Completed")[1]


def test_posthog_marks_an_event_when_it_is_queued(shop):
    """In the event's own object."""
    queued = []
    client = posthog.client.Client(
        "KEY", host="https://eu.i.posthog.com", before_send=lambda event: queued.append(event)
    )
    with shop.visitor("analytics"):
        client.capture("bought", distinct_id="u1")
    client.capture("bought", distinct_id="u1")
    client.shutdown()
    assert ["gatekeeper_context" in event for event in queued] == [True, False]


@pytest.mark.parametrize(
    "sdk", [segment.analytics.client, rudderstack.analytics.client], ids=["segment", "rudderstack"]
)
def test_no_mark_is_put_on_an_event_for_a_host_that_is_not_judged(shop, sdk):
    """A collector of the site's own, in no policy: nothing would take the mark off again."""
    client = sdk.Client("KEY", host="https://events.example.net", send=False)
    with shop.visitor("analytics"):
        _, message = client.track("u1", "Order Completed", {"value": 3})
    assert "gatekeeper_context" not in message


def test_sentry_marks_no_event_for_a_host_that_is_not_judged(shop):
    """An installation that the policy does not know gets the event as the SDK made it."""
    sent = []
    sentry_sdk.init(
        dsn="http://k@127.0.0.1:9/1", default_integrations=False, before_send=lambda event, _: sent.append(event)
    )
    with shop.visitor("analytics"):
        sentry_sdk.capture_message("payment failed")
    sentry_sdk.get_client().close()
    assert [stamps.KEY in event.get("contexts", {}) for event in sent] == [False]


def test_sentry_marks_an_event_where_it_is_captured_and_sends_it_filtered(shop):
    """The transport's thread knows no visitor; the stamp is not sent."""
    sentry_sdk.init(dsn=shop.sims.sentry.dsn(), default_integrations=False)
    with shop.visitor("analytics"):
        sentry_sdk.set_user({"email": "jane@example.com", "ip_address": "203.0.113.9"})
        sentry_sdk.capture_message("payment of jane@example.com failed")
    sentry_sdk.flush(5)
    sentry_sdk.get_client().close()
    sentry_sdk.set_user(None)
    (received,) = shop.sims.sentry.wait(1)
    assert b"jane" not in received.decoded and b"gatekeeper_context" not in received.decoded
    assert b"203.0.113.9" not in received.decoded and received.errors == ()
    line = shop.line_to("errors")
    assert line["consent_state"]["analytics"] is True
    assert not any("gatekeeper" in name for name in line["deliveries"][0]["fields_stripped"])


def test_each_element_of_a_batch_is_judged_by_its_own_stamp(shop):
    """Three visitors' events in one request of a worker's thread: who agreed, who refused, who is unknown."""
    queue = []

    def enqueue(order, token):
        params = {"value": 1, "currency": "EUR", "transaction_id": order}
        queue.append({"name": "purchase", "params": params | ({stamps.KEY: token} if token else {})})

    with shop.visitor("analytics"):
        enqueue("agreed", context.stamp())
    with shop.visitor("analytics"):
        enqueue("forged", context.stamp()[:-3] + "AAA")
    with shop.visitor(gpc=True):
        enqueue("refused", context.stamp())
    enqueue("unknown", context.stamp())

    def send():
        body = json.dumps({"client_id": "1.2", "events": queue})
        requests.post(shop.sims.ga4.url + MEASUREMENT, data=body)

    with shop.visitor("marketing"):  # whoever is served by the thread that flushes: not asked
        worker = threading.Thread(target=send)
        worker.start()
        worker.join()
    (received,) = shop.sims.ga4.received
    assert [event["params"]["transaction_id"] for event in received.json["events"]] == ["agreed"]
    assert b"gatekeeper_context" not in received.raw
    assert len(shop.lines()) == 4


def test_a_worker_can_be_given_the_visitor(shop):
    """`dump()` in the request, `load()` in the worker; outside both, the visitor is unknown."""
    body = b'{"client_id":"1.2","events":[{"name":"purchase","params":{"value":1,"currency":"EUR"}}]}'
    with shop.visitor("analytics"):
        token = context.dump()

    def work():
        with context.load(token):
            requests.post(shop.sims.ga4.url + MEASUREMENT, data=body)
        requests.post(shop.sims.ga4.url + MEASUREMENT, data=body)

    worker = threading.Thread(target=work)
    worker.start()
    worker.join()
    assert len(shop.sims.ga4.received) == 1 and len(shop.lines()) == 2
