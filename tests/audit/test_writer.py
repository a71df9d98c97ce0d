"""No record, no send: the log's writer, on a real disk that can fail."""

import os
import threading

import orjson
import pytest

from gatekeeper.audit import read
from gatekeeper.audit.lines import Line
from gatekeeper.audit.writer import AuditWriter
from gatekeeper.errors import AuditError
from tests.running import running


def line(n):
    return Line(orjson.dumps({"kind": "decision", "n": n}))


def test_then_runs_after_the_line_is_on_disk(tmp_path):
    """What is handed over is handed over only once its record can be read."""
    writer, seen = AuditWriter(tmp_path), []
    writer.append([line(1)], lambda: seen.append(list(read.records(tmp_path)))).result(5)
    writer.close()
    assert seen == [[{"kind": "decision", "n": 1}]]


def test_lines_of_many_threads_are_whole_and_all_there(tmp_path):
    """Eight threads, 400 lines each."""
    writer = AuditWriter(tmp_path)

    def write(thread):
        futures = [writer.append([line(thread * 1000 + n)]) for n in range(400)]
        for future in futures:
            future.result(10)

    threads = [threading.Thread(target=write, args=(t,)) for t in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close()
    assert sorted(record["n"] for record in read.records(tmp_path)) == sorted(
        t * 1000 + n for t in range(8) for n in range(400)
    )


def test_a_writer_that_was_closed_begins_a_new_file(tmp_path):
    """Shutdown and a late event: nothing is lost."""
    writer = AuditWriter(tmp_path)
    writer.append([line(1)]).result(5)
    writer.close()
    writer.append([line(2)]).result(5)
    writer.close()
    assert [record["n"] for record in read.records(tmp_path)] == [1, 2] and len(read.files(tmp_path)) == 2


@pytest.mark.parametrize(("fsync", "synced"), [(True, True), (False, False)], ids=["batch", "os"])
def test_lines_are_synced_unless_the_policy_leaves_it_to_the_system(tmp_path, monkeypatch, fsync, synced):
    """`[audit] fsync`; either way they can be read when the caller hears of it."""
    calls, real = [], os.fdatasync
    monkeypatch.setattr(os, "fdatasync", lambda descriptor: (calls.append(descriptor), real(descriptor)))
    writer = AuditWriter(tmp_path, fsync=fsync)
    writer.append([line(1)]).result(5)
    assert [record["n"] for record in read.records(tmp_path)] == [1] and bool(calls) == synced
    writer.close()


def test_a_failed_write_fails_its_callers_and_hands_nothing_over(tmp_path, monkeypatch):
    """A full disk: AuditError, no hand-over, and recovery by itself."""
    writer, handed = AuditWriter(tmp_path), []
    writer.append([line(1)]).result(5)
    real = os.write

    def full(descriptor, data):
        real(descriptor, bytes(data)[:5])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gatekeeper.audit.writer.os.write", full)
    with pytest.raises(AuditError):
        writer.append([line(2)], lambda: handed.append(2)).result(5)
    assert writer.failing() and handed == []
    monkeypatch.setattr("gatekeeper.audit.writer.os.write", real)
    writer.append([line(3)], lambda: handed.append(3)).result(5)
    writer.close()
    assert handed == [3] and not writer.failing()
    assert [record["n"] for record in read.records(tmp_path)] == [1, 3]


def test_a_failed_sync_fails_too(tmp_path, monkeypatch):
    """A line that may not survive a power cut is no record."""
    writer = AuditWriter(tmp_path)
    monkeypatch.setattr(
        "gatekeeper.audit.writer.os.fdatasync", lambda fd: (_ for _ in ()).throw(OSError(5, "I/O error"))
    )
    with pytest.raises(AuditError):
        writer.append([line(1)]).result(5)
    writer.close()


def test_when_the_log_cannot_be_written_collect_says_503_and_nothing_leaves(tmp_path, monkeypatch):
    """Retry-After, not ready, no request to anybody; then recovery."""
    event = {"event": "purchase", "consent": {"analytics": True}, "data": {"session_id": "s"}}
    with running("sidecar", tmp_path) as gate:
        gate.record(gate.post(event))
        gate.sims.clear()
        real = os.write

        def full(descriptor, data):
            if b'"kind":"decision"' in bytes(data):
                raise OSError(28, "No space left on device")
            return real(descriptor, data)

        monkeypatch.setattr("gatekeeper.audit.writer.os.write", full)
        answer = gate.post(event)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert gate.http.get("/gk/readyz").status_code == 503
        monkeypatch.setattr("gatekeeper.audit.writer.os.write", real)
        assert all(simulator.received == () for simulator in gate.sims)
        assert gate.statuses(gate.record(gate.post(event)))["ga4"] == "delivered"
        assert gate.http.get("/gk/readyz").status_code == 200


def test_a_torn_last_line_is_left_out(tmp_path):
    """As a crash leaves it."""
    (tmp_path / "a.jsonl").write_bytes(line(1).core + b"\n" + b'{"kind":"deci')
    assert [record["n"] for record in read.records(tmp_path)] == [1]


def test_after_a_fork_the_child_writes_a_file_of_its_own(tmp_path):
    """Pre-forking servers: no shared descriptor, no dead thread."""
    writer = AuditWriter(tmp_path)
    writer.append([line(1)]).result(5)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            writer.append([line(2)]).result(5)
            writer.close()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    writer.append([line(3)]).result(5)
    writer.close()
    assert os.waitstatus_to_exitcode(status) == 0
    assert sorted(record["n"] for record in read.records(tmp_path)) == [1, 2, 3]
    assert len(read.files(tmp_path)) == 2
