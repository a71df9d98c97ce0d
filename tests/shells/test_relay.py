"""`/gk/to/<destination>/…` over real sockets, with simulators as vendors: what arrives, is answered, is kept."""

import gzip
import json
import logging
import socket
import threading
from urllib.parse import urlsplit

import httpx
import orjson
import pytest

import gatekeeper
from gatekeeper.shells.asgi.caller import here
from tests.running import API_KEY, ORIGIN, running
from tests.storage.builders import wait

HIT = (
    "/gk/to/ga4/g/collect?v=2&tid=G-TEST&cid=1.2&sid=17&en=page_view"
    "&dl=https%3A%2F%2Fshop.example%2Fx%3Femail%3Dj%2540x.de"
)
PROTOCOL = "/gk/to/ga4/mp/collect?measurement_id=G-TEST&api_secret=s3cret"
PURCHASE = {"client_id": "1.2", "user_id": "u-77", "events": [{"name": "purchase", "params": {"value": 12.5}}]}
SHOP = {"Origin": ORIGIN}  # a page of the shop, in the visitor's own browser


def consent(gate, **says):
    """The visitor's own cookie, as a request header."""
    return {"Cookie": gatekeeper.issue_consent(config=gate.runtime.policy, **says).partition(";")[0]}


def last(gate):
    """The record of the newest call, finished."""
    decisions = [line for line in gate.lines() if line["kind"] == "decision"]
    return gate.finished(decisions[-1]["request_id"])


def test_a_hit_without_consent_is_dropped_and_the_page_never_knows(gate):
    """gtag gets its 204; the header says why."""
    answer = gate.http.get(HIT, headers=SHOP)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["gatekeeper-decision"] == "blocked; reason=no_analytics_consent"
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert gate.sims.ga4.received == ()
    assert gate.statuses(last(gate)) == {"ga4": "no_analytics_consent"}


def test_a_hit_with_consent_is_built_anew(gate):
    """The vendor gets what analytics may have, under the gate's own headers."""
    answer = gate.http.get(HIT, headers=SHOP | consent(gate, analytics=True) | {"X-Forwarded-For": "203.0.113.9"})
    assert (answer.status_code, answer.headers["gatekeeper-decision"]) == (204, "sent; elements=1/1")
    (request,) = gate.sims.ga4.received
    assert request.errors == ()
    assert (request.query["dl"], request.query["gcs"]) == (["https://shop.example/x"], ["G101"])
    names = {name.lower() for name, _ in request.headers}
    assert names <= {"host", "user-agent", "accept", "accept-encoding"}, names
    record = last(gate)
    assert gate.statuses(record) == {"ga4": "delivered"}
    assert record["deliveries"][0]["consent_basis"] == "analytics"


def test_gpc_reaches_the_vendors_own_flags(gate):
    """Analytics may go on; advertising is denied in the hit itself."""
    gate.http.get(HIT, headers=SHOP | consent(gate, analytics=True, marketing=True) | {"Sec-GPC": "1"})
    (request,) = gate.sims.ga4.received
    assert (request.query["gcs"], request.query["npa"]) == (["G101"], ["1"])
    assert last(gate)["gpc"] == {"detected": True, "honoured": True}


def test_a_measurement_protocol_call_speaks_for_the_visitor_of_its_context(gate):
    """A server passes the token on; without it the visitor is unknown, and the strictest law applies."""
    cookie = consent(gate, analytics=True)["Cookie"].encode()
    scope = {"type": "http", "headers": [(b"cookie", cookie)], "client": ("81.2.69.142", 1), "query_string": b""}
    mark = gatekeeper.context.current.set(here(gate.runtime.gate, scope))
    token = gatekeeper.context.dump()
    gatekeeper.context.current.reset(mark)
    blocked = gate.http.post(PROTOCOL, json=PURCHASE)
    assert blocked.headers["gatekeeper-decision"] == "blocked; reason=no_analytics_consent"
    assert last(gate)["jurisdiction"]["how"] == "unknown"
    sent = gate.http.post(PROTOCOL, json=PURCHASE, headers={"Gatekeeper-Context": token})
    assert (sent.status_code, sent.headers["gatekeeper-decision"]) == (204, "sent; elements=1/1")
    (request,) = gate.sims.ga4.received
    assert request.json["events"] == [{"name": "purchase", "params": {"value": 12.5}}]
    assert "user_id" not in request.json and request.json["consent"]["ad_user_data"] == "DENIED"
    assert token not in request.raw.decode("latin-1")


def test_a_forged_context_denies(gate):
    """Whoever passes one on wanted to be believed."""
    headers = consent(gate, analytics=True) | {"Gatekeeper-Context": "e30.s1.AAAA"}
    answer = gate.http.post(PROTOCOL, json=PURCHASE, headers=headers)
    assert answer.headers["gatekeeper-decision"] == "blocked; reason=consent_unreadable"


def test_a_servers_address_is_not_the_visitors(tmp_path):
    """A call that no browser made is of an unknown visitor, even where the peer's own law would be milder."""
    with running("sidecar", tmp_path, jurisdiction={"default": "cpa"}) as gate:
        from_server = gate.http.post(PROTOCOL, json=PURCHASE)
        assert from_server.headers["gatekeeper-decision"] == "blocked; reason=no_analytics_consent"
        from_node = gate.http.post(PROTOCOL, json=PURCHASE, headers={"Sec-Fetch-Mode": "cors"})
        assert from_node.headers["gatekeeper-decision"] == "blocked; reason=no_analytics_consent"
        from_page = gate.http.get(HIT, headers={"Sec-Fetch-Site": "same-origin"})
        assert from_page.headers["gatekeeper-decision"] == "sent; elements=1/1"
        assert last(gate)["jurisdiction"]["how"] == "local"


def test_a_bearer_that_is_the_vendors_is_no_wrong_key(gate):
    """`Authorization` belongs to the vendor's protocol here; our own key in it is kept from the vendor."""
    for key in ("ya29.vendors-own", API_KEY):
        headers = consent(gate, analytics=True) | {"Authorization": f"Bearer {key}"}
        assert gate.http.post(PROTOCOL, json=PURCHASE, headers=headers).status_code == 204
    assert len(gate.sims.ga4.received) == 2
    assert all(API_KEY.encode() not in request.raw for request in gate.sims.ga4.received)


def test_the_clients_own_coding_is_kept(gate):
    """gzip in, gzip out, with a length of its own."""
    body = gzip.compress(orjson.dumps(PURCHASE))
    headers = consent(gate, analytics=True) | {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    assert gate.http.post(PROTOCOL, content=body, headers=headers).status_code == 204
    (request,) = gate.sims.ga4.received
    assert request.header("content-encoding") == "gzip" and request.json["client_id"] == "1.2"


def test_an_unknown_destination_is_a_404(gate):
    """A problem, and nothing else."""
    for path in ("/gk/to/nobody/g/collect", "/gk/to/", "/gk/to/GA4/g/collect", "/gk/to/g%61%34/g/collect"):
        answer = gate.http.get(path)
        assert answer.status_code == 404 and answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["", "/", "/g/collect2", "/other", "/g/collect/", "/G/collect"])
def test_a_path_that_the_vendor_does_not_have_is_blocked(gate, path):
    """Never forwarded, and on record."""
    answer = gate.http.post(f"/gk/to/ga4{path}", content=b"x", headers=consent(gate, analytics=True))
    assert answer.headers["gatekeeper-decision"] == "blocked; reason=call_unreadable"
    assert gate.sims.ga4.received == ()
    assert gate.statuses(last(gate)) == {"ga4": "call_unreadable"}


FAULTY = {
    "/activity;src=1;type=grp;~oref=https%3A%2F%2Fshop.example%2F": "the path holds an encoding that is not allowed",
    "/g//collect": "the path has an empty segment",
    "/g/%2e%2e/collect": "the path has a dot segment",
}


@pytest.mark.parametrize("path", FAULTY)
def test_a_faulty_path_is_refused_recorded_and_counted(gate, path):
    """Whoever sends it learns what is wrong; the log and the metrics have it like any other call."""
    answer = gate.http.get(f"/gk/to/ga4{path}")
    assert (answer.status_code, answer.json()["title"]) == (400, FAULTY[path])
    assert answer.headers["gatekeeper-decision"] == "blocked; reason=call_unreadable"
    record = last(gate)
    assert gate.statuses(record) == {"ga4": "call_unreadable"}
    assert "shop.example" not in json.dumps(record)


@pytest.mark.parametrize("path", ["/gk/to/nobody/a%2Fb", "/gk/to//a", "/gk/a%2Fb"])
def test_a_faulty_path_of_no_destination_is_only_refused(gate, path):
    """There is nothing that it could be a decision about."""
    before = decided(gate)
    answer = gate.http.get(path)
    assert answer.status_code in (400, 404) and "gatekeeper-decision" not in answer.headers
    assert decided(gate) == before


def decided(gate):
    """How many decisions the log holds; outcomes of earlier calls may still come."""
    return sum(line["kind"] == "decision" for line in gate.lines())


def test_another_account_is_blocked(gate):
    """The policy names one measurement id."""
    answer = gate.http.get(HIT.replace("G-TEST", "G-OTHER"), headers=consent(gate, analytics=True))
    assert answer.headers["gatekeeper-decision"] == "blocked; reason=other_account"


def test_a_preflight_is_answered_for_listed_origins_alone(gate):
    """With whatever headers that vendor's SDK wants to send."""
    ask = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type, x-sdk"}
    answer = gate.http.options("/gk/to/ga4/g/collect", headers=SHOP | ask)
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert answer.headers["access-control-allow-headers"] == "content-type, x-sdk"
    assert (
        gate.http.options("/gk/to/ga4/g/collect", headers={"Origin": "https://evil.example"} | ask).status_code == 403
    )
    stranger = gate.http.get(HIT, headers={"Origin": "https://evil.example"} | consent(gate, analytics=True))
    assert stranger.headers["gatekeeper-decision"] == "blocked; reason=no_analytics_consent"
    assert "access-control-allow-origin" not in stranger.headers and gate.sims.ga4.received == ()


def test_the_vendors_refusal_is_passed_on_cleaned(gate):
    """The status counts; cookies, servers and redirects of the vendor do not come through."""
    headers = {"Set-Cookie": "a=b", "Location": "http://127.0.0.1:9/", "X-Secret": "1"}
    gate.sims.ga4.answer(302, b"moved", headers)
    moved = gate.http.post(PROTOCOL, json=PURCHASE, headers=consent(gate, analytics=True))
    assert moved.status_code == 302
    assert not {"set-cookie", "location", "x-secret"} & {name.lower() for name in moved.headers}
    assert moved.headers["gatekeeper-decision"] == "sent; elements=1/1"
    assert len(gate.sims.ga4.received) == 1
    delivery = last(gate)["deliveries"][0]
    assert (delivery["status"], delivery["reason"]) == ("failed", "http_302")


def test_a_vendor_that_hangs_up_is_a_502(gate):
    """With the outcome on record."""
    gate.sims.ga4.reset()
    answer = gate.http.post(PROTOCOL, json=PURCHASE, headers=consent(gate, analytics=True))
    assert answer.status_code == 502 and answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["gatekeeper-decision"] == "sent; elements=1/1"
    assert last(gate)["deliveries"][0]["status"] == "failed"


def test_a_vendor_that_hangs_is_a_504(tmp_path):
    """Within the policy's own timeout."""
    with running("sidecar", tmp_path, delivery={"timeout": "200ms"}) as gate:
        gate.sims.ga4.hang()
        answer = gate.http.post(PROTOCOL, json=PURCHASE, headers=consent(gate, analytics=True))
        assert answer.status_code == 504
        assert last(gate)["deliveries"][0]["reason"] == "unknown"


def test_calls_above_the_bound_wait_their_turn_and_then_are_busy(tmp_path):
    """One slow vendor does not take every connection; the caller is told to come again."""
    with running("sidecar", tmp_path, delivery={"timeout": "400ms", "max_concurrent": 1}) as gate:
        gate.sims.ga4.hang()
        headers = consent(gate, analytics=True)
        answers = []
        first = threading.Thread(
            target=lambda: answers.append(gate.http.post(PROTOCOL, json=PURCHASE, headers=headers))
        )
        first.start()
        wait(lambda: gate.sims.ga4.received or answers)
        assert not answers, (answers[0].status_code, answers[0].headers, answers[0].text)
        with httpx.Client(base_url=gate.url, trust_env=False) as other:
            second = other.post(PROTOCOL, json=PURCHASE, headers=headers)
        first.join()
        # The first one's turn ends with its timeout: the second is sent then, or has waited too long itself: for its
        # turn, for a connection in the time that was left, or for the answer.
        assert answers[0].status_code == 504 and second.status_code in (204, 502, 503, 504), second.text
        assert len(gate.sims.ga4.received) <= 2


def test_an_answer_without_end_is_cut_off(gate):
    """4 MiB at most are read; more than that is no answer."""
    gate.sims.ga4.answer(200, b"x" * (5 * 2**20))
    answer = gate.http.post(PROTOCOL, json=PURCHASE, headers=consent(gate, analytics=True))
    assert answer.status_code == 502 and len(answer.content) < 1000
    assert last(gate)["deliveries"][0]["reason"] == "answer_too_large"


def test_a_body_that_is_too_large_is_a_413(gate):
    """As received and as decompressed."""
    assert gate.http.post(PROTOCOL, content=b"x" * (2**20 + 1)).status_code == 413
    bomb = gzip.compress(b"[" * (2**21))
    answer = gate.http.post(
        PROTOCOL, content=bomb, headers={"Content-Encoding": "gzip"} | consent(gate, analytics=True)
    )
    assert answer.headers["gatekeeper-decision"] == "blocked; reason=call_unreadable"
    assert gate.sims.ga4.received == ()


def test_without_a_log_nothing_is_sent_and_the_sdk_is_content(tmp_path, monkeypatch):
    """No record, no send."""
    with running("sidecar", tmp_path) as gate:
        headers = consent(gate, analytics=True)
        monkeypatch.setattr("gatekeeper.audit.files.os.write", _full)
        answer = gate.http.post(PROTOCOL, json=PURCHASE, headers=headers)
        monkeypatch.undo()
        assert answer.status_code == 204
        assert answer.headers["gatekeeper-decision"] == "blocked; reason=audit_unavailable"
        assert gate.sims.ga4.received == ()


def _full(*args):
    raise OSError(28, "No space left on device")


def test_a_caller_who_leaves_still_has_an_outcome(gate):
    """The vendor has the call; the log says what became of it."""
    gate.sims.ga4.delay(0.2)
    cookie = consent(gate, analytics=True)["Cookie"]
    body = orjson.dumps(PURCHASE)
    raw = exchange(
        gate,
        f"POST {PROTOCOL} HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        + body,
        leave=lambda: gate.sims.ga4.wait(1),
    )
    assert raw == b""
    assert gate.statuses(last(gate)) == {"ga4": "delivered"}


def exchange(gate, request, leave=None):
    """What comes back for raw bytes, up to the end of the connection; with `leave`, hang up after it returned."""
    where = urlsplit(gate.url)
    with socket.create_connection((where.hostname, where.port), timeout=60) as connection:
        connection.sendall(request)
        if leave is not None:
            leave()
            return b""
        got = b""
        while part := connection.recv(65536):
            got += part
        return got


TRAVERSALS = [
    "/gk/to/ga4/../own/events", "/gk/to/ga4/./g/collect", "/gk/to/ga4//g/collect", "/gk/to/ga4/g%2fcollect",
    "/gk/to/ga4/%2e%2e/own", "/gk/to/ga4/g/%2E%2e/collect", "/gk/to/ga4/g%5ccollect", "/gk/to/ga4/g/collect%00",
    "/gk/to/ga4/g/collect%0d%0aX:y", "/gk/to/ga4/%zz", "/gk/to/ga4/@127.0.0.1:{canary}/", "/gk/to/ga4/g\\collect",
    "/gk/to/@127.0.0.1:{canary}/g/collect", "/gk/to/127.0.0.1:{canary}/g/collect",
    "/gk/to/http://127.0.0.1:{canary}/g/collect", "/gk/to/ga4/http://127.0.0.1:{canary}/g/collect",
    "http://127.0.0.1:{canary}/gk/to/ga4/g/collect", "http://127.0.0.1:{canary}/g/collect",
    "/gk/to/ga4@127.0.0.1:{canary}/g/collect", "/gk/to/ga4/g/collect@127.0.0.1:{canary}",
    "/gk/to/::ffff:127.0.0.1/g/collect", "/gk/to/2130706433/g/collect", "127.0.0.1:{canary}",
    "//127.0.0.1:{canary}/gk/to/ga4/g/collect", "/gk/to/ga4/g/collect/../../../own/events",
]  # fmt: skip


@pytest.mark.parametrize("target", TRAVERSALS)
def test_no_target_reaches_anything_but_the_configured_origin(gate, target):
    """Open relay: a canary listens where the attacker wants the request to go."""
    with socket.create_server(("127.0.0.1", 0)) as canary:
        canary.setblocking(False)
        target = target.format(canary=canary.getsockname()[1])
        cookie = consent(gate, analytics=True, marketing=True)["Cookie"]
        for method in ("GET", "POST", "CONNECT" if ":" in target else "GET"):
            raw = exchange(
                gate,
                f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Forwarded-Host: evil.example\r\n"
                f"Cookie: {cookie}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode(),
            )
            status = int(raw.split(b" ", 2)[1]) if raw else 0
            assert status in (400, 404, 204) and status != 200, raw[:200]
        with pytest.raises(BlockingIOError):
            canary.accept()
    assert all(sim.received == () for sim in (gate.sims.ga4, gate.sims.first_party, gate.sims.meta_capi))


def test_no_access_log_even_where_somebody_listens_to_it(gate):
    """Queries hold the vendors' secrets, and what visitors did: a handler on uvicorn's logger gets nothing."""
    said = []
    listener = logging.Handler()
    listener.emit = lambda record: said.append(record.getMessage())
    logger = logging.getLogger("uvicorn.access")
    before = logger.level
    logger.addHandler(listener)
    logger.setLevel(logging.INFO)
    try:
        with httpx.Client(base_url=gate.url, trust_env=False) as new:  # a connection of its own
            assert new.post(PROTOCOL, json=PURCHASE, headers=consent(gate, analytics=True)).status_code == 204
    finally:
        logger.removeHandler(listener)
        logger.setLevel(before)
    assert said == []


def test_every_call_is_on_record_before_it_is_sent(gate):
    """Decision, then outcome, for each of this test's own."""
    before = decided(gate)
    for _ in range(3):
        gate.http.post(PROTOCOL, json=PURCHASE, headers=consent(gate, analytics=True))
    last(gate)
    lines = gate.lines()
    sent = [line["request_id"] for line in lines if line["kind"] == "decision"][before:]
    assert len(sent) == 3
    for name in sent:
        about = [
            line["kind"] for line in lines if name == line.get("request_id") or name in line.get("request_ids", ())
        ]
        assert about == ["decision", "outcome"]
    assert json.dumps(lines).count("s3cret") == 0
