"""Batches of the Graph API are opened: each call in them is judged, the others go on, and the answer is Graph's."""

from __future__ import annotations

import json
import socket
import time
import warnings
from urllib.parse import quote, urlencode

import pytest

import gatekeeper
import gatekeeper.outbound
from gatekeeper import context
from gatekeeper.policy.load import parse_policy
from gatekeeper.testing import Simulators
from tests.outbound.clients import CLIENTS
from tests.outbound.conftest import Shop
from tests.outbound.graph import graph
from tests.running import running, tables

JANE = "jane.doe@example.com"


def event(name="Purchase", mail=JANE):
    """One event as a server of ours would send it."""
    user = {"em": mail, "client_ip_address": "203.0.113.9", "client_user_agent": "Mozilla/5.0"}
    data = {"value": 9.5, "currency": "EUR"}
    return {
        "event_name": name,
        "event_time": int(time.time()),
        "event_id": "e-1",
        "action_source": "website",
        "event_source_url": f"https://shop.example/thanks?email={JANE}",
        "user_data": user,
        "custom_data": data,
    }


def posting(url="v26.0/123/events", **more):
    """A call of a batch that posts one event."""
    return {"method": "POST", "relative_url": url, "body": urlencode({"data": json.dumps([event()])})} | more


READING = {"method": "GET", "relative_url": "v26.0/me/accounts?fields=name"}
FEED = {"method": "POST", "relative_url": "v26.0/4/feed", "body": "message=Our+new+shop"}


@pytest.fixture(scope="module")
def _process(tmp_path_factory):
    """Graph under its own name, and a process with a gate whose destination is there."""
    found = socket.getaddrinfo

    def resolved(host, *args, **options):
        return found("127.0.0.1" if host in ("graph.facebook.com", b"graph.facebook.com") else host, *args, **options)

    with pytest.MonkeyPatch.context() as patch, Simulators() as sims, graph() as server:
        patch.setattr(socket, "getaddrinfo", resolved)
        server.address = f"http://graph.facebook.com:{server.server_port}"
        raw = tables(tmp_path_factory.mktemp("batch"), sims)
        raw["destinations"]["meta_capi"] |= {"endpoint": server.address}
        runtime = gatekeeper.start(parse_policy(raw, environ={}))
        shop = Shop(runtime, sims)
        shop.graph = server
        yield shop
        runtime.close()
        context.uninstall(runtime.gate)


@pytest.fixture
def there(_process):
    """The same with every client caught, and nothing received yet."""
    _process.graph.clear()
    gatekeeper.outbound.install()
    _process.seen = 0
    _process.seen = len(_process.lines(None))
    yield _process
    gatekeeper.outbound.uninstall()


def post(shop, calls, coat="form", client="requests", path="/v26.0/", **beside):
    """The answer to a batch by one of the clients."""
    beside = {"access_token": "APP-TOKEN"} | beside
    kind, body, query = "application/x-www-form-urlencoded", b"", ""
    match coat:
        case "form":
            body = urlencode(beside | {"batch": json.dumps(calls)}).encode()
        case "json":
            kind, body = "application/json", json.dumps(beside | {"batch": calls}).encode()
        case "query":
            query = "?" + urlencode(beside | {"batch": json.dumps(calls)})
        case "multipart":
            kind = "multipart/form-data; boundary=b"
            rows = beside | {"batch": json.dumps(calls)}
            body = b"".join(
                b'--b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % (name.encode(), value.encode())
                for name, value in rows.items()
            )
            body += b"--b--\r\n"
    status, text = CLIENTS[client]("POST", f"{shop.graph.address}{path}{query}", body, {"Content-Type": kind})
    return status, json.loads(text)


@pytest.mark.parametrize("coat", ["form", "json", "query", "multipart"])
@pytest.mark.parametrize("client", CLIENTS)
def test_a_call_of_a_visitor_who_refused_is_taken_out_and_the_others_go_on(there, coat, client):
    """In every coat and by every client; each answer is in the place of its call."""
    with there.visitor():
        status, told = post(there, [READING, posting(), FEED], coat, client)
    assert status == 200 and [one["code"] for one in told] == [200, 200, 200]
    assert [json.loads(one["body"]) for one in told] == [
        {"id": "77"},
        {"events_received": 1, "messages": [], "fbtrace_id": "AGatekeeperAnsweredThis"},
        {"id": "77"},
    ]
    assert there.graph.batches == [[READING, FEED]]
    assert there.graph.beside == [{"access_token": "APP-TOKEN"}]
    (line,) = there.lines()
    assert line["deliveries"][0]["status"] == "blocked" and line["deliveries"][0]["destination"] == "meta_capi"


def test_a_call_of_a_visitor_who_agreed_is_filtered_and_sent_in_its_place(there):
    """Hashed and without personal data in clear, in the same batch; its outcome is on record."""
    with there.visitor("analytics", "marketing"):
        _, told = post(there, [READING, posting(name="first"), FEED])
    assert [json.loads(one["body"]).get("events_received") for one in told] == [None, 1, None]
    (calls,) = there.graph.batches
    assert calls[0] == READING and calls[2] == FEED and calls[1]["name"] == "first"
    assert calls[1]["relative_url"] == "v26.0/123/events"  # the batch's own token holds, never the policy's
    assert JANE not in there.graph.text() and "jane" not in there.graph.text()
    assert "t0ken" not in there.graph.text()
    assert [line["status"] for line in there.lines("outcome")] == ["delivered"]


def test_a_batch_of_tracking_alone_is_answered_without_a_request(there):
    """Nothing reaches Graph."""
    with there.visitor("analytics"):
        status, told = post(there, [posting(), posting()])
    assert status == 200 and len(told) == 2 and there.graph.text() == "[[], [], []]"
    lines = there.lines()
    assert sum(line.get("count", 1) for line in lines) == 2
    assert {line["deliveries"][0]["reason"] for line in lines} == {"no_marketing_consent"}


def test_a_batch_without_tracking_passes_untouched(there):
    """Login, pages and other requests at the root of the API."""
    with there.visitor():
        _, told = post(there, [READING, FEED], debug="all")
        status, _ = CLIENTS["requests"]("POST", f"{there.graph.address}/v26.0/?id=https%3A%2F%2Fa.example&scrape=true")
    assert [one["code"] for one in told] == [200, 200] and status == 200
    assert there.graph.batches == [[READING, FEED]]
    assert there.graph.beside == [{"access_token": "APP-TOKEN", "debug": "all"}]
    assert there.graph.others == ["/v26.0/?id=https%3A%2F%2Fa.example&scrape=true"]
    assert there.lines() == []


@pytest.mark.parametrize(
    "url",
    [
        "v26.0/123/events",
        "/v26.0/123/events",
        "//123/events",
        "https://graph.facebook.com/v26.0/123/events",
        "https://graph.facebook.com//123/events",
        "v26.0/123/%65vents",
        "v26.0/123/%2565vents",
        "V26.0/123/EVENTS/",
        "v26.0\\123\\events",
        "v26.0/1/../123/events",
        "v26.0/123/events;x=1",
        "v26.0/123/events#x",
        "v26.0/123/events%3Fa=b",
        "v26.0/123/eve%ZZnts",
        "v26.0/{result=first:$.id}/events",
        "v26.0/123/{result=first:$.name}",
        "v26.0/",
        "",
        "v26.0/123/offline_events",
        "v26.0/55/users",
    ],
)
def test_no_spelling_of_a_tracking_call_leaves_without_consent(there, url):
    """Or of a batch in the batch, or of an address out of another call's answer."""
    with there.visitor():
        post(there, [READING | {"name": "first"}, posting(url)])
    assert there.graph.batches == [[READING | {"name": "first"}]]


@pytest.mark.parametrize(
    "body",
    [
        b"batch=[]&batch=[]",
        b'{"batch":[],"batch":[]}',
        b"batch=%FF",
        b"batch=nonsense",
        b"batch=" + quote(json.dumps([posting()] * 51)).encode(),
        b"batch=" + quote(json.dumps([{"relative_url": 3}])).encode(),
        b"batch=" + quote(json.dumps([posting(body={"data": []})])).encode(),
        b'{"batch":"' + b"x" * 30,
    ],
    ids=range(8),
)
def test_a_batch_that_can_be_read_in_two_ways_does_not_leave(there, body):
    """It is answered with an empty list, and recorded."""
    with there.visitor("analytics", "marketing"):
        status, text = CLIENTS["httpx"]("POST", f"{there.graph.address}/v26.0/", body, {"Content-Type": "text/plain"})
    assert (status, text) == (200, b"[]") and there.graph.text() == "[[], [], []]"
    assert [line["deliveries"][0]["reason"] for line in there.lines()] == ["call_unreadable"]


FILES = (
    b'--b\r\nContent-Disposition: form-data; name="batch"\r\n\r\n%b\r\n'
    b'--b\r\nContent-Disposition: form-data; name="f"; filename="cat.png"\r\n\r\nPNG\r\n--b--\r\n'
)


@pytest.mark.parametrize(("calls", "leaves"), [([FEED], True), ([FEED, posting()], False)], ids=["photos", "both"])
def test_attached_files_pass_unless_there_is_tracking_beside_them(there, calls, leaves):
    """A batch with files that cannot be kept apart is blocked whole."""
    body = FILES % json.dumps(calls).encode()
    with there.visitor():
        CLIENTS["requests"](
            "POST", f"{there.graph.address}/v26.0/", body, {"Content-Type": "multipart/form-data; boundary=b"}
        )
    assert bool(there.graph.others) is leaves and there.graph.batches == []  # its server knows no multipart


def test_if_the_log_cannot_be_written_nothing_of_the_batch_is_sent(there, monkeypatch):
    """And the calls that are no tracking are told that they were not done."""

    def broken(*_):
        raise OSError

    monkeypatch.setattr("gatekeeper.outbound.intercept.record_call", broken)
    with there.visitor("analytics", "marketing"):
        _, told = post(there, [READING, posting()])
    assert [one["code"] for one in told] == [503, 200] and there.graph.text() == "[[], [], []]"


def test_without_a_gate_only_batches_without_tracking_pass(there, monkeypatch):
    """Nobody could judge them."""
    single = urlencode({"batch": json.dumps([posting()])}).encode()
    with monkeypatch.context() as nobody:
        nobody.setattr(context.here, "_installed", [])
        post(there, [READING])
        CLIENTS["requests"]("POST", f"{there.graph.address}/v26.0/", single)
    assert there.graph.batches == [[READING]]


def sdk(address, unhappy):
    """Meta's own SDK: events and a page's posts in one batch."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from facebook_business.adobjects.adspixel import AdsPixel
        from facebook_business.adobjects.page import Page
        from facebook_business.api import FacebookAdsApi
        from facebook_business.session import FacebookSession
    vendor, FacebookSession.GRAPH = FacebookSession.GRAPH, address
    done = []
    try:
        api = FacebookAdsApi.init(access_token="t0ken", crash_log=False)
        batch = api.new_batch()
        calls = {"success": done.append, "failure": unhappy.append}
        AdsPixel("123").create_event(params={"data": [json.dumps(event())]}, batch=batch, **calls)
        Page("4").create_feed(params={"message": "Our new shop"}, batch=batch, **calls)
        AdsPixel("123").create_event(params={"data": [json.dumps(event("Lead"))]}, batch=batch, **calls)
        unhappy += [] if batch.execute() is None else ["some are left"]
    finally:
        FacebookSession.GRAPH = vendor
    return [one.json() for one in done]


@pytest.mark.parametrize("granted", [(), ("analytics", "marketing")], ids=["no-consent", "consent"])
def test_metas_own_sdk_is_content(there, granted):
    """`new_batch()` with and without consent: two events and a post, three answers."""
    unhappy = []
    with there.visitor(*granted):
        told = sdk(there.graph.address, unhappy)
    assert unhappy == [] and [one.get("events_received") for one in told] == [1, None, 1]
    (calls,) = there.graph.batches
    assert [call["relative_url"].rpartition("/")[2].partition("?")[0] for call in calls] == (
        ["events", "feed", "events"] if granted else ["feed"]
    )
    assert JANE not in there.graph.text() and (granted or "203.0.113.9" not in there.graph.text())


@pytest.mark.parametrize("granted", [False, True], ids=["no-consent", "consent"])
def test_a_batch_through_the_gate_is_opened_too(tmp_path, granted):
    """At /gk/to/: events are judged, anything else in it is `call_unreadable`, as it is alone."""
    with graph() as server:
        meta = {"kind": "meta_capi", "pixel_id": "123", "access_token": "t0ken", "endpoint": server.url}
        with running("sidecar", tmp_path, destinations=lambda _: {"meta": meta}) as gate:
            choice = {"analytics": True, "marketing": granted, "at": time.time() - 10}  # events have whole seconds
            cookie = gatekeeper.issue_consent(config=gate.runtime.policy, **choice)
            answer = gate.http.post(
                "/gk/to/meta/v26.0/",
                data={"batch": json.dumps([posting(), READING, FEED]), "access_token": "APP-TOKEN"},
                headers={"Cookie": cookie.partition(";")[0]},
            )
            lines = [line for line in gate.lines() if line["kind"] == "decision"]
    assert [one["code"] for one in answer.json()] == [200, 204, 204]
    assert json.loads(answer.json()[0]["body"])["events_received"] == 1
    calls = [call["relative_url"] for batch in server.batches for call in batch]
    assert calls == (["v26.0/123/events"] if granted else []) and JANE not in server.text()
    reasons = [line["deliveries"][0].get("reason") for line in lines for _ in range(line.get("count", 1))]
    assert reasons == [None if granted else "no_marketing_consent", "call_unreadable", "call_unreadable"]
