"""A log of format 1, as the code before format 2 wrote it: read, verified, searched and taken over."""

from __future__ import annotations

import shutil
from pathlib import Path

import orjson
import pytest

from gatekeeper.audit import query, read, recover, redact, segments
from gatekeeper.audit.lines import decision_line, timestamp
from gatekeeper.audit.others import refuse_old_writers
from gatekeeper.audit.segments import Segment, head_file
from gatekeeper.audit.signing import Signer
from gatekeeper.audit.stream import Stream
from gatekeeper.audit.verify import verify
from gatekeeper.audit.writer import AuditWriter
from gatekeeper.errors import AuditError, ConfigError
from gatekeeper.storage.owners import Lock
from tests.audit import logs
from tests.audit.forgeries import EARLIER, LATER, Scene, chained, decided, genesis
from tests.builders import GUIDE_EVENT, NOW, RING, make_gate, plan

FOLDER = Path(__file__).parent / "format_1"
AT = NOW + 200 * logs.DAY


@pytest.fixture
def scene(tmp_path):
    """A copy of it; its last stream crashed."""
    shutil.copytree(FOLDER / "audit", tmp_path / "audit")
    shutil.copytree(FOLDER / "keys", tmp_path / "keys")
    for path in (tmp_path / "keys").iterdir():
        path.chmod(0o600)
    return Scene(tmp_path / "audit", tmp_path / "keys")


ANCHOR = (FOLDER / "anchors.jsonl").read_bytes()


def start(scene, at=AT):
    """The first start of format 2, or a later one."""
    return Stream(scene.log, signer=Signer(scene.keys), clock=logs.Clock(at))


def test_it_is_verified_as_before(scene):
    """With and without its anchor and its key; the lines of the crash are not vouched for."""
    report = verify(scene.log, anchors=[ANCHOR])
    assert report.problems == [] and (report.streams, report.format_1, report.lines) == (7, 7, 82)
    assert report.redacted == 9 and len(report.open) == 1 and list(report.not_vouched.values()) == [5]
    assert verify(scene.log, trusted=report.keys).sound and not verify(scene.log, trusted=["0" * 16]).sound
    assert logs.theirs(scene.log, ANCHOR) == [] == logs.theirs(scene.log, None, *report.keys)
    assert logs.theirs(scene.log, None, "0" * 16) != []


def test_it_is_taken_over_by_the_first_stream_of_format_2(scene):
    """Which signs name, last number and hash of each stream; the torn line is set aside; then all is vouched for."""
    before = verify(scene.log)
    stream = start(scene)
    stream.write([logs.decision(900, AT)])
    stream.close()
    first = next(record for record in scene.records() if record.get("format") == 2)
    ends = {}
    for record in scene.records():
        ends[record["stream"]] = [record["stream"], record["n"], record["hash"]]
    del ends[stream.name]
    assert first["begun"][0] == 1 and first["format_1"] == list(ends.values()) and len(ends) == 7
    assert len(list(scene.log.glob("*.torn"))) == 2
    for _ in range(2):
        start(scene, AT + 60).close()
    report = verify(scene.log, anchors=[ANCHOR], trusted=before.keys)
    assert report.problems == [] and report.not_vouched == {} and report.open == [] and report.format_1 == 7
    assert logs.theirs(scene.log, ANCHOR, *before.keys) == []


def test_it_is_read_and_searched_together_with_the_new(scene):
    """Records, persons and columns, over both formats."""
    gate, people = make_gate(), query.pseudonyms(RING, {"user_id": "u-77"})
    stream = start(scene)
    event = GUIDE_EVENT | {"data": GUIDE_EVENT["data"] | {"user_id": "u-77"}}
    line = decision_line(plan(event, gate=gate), gate.policy)
    stream.write([logs.decision(900, AT), line._replace(core=line.core.replace(b"req_test", b"req_new"))])
    stream.close()
    ids = {record["request_id"] for record in read.records(scene.log) if record["kind"] == "decision"}
    assert {"req_000000", "req_000071", "req_000900", "req_test", "req_new"} <= ids
    found = query.rows(scene.log, query.Filter(subjects=people), limit=1000)
    assert {row["request_id"] for row in found} == {"req_test", "req_new"}
    (sent,) = [row for row in found if row["request_id"] == "req_test" and row["destination"] == "ga4"]
    assert sent["status"] == "delivered"
    (record,) = read.find(scene.log, "req_test")
    assert record["subjects"] == sorted(people)


def test_its_subjects_are_removed_in_its_own_spelling(scene):
    """By a redaction in a stream of format 2; every hash stays what it was."""
    writer = AuditWriter(scene.log, signer=Signer(scene.keys), clock=logs.Clock(AT))
    count = redact.remove(scene.log, redact.older_than(AT), writer, reason="retention", at=AT).lines
    writer.close()
    report = verify(scene.log, anchors=[ANCHOR])
    assert count > 5 and report.problems == [] and report.redacted == 9 + count
    assert logs.theirs(scene.log, ANCHOR) == []
    assert b'"subjects"' not in b"".join(logs.contents(scene.log).values())


@pytest.mark.parametrize("stream", [EARLIER, LATER])
def test_any_other_stream_of_format_1_is_forged(scene, stream):
    """Before the takeover it cannot be told from one that crashed; after it, it can."""
    start(scene).close()
    start(scene, AT + 10).close()
    data = chained(stream, [genesis(scene, stream, format_=1), decided()], version=1)
    segments.pack(Segment(stream, 1, scene.log / f"{stream}.000001.jsonl"))
    (scene.log / f"{stream}.000001.jsonl").write_bytes(data)
    assert any("was not there when format 2 began" in why for why in logs.ours(scene.log, None))
    assert logs.theirs(scene.log, None) != []
    start(scene, AT + 20).close()
    assert logs.ours(scene.log, None) == [] and list((scene.log / "set-aside").iterdir())


def test_a_stream_of_it_that_is_changed_after_the_takeover_is_found(scene):
    """Also one that no signature of its own covers, by what the genesis signed."""
    crashed = scene.names()[-1]
    start(scene).close()
    name = max(name for name in logs.contents(scene.log) if name.startswith(crashed))
    scene.change(name, lambda lines: lines[:-1])
    assert any("which ends at" in why for why in logs.ours(scene.log, None)) and logs.theirs(scene.log, None) != []


def test_beside_a_living_writer_of_format_1_the_start_is_refused(scene):
    """With a sentence that names its stream and says what to do; and it goes once that process is gone."""
    crashed = scene.names()[-1]
    lock = Lock(head_file(scene.log, crashed))
    assert lock.take()
    with pytest.raises(ConfigError, match=f"an older Gatekeeper still writes the stream {crashed}; stop it"):
        start(scene)
    with pytest.raises(ConfigError, match="stop it"):
        refuse_old_writers(scene.log)
    writer = AuditWriter(scene.log, signer=Signer(scene.keys))
    with pytest.raises(AuditError):
        writer.append([logs.decision(1)]).result(10)
    lock.release()
    writer.append([logs.decision(900, AT)]).result(10)
    writer.close()
    assert logs.ours(scene.log, ANCHOR) == []


def test_segments_that_the_takeover_left_uncompressed_are_not_set_aside(scene):
    """It was killed before its chores: the next start goes on with them."""
    start(scene).close()
    plain = [path.name for path in scene.log.glob("*.jsonl") if not path.name.startswith("2027061")]
    assert plain
    after = start(scene, AT + 10)
    logs.pack(scene.log, after)
    after.close()
    assert not (scene.log / "set-aside").exists() and logs.ours(scene.log, ANCHOR) == []
    assert not any((scene.log / name).exists() for name in plain)


def test_a_line_that_a_process_of_format_1_wrote_is_not_written_again(scene):
    """It died at the update: what it had in the database is looked for in its streams, too."""
    lines = [logs.decision(71), logs.decision(72)]
    signer = Signer(scene.keys)
    assert recover.missing(scene.log, signer, lines, 0.0, now=AT) == lines[1:]
    start(scene).close()
    assert recover.missing(scene.log, signer, lines, 0.0, now=AT) == lines[1:]
    assert orjson.loads(lines[0].core)["timestamp"] == timestamp(NOW)
