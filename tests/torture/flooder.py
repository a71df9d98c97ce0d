"""One client that floods, in a process of its own: `python -m tests.torture.flooder NAME PORT SECONDS ADDRESS`.

It says what it sent in one JSON line: requests, their bytes, the bytes they count as, and how they were answered.
"""

from __future__ import annotations

import collections
import json
import socket
import sys
import threading
import time

from gatekeeper.gate.bounds import counted
from tests.torture.shapes import FLOODS, HELD, raw

CONNECTIONS = 6  # at once
UNFINISHED = 300


class Flood:
    """What is sent, until it is over."""

    def __init__(self, requests: list[bytes], port: int, until: float) -> None:
        self.requests, self.port, self.until = requests, port, until
        self.statuses: collections.Counter[str] = collections.Counter()
        self.bytes = self.counted = 0
        self.lock = threading.Lock()

    def send(self, first: int) -> None:
        """One connection after the other, one request after the other."""
        n = first
        while time.monotonic() < self.until:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=10) as line:
                    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    while time.monotonic() < self.until:
                        request = self.requests[n % len(self.requests)]
                        n += 1
                        line.sendall(request)
                        self.sent(len(request))
                        if not self.answered(line):
                            break
            except OSError:
                self.heard("closed")

    def answered(self, line: socket.socket) -> bool:
        """Whether the connection goes on after the answer."""
        data = b""
        while b"\r\n\r\n" not in data:
            part = line.recv(65_536)
            if not part:
                self.heard("closed")
                return False
            data += part
        head, _, body = data.partition(b"\r\n\r\n")
        self.heard(head[9:12].decode())
        low = head.lower()
        length = int(low.partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
        while len(body) < length:
            part = line.recv(65_536)
            if not part:
                return False
            body += part
        return b"connection: close" not in low

    def hold(self) -> None:
        """Open connections with bodies that never end."""
        lines = []
        for n in range(UNFINISHED):
            request = self.requests[n % len(self.requests)][:-5]
            line = socket.create_connection(("127.0.0.1", self.port), timeout=2)
            lines.append(line)
            try:
                line.sendall(request)
            except OSError:
                self.heard("closed")
            self.sent(len(request))
        while (left := self.until - time.monotonic()) > 0:
            threading.Event().wait(min(left, 0.25))
            for line in lines:  # a byte now and then
                try:
                    line.send(b"[", socket.MSG_DONTWAIT)
                except OSError:
                    self.heard("closed")
        for line in lines:
            line.close()

    def sent(self, size: int) -> None:
        with self.lock:
            self.bytes += size
            self.counted += counted(size)

    def heard(self, status: str) -> None:
        with self.lock:
            self.statuses[status] += 1


def main(name: str, port: str, seconds: str, address: str) -> None:
    """Flood, and say what was sent."""
    until = time.monotonic() + float(seconds)
    found = [raw(one, address) for one in (FLOODS | HELD)[name]()]
    one = Flood(found, int(port), until)
    if name in HELD:
        one.hold()
    else:
        senders = [threading.Thread(target=one.send, args=(n,)) for n in range(CONNECTIONS)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
    print(
        json.dumps(
            {"requests": sum(one.statuses.values()), "bytes": one.bytes, "counted": one.counted}
            | {"statuses": one.statuses}
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
