"""Delivery from memory: every job ends in exactly one outcome, whatever happens while it is under way."""

import time

import orjson
import pytest

from gatekeeper.delivery.job import Job
from gatekeeper.delivery.memory import MemoryDeliverer
from gatekeeper.destinations import KINDS
from gatekeeper.testing import Simulators
from tests.builders import DESTINATIONS, make_policy

NOW = time.time()


def delivering(sims, lines, **keys):
    policy = make_policy(destinations={"own": DESTINATIONS["own"] | {"endpoint": sims.first_party.url}})
    record = lambda batch: lines.extend(orjson.loads(line.core) for line in batch)  # noqa: E731  # one line, used once
    return MemoryDeliverer(
        policy.destinations, record=record, clock=time.time, timeout=30.0, max_queued=100, chance=lambda: 0.0, **keys
    )


def job(name, at=NOW):
    return Job(name, "own", at, b"", b'{"event":"x"}')


def ended(lines):
    return {request_id: (line["status"], line["reason"]) for line in lines for request_id in line["request_ids"]}


def once(lines):
    names = [request_id for line in lines for request_id in line["request_ids"]]
    assert len(names) == len(set(names)), "settled twice"


def test_what_is_under_way_at_shutdown_is_recorded_as_unknown():
    """The vendor may have it, or not: neither pending for ever nor claimed as delivered."""
    lines = []
    with Simulators(only=("first_party",)) as sims:
        sims.first_party.hang(times=1)
        outbox = delivering(sims, lines)
        outbox.put([job("a")])
        sims.first_party.wait(1)
        outbox.close(timeout=0.1)
    assert ended(lines) == {"a": ("failed", "unknown")} and outbox.idle()


def test_a_bug_in_a_kind_fails_its_batch_once_and_the_next_is_delivered(monkeypatch):
    """An expired job of the same batch keeps its own outcome."""
    lines = []
    with Simulators(only=("first_party",)) as sims:
        outbox = delivering(sims, lines)
        with monkeypatch.context() as broken:
            broken.setattr(KINDS["first_party"], "read_answer", lambda answer, count: ())
            outbox.put([job("old", at=0.0), job("a")])
            deadline = time.monotonic() + 5
            while len(ended(lines)) < 2 and time.monotonic() < deadline:
                time.sleep(0.01)
        outbox.put([job("b")])
        sims.first_party.wait(2)
        outbox.close(timeout=5)
    once(lines)
    assert ended(lines) == {
        "old": ("failed", "expired"),
        "a": ("failed", "internal_error"),
        "b": ("delivered", None),
    }
    assert outbox.idle()


def test_a_job_between_two_attempts_is_recorded_at_shutdown():
    """The queue empties; nothing waits unrecorded."""
    lines = []
    with Simulators(only=("first_party",)) as sims:
        sims.first_party.answer(status=503, headers={"Retry-After": "60"}, times=1)
        outbox = delivering(sims, lines)
        outbox.put([job("a")])
        sims.first_party.wait(1)
        time.sleep(0.1)
        outbox.close(timeout=1)
    assert ended(lines) == {"a": ("failed", "shutdown")} and outbox.idle()


@pytest.mark.parametrize("status", [400, 401, 404])
def test_a_refusal_is_final(status):
    """Trying again would not help."""
    lines = []
    with Simulators(only=("first_party",)) as sims:
        sims.first_party.answer(status=status, times=1)
        outbox = delivering(sims, lines)
        outbox.put([job("a")])
        sims.first_party.wait(1)
        outbox.close(timeout=5)
        assert len(sims.first_party.received) == 1
    assert ended(lines) == {"a": ("failed", f"http_{status}")}
