"""I3: when a withdrawal was answered, no request that needs the consent begins; by the kernel's clock at the vendor.

Four workers under load, with queue and retries; they are stopped (SIGSTOP) and killed at random instants, and begun
again.
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

from tests.torture.scale import FULL, SEED, chance, figure

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
"""


class Vendor:
    """Takes requests on loopback; every fifth is answered 503. Visitor → when a request with them arrived last."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.listener.setsockopt(socket.SOL_SOCKET, _TIMESTAMP, 1)
        self.port = self.listener.getsockname()[1]
        self.last, self.requests = {}, 0
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
                status = b"503 Busy" if self.requests % 5 == 0 else b"204 OK"
                link.sendall(b"HTTP/1.1 " + status + b"\r\ncontent-length: 0\r\n\r\n")
                data, first = b"", 0


def begin(policy, first, done):
    """A worker that goes on where another one was killed."""
    left = first + WORKERS * done
    words = ["tests.torture.withdrawing", str(policy), str(left), str(WORKERS), str(COUNT), str(SEED)]
    return subprocess.Popen([sys.executable, "-m", *words], stdout=subprocess.PIPE, text=True)


def read(worker, answers):
    """Its answers, until it ends."""
    with worker.stdout as lines:
        for line in lines:
            with contextlib.suppress(ValueError):  # the last line of one that was killed
                answers.append(json.loads(line))


def test_nothing_begins_after_a_withdrawal_was_answered(tmp_path):
    """Whatever happens to the workers meanwhile."""
    started, numbers, vendor = time.monotonic(), chance("withdrawals"), Vendor()
    policy = tmp_path / "gatekeeper.toml"
    policy.write_text(POLICY.format(port=vendor.port))
    answers = {first: [] for first in range(WORKERS)}
    workers, by_worker = {}, {}
    hurt = {"stopped": 0, "killed": 0}

    def go(first):
        worker = workers[first] = begin(policy, first, len(answers[first]))
        by_worker[first] = threading.Thread(target=read, args=(worker, answers[first]))
        by_worker[first].start()

    for first in range(WORKERS):
        go(first)
    while any(worker.poll() is None for worker in workers.values()):
        time.sleep(numbers.random() * 0.3)
        first = numbers.randrange(WORKERS)
        worker = workers[first]
        if worker.poll() is not None:
            continue
        if numbers.random() < 0.25:
            worker.kill()
            worker.wait()
            hurt["killed"] += 1
            by_worker[first].join()
            go(first)
        else:
            worker.send_signal(signal.SIGSTOP)
            time.sleep(numbers.random() * 0.1)
            worker.send_signal(signal.SIGCONT)
            hurt["stopped"] += 1
    for reader in by_worker.values():
        reader.join()
    time.sleep(0.5)
    vendor.listener.close()
    told = [one for some in answers.values() for one in some]
    late = [one for one in told if one["heard"] and vendor.last.get(one["n"], 0) > one["at"]]
    waits = sorted(one["ms"] for one in told)
    figure(
        "I3", cases=len(told), broken=len(late), seconds=time.monotonic() - started,
        heard=sum(one["heard"] for one in told), median_ms=round(waits[len(waits) // 2], 1), **hurt,
    )  # fmt: skip
    print(len(told), "withdrawals", len(late), "late", hurt, "median ms", waits[len(waits) // 2], vendor.requests)
    assert late == [] and len(told) >= COUNT * 0.9 and vendor.requests > 0
