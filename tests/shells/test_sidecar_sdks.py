"""Vendors' own SDKs with the sidecar as their base URL: a process of its own, and not a line of the SDK changed."""

import json
import time

import pytest

import gatekeeper
from gatekeeper.context import current, dump
from gatekeeper.policy import load_policy
from gatekeeper.runtime import Runtime
from gatekeeper.shells.asgi.caller import here
from gatekeeper.testing import Simulators
from tests.shells.serving import records_of, serving

GA4 = """
[destinations.ga4]
kind = "ga4"
measurement_id = "G-TEST"
api_secret = "s3cret"
endpoint = "{url}"
"""


@pytest.fixture
def sims():
    with Simulators(only=("ga4", "first_party")) as running:
        yield running


@pytest.fixture
def up(tmp_path, sims):
    with serving(tmp_path, sims, more=GA4.format(url=sims.ga4.url)) as running:
        yield running


def token(up, **choice):
    """What `gatekeeper.context.dump()` gives in the app that serves this visitor."""
    policy = load_policy(up.folder / "gatekeeper.toml")
    cookie = gatekeeper.issue_consent(config=policy, **choice).partition(";")[0]
    runtime = Runtime(policy)
    scope = {"type": "http", "headers": [(b"cookie", cookie.encode())], "client": None, "query_string": b""}
    mark = current.set(here(runtime.gate, scope))
    try:
        return dump()
    finally:
        current.reset(mark)
        runtime.close()


def buy(up, mark=None):
    """ga4mp, as its own documentation has it; only the base URL is ours."""
    from ga4mp import GtagMP

    client = GtagMP(api_secret="s3cret", measurement_id="G-TEST", client_id="123.456")
    client._base_domain = f"{up.url}/gk/to/ga4/mp/collect"  # noqa: SLF001  # the SDK has no other way
    event = client.create_new_event(name="purchase")
    said = {"value": 12.5, "currency": "EUR", "transaction_id": "T1", "email": "jane.doe@example.com",
            "page_location": "https://shop.example/thanks?email=jane.doe%40example.com"}  # fmt: skip
    for name, value in said.items():
        event.set_event_param(name=name, value=value)
    if mark is not None:
        event["gatekeeper_context"] = mark
    client.send(events=[event])


def test_ga4mp_without_a_visitor_sends_nothing(up, sims, caplog):
    """An unknown visitor; the SDK is content."""
    caplog.set_level("INFO")
    buy(up)
    assert "Status code: 204" in caplog.text
    assert sims.ga4.received == ()
    (line,) = [one for one in records_of(up) if one["kind"] == "decision"]
    assert line["deliveries"][0]["reason"] == "no_analytics_consent"


def test_ga4mp_with_a_marked_event_sends_what_that_visitor_allowed(up, sims):
    """The mark speaks for the event, and stays here."""
    mark = token(up, analytics=True)
    buy(up, mark)
    (request,) = sims.ga4.wait(1)
    assert request.errors == () and request.json["client_id"] == "123.456"
    (event,) = request.json["events"]
    assert event["name"] == "purchase"
    own = {"session_id", "engagement_time_msec"}  # the SDK's
    assert {name: value for name, value in event["params"].items() if name not in own} == {
        "value": 12.5, "currency": "EUR", "transaction_id": "T1", "page_location": "https://shop.example/thanks",
    }  # fmt: skip
    assert b"jane" not in request.raw and mark.encode() not in request.raw
    up.wait(lambda: any(one["kind"] == "outcome" for one in records_of(up)))
    assert "jane" not in json.dumps(list(records_of(up)))


MORE = """
[destinations.errors]
kind = "sentry"
dsn = "{sentry}"
[destinations.meta]
kind = "meta_capi"
pixel_id = "123456"
access_token = "t0ken"
endpoint = "{meta}"
"""


@pytest.fixture
def all_of_them(tmp_path):
    with Simulators(only=("sentry", "meta_capi", "first_party")) as sims:
        more = MORE.format(sentry=sims.sentry.dsn(), meta=sims.meta_capi.url)
        with serving(tmp_path, sims, more=more) as running:
            yield running, sims


def test_sentrys_sdk_reports_the_error_and_not_the_person(all_of_them):
    """A path in its DSN is all it takes; errors are necessary, who had them is not."""
    import sentry_sdk

    up, sims = all_of_them
    client = sentry_sdk.Client(
        dsn=f"http://public@127.0.0.1:{up.port}/gk/to/errors/42", default_integrations=False,
        auto_session_tracking=False, send_client_reports=False, server_name="janes-macbook",
    )  # fmt: skip
    scope = sentry_sdk.Scope()
    scope.set_user({"email": "jane.doe@example.com", "ip_address": "203.0.113.9"})
    client.capture_event({"message": "payment of jane.doe@example.com failed", "level": "error"}, scope=scope)
    client.flush(10)
    (request,) = sims.sentry.wait(1)
    client.close(5)
    assert request.errors == () and b"payment of" in (request.decoded or b"")
    for personal in (b"jane", b"203.0.113.9", b"macbook"):
        assert personal not in request.raw and personal not in (request.decoded or b"")


def test_metas_sdk_is_content_when_nothing_was_sent(all_of_them):
    """facebook-business reads the number of events and a trace id out of any answer."""
    from facebook_business.adobjects.adspixel import AdsPixel
    from facebook_business.adobjects.serverside.event import Event
    from facebook_business.adobjects.serverside.event_request import EventRequest
    from facebook_business.adobjects.serverside.user_data import UserData
    from facebook_business.api import FacebookAdsApi
    from facebook_business.session import FacebookSession

    up, sims = all_of_them
    before = FacebookSession.GRAPH
    FacebookSession.GRAPH = f"{up.url}/gk/to/meta"
    try:
        FacebookAdsApi.init(access_token="t0ken", crash_log=False)
        event = Event(event_name="Purchase", event_time=int(time.time()), user_data=UserData(email="jane@example.com"))
        answer = EventRequest(pixel_id="123456", events=[event]).execute()
        batch, done, unhappy = FacebookAdsApi.get_default_api().new_batch(), [], []
        params = {"data": [json.dumps({"event_name": "Lead", "event_time": int(time.time()), "user_data": {}})]}
        AdsPixel("123456").create_event(params=params, batch=batch, success=done.append, failure=unhappy.append)
        assert batch.execute() is None
    finally:
        FacebookSession.GRAPH = before
        FacebookAdsApi.set_default_api(None)
    assert answer.events_received == 1 and sims.meta_capi.received == ()
    assert unhappy == [] and [one.json()["events_received"] for one in done] == [1]
    lines = [one for one in records_of(up) if one["kind"] == "decision"]
    assert [one["deliveries"][0]["reason"] for one in lines] == ["no_marketing_consent"] * 2
