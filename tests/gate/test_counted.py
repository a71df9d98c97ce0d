"""Refusals that repeat are one line a minute, and no number is lost."""

from __future__ import annotations

import pytest
from msgspec import structs

from gatekeeper.gate.counted import Counted
from tests.builders import DESTINATIONS, NOW, MemoryRecorder, make_gate, make_policy, plan

GATE = make_gate(make_policy(destinations={name: DESTINATIONS[name] for name in ("ga4", "meta_capi")}))
NOWHERE = make_gate(make_policy(destinations={"ga4": DESTINATIONS["ga4"] | {"events": ["purchase"]}}))
TO = GATE.policy.destinations["meta_capi"]


@pytest.fixture
def at():
    """A recorder, and what counts into it with ids by number."""
    recorder, ids = MemoryRecorder(), iter(range(1_000))
    return recorder, Counted(recorder, lambda at: f"id_{next(ids)}")


def told(recorder):
    """The id, the count and the decisions of each line."""
    return [
        (one["request_id"], one.get("count"), [(to["destination"], to["reason"]) for to in one["deliveries"]])
        for one in recorder.lines
    ]


CALL = [("meta_capi", "rate_limited")]
EVENTS = [("ga4", "rate_limited"), ("meta_capi", "rate_limited")]


@pytest.mark.parametrize(
    ("to", "refused", "name"), [(TO, CALL, "call"), (None, EVENTS, "event")], ids=["call", "events"]
)
def test_the_first_over_a_rate_has_its_line_and_the_others_one_together(at, to, refused, name) -> None:
    """At once, and when the minute is over; a new minute begins with a line again."""
    recorder, counted = at
    for second in (0, 1, 59.9):
        counted.limited(GATE.lines, to, NOW + second)
    assert told(recorder) == [("id_0", None, refused)]
    assert recorder.lines[0]["event_type"] == name and recorder.lines[0]["timestamp"].startswith("2026-11-24T00:00:00")
    counted.flush(NOW + 59.9)
    assert len(recorder.lines) == 1
    counted.flush(NOW + 60)
    assert told(recorder)[1:] == [("id_1.0", 2, refused)]
    counted.flush(NOW + 120)
    assert len(recorder.lines) == 2
    counted.limited(GATE.lines, to, NOW + 61)
    assert told(recorder)[2:] == [("id_2", None, refused)]


@pytest.mark.parametrize("later", [60, -1], ids=["a-minute-later", "a-clock-that-was-set-back"])
def test_a_group_that_is_over_is_written_even_where_another_begins_first(at, later) -> None:
    """What was counted stays until it is written."""
    recorder, counted = at
    for _ in range(4):
        counted.limited(GATE.lines, TO, NOW)
    counted.limited(GATE.lines, TO, NOW + later)
    assert told(recorder) == [("id_0", None, CALL), ("id_2", None, CALL)]
    counted.flush(NOW + later)
    assert told(recorder)[2:] == [("id_1.0", 3, CALL)]


def test_kinds_are_counted_apart(at) -> None:
    """Calls by their destination, events, and events that go nowhere."""
    recorder, counted = at
    for to in (TO, GATE.policy.destinations["ga4"], None) * 2:
        counted.limited(GATE.lines, to, NOW)
    assert len(recorder.lines) == 3
    counted.flush(NOW, everything=True)
    assert [(count, [name for name, _ in decisions]) for _, count, decisions in told(recorder)[3:]] == [
        (None, ["meta_capi"]), (None, ["ga4"]), (None, ["ga4", "meta_capi"]),
    ]  # fmt: skip


def unrouted(name, second=0.0):
    """The plan of an event that no destination is routed."""
    made = plan({"event": name}, gate=NOWHERE)
    assert made.decisions == ()
    return structs.replace(made, request_id=f"req_{name}", at=NOW + second)


def test_events_that_go_nowhere_are_counted_without_their_names(at) -> None:
    """The first has a line with its own name; the ids of the others are those that the line to come will stand for."""
    recorder, counted = at
    first, line = counted.unrouted(NOWHERE.lines, unrouted("hello"))
    assert first == "req_hello" and line is not None and b'"hello"' in line.core
    assert [counted.unrouted(NOWHERE.lines, unrouted("other", n)) for n in (1, 59.9)] == [
        ("id_0.0", None),
        ("id_0.1", None),
    ]
    counted.flush(NOW + 60)
    assert told(recorder) == [("id_0.0", 2, [])]
    assert recorder.lines[0]["event_type"] == "event" and "other" not in str(recorder.lines)


@pytest.mark.parametrize("second", [60, -1])
def test_another_minute_of_such_events_begins_with_a_line(at, second) -> None:
    """And what was counted before is not lost."""
    recorder, counted = at
    for name in ("a", "b"):
        counted.unrouted(NOWHERE.lines, unrouted(name))
    again, line = counted.unrouted(NOWHERE.lines, unrouted("c", second))
    assert again == "req_c" and line is not None
    counted.flush(NOW, everything=True)
    assert told(recorder) == [("id_0.0", None, [])]


def test_what_could_not_be_written_is_written_later(at) -> None:
    """A log that is broken for a while loses no number; the first line stood for one request, which was told."""
    recorder, counted = at
    recorder.broken = True
    counted.limited(GATE.lines, None, NOW - 1)
    recorder.broken = False
    for _ in range(3):
        counted.limited(GATE.lines, TO, NOW)
    recorder.broken = True
    counted.flush(NOW + 60)
    assert len(recorder.lines) == 1
    recorder.broken = False
    counted.flush(NOW + 61)
    assert told(recorder)[1:] == [("id_3.0", 2, CALL)]
    counted.flush(NOW + 62)
    assert len(recorder.lines) == 2


def test_a_child_process_counts_for_itself(at) -> None:
    """What was counted before the fork is its parent's to write."""
    recorder, counted = at
    for _ in range(3):
        counted.limited(GATE.lines, TO, NOW)
    counted.forked()
    counted.flush(NOW + 60, everything=True)
    assert len(recorder.lines) == 1
