"""The newest lines of a log: how much of it is read, what is counted, and what is said where more was written."""

import gzip
import json
import os
from collections import Counter

import pytest

from gatekeeper.audit import recent
from gatekeeper.audit.recent import Recent, Seen
from gatekeeper.errors import AuditError
from tests.builders import NOW

STREAM = "20261124T000000.000000Z-1-0000000{}"


def decision(second, event="view", many=None, **delivery):
    """A decision of so many seconds after the time."""
    one = {"destination": "own", "status": "pending"} | delivery
    record = {
        "kind": "decision",
        "timestamp": f"2026-11-24T00:00:{second:02}Z",
        "event_type": event,
        "deliveries": [one],
    }
    return record if many is None else record | {"count": many}


def outcome(second, status, reason, *names):
    return {"kind": "outcome", "timestamp": f"2026-11-24T00:00:{second:02}Z", "request_ids": names, "status": status,
            "reason": reason, "destination": "own"}  # fmt: skip


def written(folder, n, records, *, at=NOW, packed=False, torn=b""):
    """A segment with these lines, written last at that time."""
    data = b"".join(json.dumps(one).encode() + b"\n" for one in records) + torn
    path = folder / f"{STREAM.format(n)}.000001.jsonl{'.gz' * packed}"
    path.write_bytes(gzip.compress(data) if packed else data)
    os.utime(path, (at, at))
    return path


def looked(folder, now=NOW + 30, window=60.0):
    found = Recent(folder, window)
    found.look(now)
    return found


def names(found):
    return [one.event for one in found.seen]


def test_what_is_seen_is_a_time_a_name_and_an_end(tmp_path):
    """Of a group each event counts; an outcome has no event and counts for each it names."""
    blocked = decision(2, many=3, status="blocked", reason="gpc_opt_out")
    written(tmp_path, 1, [decision(1), blocked, outcome(3, "failed", "http_500", "a", "b"), {"kind": "close"}])
    found = looked(tmp_path)
    assert list(found.seen) == [
        Seen(NOW + 1, "view", "own", "pending", None, 1), Seen(NOW + 2, "view", "own", "blocked", "gpc_opt_out", 3),
        Seen(NOW + 3, "", "own", "failed", "http_500", 2, True),
    ]  # fmt: skip
    assert list(found.events) == [(NOW + 1, 1), (NOW + 2, 3)]
    assert found.since() == NOW + 1 and not found.is_cut
    assert found.flows() == {("view", "own", "sent"): 1, ("view", "own", "blocked"): 3}
    assert found.flows(NOW + 2) == {("view", "own", "blocked"): 3} and found.flows(NOW + 3) == {}
    assert found.reasons() == {("own", "gpc_opt_out"): 3} and found.reasons(NOW + 2) == {("own", "gpc_opt_out"): 3}
    assert found.reasons(NOW + 3) == {} and found.failures() == {("own", "http_500"): 2}


def test_the_rate_is_of_the_last_seconds_and_by_the_minute(tmp_path):
    """Those of the edge are in it."""
    written(tmp_path, 1, [decision(0, many=4), decision(10), decision(20, many=2)])
    found = looked(tmp_path)
    assert [found.rate(NOW + 20, seconds) for seconds in (20.0, 10.0, 5.0)] == [21.0, 18.0, 24.0]
    assert Recent(tmp_path, 60.0).since() is None


def test_what_is_as_old_as_the_window_is_kept_and_what_is_older_is_forgotten(tmp_path):
    """Of decisions and of what they are counted by."""
    written(tmp_path, 1, [decision(0, "old"), decision(10, "edge"), decision(11, "new")], at=NOW + 11)
    found = looked(tmp_path, NOW + 70)
    assert names(found) == ["edge", "new"] and [at for at, _ in found.events] == [NOW + 10, NOW + 11]
    found.look(NOW + 71)
    assert names(found) == ["new"] and found.since() == NOW + 11


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "packed"])
def test_a_file_that_was_written_last_before_the_window_is_not_read(tmp_path, packed):
    """Though it claims to hold younger lines."""
    written(tmp_path, 1, [decision(20, "unread")], at=NOW - 31, packed=packed)
    written(tmp_path, 2, [decision(20, "read")], at=NOW - 30, packed=packed)
    assert names(looked(tmp_path)) == ["read"]


def test_lines_that_are_none_of_ours_are_left_out(tmp_path):
    """Without a key, with a word where a number should be, or of a kind that is about the log."""
    strange = [{"kind": "decision"}, decision(1) | {"timestamp": "soon"}, decision(1) | {"deliveries": [{}]},
               decision(1, "about-it") | {"kind": "admin"}, {}]  # fmt: skip
    written(tmp_path, 1, [*strange, decision(5, "ours")], torn=b'{"kind"')
    assert names(looked(tmp_path)) == ["ours"]


def test_what_is_new_is_read_once(tmp_path):
    """A line that is not whole waits for its end; a segment that began since is read from its beginning."""
    path = written(tmp_path, 1, [decision(1, "a")], torn=b'{"kind":"decision"')
    found = looked(tmp_path)
    rest = json.dumps(decision(2, "b"))[len('{"kind": "decision"') :].encode()
    path.write_bytes(path.read_bytes() + rest + b"\n")
    written(tmp_path, 2, [decision(3, "c")])
    found.look(NOW + 30)
    found.look(NOW + 30)
    assert Counter(names(found)) == {"a": 1, "b": 1, "c": 1} and not found.is_cut


def test_a_segment_that_is_compressed_between_two_looks_is_read_on(tmp_path):
    """To its end, once."""
    path = written(tmp_path, 1, [decision(1, "a")])
    found = looked(tmp_path)
    path.unlink()
    written(tmp_path, 1, [decision(1, "a"), decision(2, "b")], packed=True)
    found.look(NOW + 30)
    assert names(found) == ["a", "b"]
    written(tmp_path, 1, [decision(1, "a"), decision(2, "b"), decision(3, "c")], packed=True)
    found.look(NOW + 30)
    assert names(found) == ["a", "b"]


def test_of_a_long_log_the_end_is_read_and_it_says_so(tmp_path, monkeypatch):
    """Whole lines alone, of the file that was written last first; others get what is left of the bytes."""
    line = len(json.dumps(decision(1, "0-00"))) + 1
    monkeypatch.setattr(recent, "TAIL", 5 * line)
    written(tmp_path, 1, [decision(1, f"1-{n:02}") for n in range(9)], at=NOW)
    written(tmp_path, 2, [decision(2, f"2-{n:02}") for n in range(3)], at=NOW + 1)
    found = looked(tmp_path)
    assert names(found) == ["1-07", "1-08", "2-00", "2-01", "2-02"] and found.is_cut
    found.look(NOW + 30)
    assert len(found.seen) == 5


def test_a_log_that_fits_is_not_cut(tmp_path, monkeypatch):
    """To the last byte."""
    path = written(tmp_path, 1, [decision(1, f"{n}") for n in range(4)])
    monkeypatch.setattr(recent, "TAIL", path.stat().st_size)
    found = looked(tmp_path)
    assert names(found) == ["0", "1", "2", "3"] and not found.is_cut


def test_a_closed_segment_that_is_large_is_not_opened_at_first(tmp_path, monkeypatch):
    """It is said that more was written; one as large as may be is read."""
    path = written(tmp_path, 1, [decision(1, "a")], packed=True)
    size = path.stat().st_size
    monkeypatch.setattr(recent, "PACKED", size)
    assert names(looked(tmp_path)) == ["a"] and not looked(tmp_path).is_cut
    monkeypatch.setattr(recent, "PACKED", size - 1)
    found = looked(tmp_path)
    assert names(found) == [] and found.is_cut
    path.write_bytes(b"")
    os.utime(path, (NOW, NOW))
    assert not looked(tmp_path).is_cut


def test_no_more_is_kept_than_fits(tmp_path, monkeypatch):
    """What goes beyond the bound is left out, and that is said."""
    written(tmp_path, 1, [decision(1)])
    found = looked(tmp_path)
    monkeypatch.setattr(recent, "MOST", 1)
    found.look(NOW + 30)
    assert found.is_cut


def test_a_log_that_cannot_be_read_is_an_error(tmp_path):
    """Of its kind, and of nothing that is in it."""
    (tmp_path / f"{STREAM.format(1)}.000001.jsonl.gz").write_bytes(b"no gzip")
    with pytest.raises(AuditError, match=r"^the audit log cannot be read \(BadGzipFile\)$"):
        looked(tmp_path, now=0.0)
