"""A refusal in any signal, at any door, reaches what is queued before its answer; and nothing revives it."""

from __future__ import annotations

import threading
import time

import httpx
import pytest

from gatekeeper.testing import Simulators
from tests.running import API_KEY, running
from tests.shells.serving import records_of, serving
from tests.shells.test_relay import consent
from tests.storage.builders import wait

BROWSER = {"Sec-Fetch-Site": "same-origin"}
WHO = {"client_id": "111.222"}
EVENT = {"event": "purchase", "data": WHO | {"session_id": "s", "order_value": 5, "currency": "EUR", "fbclid": "x"}}
HIT = "/gk/to/ga4/g/collect?v=2&tid=G-TEST&cid=111.222&en=page_view"
YES = "cookieyes-consent=consentid:a1b2,consent:yes,action:yes,analytics:yes,advertisement:yes"
NO = "cookieyes-consent=consentid:a1b2,consent:no,action:yes,analytics:no,advertisement:no"


@pytest.fixture(params=["sidecar", "middleware"])
def up(request, tmp_path):
    """A gate whose vendors are down."""
    with running(request.param, tmp_path) as gate:
        for sim in (gate.sims.first_party, gate.sims.meta_capi, gate.sims.ga4):
            sim.answer(503, times=1000)
        yield gate


def counts(gate):
    """Destination → what is queued, and what was cancelled."""
    return {name: (count.queued, count.cancelled) for name, count in gate.runtime.store.books.count().items()}


def queue(gate):
    """One purchase of the visitor, permitted and waiting at three destinations."""
    answer = gate.post(EVENT, headers=BROWSER | {"Cookie": YES})
    assert answer.status_code == 202
    wait(lambda: all(counts(gate)[name] == (1, 0) for name in ("own", "meta_capi", "ga4")))
    return answer.json()["request_ids"][0]


ALL = {"own", "meta_capi", "ga4"}
SIGNALS = [
    pytest.param({"Cookie": NO}, {}, ALL, id="another-platforms-cookie"),
    pytest.param({"Cookie": YES, "Sec-GPC": "1"}, {}, {"meta_capi"}, id="gpc"),
    pytest.param({"Cookie": f"{YES}; usprivacy=1YYN"}, {}, {"meta_capi"}, id="sale"),
    pytest.param({"Cookie": f"{YES}; gatekeeper_consent=tampered"}, {}, ALL, id="unreadable"),
    pytest.param({}, {"consent": {"analytics": False, "marketing": True}}, {"own", "ga4"}, id="claim-alone"),
    pytest.param({"Cookie": YES}, {"consent": {"analytics": False}}, set(), id="claim-against-a-grant"),
    pytest.param({}, {}, set(), id="silence"),
]


@pytest.mark.parametrize(("headers", "more", "ended"), SIGNALS)
def test_what_is_refused_ends_before_the_answer(up, headers, more, ended):
    """By purpose; rows that wait for another attempt or were under way; the line says why."""
    request_id = queue(up)
    answer = up.post({"event": "zz_seen", "data": WHO} | more, headers=BROWSER | headers)
    assert answer.status_code == 202
    wait(lambda: {name for name in ALL if counts(up)[name][1]} == ended, instead=up.runtime.store.books.count)
    record = up.runtime.store.books.count()
    assert {name for name in ALL if record[name].cancelled} == ended

    def cancelled():
        """The outcomes in the log: each is owed to it from the commit on, and may follow a moment later."""
        lines = [line for line in up.lines() if line["kind"] == "outcome" and request_id in line["request_ids"]]
        return [line for line in lines if line["status"] == "cancelled"]

    wait(lambda: {line["destination"] for line in cancelled()} == ended)
    assert all(line["reason"] for line in cancelled())


DOORS = {
    "collect": lambda gate, headers: gate.post({"event": "zz_seen", "data": WHO}, headers=headers),
    "call": lambda gate, headers: gate.http.get(HIT, headers=headers),
    "server": lambda gate, headers: gate.post(
        {"event": "zz_seen", "data": WHO, "consent": {"analytics": False, "marketing": False}},
        headers={"Authorization": f"Bearer {API_KEY}"},
    ),
}


@pytest.mark.parametrize("door", DOORS)
def test_every_door_of_the_gate_takes_a_refusal(up, door):
    """An event that goes nowhere, a vendor's call that is blocked, a server's own word."""
    queue(up)
    assert DOORS[door](up, BROWSER | {"Cookie": NO}).status_code in (202, 204)
    wait(lambda: all(counts(up)[name] == (0, 1) for name in ALL))


def test_an_event_that_the_apps_own_code_tracks_refuses_too(tmp_path):
    """In the background: the app's answer does not wait for it."""
    with running("middleware", tmp_path) as gate:
        gate.sims.first_party.answer(503, times=1000)
        cookie = consent(gate, analytics=True)
        for headers in (cookie, cookie | {"Cookie": cookie["Cookie"] + "; " + NO}):
            httpx.get(gate.url + "/buy", headers=headers, trust_env=False)
        wait(lambda: counts(gate).get("own") == (0, 1))


def test_a_later_grant_revives_nothing_and_another_visitors_goes_on(up):
    """Dead letters included: what was refused is gone."""
    refused = queue(up)
    another = EVENT | {"data": EVENT["data"] | {"client_id": "999.9", "session_id": "s2"}}
    other = up.post(another, headers={"Cookie": YES.replace("a1", "c3")})
    assert up.post({"event": "zz_seen", "data": WHO}, headers=BROWSER | {"Cookie": NO}).status_code == 202
    up.sims.clear()
    assert up.post({"event": "zz_seen", "data": WHO}, headers=BROWSER | {"Cookie": YES}).status_code == 202
    assert up.statuses(up.finished(other.json()["request_ids"][0]))["own"] == "delivered"
    ended = {one["destination"]: one["status"] for one in up.finished(refused)["deliveries"]}
    assert {ended[name] for name in ALL} == {"cancelled"}
    sent = b"".join(one.body for sim in (up.sims.first_party, up.sims.meta_capi) for one in sim.received)
    assert refused.encode() not in sent
    assert refused not in {letter.request_id for letter in up.runtime.store.dead_letters.page()}


def test_after_the_answer_to_a_refusal_no_delivery_starts_in_any_worker(tmp_path):
    """The law, with several processes on one store: visitors grant, refuse, and look at the vendor's clock.

    Every event was answered with 202 before its visitor refuses; the vendor fails every other request, so that what is
    refused is waiting, under way and between two attempts.
    """
    begun: dict[str, float] = {}
    refused: dict[str, float] = {}
    with Simulators(only=("first_party",)) as sims:
        for _ in range(400):
            sims.first_party.answer(503)
            sims.first_party.delay(0.05)
        with serving(tmp_path, sims, workers=3) as gate:

            def one(thread):
                for n in range(12):
                    who = f"{thread}.{n}"
                    granted = {"event": "page_view", "consent": {"analytics": True}, "data": {"client_id": who}}
                    answers = [gate.post(granted | {"event_id": f"{who}-{m}"}) for m in range(3)]
                    if any(answer is None or answer.status_code != 202 for answer in answers):
                        continue
                    if n % 2:
                        time.sleep(0.03)
                    answer = gate.post(granted | {"event": "zz_seen", "consent": {"analytics": False}})
                    if answer is not None and answer.status_code == 202:
                        refused[who] = time.time()

            threads = [threading.Thread(target=one, args=(n,)) for n in range(6)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            gate.wait(lambda: gate.metrics()["queued", "own"] == 0, 60)
            lines = [line for line in records_of(gate) if line["kind"] == "outcome" and line["status"] == "cancelled"]
        for received in sims.first_party.received:
            for who in refused:
                if f'"{who}"'.encode() in received.body:
                    begun[who] = max(begun.get(who, 0.0), received.at)
    assert len(refused) > 50 and lines and {line["reason"] for line in lines} == {"no_analytics_consent"}
    assert {who: at - refused[who] for who, at in begun.items() if at > refused[who] + 0.1} == {}
