"""A worker of the withdrawal check: events of visitors who consented, withdrawn one by one; each answer is printed.

python -m tests.torture.withdrawing POLICY FIRST STEP COUNT SEED
"""

import json
import random
import sys
import threading
import time

import orjson

import gatekeeper
from gatekeeper.gate import incoming
from gatekeeper.gate.choosing import planned
from gatekeeper.installation.ids import receipt_id
from gatekeeper.model import OPTIONAL, Caller, Heard
from gatekeeper.model.choice import Method, Surface


def caller(policy, n):
    """A visitor who has granted everything, as a page that was loaded before the withdrawal still says."""
    at = time.time() - 3_600
    cookie = gatekeeper.issue_consent(analytics=True, marketing=True, subject=f"v_{n}", config=policy, at=at)
    return Caller(headers=((b"cookie", cookie.partition(";")[0].encode()),))


def track(gate, who, n, k):
    """One event of visitor `n`."""
    event = {"event": "purchase", "event_id": f"visitor-{n}-{k}", "data": {"order_value": 1.0, "currency": "EUR"}}
    return gate.take(incoming.parse(orjson.dumps(event)), who)[1]


def main(config, first, step, count, seed):
    """Withdraw for every `step`-th visitor, while a thread goes on tracking those of all workers with old cookies."""
    runtime = gatekeeper.start(config)
    gate, chance, over = runtime.gate, random.Random(f"{seed} {first}"), threading.Event()
    known = {}
    here = [first]

    def others():
        k = 1_000_000 * (first + 1)
        while not over.is_set():
            k += 1
            n = max(0, here[0] + chance.randrange(-8, 9))
            track(gate, known.setdefault(n, caller(gate.policy, n)), n, k)
            time.sleep(0.002)

    thread = threading.Thread(target=others, daemon=True)
    thread.start()
    for n in range(first, count, step):
        here[0] = n
        who = known.setdefault(n, caller(gate.policy, n))
        for k in range(chance.randrange(1, 4)):
            track(gate, who, n, k)
        if chance.random() < 0.5:
            time.sleep(chance.random() * 0.02)
        now = time.time()
        choice = planned(
            dict.fromkeys(OPTIONAL, False), gate.choosing.subjects(device=f"v_{n}"), gate.place_of(who),
            receipt=receipt_id(now), at=now, now=now, method=Method.WITHDRAW, surface=Surface.PAGE, policy="",
        )  # fmt: skip
        began = time.perf_counter()
        heard = gate.choosing.record(choice).result(30).heard
        told = {"n": n, "at": time.time_ns(), "ms": (time.perf_counter() - began) * 1000, "heard": heard is Heard.HEARD}
        print(json.dumps(told), flush=True)
    over.set()
    thread.join()
    runtime.close()


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
