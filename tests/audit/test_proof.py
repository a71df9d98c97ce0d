"""The proof of one line: the chain up to the signature behind it, and the checkpoints outside that name it."""

import re

import orjson
import pytest

from gatekeeper.audit import proof
from gatekeeper.audit.proof import prove
from gatekeeper.audit.signing import SigningKey
from gatekeeper.audit.stream import Stream
from gatekeeper.errors import AuditError
from gatekeeper.installation.ring import Key
from tests.audit.logs import SIGNER, Clock, OneKey, decision, pack, person, write

OWN = SIGNER.own()
KEY = SIGNER.keys()[0].id


@pytest.fixture
def log(tmp_path):
    """A stream with a signed line in its middle and no end: genesis, 4 lines, checkpoint (6), 2 lines."""
    clock = Clock()
    stream = Stream(tmp_path, clock=clock, signer=SIGNER)
    write(stream, clock, 0, 2)
    anchor = stream.checkpoint()
    write(stream, clock, 2, 1)
    return tmp_path, stream, anchor


def changed(stream, old, new, count=1):
    """The segment with something else in it."""
    path = stream.segment().plain
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new, count))


def test_a_line_is_proven_by_the_next_signature(log):
    """With its segment, its hash, the key, and the line and time of the signature."""
    folder, stream, _ = log
    lines = stream.segment().plain.read_bytes().splitlines()
    for n, signed in ((1, 1), (2, 6), (5, 6), (6, 6)):
        found = prove(folder, stream.name, n, OWN)
        assert found.sound and found.fault is None and found.is_ours
        assert (found.stream, found.n, found.segment) == (stream.name, n, stream.segment().plain.name)
        assert found.hash == re.search(rb'"hash":"([0-9a-f]{64})"[^"]', lines[n - 1] + b" ")[1].decode()
        assert (found.signed_by, found.signed_in, found.signed_at) == (KEY, signed, "2026-11-24T00:00:00Z")
        assert found.stamps == ()


def test_behind_the_last_signature_there_is_none(log):
    """The chain holds, and no signed line vouches for it."""
    folder, stream, _ = log
    found = prove(folder, stream.name, 8, OWN)
    assert found.fault is None and not found.sound and found.signed_in is None and found.hash is not None


@pytest.mark.parametrize("n", [0, 9, 99])
def test_a_line_that_is_not_there_is_a_fault(log, n):
    """Nor is one of a stream that is not."""
    folder, stream, _ = log
    missing = "the stream or the line is not in the log"
    assert prove(folder, stream.name, n, OWN).fault == missing
    assert prove(folder, stream.name[:-1] + "x", 2, OWN).fault == missing
    assert not prove(folder, stream.name, n, OWN).sound


def test_another_installations_signature_is_not_ours(log):
    """It is named all the same."""
    folder, stream, _ = log
    found = prove(folder, stream.name, 2, OneKey(bytes(32)).own())
    assert found.fault is None and not found.is_ours and not found.sound and found.signed_by == KEY
    assert SigningKey(Key("other", bytes(32))).id != KEY


def test_a_line_that_was_altered_breaks_the_chain_where_it_stands(log):
    """Whether it is the line, or one between it and the signature; what is before it does not matter."""
    folder, stream, _ = log
    changed(stream, b'"req_000001"', b'"req_000009"')
    said = "line 4 was altered: its hash does not follow from it and the line before"
    assert [prove(folder, stream.name, n, OWN).fault for n in (2, 4)] == [said, said]
    assert prove(folder, stream.name, 4, OWN).hash is None and prove(folder, stream.name, 5, OWN).sound
    assert prove(folder, stream.name, 2, OWN).hash is not None


def test_a_signature_that_was_altered_is_not_good(tmp_path):
    """Though the line's hash is that of what it says."""
    clock = Clock()
    stream = Stream(tmp_path, clock=clock, signer=SIGNER)
    stream.write([decision(1)])
    changed(stream, b'"signature":"', b'"signature":"00')
    assert "altered" in prove(tmp_path, stream.name, 1, OWN).fault


def test_subjects_that_were_changed_break_the_chain(log):
    """Cut out with their salt they do not."""
    folder, stream, _ = log
    stream.write([decision(9, clock_at(), person(7))])
    stream.checkpoint()
    assert prove(folder, stream.name, 9, OWN).sound
    changed(stream, person(7).encode(), person(8).encode())
    assert prove(folder, stream.name, 9, OWN).fault.startswith("line 9 was altered")


def clock_at():
    return Clock()()


def test_a_line_behind_it_that_is_none_is_a_fault_and_one_that_is_not_whole_is_said(log):
    """What is being written may end in the middle of a line."""
    folder, stream, _ = log
    path = stream.segment().plain
    data = path.read_bytes()
    path.write_bytes(data + b"nothing\n")
    assert prove(folder, stream.name, 8, OWN).fault == "a line behind it is not whole"
    path.write_bytes(data + b"nothing")
    assert prove(folder, stream.name, 8, OWN).fault is None
    assert prove(folder, stream.name, 2, OWN).sound


def test_the_chain_is_followed_into_the_next_segment(tmp_path):
    """Packed or not; its first line says the hash before it."""
    clock = Clock()
    stream = Stream(tmp_path, rotate=600, clock=clock, signer=SIGNER)
    write(stream, clock, 0, 3)
    pack(tmp_path, stream)
    stream.close()
    names = {prove(tmp_path, stream.name, n, OWN).segment for n in range(1, 8)}
    assert len(names) > 2
    for n in range(2, 8):
        assert prove(tmp_path, stream.name, n, OWN).sound


def test_checkpoints_outside_are_times_of_lines_that_they_cover(log):
    """By their own place, by heads and by ends that they took over; each time once, in their order."""
    folder, stream, anchor = log
    other = Stream(folder, clock=Clock(), signer=SIGNER)
    names_it = other.checkpoint()
    outside = [anchor.rstrip(b"\n"), anchor, b"{}", b"", b"torn {", names_it + b"\r\n"]
    covers = lambda n, lines: prove(folder, stream.name, n, OWN, lines).stamps  # noqa: E731  # of this log
    assert covers(6, outside) == ("2026-11-24T00:00:00Z",) and covers(6, [anchor]) == ("2026-11-24T00:00:00Z",)
    assert covers(7, [anchor]) == () and covers(8, [names_it]) == ("2026-11-24T00:00:00Z",)
    assert covers(9, [names_it]) == () and prove(folder, other.name, 1, OWN, [anchor]).stamps == ()
    record = orjson.loads(names_it)
    assert [one[:2] for one in record["heads"]] == [[stream.name, 8]]


def test_an_end_that_was_taken_over_is_covered(log):
    """By the genesis that names it."""
    folder, stream, _ = log
    stream.abandon()
    genesis = Stream(folder, clock=Clock(), signer=SIGNER).segment().plain.read_bytes()
    assert prove(folder, stream.name, 8, OWN, [genesis]).stamps == ("2026-11-24T00:00:00Z",)
    assert prove(folder, stream.name, 9, OWN, [genesis]).stamps == ()


def test_what_is_outside_is_read_from_both_places(tmp_path, monkeypatch):
    """The newest time stamps, and the end of a file of anchors; where nothing is kept there is nothing."""
    assert list(proof.outside(None, None)) == [] == list(proof.outside(tmp_path / "no", tmp_path / "none"))
    monkeypatch.setattr(proof, "STAMPS", 2)
    for n in range(4):
        (tmp_path / f"20261124T00000{n}Z-{n:016x}.json").write_bytes(b"stamp %d\n" % n)
    (tmp_path / "other.json").write_bytes(b"other\n")
    anchors = tmp_path / "anchors"
    anchors.write_bytes(b"a1\na2\na3\n")
    assert list(proof.outside(tmp_path, anchors)) == [b"stamp 2", b"stamp 3", b"a1", b"a2", b"a3"]
    monkeypatch.setattr(proof, "TAIL", 6)
    assert list(proof.outside(None, anchors)) == [b"a2", b"a3"]


def test_a_log_that_cannot_be_read_is_an_error(log):
    """Of its kind alone."""
    folder, stream, _ = log
    stream.close()
    path = stream.segment().plain
    path.with_name(path.name + ".gz").write_bytes(b"no gzip")
    path.unlink()
    with pytest.raises(AuditError, match=r"^the audit log cannot be read \(BadGzipFile\)$"):
        prove(folder, stream.name, 2, OWN)
