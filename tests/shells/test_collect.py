"""`POST /gk/collect`, over a real socket, with simulators as vendors: what arrives, what is answered."""

import gzip
import json

import orjson
import pytest

from tests.builders import GUIDE_EVENT, HASH
from tests.running import API_KEY, ORIGIN

BOTH = {"analytics": True, "marketing": True}


def event(consent=None, name="purchase", **data):
    base = {"event": name, "data": {"page_url": "/x", "session_id": "s_1", "order_value": 10, **data}}
    return base | ({"consent": consent} if consent is not None else {})


def test_the_guides_purchase_reaches_ga4_and_never_meta(gate):
    """The main job, on the wire: exactly the guide's fields, and the guide's record."""
    record = gate.record(gate.post(GUIDE_EVENT))
    (request,) = gate.sims.ga4.received
    (sent,) = request.events
    assert sent["name"] == "purchase"
    assert sent["params"] == {
        "page_location": "/checkout/confirmation",
        "value": 149.0,
        "session_id": "s_98765",
        "engagement_time_msec": 1,
    }
    assert request.errors == ()
    assert gate.sims.meta_capi.received == ()
    assert list(record)[:5] == ["timestamp", "request_id", "event_type", "consent_state", "deliveries"]
    ga4, meta, own = record["deliveries"]
    assert ga4["fields_sent"] == ["page_url", "order_value", "session_id"]
    assert ga4["fields_stripped"] == ["email_hash", "fbclid"]
    assert ga4["fields_derived"] == ["client_id"]
    assert (ga4["status"], ga4["consent_basis"]) == ("delivered", "analytics")
    assert meta == {"destination": "meta_capi", "status": "blocked", "reason": "no_marketing_consent"}
    assert own["status"] == "delivered"


def test_gpc_blocks_meta_though_marketing_was_granted(gate):
    """Sec-GPC: 1 with marketing granted: `gpc_opt_out` for Meta, GA4 still delivered."""
    record = gate.record(gate.post(event(BOTH), headers={"Sec-GPC": "1"}))
    assert gate.statuses(record) == {"ga4": "delivered", "meta_capi": "gpc_opt_out", "own": "delivered"}
    assert record["gpc"] == {"detected": True, "honoured": True}
    assert gate.sims.meta_capi.received == ()


def test_any_of_several_gpc_header_lines_opts_out(gate):
    """Headers are lists: the first line does not hide the second."""
    record = gate.record(gate.post(content=orjson.dumps(event(BOTH)), headers=[("Sec-GPC", "0"), ("Sec-GPC", "1")]))
    assert gate.statuses(record)["meta_capi"] == "gpc_opt_out"


def test_without_any_consent_only_necessary_destinations_are_served(gate):
    """A purchase goes nowhere; an error goes to the error monitor, with its three fields."""
    assert set(gate.statuses(gate.record(gate.post(event()))).values()) == {
        "no_analytics_consent",
        "no_marketing_consent",
    }
    record = gate.record(gate.post(event(name="error", error_message="boom", error_stack="at x:1")))
    assert gate.statuses(record) == {"errors": "delivered"}
    (request,) = gate.sims.sentry.received
    assert request.errors == ()
    assert record["deliveries"][0]["fields_stripped"] == ["session_id", "order_value"]
    assert gate.sims.ga4.received == gate.sims.meta_capi.received == gate.sims.first_party.received == ()


def test_meta_gets_hashes_and_click_ids_under_marketing(gate):
    """Raw in, hashed out; what Meta documents as required is there."""
    data = {"email": " Jane@Example.com ", "fbclid": "abc", "currency": "EUR"}
    record = gate.record(gate.post(event(BOTH, **data), headers={"User-Agent": "Mozilla/5.0"}))
    assert gate.statuses(record)["meta_capi"] == "delivered"
    (request,) = gate.sims.meta_capi.received
    user = request.events[0]["user_data"]
    assert user["em"] == ["8c87b489ce35cf2e2f39f80e282cb2e804932a56a213983eeeb428407d43b52d"]
    assert user["fbc"].endswith(".abc") and user["client_user_agent"] == "Mozilla/5.0"
    assert request.errors == ()
    assert b"jane" not in request.raw.lower()
    meta = record["deliveries"][1]
    assert meta["fields_sent"] == ["page_url", "order_value", "email_hash", "fbclid", "currency"]
    assert meta["fields_derived"] == ["user_agent"]


def test_an_array_and_a_wrapped_array_are_taken_whole(gate):
    """One id per event, in order."""
    for body in ([event(), event()], {"events": [event(), event()]}):
        answer = gate.post(body)
        assert answer.status_code == 202 and len(answer.json()["request_ids"]) == 2
        for n in range(2):
            assert gate.record(answer, n)["event_type"] == "purchase"


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "text/plain", "text/plain;charset=UTF-8", "application/x-www-form-urlencoded",
     "multipart/form-data; boundary=x", None],
)  # fmt: skip
def test_json_is_taken_under_every_type_a_beacon_can_send(gate, content_type):
    """sendBeacon cannot choose application/json without a preflight."""
    headers = {} if content_type is None else {"content-type": content_type}
    assert gate.post(content=orjson.dumps(event()), headers=headers).status_code == 202


def test_a_gzipped_body_is_taken(gate):
    """One layer of gzip."""
    body = gzip.compress(orjson.dumps(event()))
    assert gate.post(content=body, headers={"content-encoding": "gzip"}).status_code == 202


def test_a_listed_origin_may_post_and_read_the_answer(gate):
    """CORS by an explicit list, with credentials, never `*`."""
    preflight = gate.http.options("/gk/collect", headers={"Origin": ORIGIN, "Access-Control-Request-Method": "POST"})
    assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (204, ORIGIN)
    answer = gate.post(event(), headers={"Origin": ORIGIN})
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert answer.headers["access-control-allow-credentials"] == "true"


@pytest.mark.parametrize("origin", ["https://evil.example", "null", ORIGIN + ".evil.example", "https://SHOP.example"])
def test_a_strange_origin_is_refused(gate, origin):
    """A foreign page must not send events with the visitor's cookies."""
    answer = gate.post(event(), headers={"Origin": origin})
    assert answer.status_code == 403 and "access-control-allow-origin" not in answer.headers


def test_the_pages_own_origin_needs_no_listing(gate):
    """Same host: the browser sends Origin with every POST."""
    assert gate.post(event(), headers={"Origin": gate.url}).status_code == 202


def test_a_server_with_a_key_is_believed_about_its_visitor(gate):
    """Subject, place and past time come from the caller; its own address is not the visitor's."""
    body = event(BOTH, fbclid="abc") | {"subject": {"user_id": "u-1"}, "place": {"country": "DE", "region": "BE"}}
    body["event_time"] = "2026-11-20T10:00:00Z"
    record = gate.record(gate.post(body, headers={"Authorization": f"Bearer {API_KEY}"}))
    assert (record["country"], record["jurisdiction"]["region"], record["jurisdiction"]["how"]) == (
        "DE",
        "BE",
        "caller",
    )
    assert len(record["subjects"]) == 2  # the user, and the session that went to the own destination


def test_a_browser_is_not_believed_about_place_subject_and_time(gate):
    """The same claims without a key change nothing."""
    body = event(BOTH) | {"subject": {"user_id": "u-1"}, "place": {"country": "US", "region": "TX"}, "event_time": 1e9}
    record = gate.record(gate.post(body))
    assert (record["country"], len(record["subjects"])) == (None, 2)  # the session and its derived id, not the user
    (request,) = gate.sims.ga4.received
    assert request.events[0]["timestamp_micros"] > 1.7e15


def test_a_wrong_key_is_refused(gate):
    """Not silently treated as a browser."""
    assert gate.post(event(), headers={"Authorization": "Bearer wrong"}).status_code == 401


def deep(levels):
    return b'{"event":"x","data":{"a":' + b"[" * levels + b"]" * levels + b"}}"


BAD = [
    pytest.param(b"not json", {}, 400, None, id="not-json"),
    pytest.param(b"", {}, 400, None, id="empty"),
    pytest.param(b"[]", {}, 422, None, id="empty-array"),
    pytest.param(b'{"events":[]}', {}, 422, "events", id="empty-events"),
    pytest.param(b'"purchase"', {}, 422, None, id="a-string"),
    pytest.param(b'{"event":5}', {}, 422, "event", id="event-not-a-string"),
    pytest.param(b"{}", {}, 422, "event", id="no-event"),
    pytest.param(b'{"event":"x","colour":1}', {}, 422, "colour", id="unknown-key"),
    pytest.param(b'{"event":"x","data":[]}', {}, 422, "data", id="data-not-an-object"),
    pytest.param(b'{"event":"x","data":{"order_value":NaN}}', {}, 400, None, id="nan"),
    pytest.param(b'{"event":"x","data":{"a":1,"a":2}}', {}, 422, "a", id="duplicate-key"),
    pytest.param(b'{"event":"x","data":{"email":1,"\\u0065mail":2}}', {}, 422, "email", id="duplicate-key-escaped"),
    pytest.param(b'{"event":"x","data":{"a" \t:1,"a"\r\n:2}}', {}, 422, "a", id="duplicate-key-spaced"),
    pytest.param(b'{"event":"x","data":{"a":"\\":","a":2}}', {}, 422, "a", id="duplicate-key-colon-inside"),
    pytest.param(b'{"event":"x","data":{"b":[{}," :",{"a" :1,"a":2}]}}', {}, 422, "a", id="duplicate-key-inside"),
    pytest.param(b'{"event":"x","consent":{"analytics":"true"}}', {}, 422, "consent.analytics", id="string-boolean"),
    pytest.param(b'{"event":"x","consent":{"analitics":true}}', {}, 422, "consent.analitics", id="unknown-purpose"),
    pytest.param(b'{"event":"x","consent":true}', {}, 422, "consent", id="consent-not-an-object"),
    pytest.param(b'[{"event":"purchase"},{"event":1}]', {}, 422, "[1].event", id="one-bad-element"),
    pytest.param(b'{"events":[{"event":"a"},{"event":"b","x":1}]}', {}, 422, "events[1].x", id="one-bad-wrapped"),
    pytest.param(b'{"event":"x","purposes":["ads"]}', {}, 422, "purposes", id="unknown-declared-purpose"),
    pytest.param(b'{"event":"x","event_time":"yesterday"}', {}, 422, "event_time", id="no-time"),
    pytest.param(b'{"event":"x","event_id":7}', {}, 422, "event_id", id="id-not-a-string"),
    pytest.param(b'{"event":"x","data":{"page_title":"\\ud800"}}', {}, 400, None, id="lone-surrogate"),
    pytest.param(deep(31), {}, 422, None, id="too-deep"),
    pytest.param(b"[" * 100_000, {}, 400, None, id="bracket-bomb"),
    pytest.param(b'{"event":"x","data":{"page_title":"' + b"a" * 2**20 + b'"}}', {}, 413, None, id="over-1-mib"),
    pytest.param(b"{}", {"content-encoding": "gzip"}, 400, None, id="bad-gzip"),
    pytest.param(gzip.compress(b"{}")[:-4], {"content-encoding": "gzip"}, 400, None, id="cut-gzip"),
    pytest.param(gzip.compress(b" " * 10**8), {"content-encoding": "gzip"}, 413, None, id="gzip-bomb"),
    pytest.param(gzip.compress(gzip.compress(b"{}")), {"content-encoding": "gzip"}, 400, None, id="double-gzip"),
    pytest.param(b"{}", {"content-encoding": "gzip, gzip"}, 415, None, id="two-encodings"),
    pytest.param(b"{}", {"content-encoding": "br"}, 415, None, id="unknown-encoding"),
    pytest.param(b'{"event":"x"}', {"content-type": "application/xml"}, 415, None, id="wrong-type"),
    pytest.param(b'{"event":"x"}', {"content-type": "text/plain; charset=utf-16"}, 415, None, id="wrong-charset"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "headers", "status", "field"), BAD)
def test_bad_input_is_a_clear_problem_and_nothing_is_sent(gate, body, headers, status, field):
    """problem+json with the field's path; no line, no request, the process alive."""
    before = decided(gate)
    answer = gate.post(content=body, headers=headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], problem.get("field")) == (status, field)
    assert decided(gate) == before


def decided(gate):
    """How many decisions the log holds; outcomes of earlier events may still come."""
    return sum(line["kind"] == "decision" for line in gate.lines())
    assert all(simulator.received == () for simulator in gate.sims)
    assert gate.http.get("/gk/healthz").status_code == 200


def test_an_error_never_repeats_what_was_sent(gate):
    """A key can be personal data, and a problem is logged by many clients."""
    answer = gate.post(content=b'{"event":"x","jane@example.com":1}')
    assert answer.status_code == 422 and "jane" not in answer.text
    answer = gate.post(content=json.dumps({"event": "x", "event_id": "jané@example.com"}).encode())
    assert answer.status_code == 422 and "example.com" not in answer.text


@pytest.mark.parametrize(
    "cookie",
    ["gatekeeper_consent=tampered", "gatekeeper_consent=1.6743f0aa.am..djE.test." + "A" * 43, "gatekeeper_consent="],
)
def test_a_cookie_that_is_not_ours_denies_everything_optional(gate, cookie):
    """Tampered, unsigned or empty: `consent_unreadable`, whatever the event claims."""
    record = gate.record(gate.post(event(BOTH), headers={"Cookie": cookie}))
    assert set(gate.statuses(record).values()) == {"consent_unreadable"}
    assert all(simulator.received == () for simulator in gate.sims)


def consent_cookie(gate, **choice):
    import gatekeeper

    return gatekeeper.issue_consent(config=gate.runtime.policy, **choice).partition(";")[0]


def test_our_own_cookie_grants_and_its_notice_is_in_the_record(gate):
    """Issued in Python, sent back by the browser."""
    cookie = consent_cookie(gate, analytics=True, notice_version="2026-11", subject="v_77")
    record = gate.record(gate.post(event(), headers={"Cookie": cookie}))
    assert gate.statuses(record) == {"ga4": "delivered", "meta_capi": "no_marketing_consent", "own": "delivered"}
    assert record["notice_version"] == "2026-11"
    assert len(record["subjects"]) == 3 and record["subjects"][0].startswith("p_")
    assert "v_77" not in json.dumps(record)


def test_two_consent_cookies_that_differ_give_the_intersection(gate):
    """Cookie tossing from a sibling domain cannot widen, in either order."""
    both, none = consent_cookie(gate, analytics=True, marketing=True), consent_cookie(gate)
    for header in (f"{both}; {none}", f"{none}; {both}"):
        record = gate.record(gate.post(event(), headers={"Cookie": header}))
        assert set(gate.statuses(record).values()) == {"no_analytics_consent", "no_marketing_consent"}


def test_an_expired_cookie_is_no_consent(gate):
    """Older than `max_age`: as if never given, and no claim of the page renews it."""
    cookie = consent_cookie(gate, analytics=True, marketing=True, at=1_600_000_000)
    record = gate.record(gate.post(event(BOTH), headers={"Cookie": cookie}))
    assert set(gate.statuses(record).values()) == {"consent_expired"}


def test_a_vendor_that_fails_is_tried_again_and_the_others_are_not_delayed(gate):
    """A 500 is retried; the record says how often."""
    gate.sims.meta_capi.answer(status=500, times=1)
    record = gate.record(gate.post(event(BOTH, email_hash=HASH, currency="EUR")))
    attempts = {d["destination"]: d["attempts"] for d in record["deliveries"]}
    assert gate.statuses(record) == {"ga4": "delivered", "meta_capi": "delivered", "own": "delivered"}
    assert attempts == {"ga4": 1, "meta_capi": 2, "own": 1}


def test_a_vendor_that_refuses_is_recorded_as_failed(gate):
    """With the vendor's own code, never its text."""
    body = json.dumps({"error": {"code": 190, "message": "token of jane@example.com"}}).encode()
    gate.sims.meta_capi.answer(status=400, body=body, times=1)
    record = gate.record(gate.post(event(BOTH, email_hash=HASH, currency="EUR")))
    meta = record["deliveries"][1]
    assert (meta["status"], meta["reason"]) == ("failed", "meta_190")


def test_the_wrong_method_and_an_unknown_endpoint_are_ours_to_answer(gate):
    """Under the prefix nothing reaches the app."""
    assert gate.http.get("/gk/collect").status_code == 405
    assert gate.http.get("/gk/nothing").status_code == 404


def test_ready_when_events_would_be_taken(gate):
    """readyz and healthz."""
    assert gate.http.get("/gk/readyz").json() == {"status": "ready", "problems": []}
    assert gate.http.get("/gk/healthz").json() == {"status": "ok"}
