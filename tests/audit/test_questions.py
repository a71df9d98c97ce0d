"""The times that a question over counts asks for: whole quarters of an hour, and the rows at their ends."""

from datetime import datetime, timedelta

import pytest

from gatekeeper.audit import counted

TEN = datetime(2026, 11, 30, 10)


def at(minutes=0, seconds=0, micro=0):
    return TEN + timedelta(minutes=minutes, seconds=seconds, microseconds=micro)


@pytest.mark.parametrize(
    ("when", "floor", "ceiling"),
    [
        (at(), at(), at()),
        (at(0, 0, 1), at(), at(15)),
        (at(0, 1), at(), at(15)),
        (at(14, 59, 999_999), at(), at(15)),
        (at(15), at(15), at(15)),
        (at(29), at(15), at(30)),
        (at(59), at(45), at(60)),
    ],
)
def test_a_quarter_begins_at_its_first_moment(when, floor, ceiling):
    """A time at which one begins is its own."""
    assert (counted.floor(when), counted.ceiling(when)) == (floor, ceiling)


def stamp(minutes):
    return f"TIMESTAMP '2026-11-30 10:{minutes:02}:00'"


SPANS = [
    (None, None, "true", "false"),
    (at(15), None, f"begins >= {stamp(15)}", "false"),
    (at(16), None, f"begins >= {stamp(30)}", f"(decided_at < {stamp(30)})"),
    (None, at(30), f"begins < {stamp(30)}", "false"),
    (None, at(31), f"begins < {stamp(30)}", f"(decided_at >= {stamp(30)})"),
    (at(15), at(45), f"begins >= {stamp(15)} AND begins < {stamp(45)}", "false"),
    (
        at(1), at(46), f"begins >= {stamp(15)} AND begins < {stamp(45)}",
        f"(decided_at < {stamp(15)} OR decided_at >= {stamp(45)})",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("since", "until", "whole", "edges"), SPANS)
def test_a_span_is_whole_quarters_and_its_ends(since, until, whole, edges):
    """Every time of it is in one of the two, and none in both."""
    assert (counted.whole(since, until), counted.edges(since, until)) == (whole, edges)


def test_quarters_that_follow_each_other_are_one_span():
    """In any order; a gap of one quarter parts them."""
    found = counted.within([at(30), at(0), at(15), at(60 - 60)])
    assert found.startswith(f"((decided_at >= {stamp(0)}")
    assert counted.within([at(15), at(0)]) == f"((decided_at >= {stamp(0)} AND decided_at < {stamp(30)}))"
    assert counted.within([at(0), at(30)]) == (
        f"((decided_at >= {stamp(0)} AND decided_at < {stamp(15)}) OR "
        f"(decided_at >= {stamp(30)} AND decided_at < {stamp(45)}))"
    )
