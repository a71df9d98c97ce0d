"""What is too old goes in time: open segments are closed for it, once a day, by one process of all."""

from __future__ import annotations

import os
import signal
import time

import orjson
import pytest

from gatekeeper.audit import redact, retention, segments, turning
from gatekeeper.audit.retention import Daily, State
from gatekeeper.audit.stream import Stream
from gatekeeper.audit.verify import verify
from gatekeeper.audit.writer import AuditWriter
from gatekeeper.errors import AuditError
from tests.audit import logs
from tests.audit.logs import DAY, SIGNER, Clock, decision, person
from tests.builders import NOW
from tests.running import ADMIN, ADMIN_TOKEN, running

AGE = 90 * DAY


def writing(folder, clock=time.time, n=1):
    """A writer whose stream is open, with a line about a person."""
    writer = AuditWriter(folder, signer=SIGNER, clock=clock)
    writer.append([decision(n, clock(), person(n))]).result(10)
    return writer


def test_a_living_writer_closes_its_segment_when_it_is_asked(tmp_path):
    """Within a second, though no line comes; the requester waits for it."""
    writer = writing(tmp_path)
    (before,) = [one for parts in segments.streams(tmp_path).values() for one in parts]
    begin = time.monotonic()
    assert turning.turn(tmp_path, [before]) == []
    assert time.monotonic() - begin < 1.5
    assert {one.number for parts in segments.streams(tmp_path).values() for one in parts} == {1, 2}
    writer.close()
    assert verify(tmp_path).problems == []


def test_in_any_process(tmp_path):
    """A forked one, which another process asks."""
    ready, told = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            writing(tmp_path)
            os.write(told, b"!")
            signal.pause()
        finally:
            os._exit(1)
    os.read(ready, 1)
    try:
        (before,) = [one for parts in segments.streams(tmp_path).values() for one in parts]
        assert turning.turn(tmp_path, [before]) == []
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(ready)
        os.close(told)


def test_a_writer_that_does_not_close_in_time_is_named(tmp_path):
    """It hangs: the lines wait, and the caller hears of it."""
    stream = Stream(tmp_path, signer=SIGNER)
    stream.write([decision(1, time.time(), person(1))])
    (before,) = [one for parts in segments.streams(tmp_path).values() for one in parts]
    assert turning.turn(tmp_path, [before], patience=0.05) == [stream.name]
    stream.close()


def test_a_person_is_forgotten_in_the_segment_that_is_being_written(tmp_path):
    """Nothing waits for midnight; the writer goes on."""
    writer = writing(tmp_path)
    done = redact.remove(tmp_path, redact.about(frozenset({person(1)})), writer, reason="erasure", at=time.time())
    assert (done.lines, done.waiting) == (1, 0)
    writer.append([decision(2, time.time(), person(2))]).result(10)
    writer.close()
    left = b"".join(logs.contents(tmp_path).values())
    assert person(1).encode() not in left and person(2).encode() in left
    assert verify(tmp_path).problems == [] and logs.theirs(tmp_path, None) == []


def test_a_redaction_is_signed_before_anything_is_cut(tmp_path, monkeypatch):
    """Whenever the machine stops, what is missing was said, and signed for."""
    seen = []
    writer = writing(tmp_path)

    def cut(segment, wanted):
        seen.append(
            [orjson.loads(raw)["kind"] for data in logs.contents(tmp_path).values() for raw in data.splitlines()]
        )

    monkeypatch.setattr(redact, "cut", cut)
    redact.remove(tmp_path, redact.about(frozenset({person(1)})), writer, reason="erasure", at=time.time())
    writer.close()
    assert seen[0][-2:] == ["redaction", "checkpoint"]


def daily(folder, writer, clock):
    """As a gate has it."""
    return Daily(folder, lambda: AGE, writer, every=60.0, also=lambda: None, clock=clock)


def test_it_is_done_once_a_day_by_one_of_all_processes(tmp_path):
    """The second one sees that it was done; a day later it is done again, by whichever comes first."""
    clock = Clock(NOW - 100 * DAY)
    writer = writing(tmp_path, clock)
    clock.at = NOW
    one, two = daily(tmp_path, writer, clock), daily(tmp_path, writer, clock)
    one.look()
    assert person(1).encode() not in b"".join(logs.contents(tmp_path).values())
    state = retention.read(tmp_path)
    two.look()
    assert retention.read(tmp_path) == state and state.overdue == 0
    writer.append([decision(2, NOW - 89.5 * DAY, person(2))]).result(10)
    clock.at = NOW + DAY + 60
    two.look()
    assert retention.read(tmp_path).done == pytest.approx(NOW + DAY + 60, abs=1)
    assert person(2).encode() not in b"".join(logs.contents(tmp_path).values())
    writer.close()
    assert verify(tmp_path).problems == []


def test_while_another_process_does_it_it_is_left_alone(tmp_path):
    """Its lock is held."""
    from gatekeeper.installation.locks import Lock

    lock = Lock(tmp_path / retention.LOCK)
    assert lock.take()
    writer = writing(tmp_path)
    daily(tmp_path, writer, time.time).look()
    assert retention.read(tmp_path) == State()
    lock.release()
    writer.close()


def test_what_cannot_be_removed_is_counted_and_tried_again_an_hour_later(tmp_path, monkeypatch, caplog):
    """The metric's number; a log line; then it is done."""
    clock = Clock(NOW - 100 * DAY)
    writer = writing(tmp_path, clock)
    clock.at = NOW
    look = daily(tmp_path, writer, clock).look
    with monkeypatch.context() as broken:
        broken.setattr(redact, "cut", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        look()
    assert retention.read(tmp_path).overdue == 1 and "No space left" in caplog.text
    look()
    assert retention.read(tmp_path).overdue == 1
    clock.at += retention.AGAIN
    look()
    assert retention.read(tmp_path).overdue == 0
    writer.close()
    assert verify(tmp_path).problems == []


@pytest.mark.parametrize(
    ("done", "tried", "expected"),
    [
        pytest.param(0.0, 0.0, True, id="never"),
        pytest.param(NOW - 3600, NOW - 3600, False, id="an-hour-ago"),
        pytest.param(NOW - DAY, NOW - DAY, True, id="a-day-ago"),
        pytest.param(NOW - DAY, NOW - 60, False, id="failed-a-minute-ago"),
        pytest.param(NOW + DAY, NOW + DAY, True, id="the-clock-went-back"),
    ],
)
def test_when_it_is_time(done, tried, expected):
    """Once a day; after a failure an hour later."""
    assert retention.due(State(done, tried), NOW) is expected


def test_segments_that_were_emptied_are_not_read_again(tmp_path, monkeypatch):
    """Nor those whose references are younger: a run costs what is new, not the whole log."""
    clock = Clock(NOW - 100 * DAY)
    writer = writing(tmp_path, clock)
    writer.close()
    clock.at = NOW
    writer = writing(tmp_path, clock, 2)
    for _ in range(2):
        retention.run(tmp_path, AGE, writer, now=clock())
    writer.close()
    logs.pack(tmp_path, Stream(tmp_path, signer=SIGNER, clock=clock))
    retention.run(tmp_path, AGE, writer, now=clock())
    looked = []
    monkeypatch.setattr(redact, "_look", lambda segment, whose, into: (looked.append(segment.path.name), 0)[1])
    retention.run(tmp_path, AGE, writer, now=clock())
    assert [name for name in looked if name.endswith(".gz")] == []


def test_a_run_that_is_stopped_is_not_done(tmp_path):
    """The process ends: it does not wait for a long log."""
    writer = writing(tmp_path)
    retention.run(tmp_path, 0.0, writer, now=time.time() + 60, stopped=lambda: True)
    assert retention.read(tmp_path) == State()
    writer.close()


def test_a_damaged_state_is_as_none(tmp_path):
    """Then it is done once more."""
    (tmp_path / retention.FILE).write_bytes(b"{")
    assert retention.read(tmp_path) == State()


def test_a_log_that_cannot_be_written_says_so(tmp_path, monkeypatch):
    """By its usual error."""
    writer = writing(tmp_path)
    monkeypatch.setattr(segments, "write_whole", lambda *_: (_ for _ in ()).throw(OSError(30, "Read-only file system")))
    with pytest.raises(AuditError, match="Read-only"):
        retention.run(tmp_path, AGE, writer, now=time.time())
    writer.close()


def test_a_running_gate_has_the_metrics_and_the_note(tmp_path):
    """`readyz` stays ready; the counts are in the scrape, from every worker alike."""
    from tests.audit.forgeries import EARLIER, chained, decided

    with running("sidecar", tmp_path, server={"admin_token": ADMIN}) as gate:
        assert gate.http.get("/gk/readyz").json() == {"status": "ready", "problems": []}
        (tmp_path / "audit").mkdir(exist_ok=True)
        (tmp_path / "audit" / f"{EARLIER}.000001.jsonl").write_bytes(chained(EARLIER, [decided()]))
        retention.keep(tmp_path / "audit", State(overdue=7))
        gate.record(gate.post({"event": "purchase", "consent": {"analytics": True}, "data": {"session_id": "s"}}))
        answer = gate.http.get("/gk/readyz")
        assert answer.status_code == 200 and answer.json()["notes"] == [
            "not written by this installation: 1 stream in set-aside"
        ]
        text = gate.http.get("/gk/metrics", headers={"Authorization": f"Bearer {ADMIN_TOKEN}"}).text
        assert "gatekeeper_audit_set_aside 1.0" in text and "gatekeeper_retention_overdue 7.0" in text
