"""Forgetting: subjects go after their time, the log stays whole, and nothing of them is left in any file."""

import gzip
import json
import os

import orjson
import pytest
from typer.testing import CliRunner

from gatekeeper.audit import chores, columns, query, redact, segments
from gatekeeper.audit.lines import decision_line, timestamp
from gatekeeper.audit.query import Filter
from gatekeeper.audit.signing import Signer
from gatekeeper.audit.stream import Stream
from gatekeeper.audit.verify import verify
from gatekeeper.audit.writer import AuditWriter
from gatekeeper.cli import app
from gatekeeper.errors import AuditError
from gatekeeper.installation.locks import Lock
from tests.audit import logs
from tests.audit.logs import DAY, SIGNER, Clock, contents, crash, decision, pack, person, write
from tests.builders import GUIDE_EVENT, NOW, RING, make_gate, plan


def old_log(folder, signer=SIGNER):
    """A closed stream of a hundred days ago, a crashed one, and a clock that stands now."""
    clock = Clock(NOW - 100 * DAY)
    one, two = (Stream(folder, rotate=2_000, clock=clock, signer=signer) for _ in range(2))
    write(one, clock, 0, 6)
    write(two, clock, 30, 6)
    one.close()
    pack(folder, one)
    crash(two, b'{"stream":"' + person(1).encode())
    clock.at = NOW
    return clock


def remove(folder, clock, wanted, **more):
    """As the commands do."""
    writer = AuditWriter(folder, clock=clock, signer=SIGNER)
    try:
        return redact.remove(folder, wanted, writer, reason="test", at=clock(), **more).lines
    finally:
        writer.close()


def everything(folder):
    """All bytes there are, unpacked."""
    return b"".join(
        gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    )


def test_what_is_too_old_loses_its_subjects_and_the_chain_holds(tmp_path):
    """With a redaction line that says of which lines, and why."""
    clock = old_log(tmp_path)
    new = Stream(tmp_path, clock=clock, signer=SIGNER)
    new.write([decision(90, clock(), person(90))])
    before = verify(tmp_path).lines
    count = remove(tmp_path, clock, redact.older_than(NOW - 90 * DAY), before=timestamp(NOW - 90 * DAY))
    report = verify(tmp_path)
    assert (
        report.sound and report.redacted == count == 8 and report.lines == before + 4
    )  # genesis, redaction, the signature behind it, close
    assert logs.theirs(tmp_path, None) == []
    (line,) = [
        orjson.loads(raw) for data in contents(tmp_path).values() for raw in data.splitlines() if b"redac" in raw
    ]
    assert (line["reason"], line["before"]) == ("test", "2026-08-26T00:00:00Z")
    left = b"".join(contents(tmp_path).values())
    assert person(1).encode() not in left and person(90).encode() in left
    new.close()
    assert verify(tmp_path).sound


def test_a_person_is_forgotten_alone(tmp_path):
    """Every line about them, by any of the pseudonyms, and no other."""
    clock = old_log(tmp_path)
    Stream(tmp_path, clock=clock, signer=SIGNER).close()  # takes the crashed one over
    assert remove(tmp_path, clock, redact.about(frozenset({person(1), person(99)}))) == 2
    left = b"".join(contents(tmp_path).values())
    assert b'"' + person(1).encode() not in left and person(2).encode() in left
    assert verify(tmp_path).sound


def test_nothing_of_the_subject_is_left_in_the_columns(tmp_path):
    """What was made beside the log goes with it (I7)."""
    clock = old_log(tmp_path)
    Stream(tmp_path, clock=clock, signer=SIGNER).close()
    query.rows(tmp_path, Filter(), limit=1)
    assert (tmp_path / columns.FOLDER).exists()
    remove(tmp_path, clock, redact.older_than(NOW - 90 * DAY))
    assert list((tmp_path / columns.FOLDER).iterdir()) == []
    query.rows(tmp_path, Filter(), limit=1)
    for path in tmp_path.glob("*.torn"):
        path.unlink()
    assert person(1).encode() not in everything(tmp_path)


def test_a_removal_may_be_interrupted_and_done_again(tmp_path, monkeypatch):
    """After the redaction line, before the cutting; and between two segments."""
    clock = old_log(tmp_path)
    real, cuts = redact.cut, []

    def cut(segment, wanted):
        if len(cuts) == 1:
            raise OSError(28, "No space left on device")
        cuts.append(segment)
        real(segment, wanted)

    wanted = redact.older_than(NOW - 90 * DAY)
    monkeypatch.setattr(redact, "cut", cut)
    with pytest.raises(AuditError, match="No space left"):
        remove(tmp_path, clock, wanted)
    assert verify(tmp_path).sound
    monkeypatch.setattr(redact, "cut", real)
    assert remove(tmp_path, clock, wanted) > 0
    report = verify(tmp_path)
    assert report.sound and report.redacted == 8 and redact.find(tmp_path, wanted).lines == 0


def test_subjects_that_went_without_a_redaction_line_are_an_alarm(tmp_path):
    """The first such line is named."""
    clock = Clock()
    stream = Stream(tmp_path, clock=clock, signer=SIGNER)
    stream.write([decision(1, clock(), person(1))])
    stream.close()
    name, data = next(iter(contents(tmp_path).items()))
    logs.put(tmp_path, {name: b"".join(bare(raw) for raw in data.splitlines(keepends=True))})
    (problem,) = verify(tmp_path).problems
    assert problem.why == "line 2 has lost its subjects without a redaction line"


def bare(raw):
    """A line without its subjects."""
    from gatekeeper.audit import chain

    return chain.split(raw).without_refs()


def test_a_person_is_found_in_real_lines_until_they_are_forgotten(tmp_path):
    """By their user id, over closed and open segments; afterwards the records are there, and nobody's."""
    gate, clock = make_gate(), Clock()
    line = decision_line(plan(GUIDE_EVENT | {"data": {"user_id": "u-77"}}, gate=gate), gate.policy)
    people = query.pseudonyms(RING, {"user_id": "u-77"})
    assert frozenset(line.refs) == people
    one, two = (Stream(tmp_path, clock=clock, signer=SIGNER) for _ in range(2))
    one.write([line])
    one.close()
    two.write([line])
    found = query.rows(tmp_path, Filter(subjects=people), limit=100)
    assert {row["subjects"][0] for row in found} == set(people)
    two.close()
    pack(tmp_path, Stream(tmp_path, clock=clock, signer=SIGNER))
    assert remove(tmp_path, clock, redact.about(people)) == 2
    assert query.rows(tmp_path, Filter(subjects=people), limit=100) == []
    assert {row["request_id"] for row in query.rows(tmp_path, Filter(), limit=100)} == {"req_test"}


def test_an_open_segment_waits(tmp_path):
    """Its process is writing to it."""
    clock = Clock(NOW - 100 * DAY)
    stream = Stream(tmp_path, clock=clock, signer=SIGNER)
    write(stream, clock, 0, 3)
    found = redact.find(tmp_path, redact.older_than(NOW))
    assert (found.lines, found.waiting) == (0, 2)
    stream.close()


def test_two_removals_do_not_meet(tmp_path, monkeypatch):
    """The second waits, and says so when it waited too long."""
    monkeypatch.setattr(chores, "_LONG", 0.1)
    monkeypatch.setattr(chores, "_PATIENCE", 0.1)
    clock = old_log(tmp_path)
    lock = Lock(tmp_path / "files.lock")
    assert lock.take()
    with pytest.raises(AuditError, match="another process"):
        remove(tmp_path, clock, redact.older_than(NOW))
    lock.release()


POLICY = '[policy]\nversion = "t"\ncontroller = "c"\n[audit]\npath = "audit"\n[keys]\npath = "keys"\n'


def test_the_command_removes_what_the_policy_says(tmp_path):
    """Dry first; a second run finds nothing; torn remains go, too."""
    signer = Signer(tmp_path / "keys")
    old_log(tmp_path / "audit", signer)
    Stream(tmp_path / "audit", signer=signer).close()
    (tmp_path / "gatekeeper.toml").write_text(POLICY)
    (torn,) = (tmp_path / "audit").glob("*.torn")

    def run(*words):
        result = CliRunner().invoke(app, ["retention", "run", "-c", str(tmp_path / "gatekeeper.toml"), *words])
        assert result.exit_code == 0, (result.output, result.exception)
        return result.stdout

    os.utime(torn, (NOW - 100 * DAY, NOW - 100 * DAY))
    assert json.loads(run("--dry-run", "--json"))["lines"] == 8 and torn.exists()
    assert "8 lines older than" in run()
    assert json.loads(run("--json"))["lines"] == 0 and not torn.exists()
    assert verify(tmp_path / "audit").sound
    assert person(1).encode() not in everything(tmp_path / "audit")
    assert all(not segments.alive(tmp_path / "audit", stream) for stream in segments.streams(tmp_path / "audit"))
