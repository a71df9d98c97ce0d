"""What is known of a stream: which of its lines are gone, and before which time a line was not written."""

import pytest

from gatekeeper.audit.facts import Walk, seconds

GAPS = Walk(gaps=[(3, 5), (8, 8), (10, 12)])
MARKED = Walk(marks=[1, 5, 9], times=[100, 200, 300])


@pytest.mark.parametrize(
    ("n", "gone"),
    [(1, False), (2, False), (3, True), (4, True), (5, False), (6, False), (8, False), (9, False), (10, True),
     (11, True), (12, False), (13, False)],
)  # fmt: skip
def test_of_a_gap_the_last_hash_alone_is_known(n, gone):
    """All others of its lines are gone; a gap of one line has its hash."""
    assert GAPS.gone(n) is gone and not Walk().gone(n)


@pytest.mark.parametrize(("n", "at"), [(0, 0), (1, 100), (4, 100), (5, 200), (8, 200), (9, 300), (99, 300)])
def test_a_line_is_no_older_than_the_mark_before_it(n, at):
    """A line about the log itself says when it was written, and so does every line behind it."""
    assert MARKED.at(n) == at


def test_a_time_of_the_log_is_utc():
    """Whatever the machine's own zone is."""
    assert seconds(b"2026-11-24T00:00:00Z") == 1_795_478_400
    with pytest.raises(ValueError, match="does not match"):
        seconds(b"2026-11-24 00:00:00")
