"""Lines that are no longer needed go, and the log stays provable: by our verifier and by the independent one."""

import gzip
import re

import pytest

from gatekeeper.audit import pruning, read, segments
from gatekeeper.audit.lines import timestamp
from gatekeeper.audit.signing import Signer
from gatekeeper.audit.verify import verify
from gatekeeper.audit.writer import AuditWriter
from gatekeeper.errors import AuditError
from tests.audit.logs import DAY, Clock, contents, make, ours, put, theirs
from tests.builders import NOW

BEFORE = NOW + 50 * DAY  # between the two halves of the log


@pytest.fixture
def log(tmp_path):
    """A log with all there can be in it, and an anchor of its end."""
    anchor = make(tmp_path)
    return tmp_path / "audit", anchor


def prune(folder, before=BEFORE, **more):
    writer = AuditWriter(folder, signer=Signer(folder.parent / "keys"), clock=Clock(NOW + 101 * DAY))
    try:
        return pruning.prune(folder, before, writer, at=NOW + 101 * DAY, **more)
    finally:
        writer.close()


def both(folder, anchor):
    """What the verifiers say; they agree."""
    one, other = ours(folder, anchor), theirs(folder, anchor)
    assert bool(one) == bool(other), (one, other)
    return one


def test_old_segments_lose_their_lines_and_the_log_is_sound(log):
    """Of streams that ended, crashed, were taken over; under two keys; with an anchor."""
    folder, anchor = log
    before = list(read.records(folder))
    done = prune(folder)
    left = list(read.records(folder))
    assert done.lines > 20 and done.segments and both(folder, anchor) == []
    assert verify(folder).pruned == done.lines
    gone = [one["request_id"] for one in before if one["kind"] == "decision" and one["n"] and one not in left]
    assert gone and all(f"req_{n:06}" in gone for n in (0, 5, 10, 20))
    assert [one["request_id"] for one in left if one["kind"] == "decision"][-1] == "req_000052"
    assert prune(folder) == (0, ())  # there is nothing more


def test_everything_old_at_any_time_stays_sound(log):
    """Twice, with another limit."""
    folder, anchor = log
    prune(folder, NOW + 0.05)
    prune(folder, NOW + 100 * DAY + 10)
    assert both(folder, anchor) == []


def test_an_open_segment_is_left(tmp_path):
    """Its process writes to it; so is one that has a younger line."""
    folder = tmp_path / "audit"
    writer = AuditWriter(folder, signer=Signer(tmp_path / "keys"), clock=Clock())
    writer.append([]).result(10)
    assert pruning.old(folder, NOW + 900 * DAY) == []
    writer.close()


def test_a_run_that_was_cut_off_is_done_again(log, monkeypatch):
    """After the line was written, before any segment was."""
    folder, anchor = log
    monkeypatch.setattr(pruning, "rewrite", lambda *_: (_ for _ in ()).throw(OSError(5, "cut")))
    with pytest.raises(AuditError, match="cannot be rewritten"):
        prune(folder)
    assert both(folder, anchor) == []
    monkeypatch.undo()
    assert prune(folder).lines and both(folder, anchor) == []


def test_nothing_is_removed_before_the_statistics_are_there(log):
    """What is to be done first is done first."""
    folder, anchor = log
    before = contents(folder)

    def full(found):
        raise AuditError("the disk is full")

    with pytest.raises(AuditError, match="disk is full"):
        prune(folder, first=full)
    now = contents(folder)
    assert {name: now.get(name) for name in before} == before and both(folder, anchor) == []


FORGERIES = {
    "another-hash": lambda data: re.sub(rb'("kind":"gap","last":\d+,"hash":")..', rb"\g<1>00", data, count=1),
    "a-longer-gap": lambda data: re.sub(
        rb'("last":)(\d+)', lambda m: m[1] + str(int(m[2]) + 1).encode(), data, count=1
    ),
    "no-gap": lambda data: re.sub(rb'[^\n]*"kind":"gap"[^\n]*\n', b"", data, count=1),
}


@pytest.mark.parametrize("forgery", FORGERIES.values(), ids=FORGERIES)
def test_a_gap_that_was_changed_is_found(log, forgery):
    """By both."""
    folder, anchor = log
    prune(folder)
    files = contents(folder)
    name = next(name for name, data in files.items() if b'"kind":"gap"' in data)
    put(folder, files | {name: forgery(files[name])})
    assert both(folder, anchor)


def test_a_gap_that_no_line_tells_of_is_found(log):
    """Somebody cuts lines out of a segment, and puts a gap with the right hash there."""
    folder, anchor = log
    segment = next(one for one in read.files(folder) if one.path == one.packed and len(list(segments.lines(one))) > 3)
    gaps = list(pruning.gaps(segment))
    pruning.rewrite(segment, gaps)
    assert gzip.decompress(segment.packed.read_bytes()).count(b'"gap"') == len(gaps) > 0
    assert any("gone without a line that says so" in one for one in both(folder, anchor))


def test_what_is_removed_is_said_before_in_a_signed_line(log):
    """Of each gap: its stream, its first and last line, and the hashes at both ends."""
    folder, _ = log
    gone = [gap for segment in pruning.old(folder, BEFORE) for gap in pruning.gaps(segment)]
    done = prune(folder)
    raw = [one for segment in read.files(folder) for one in segments.lines(segment)]
    (said,) = [one for one in read.parse(raw) if one["kind"] == "pruned"]
    assert list(said)[2:6] == ["kind", "timestamp", "before", "gaps"]
    assert (said["timestamp"], said["before"]) == (timestamp(NOW + 101 * DAY), timestamp(BEFORE))
    assert said["gaps"] == [list(gap) for gap in gone] and done.lines == sum(gap.lines for gap in gone)
    assert [gap.last - gap.first + 1 for gap in gone] == [gap.lines for gap in gone]
    assert {one["kind"] for one in read.parse(raw)} <= {kind.decode() for kind in pruning.KEPT} | {
        "decision", "outcome", "checkpoint",
    }  # fmt: skip


def test_a_segment_that_holds_bytes_of_another_hand_is_not_pruned(log):
    """It is named, and nothing is removed."""
    folder, _ = log
    (segment, *_) = pruning.old(folder, BEFORE)
    data = gzip.decompress(segment.packed.read_bytes())
    segment.packed.write_bytes(gzip.compress(data + b"x\n", mtime=0))
    said = f"^{segment.packed.name}: holds bytes that are not a line of the log; run `gatekeeper audit verify`$"
    with pytest.raises(AuditError, match=said):
        prune(folder)
    assert not any(b'"kind":"gap"' in gzip.decompress(one.read_bytes()) for one in folder.glob("*.gz"))
