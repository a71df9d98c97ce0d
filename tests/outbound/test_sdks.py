"""Vendors' own SDKs in the app, as their manuals show them: nothing of theirs is changed, and none is unhappy."""

from __future__ import annotations

import base64
import json
import logging
import re
import time
import warnings
from datetime import UTC, datetime, timedelta

import pytest

import gatekeeper.outbound
from gatekeeper.policy.load import parse_policy
from gatekeeper.testing import Simulators
from tests.builders import EVERY_KIND
from tests.outbound.conftest import Shop
from tests.running import tables

JANE = "jane.doe@example.com"
ADDRESS = "203.0.113.9"
URL = f"https://shop.example/thanks?email={JANE}"


def segment(sims, unhappy):
    """Queues, and sends from a thread of its own."""
    from segment.analytics.client import Client

    client = Client("WK", host=sims.http_json.url, max_retries=0, on_error=lambda error, items: unhappy.append(error))
    client.track("u-1", "bought", {"url": URL, "note": JANE}, context={"ip": ADDRESS, "traits": {"email": JANE}})
    client.shutdown()


def rudderstack(sims, unhappy):
    """The same in another dialect."""
    from rudderstack.analytics.client import Client

    client = Client("WK", host=sims.http_json.url, max_retries=0, on_error=lambda error, items: unhappy.append(error))
    client.track("u-1", "bought", {"url": URL, "note": JANE}, context={"ip": ADDRESS, "traits": {"email": JANE}})
    client.flush()
    client.join()


def posthog(sims, unhappy):
    """The same again."""
    from posthog import Posthog

    client = Posthog(
        "phc_key",
        host=sims.http_json.url,
        flush_at=1,
        max_retries=0,
        on_error=lambda error, items: unhappy.append(error),
    )
    properties = {"$current_url": URL, "note": JANE, "$ip": ADDRESS, "$set": {"email": JANE}}
    client.capture("bought", distinct_id="u-1", properties=properties)
    client.shutdown()


def snowplow(sims, unhappy):
    """Sends in the caller's thread, by POST."""
    from snowplow_tracker import Emitter, PageView, Subject, Tracker

    emitter = Emitter(
        "127.0.0.1",
        protocol="http",
        port=int(sims.http_json.url.rpartition(":")[2]),
        method="post",
        batch_size=1,
        on_failure=lambda count, failed: unhappy.append(failed),
    )
    subject = Subject().set_user_id(JANE).set_ip_address(ADDRESS).set_domain_user_id("dd-1")
    tracker = Tracker(namespace="cf", emitters=emitter, app_id="shop", subject=subject)
    tracker.track(PageView(page_url=URL, page_title="Thanks"))
    tracker.flush()


def mixpanel(sims, unhappy):
    """By urllib3, in the caller's thread."""
    from mixpanel import Consumer, Mixpanel

    consumer = Consumer(events_url=f"{sims.http_json.url}/track", people_url=f"{sims.http_json.url}/engage")
    Mixpanel("TOK", consumer=consumer).track("u-1", "bought", {"$current_url": URL, "note": JANE, "ip": ADDRESS})


def sentry(sims, unhappy):
    """By a transport's thread."""
    import sentry_sdk

    sentry_sdk.init(
        dsn=sims.sentry.dsn(),
        default_integrations=False,
        auto_session_tracking=False,
        send_client_reports=False,
    )
    sentry_sdk.set_user({"email": JANE, "ip_address": ADDRESS})
    sentry_sdk.capture_message(f"payment of {JANE} failed")
    sentry_sdk.flush(10)
    transport = sentry_sdk.get_client().transport
    unhappy += [] if transport.is_healthy() else ["the transport is unhealthy"]
    unhappy += transport._disabled_until  # noqa: SLF001  # of the SDK: what a 429 would have set
    sentry_sdk.get_client().close()
    sentry_sdk.set_user(None)


def facebook(sims, unhappy):
    """The Conversions API by Meta's own SDK: form-encoded, JSON in JSON."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from facebook_business.adobjects.serverside.action_source import ActionSource
        from facebook_business.adobjects.serverside.custom_data import CustomData
        from facebook_business.adobjects.serverside.event import Event
        from facebook_business.adobjects.serverside.event_request import EventRequest
        from facebook_business.adobjects.serverside.user_data import UserData
        from facebook_business.api import FacebookAdsApi
        from facebook_business.session import FacebookSession
    vendor, FacebookSession.GRAPH = FacebookSession.GRAPH, sims.meta_capi.url
    FacebookAdsApi.init(access_token="t0ken", crash_log=False)
    user = UserData(
        email=JANE, client_ip_address=ADDRESS, client_user_agent="Mozilla/5.0", fbc="fb.1.1764060000000.Abc"
    )
    event = Event(
        event_name="Purchase",
        event_time=int(time.time()),
        event_id="e-1",
        user_data=user,
        custom_data=CustomData(value=10.0, currency="eur", order_id="o-1"),
        event_source_url=URL,
        action_source=ActionSource.WEBSITE,
    )
    try:
        answer = EventRequest(pixel_id="123", events=[event]).execute()
    finally:
        FacebookSession.GRAPH = vendor
    unhappy += [] if answer.events_received == 1 else [answer]


def ga4mp(sims, unhappy):
    """The Measurement Protocol by urllib."""
    from ga4mp import GtagMP

    client = GtagMP(api_secret="s3cret", measurement_id="G-TEST", client_id="1.2")
    client._base_domain = f"{sims.ga4.url}/mp/collect"  # noqa: SLF001  # the SDK has no other way
    event = client.create_new_event("purchase")
    event.set_event_param("value", 10.0)
    event.set_event_param("currency", "EUR")
    event.set_event_param("transaction_id", "o-1")
    event.set_event_param("page_location", URL)
    event.set_event_param("note", JANE)
    client.send([event])


def data_manager(sims, unhappy):
    """Google's Data Manager client by REST: a session of requests under Google's own authentication."""
    from tests.native.test_google_sdk import client_of, request_of

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from google.ads import datamanager_v1
    request = request_of(datamanager_v1)
    request.events = request.events[1:]
    # A little later than now: a grant counts for what happens after it, and was given a moment ago.
    request.events[0].event_timestamp = datetime.now(UTC) + timedelta(seconds=2)
    client = client_of(datamanager_v1, sims.google_ads.url)
    answer = client.ingest_events(request=request)
    client.transport.close()
    unhappy += [] if answer.request_id else [answer]


# SDK -> the simulator it ends at, what the destination there speaks, what its vendor answers.
SDKS = {
    segment: ("http_json", "segment", b'{"success":true}'),
    rudderstack: ("http_json", "rudderstack", b"OK"),
    posthog: ("http_json", "posthog", b'{"status":"Ok"}'),
    snowplow: ("http_json", "snowplow", b"ok"),
    mixpanel: ("http_json", "mixpanel", b'{"status":1,"error":null}'),
    sentry: ("sentry", None, None),
    facebook: ("meta_capi", None, None),
    ga4mp: ("ga4", None, None),
    data_manager: ("google_ads", None, None),
}
each_sdk = pytest.mark.parametrize("sdk", SDKS, ids=lambda sdk: sdk.__name__)


@pytest.fixture(scope="module")
def _vendors():
    with Simulators() as sims:
        yield sims


@pytest.fixture
def shop(_vendors, sdk, tmp_path, caplog):
    """An app with one destination for this SDK; nothing that the SDK logs may be an error."""
    sims = _vendors
    sims.clear()
    name, speaks, answer = SDKS[sdk]
    more = {}
    if speaks is not None:
        more = {"product": {"kind": "first_party", "speaks": speaks, "endpoint": sims.http_json.url}}
        sims.http_json.answer(200, answer, times=50)
    # The error monitor is asked for consent here, so that this SDK can be refused, too.
    more["errors"] = {"kind": "sentry", "dsn": sims.sentry.dsn(), "purpose": "analytics"}
    more["google_ads"] = EVERY_KIND["google_ads"] | {"endpoint": sims.google_ads.url}
    policy = parse_policy(tables(tmp_path, sims, destinations=lambda _: more), environ={})
    runtime = gatekeeper.start(policy)
    gatekeeper.outbound.install()
    here = Shop(runtime, sims)
    here.vendor = sims[name]
    caplog.set_level(logging.WARNING)
    yield here
    gatekeeper.outbound.uninstall()
    runtime.close()
    gatekeeper.context.uninstall(runtime.gate)
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []


@each_sdk
def test_with_consent_the_call_arrives_filtered_and_the_sdk_is_content(shop, sdk):
    """Its vendor's own simulator has nothing to object to, and nothing personal in clear."""
    unhappy = []
    with shop.visitor("analytics", "marketing"):
        sdk(shop.sims, unhappy)
    assert unhappy == []
    (received,) = shop.vendor.received
    assert received.errors == () or SDKS[sdk][1] is not None  # a stand-in knows no product's protocol
    text = (received.decoded or b"").decode() + received.target + json.dumps(received.headers)
    for value in (JANE, "jane", "gatekeeper_context", *([] if sdk is facebook else [ADDRESS])):
        assert value not in text and value not in readable(received)
    assert [line["consent_state"]["analytics"] for line in shop.lines()] == [True]


@each_sdk
@pytest.mark.parametrize("gpc", [False, True], ids=["no-consent", "no-consent-and-gpc"])
def test_without_consent_nothing_arrives_and_the_sdk_is_content(shop, sdk, gpc):
    """One call, no retry: the SDK believes that its vendor took everything."""
    unhappy = []
    with shop.visitor(gpc=gpc):
        sdk(shop.sims, unhappy)
    assert unhappy == [] and shop.vendor.received == ()
    (line,) = shop.lines()
    assert line["deliveries"][0]["status"] == "blocked"


@pytest.mark.parametrize("sdk", [facebook], ids=["facebook"])
def test_gpc_denies_marketing_to_a_visitor_who_had_agreed(shop, sdk):
    """Nothing overrides it."""
    unhappy = []
    with shop.visitor("analytics", "marketing", gpc=True):
        sdk(shop.sims, unhappy)
    assert unhappy == [] and shop.vendor.received == ()
    assert [line["deliveries"][0]["reason"] for line in shop.lines()] == ["gpc_opt_out"]


def readable(received):
    """What base64 in a body says, too."""
    found = re.findall(rb"[A-Za-z0-9+/]{16,}", received.decoded or b"")
    return b"".join(base64.b64decode(one[: len(one.rstrip(b"=")) // 4 * 4]) for one in found).decode("latin-1")
