"""I3: when a withdrawal was answered, no request that needs the consent begins; by the kernel's clock at the vendor.

Four workers under load: events, queue, retries, and vendors' own calls through the sidecar, many of which are under way
to start. The workers are stopped (SIGSTOP) and killed (SIGKILL) in each step of a withdrawal (`steps`) and at random
instants, and begun again.
WITHDRAWALS=n sets how many; 10,000 in `make torture`.
"""

import contextlib
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections import Counter

import pytest

from tests.torture.scale import FULL, SEED, chance, figure
from tests.torture.steps import BUGS, CERTAIN, HOW, STEPS

COUNT = int(os.environ.get("WITHDRAWALS") or (10_000 if FULL else 120))
WORKERS = 4
_TIMESTAMP = 35  # SO_TIMESTAMPNS: when the kernel got the bytes, which on loopback is when they were sent
_VISITOR = re.compile(rb"visitor-(\d+)-")
POLICY = """
[policy]
version = "1"
controller = "x"
[destinations.own]
kind = "first_party"
endpoint = "http://127.0.0.1:{port}/events"
purpose = "marketing"
[destinations.ga4]
kind = "ga4"
measurement_id = "G-TORTURE"
api_secret = "s"
endpoint = "http://127.0.0.1:{port}"
"""


class Vendor:
    """Takes requests on loopback; every fifth is answered 503. Visitor → when a request with them arrived last."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.listener.setsockopt(socket.SOL_SOCKET, _TIMESTAMP, 1)
        self.port = self.listener.getsockname()[1]
        self.last, self.requests, self.calls = {}, 0, 0  # `calls`: of those, in GA4's own protocol
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                link, _ = self.listener.accept()
                threading.Thread(target=self._serve, args=(link,), daemon=True).start()

    def _serve(self, link):
        link.setsockopt(socket.SOL_SOCKET, _TIMESTAMP, 1)
        data, first = b"", 0
        with contextlib.suppress(OSError), link:
            while True:
                part, more, _, _ = link.recvmsg(1 << 20, 64)
                if not part:
                    return
                stamps = [raw for level, kind, raw in more if (level, kind) == (socket.SOL_SOCKET, _TIMESTAMP)]
                seconds, nano = struct.unpack("qq", stamps[0])
                first = first or seconds * 10**9 + nano
                data += part
                head, found, body = data.partition(b"\r\n\r\n")
                length = re.search(rb"content-length: (\d+)", head.lower())
                if not found or len(body) < int(length[1] if length else 0):
                    continue
                for visitor in set(map(int, _VISITOR.findall(body))):
                    self.last[visitor] = max(first, self.last.get(visitor, 0))
                self.requests += 1
                self.calls += b"/mp/collect" in head
                status = b"503 Busy" if self.requests % 5 == 0 else b"204 OK"
                link.sendall(b"HTTP/1.1 " + status + b"\r\ncontent-length: 0\r\n\r\n")
                data, first = b"", 0


def hurts(first, times):
    """What a worker is to do to itself: be stopped in every step, and killed in some, each `times`."""
    stops = [[step, "stopped"] for step in STEPS]
    kills = [[step, "killed"] for place, step in enumerate(STEPS) if place % WORKERS == first]
    return [*stops, *kills] * times


class Worker:
    """One worker, begun again where it was killed; what it says."""

    def __init__(self, policy, first, count, bug):
        self.command = [str(policy), str(first)], [str(WORKERS), str(count), str(SEED)]
        self.first, self.bug = first, bug
        self.answers, self.hurt, self.withheld = [], [], Counter()
        self.left = hurts(first, max(1, count // 1_000))
        self.begin()

    def begin(self):
        (policy, first), rest = self.command
        self.begun = len(self.answers)
        words = [policy, str(int(first) + WORKERS * len(self.answers)), *rest, json.dumps(self.left), self.bug]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.torture.withdrawing", *words], stdout=subprocess.PIPE, text=True
        )
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        with self.process.stdout as lines:
            for line in lines:
                with contextlib.suppress(ValueError):  # the last line of one that was killed
                    told = json.loads(line)
                    if "hurt" in told:
                        self.left.remove(told["hurt"])
                        self.hurt.append(tuple(told["hurt"]))
                    elif "withheld" in told:
                        self.withheld[told["withheld"]] += 1
                    else:
                        self.answers.append(told)

    def ended(self):
        """Whether it is through; one that was killed is begun again."""
        if self.process.poll() == -signal.SIGKILL:
            self.reader.join()
            self.begin()
        return self.process.poll() is not None


def tortured(policy, count, numbers, bug=""):
    """All workers, when they are through; how often they were stopped and killed at random instants."""
    hurt = {"stopped": 0, "killed": 0}
    workers = [Worker(policy, first, count, bug) for first in range(WORKERS)]
    while [worker for worker in workers if not worker.ended()]:
        time.sleep(numbers.random() * 0.3)
        for worker in workers:
            worker.process.send_signal(signal.SIGCONT)  # it may have stopped in a step
        worker = numbers.choice(workers)
        if worker.process.poll() is not None or len(worker.answers) == worker.begun:  # it is still beginning
            continue
        if numbers.random() < 0.15:
            worker.process.kill()
            worker.process.wait()
            hurt["killed"] += 1
        else:
            worker.process.send_signal(signal.SIGSTOP)
            time.sleep(numbers.random() * 0.1)
            worker.process.send_signal(signal.SIGCONT)
            hurt["stopped"] += 1
    for worker in workers:
        worker.reader.join()
    return workers, hurt


def late(workers, vendor):
    """Answers after which a request with the visitor began."""
    told = [one for worker in workers for one in worker.answers]
    return [one for one in told if one["heard"] and vendor.last.get(one["n"], 0) > one["at"]]


def test_nothing_begins_after_a_withdrawal_was_answered(tmp_path):
    """Whatever happens to the workers meanwhile."""
    started, numbers, vendor = time.monotonic(), chance("withdrawals"), Vendor()
    policy = tmp_path / "gatekeeper.toml"
    policy.write_text(POLICY.format(port=vendor.port))
    workers, hurt = tortured(policy, COUNT, numbers)
    time.sleep(0.5)
    vendor.listener.close()
    told = [one for worker in workers for one in worker.answers]
    broken = late(workers, vendor)
    waits = sorted(one["ms"] for one in told)
    steps = Counter(f"{how} {step}" for worker in workers for step, how in worker.hurt)
    withheld = dict(sum((worker.withheld for worker in workers), Counter()))
    figure(
        "I3", cases=len(told), broken=len(broken), seconds=time.monotonic() - started, calls=vendor.calls,
        withheld=withheld, heard=sum(one["heard"] for one in told), median_ms=round(waits[len(waits) // 2], 1),
        steps=dict(sorted(steps.items())), **hurt,
    )  # fmt: skip
    print(len(told), "withdrawals", len(broken), "late", hurt, "median ms", waits[len(waits) // 2], vendor.requests)
    print(vendor.calls, "calls; withheld:", withheld, dict(sorted(steps.items())))
    assert broken == [] and len(told) >= COUNT * 0.9 and vendor.requests > vendor.calls > 0
    assert [worker.process.returncode for worker in workers] == [0] * WORKERS
    assert {(step, how) for step in CERTAIN for how in HOW} <= {one for worker in workers for one in worker.hurt}


@pytest.mark.skipif(not FULL, reason="in `make torture`")
@pytest.mark.parametrize("bug", [name for name in BUGS if name])
def test_a_planted_bug_is_seen(tmp_path, bug):
    """A request that does not ask, with the connection open, begins after the answer."""
    vendor, policy = Vendor(), tmp_path / "gatekeeper.toml"
    policy.write_text(POLICY.format(port=vendor.port))
    workers, _ = tortured(policy, 400, chance(bug), bug)
    time.sleep(0.5)
    vendor.listener.close()
    broken = late(workers, vendor)
    figure("planted bug", cases=1, broken=len(broken), seconds=0, bug=bug, text=BUGS[bug].__doc__, first="I3")
    assert broken != []
