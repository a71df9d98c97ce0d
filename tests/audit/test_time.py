"""Time in the log: lines do not go back, and a clock that does is said, not hidden and no alarm."""

from __future__ import annotations

import time

import orjson
import pytest

from gatekeeper.audit.stream import Stream
from gatekeeper.audit.verify import verify
from tests.audit import logs
from tests.audit.logs import DAY, SIGNER, Clock, decision, outcome
from tests.builders import NOW


def lines(folder):
    """Every line, as an object."""
    return [orjson.loads(raw) for data in logs.contents(folder).values() for raw in data.splitlines()]


def sound(folder):
    """By both."""
    return verify(folder).problems == [] == logs.theirs(folder, None)


def test_a_line_that_comes_late_says_when_it_was_written(tmp_path):
    """A decision that a crash kept out of the log for two days, between lines of now."""
    clock = Clock()
    stream = Stream(tmp_path, signer=SIGNER, clock=clock)
    stream.write([decision(1, clock()), decision(2, NOW - 2 * DAY, logs.person(1)), outcome(2, clock())])
    stream.close()
    late = [record for record in lines(tmp_path) if "written" in record]
    assert [(one["request_id"], one["timestamp"], one["written"]) for one in late] == [
        ("req_000002", "2026-11-22T00:00:00Z", "2026-11-24T00:00:00Z")
    ]
    assert sound(tmp_path)


@pytest.mark.parametrize("back", [30.0, 200.0, 3600.0, 200 * DAY], ids=["seconds", "minutes", "an-hour", "200-days"])
def test_a_clock_that_goes_back_is_named_and_no_alarm(tmp_path, back):
    """In a living stream, in others beside it, and over starts; lines go on, in every stream."""
    clock = Clock()
    one, two = (Stream(tmp_path, signer=SIGNER, clock=clock) for _ in range(2))
    for n, stream in enumerate((one, two)):
        stream.write([decision(n, clock())])
        stream.checkpoint()
    clock.at -= back
    one.write([decision(10, clock()), outcome(10, clock())])
    one.checkpoint()
    three = Stream(tmp_path, signer=SIGNER, clock=clock)
    two.write([decision(11, clock())])
    three.write([decision(12, clock())])
    for stream in (three, two, one):
        stream.checkpoint()
        stream.close()
    Stream(tmp_path, signer=SIGNER, clock=clock).close()
    assert sound(tmp_path)
    report = verify(tmp_path)
    assert bool(report.clock) is (back > 60)
    kinds = [record["kind"] for record in lines(tmp_path)]
    assert ("clock" in kinds) is (back > 60)


def test_a_clock_that_catches_up_again_is_sound(tmp_path):
    """Forward is no fault, and needs no line."""
    clock = Clock()
    stream = Stream(tmp_path, signer=SIGNER, clock=clock)
    for n, step in enumerate((3600, -3600, 7200, -120, 60)):
        clock.at += step
        stream.write([decision(n, clock())])
        stream.checkpoint()
    stream.close()
    assert sound(tmp_path) and len([one for one in lines(tmp_path) if one["kind"] == "clock"]) == 2


def test_a_crash_between_a_clock_and_its_line_is_no_alarm(tmp_path):
    """The next stream says it in its genesis."""
    clock = Clock()
    one = Stream(tmp_path, signer=SIGNER, clock=clock)
    one.write([decision(1, clock())])
    one.checkpoint()
    one.abandon()
    clock.at -= DAY
    Stream(tmp_path, signer=SIGNER, clock=clock).close()
    genesis = [one for one in lines(tmp_path) if one["kind"] == "genesis"]
    assert {one.get("back_from") for one in genesis} == {None, "2026-11-24T00:00:00Z"} and sound(tmp_path)


def test_the_real_clock_needs_no_marks(tmp_path):
    """Ordinary lines are as short as before."""
    stream = Stream(tmp_path, signer=SIGNER)
    stream.write([decision(1, time.time()), outcome(1, time.time())])
    stream.close()
    assert not any("written" in one or "back_from" in one for one in lines(tmp_path))
