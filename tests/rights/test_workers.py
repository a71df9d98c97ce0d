"""Suppression over several processes: once it is answered, nothing of the person is decided to be sent, or sent."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gatekeeper.audit import read
from gatekeeper.cli.office import opened
from gatekeeper.model import Answer, Heard
from gatekeeper.model.suppression import Why
from tests.answering import answering
from tests.rights.people import POLICY, running

WORKERS, EACH, AFTER = (4, 2_500, 1_000) if os.environ.get("TORTURE") == "full" else (2, 0, 30)
"""How many take events, and how many pairs each takes at least: in all, and after the suppression is answered."""
MOST = 100_000  # pairs of a worker that is not told to stop
PATIENCE = 60.0  # seconds for the workers


class Vendor:
    """Takes everything; keeps when each request began, and whom it was about."""

    def __init__(self) -> None:
        self.seen: list[tuple[float, str]] = []
        self.url = ""

    def take(self, call):
        """One batch of events."""
        self.seen.append((time.time(), call.body.decode()))
        return Answer(200)


@pytest.fixture
def vendor():
    """A server on loopback."""
    made = Vendor()
    with answering(made.take) as made.url:
        yield made


def taken(folder):
    return [len(path.read_bytes()) for path in sorted(folder.glob("taken-*"))]


def until(what):
    deadline = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def test_none_of_a_persons_events_is_sent_once_they_are_suppressed(tmp_path, vendor):
    """Neighbours' are, all the while; what was decided afterwards is blocked as `suppressed`, without subjects."""
    text = POLICY.partition("[destinations.ads]")[0].replace("127.0.0.1:9", vendor.url.removeprefix("http://"))
    with running(tmp_path, text):
        pass  # keys, store and log are there
    environ = os.environ | {"GATEKEEPER_SIGNING_KEYS": f"s1:{(b's' * 32).hex()}"}
    words = [sys.executable, "-m", "tests.rights.worker", str(tmp_path)]
    root = Path(__file__).parents[2]
    processes = [
        subprocess.Popen([*words, str(n), str(MOST)], env=environ, cwd=root, stderr=subprocess.DEVNULL)
        for n in range(WORKERS)
    ]
    try:
        until(lambda: len(taken(tmp_path)) == WORKERS and min(taken(tmp_path)) > 20 and vendor.seen)
        with opened(tmp_path / "gatekeeper.toml") as office:
            group, done = office.suppress([("user_id", "u-person")], why=Why.ERASED)
            names = office.sought([("user_id", "u-person")]).names
        answered, before = time.time(), taken(tmp_path)
        assert done.heard is Heard.HEARD and group
        until(lambda: all(
            now >= max(was + AFTER, EACH) for now, was in zip(taken(tmp_path), before, strict=True)
        ))  # fmt: skip
    finally:
        (tmp_path / "stop").touch()
        for one in processes:
            one.wait(PATIENCE)
    lines = [one for one in read.records(tmp_path / "var" / "audit") if one["kind"] == "decision"]
    late = [one for one in lines if one["inputs"].get("ms", 0) / 1000 + _seconds(one) > answered]
    sent = {
        status: [one for one in late if one["deliveries"][0]["status"] == status] for status in ("blocked", "pending")
    }
    assert len(sent["blocked"]) >= WORKERS * AFTER / 2 and len(sent["pending"]) >= WORKERS * AFTER / 2
    assert {one["deliveries"][0]["reason"] for one in sent["blocked"]} == {"suppressed"}
    assert not [one for one in sent["blocked"] if one.get("subjects")]
    assert not [one for one in late if not names.isdisjoint(one.get("subjects", ()))]
    theirs = [began for began, body in vendor.seen if "u-person" in body]
    others = [began for began, body in vendor.seen if "u-other" in body]
    assert theirs and max(theirs) < answered + 1.0 and max(others) > answered, (max(theirs), answered)


def _seconds(record):
    return time.mktime(time.strptime(record["timestamp"], "%Y-%m-%dT%H:%M:%SZ")) - time.timezone
