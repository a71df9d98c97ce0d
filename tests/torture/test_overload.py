"""More than a vendor takes, and a vendor that hangs: what is refused is refused with Retry-After, the rest arrives.

`make torture` overloads for a minute and lets the vendor hang for 20 s; without it both last seconds.
"""

import threading
import time

import httpx

from gatekeeper.testing import Simulators
from tests.running import API_KEY, running
from tests.shells.serving import SERVER, serving
from tests.torture.scale import FULL, figure
from tests.torture.test_floods import Probe

SECONDS = 60.0 if FULL else 3.0
HANGS = 20.0 if FULL else 2.5
QUEUE = 200
TAKES = 0.5  # seconds for each of the vendor's answers: 16 requests at once carry 32 a second
CONSENT = {"analytics": True}


def event(n, prefix):
    return {
        "event": "purchase",
        "event_id": f"{prefix}-{n}",
        "consent": CONSENT,
        "data": {"session_id": f"{prefix}-{n}"},
    }


class Sender(threading.Thread):
    """Posts batches for a while and keeps what it was answered."""

    def __init__(self, up, name, until, headers):
        super().__init__(name=name)
        self.up, self.until, self.headers = up, until, headers
        self.accepted, self.refused, self.wrong = 0, 0, []

    def run(self):
        n = 0
        with httpx.Client(base_url=self.up.url, trust_env=False, timeout=30, headers=self.headers) as http:
            while time.monotonic() < self.until:
                answer = http.post("/gk/collect", json=[event(n + k, self.name) for k in range(10)])
                n += 10
                full = answer.status_code in (429, 503) or "own" in answer.json().get("not_queued", [])
                if full and "retry-after" not in answer.headers:
                    self.wrong.append(answer.status_code)
                if full:
                    self.refused += 10
                elif answer.status_code == 202:
                    self.accepted += 10
                else:
                    self.wrong.append(answer.status_code)


def test_what_is_accepted_in_an_overload_is_delivered(tmp_path):
    """Several times what the vendor takes; healthz answers meanwhile, and the operator's server still gets through.

    The gate is a process of its own: senders and vendor take the machine's time from it, not its interpreter's lock.
    """
    began = time.monotonic()
    own = f'{SERVER}\napi_keys = ["{API_KEY}"]'
    with Simulators() as sims, serving(tmp_path, sims, server=own, more=f"[delivery]\nmax_queued = {QUEUE}") as up:
        with Probe(up.url, posts=False) as idle:
            time.sleep(1.0)
        sims.first_party.delay(TAKES, times=100_000)
        until = time.monotonic() + SECONDS
        senders = [Sender(up, f"page{n}", until, {}) for n in range(3)]
        server = Sender(up, "server", until, {"Authorization": f"Bearer {API_KEY}"})
        senders.append(server)
        with Probe(up.url, posts=False) as probe:
            for one in senders:
                one.start()
            for one in senders:
                one.join()
        sims.first_party.delay(0.0, times=1)
        up.wait(lambda: up.metrics()["queued", "own"] == 0, 60)
        books = up.metrics()
    accepted, refused = (sum(getattr(one, count) for one in senders) for count in ("accepted", "refused"))
    assert [one.wrong for one in senders] == [[]] * 4 and probe.failed == []
    assert books["delivered_total", "own"] == books["accepted_total", "own"] == accepted > 0
    assert server.accepted > 0 and refused > 2 * accepted  # several times what it takes
    figure(
        f"overload for {SECONDS:.0f} s", cases=accepted + refused, broken=0, seconds=time.monotonic() - began,
        accepted=accepted, refused=refused, control=round(max(idle.health), 3), healthz=round(max(probe.health), 3),
    )  # fmt: skip
    assert not FULL or max(probe.health) <= max(0.25, max(idle.health))


def test_after_a_vendor_has_hung_everything_flows_within_ten_seconds(tmp_path):
    """In real time, with requests of before that hang on."""
    with running("sidecar", tmp_path, delivery={"timeout": "10s" if FULL else "3s"}) as up:
        up.sims.first_party.hang(times=100_000)
        began = time.monotonic()
        n = 0
        while time.monotonic() - began < HANGS:
            assert up.post([event(n + k, "hang") for k in range(20)]).status_code == 202
            n += 20
            time.sleep(HANGS / 25)
        before = up.runtime.store.books.count()["own"].delivered
        up.sims.first_party.clear()  # it answers again; what hangs, hangs
        back = time.monotonic()
        first = None
        while (books := up.runtime.store.books.count()["own"]).queued:
            if first is None and books.delivered > before:
                first = time.monotonic() - back
            assert time.monotonic() - back < 40, books
            time.sleep(0.01)
        last = time.monotonic() - back
        first = last if first is None else first
    assert before == 0 and books.delivered == n and first <= 10.0 and last <= 20.0
    figure(
        f"recovery of a vendor that hung for {HANGS:.0f} s", cases=n, broken=0, seconds=last,
        first=round(first, 2), last=round(last, 2),
    )  # fmt: skip
