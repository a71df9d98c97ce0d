"""What was made of segments goes when they change; questions leave out of the counts what no filter asks for."""

import gzip
from datetime import datetime

import pytest

from gatekeeper.audit import columns, counted, query
from gatekeeper.audit.query import Filter
from gatekeeper.errors import AuditError
from gatekeeper.installation.locks import Lock
from tests.audit.test_counted import BEGIN, line

NAME = "seg-{}.jsonl.gz"


class Chance:
    """No chance: the first of all."""

    def random(self):
        return 1.0

    def choice(self, given):
        return given[0]

    def randrange(self, count):
        return count - 1


@pytest.fixture
def log(tmp_path):
    """Two closed segments of an hour each, and their columns."""
    import orjson

    for n in range(2):
        records = [line(10 * n + m, BEGIN.replace(hour=10 + n, minute=20 * m), Chance()) for m in range(3)]
        with gzip.open(tmp_path / NAME.format(n), "wb") as file:
            file.write(b"".join(orjson.dumps(one) + b"\n" for one in records))
    columns.make(tmp_path)
    return tmp_path


def made(folder):
    return sorted(path.name for path in (folder / columns.FOLDER).iterdir())


def test_what_was_made_of_segments_as_they_are_stays(log):
    """Four files of each: its rows, late outcomes, who is where, and counts."""
    before = made(log)
    assert len(before) == 8 and sum(name.startswith(("late-", "subjects-", "counts-")) for name in before) == 6
    columns.forget_stale(log)
    columns.make(log)
    assert made(log) == before
    assert len(columns.there(log)) == 2


def test_what_was_made_of_a_segment_that_changed_goes(log):
    """With what a process that was killed left there; so it may be gone already."""
    path = log / NAME.format(0)
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()), 1))
    (log / columns.FOLDER / ".x.parquet.tmp").write_bytes(b"")
    (log / columns.FOLDER / "kept.txt").write_bytes(b"")
    columns.forget_stale(log)
    assert len(made(log)) == 5 and "kept.txt" in made(log) and all("seg-0" not in name for name in made(log))


def test_what_was_made_of_some_segments_is_removed_and_of_all(log):
    """By the names of the segments."""
    from gatekeeper.audit.segments import Segment

    columns.forget(log, [Segment("seg-0", 1, log / NAME.format(0))])
    assert len(made(log)) == 8  # no segment of that name: `seg-0.000001`
    columns.forget(log, [type("One", (), {"packed": log / NAME.format(0)})])
    assert len(made(log)) == 4
    columns.forget(log)
    assert made(log) == []


def test_a_process_that_makes_columns_is_waited_for(log, monkeypatch):
    """And named where it takes too long."""
    monkeypatch.setattr(columns, "_PATIENCE", 0.01)
    columns.forget(log)
    lock = Lock(log / "columns.lock")
    assert lock.take()
    with pytest.raises(AuditError, match=r"^another process makes the columns of the log; try again later$"):
        columns.make(log)
    lock.release()
    columns.make(log)


@pytest.mark.parametrize(
    ("since", "until", "quarters"),
    [
        (None, None, [(10, 0), (10, 15), (10, 30), (11, 0), (11, 15), (11, 30)]),
        ((10, 35), None, [(10, 30), (11, 0), (11, 15), (11, 30)]),
        ((10, 45), None, [(11, 0), (11, 15), (11, 30)]),
        (None, (10, 15), [(10, 0)]),
        (None, (10, 16), [(10, 0), (10, 15)]),
        ((10, 15), (11, 0), [(10, 15), (10, 30)]),
    ],
)
def test_the_newest_rows_are_looked_for_within_what_is_asked_alone(log, since, until, quarters):
    """From the quarter in which the span begins to the one in which it ends."""
    times = [None if one is None else datetime(2026, 11, 30, *one) for one in (since, until)]
    with columns.connect(log) as connection:
        when = query.newest_when(connection, Filter(since=times[0], until=times[1]), 10_000)
    assert when == counted.within([datetime(2026, 11, 30, *one) for one in quarters])


@pytest.mark.parametrize(("limit", "quarters"), [(1, [(11, 30)]), (2, [(11, 30)]), (3, [(11, 15), (11, 30)])])
def test_no_more_quarters_are_read_than_hold_so_many_rows(log, limit, quarters):
    """A quarter that is not asked for as a whole counts for none."""
    with columns.connect(log) as connection:
        when = query.newest_when(connection, Filter(), limit)
        assert when == counted.within([datetime(2026, 11, 30, *one) for one in quarters])
        last = query.newest_when(connection, Filter(until=datetime(2026, 11, 30, 11, 41)), 1)
    assert last == counted.within([datetime(2026, 11, 30, 11, 15), datetime(2026, 11, 30, 11, 30)])
