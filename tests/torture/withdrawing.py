"""A worker of the withdrawal check: a sidecar with events and calls of visitors who consented, withdrawn one by one.

Each answer is printed, and what the worker does to itself.

python -m tests.torture.withdrawing POLICY FIRST STEP COUNT SEED HURTS BUG
"""

import contextlib
import http.client
import os
import random
import sys
import threading
import time
import traceback

import orjson

import gatekeeper
from gatekeeper.errors import StorageError
from gatekeeper.gate import incoming
from gatekeeper.gate.choosing import planned
from gatekeeper.installation.ids import receipt_id
from gatekeeper.model import OPTIONAL, Caller, Heard
from gatekeeper.model.choice import Method, Surface
from gatekeeper.shells.server import sidecar
from tests.torture.steps import BUGS, CERTAIN, Hurting, plant, say

_GA4 = "/gk/to/ga4/mp/collect?measurement_id=G-TORTURE&api_secret=s"


def caller(policy, n):
    """A visitor who has granted everything, as a page that was loaded before the withdrawal still says."""
    at = time.time() - 3_600
    cookie = gatekeeper.issue_consent(analytics=True, marketing=True, subject=f"v_{n}", config=policy, at=at)
    return Caller(headers=((b"cookie", cookie.partition(";")[0].encode()),))


def track(gate, who, n, k):
    """One event of visitor `n`."""
    event = {"event": "purchase", "event_id": f"visitor-{n}-{k}", "data": {"order_value": 1.0, "currency": "EUR"}}
    return gate.take(incoming.parse(orjson.dumps(event)), who)[1]


def call(link, who, n, k):
    """One call of visitor `n`'s page in a vendor's own protocol, through the sidecar."""
    params = {"transaction_id": f"visitor-{n}-{k}", "value": 1.0, "currency": "EUR"}
    body = orjson.dumps({"client_id": "1.2", "events": [{"name": "purchase", "params": params}]})
    headers = {"Cookie": who.headers[0][1].decode(), "Content-Type": "application/json"}
    link.request("POST", _GA4, body, headers)
    link.getresponse().read()


def withdraw(gate, who, n):
    """Take back all consent of visitor `n`: whether all have heard, and when that was answered."""
    now = time.time()
    choice = planned(
        dict.fromkeys(OPTIONAL, False), gate.choosing.subjects(device=f"v_{n}"), gate.place_of(who),
        receipt=receipt_id(now), at=now, now=now, method=Method.WITHDRAW, surface=Surface.PAGE, policy="",
    )  # fmt: skip
    try:
        heard = gate.choosing.record(choice).result(30).heard
    except StorageError:  # answered 503: nothing is promised, and the visitor tries again
        heard = Heard.NOT_YET
    return heard is Heard.HEARD, time.time_ns()


def main(config, first, step, count, seed, hurts, bug):
    """Withdraw for every `step`-th visitor, while threads go on tracking those of all workers with old cookies."""
    BUGS[bug]()
    app = sidecar.Sidecar(config)
    gate, chance, over = app.runtime.gate, random.Random(f"{seed} {first}"), threading.Event()
    hurting = Hurting(hurts, random.Random(f"{seed} {first} {len(hurts)}"))
    listener = sidecar.listen("127.0.0.1", 0)
    server = sidecar.server(app)
    serving = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    serving.start()
    while not server.started:
        time.sleep(0.005)
    known = {}
    here = [first]

    def linger():
        if chance.random() < 0.3:
            time.sleep(chance.random() * 0.01)

    def near():
        n = max(0, here[0] + chance.randrange(-8, 9))
        return n, known.setdefault(n, caller(gate.policy, n))

    def others():
        k = 1_000_000 * (first + 1)
        while not over.is_set():
            k += 1
            n, who = near()
            track(gate, who, n, k)
            time.sleep(0.002)

    def calls(k):
        link = http.client.HTTPConnection("127.0.0.1", listener.getsockname()[1], timeout=30)
        while not over.is_set():
            k += 1
            n, who = near()
            with contextlib.suppress(OSError, http.client.HTTPException):
                call(link, who, n, k)
                time.sleep(0.003)
                continue
            link.close()

    threads = [threading.Thread(target=others, daemon=True)]
    threads += [threading.Thread(target=calls, args=(10**9 * (9 * first + n + 1),), daemon=True) for n in range(2)]
    plant(hurting, linger)
    for thread in threads:
        thread.start()
    for n in range(first, 2 * count + 1_000, step):
        if n >= count and not hurting.left(CERTAIN):  # else what is left to be hurt is hurt first
            break
        here[0] = n
        who = known.setdefault(n, caller(gate.policy, n))
        for k in range(chance.randrange(1, 4)):
            track(gate, who, n, k)
        if chance.random() < 0.5:
            time.sleep(chance.random() * 0.02)
        began = time.perf_counter()
        heard, at = withdraw(gate, who, n)
        took = (time.perf_counter() - began) * 1000
        hurting("answered")
        say(n=n, at=at, ms=took, heard=heard)
    over.set()
    for thread in threads:
        thread.join()
    server.should_exit = True
    serving.join()


if __name__ == "__main__":
    config, *numbers, hurts, bug = sys.argv[1:]
    try:
        main(config, *map(int, numbers), orjson.loads(hurts), bug)
    except BaseException:
        traceback.print_exc()
        os._exit(1)  # its server would go on without it
