"""One client floods the gate in each shape of `shapes.py`: nobody else notices, and little is left of it afterwards."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field

import httpx
import pytest

from tests.shells.serving import SERVER, Serving, free_port
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
    """Somebody else: looks at healthz and posts an event, again and again, and remembers how long it took."""

    url: str
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
        self.threads = [
            threading.Thread(target=self.run, args=("/gk/healthz", self.health, 0.02, None)),
            threading.Thread(target=self.run, args=("/gk/collect", self.events, 0.05, event)),
        ]
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


def idle(up: Serving) -> Probe:
    """Nobody floods."""
    with Probe(up.url) as probe:
        time.sleep(SECONDS)
    return probe


@pytest.mark.parametrize("name", [*FLOODS, *HELD])
def test_one_client_floods(up, name):
    """Small inputs have small effects."""
    control = idle(up)
    footprint = Footprint(up)
    with Probe(up.url) as probe:
        command = [sys.executable, "-m", "tests.torture.flooder", name, str(up.port), str(SECONDS), FLOODER]
        sent = json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, check=True, timeout=120).stdout)
    ended = time.monotonic()
    with Probe(up.url) as after:
        time.sleep(AFTER)
    grown, memory = footprint.end()
    own = (len(probe.events) + len(after.events)) * 4_096 * TIMES  # what the other one sent
    worst = {
        "health": max(probe.health),
        "event": max(probe.events),
        "after": max(after.health[len(after.health) // 2 :]),
    }
    figure(
        f"flood: {name}", cases=sent["requests"], broken=len(probe.failed) + len(after.failed),
        seconds=time.monotonic() - ended + SECONDS, received=sent["bytes"], grown=grown, memory=round(memory, 1),
        statuses=sent["statuses"], control=round(max(control.health), 3), control_event=round(max(control.events), 3),
        median=round(statistics.median(probe.health), 4), **{key: round(value, 3) for key, value in worst.items()},
    )  # fmt: skip
    assert probe.failed == after.failed == control.failed == []
    assert grown <= TIMES * sent["counted"] + own
    assert memory <= MEMORY
    if FULL:  # a busy machine is no fault of the gate's: it is looked at beside an idle time
        assert worst["health"] <= HEALTH + max(control.health)
        assert worst["event"] <= EVENT + max(control.events)
        assert worst["after"] <= HEALTH + max(control.health)
