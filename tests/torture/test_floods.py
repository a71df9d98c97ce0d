"""One client floods the gate in each shape of `shapes.py`: nobody else notices, and little is left of it afterwards."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from tests.running import free_port
from tests.shells.serving import SERVER, Serving
from tests.torture.rounds import ROOT
from tests.torture.scale import FULL, figure
from tests.torture.shapes import FLOODS, HELD
from tests.torture.test_soak import resident
from tests.torture.vendor import Vendor

SECONDS = 4.0 if FULL else 0.6
FLOODER, OTHER = "91.20.1.1", "80.100.7.7"
TIMES = 20  # bytes of log and store for each byte that was received
MEMORY = 64.0  # MiB
HEALTH, EVENT = 0.25, 0.5  # seconds at worst
AFTER = 1.0  # seconds, in which all is normal again
POLICY = """
[policy]
version = "1"
controller = "Example Shop GmbH"
{server}
trusted_proxies = ["127.0.0.1"]
[audit]
path = "audit"
rotate = "4GB"  # a closed segment is compressed: what was written could not be told any more
[keys]
path = "keys"
[storage]
url = "sqlite:///gatekeeper.db"
[jurisdiction]
default = "gdpr"
[destinations.own]
kind = "first_party"
endpoint = "{url}/own"
events = ["page_view", "purchase", "error"]
[destinations.ga4]
kind = "ga4"
measurement_id = "G-ABC1234567"
api_secret = "s"
endpoint = "{url}/mp/collect"
events = ["page_view", "purchase"]
[destinations.meta]
kind = "meta_capi"
pixel_id = "123456789012345"
access_token = "t"
endpoint = "{url}"
events = ["page_view", "purchase", "error"]
[destinations.tiktok]
kind = "tiktok"
pixel_code = "C"
access_token = "t"
endpoint = "{url}/open_api/v1.3/event/track/"
events = ["purchase"]
[destinations.errors]
kind = "sentry"
dsn = "{dsn}/42"
lia = "x"
"""
SPEAKING = "posthog segment mixpanel matomo amplitude".split()


@dataclass
class Probe:
    """Somebody else: looks at healthz and, if it `posts`, posts an event, again and again; how long each took."""

    url: str
    posts: bool = True
    health: list[float] = field(default_factory=list)
    events: list[float] = field(default_factory=list)
    failed: list[object] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self, path: str, took: list[float], pause: float, body: dict[str, object] | None) -> None:
        headers = {"X-Forwarded-For": OTHER}
        with httpx.Client(base_url=self.url, headers=headers, trust_env=False, timeout=15) as client:
            while not self.stop.is_set():
                began = time.perf_counter()
                try:
                    answer = client.get(path) if body is None else client.post(path, json=body)
                    took.append(time.perf_counter() - began)
                    if answer.status_code not in (200, 202):
                        self.failed.append((path, answer.status_code))
                except httpx.HTTPError as error:
                    self.failed.append((path, type(error).__name__))
                self.stop.wait(pause)

    def __enter__(self) -> Probe:
        event = {"event": "page_view", "consent": {"analytics": True}, "data": {"session_id": "other"}}
        self.threads = [threading.Thread(target=self.run, args=("/gk/healthz", self.health, 0.02, None))]
        if self.posts:
            self.threads.append(threading.Thread(target=self.run, args=("/gk/collect", self.events, 0.05, event)))
        for one in self.threads:
            one.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop.set()
        for one in self.threads:
            one.join()


class Footprint:
    """What the gate holds: bytes of its log and store, and its memory at the most."""

    def __init__(self, up: Serving) -> None:
        self.up, self.stop = up, threading.Event()
        self.before, self.memory = self.size(), resident(up.process.pid)
        self.peak = self.memory
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()

    def watch(self) -> None:
        while not self.stop.wait(0.05):
            self.peak = max(self.peak, resident(self.up.process.pid))

    def size(self) -> int:
        folder = self.up.folder
        return sum(
            one.stat().st_size for one in [*folder.glob("audit/*"), *folder.glob("gatekeeper.db*")] if one.is_file()
        )

    def end(self) -> tuple[int, float]:
        """Bytes more, and MiB more at the most."""
        self.stop.set()
        self.thread.join()
        return self.size() - self.before, self.peak - self.memory


@pytest.fixture(scope="module")
def up(tmp_path_factory):
    """A gate for all of them."""
    folder = tmp_path_factory.mktemp("floods")
    with Vendor(folder / "audit") as vendor:
        vendor.take = lambda body: 200
        dsn = vendor.url.replace("http://", "http://public@")
        more = "".join(
            f'[destinations.{name}]\nkind = "first_party"\nspeaks = "{name}"\nendpoint = "{vendor.url}"\nevents = []\n'
            for name in SPEAKING
        )
        (folder / "gatekeeper.toml").write_text(POLICY.format(server=SERVER, url=vendor.url, dsn=dsn) + more)
        (folder / "stderr").write_text("")
        one = Serving(folder, vendor.url, free_port(), 1)
        with Probe(one.url):  # what is made with the first requests is no flood's
            time.sleep(1.0)
        yield one
        assert one.stop() == 0


@dataclass
class Round:
    """A time without a flood, one with it, and the second after it."""

    control: Probe
    during: Probe
    after: Probe
    sent: dict[str, Any]
    grown: int
    memory: float

    @property
    def failed(self) -> list[object]:
        """What somebody else asked for and did not get."""
        return [*self.control.failed, *self.during.failed, *self.after.failed]

    @property
    def late(self) -> dict[str, float]:
        """What took somebody else longer than it may; the machine's own pauses are taken off."""
        health, event = max(self.control.health), max(self.control.events)
        found = {
            "health": max(self.during.health) - max(HEALTH, health),
            "event": max(self.during.events) - max(EVENT, event),
            "after": max(self.after.health[len(self.after.health) // 2 :]) - max(HEALTH, health),
        }
        return {name: round(value, 3) for name, value in found.items() if value > 0}


def flooded(up: Serving, name: str) -> Round:
    """One round."""
    with Probe(up.url) as control:
        time.sleep(SECONDS)
    footprint = Footprint(up)
    with Probe(up.url) as during:
        command = [sys.executable, "-m", "tests.torture.flooder", name, str(up.port), str(SECONDS), FLOODER]
        sent = json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, check=True, timeout=120).stdout)
    with Probe(up.url) as after:
        time.sleep(AFTER)
    return Round(control, during, after, sent, *footprint.end())


@pytest.mark.parametrize("name", [*FLOODS, *HELD])
def test_one_client_floods(up, name):
    """Small inputs have small effects. How long somebody else waits is looked at in a full run, three times at most:

    a machine with other work has pauses of its own.
    """
    for _ in range(3):
        began = time.monotonic()
        one = flooded(up, name)
        figure(
            f"flood: {name}", cases=one.sent["requests"], broken=len(one.failed), seconds=time.monotonic() - began,
            received=one.sent["bytes"], grown=one.grown, memory=round(one.memory, 1), statuses=one.sent["statuses"],
            control=round(max(one.control.health), 3), control_event=round(max(one.control.events), 3),
            health=round(max(one.during.health), 3), event=round(max(one.during.events), 3),
            after=round(max(one.after.health), 3), late=one.late,
        )  # fmt: skip
        own = (len(one.during.events) + len(one.after.events)) * 4_096  # what the other one sent
        assert one.failed == []
        assert one.grown <= TIMES * (one.sent["counted"] + own)
        assert one.memory <= MEMORY
        if not FULL or not one.late:
            return
    assert not one.late
