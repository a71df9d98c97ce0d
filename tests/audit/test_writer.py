"""No record, no send: the log's writer, on a real disk that can fail."""

import os
import subprocess
import sys
import threading
import time
import tracemalloc
from contextlib import contextmanager

import orjson
import pytest

from gatekeeper.audit import read, segments
from gatekeeper.audit.lines import Line
from gatekeeper.audit.verify import verify
from gatekeeper.audit.writer import AuditWriter
from gatekeeper.errors import AuditError
from tests.audit.logs import SIGNER
from tests.running import ADMIN, ADMIN_TOKEN, running


def line(number):
    return Line(orjson.dumps({"kind": "decision", "number": number}))


def wait(what, seconds=10.0):
    """Until something is so."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def numbers(folder):
    """The lines that are there, in the order of reading."""
    return [record["number"] for record in read.records(folder)]


def test_it_is_done_when_the_line_is_on_disk(tmp_path):
    """What waits for it goes on only once its record can be read."""
    writer, seen = AuditWriter(tmp_path, signer=SIGNER), []
    done = writer.append([line(1)])
    done.add_done_callback(lambda _: seen.append(numbers(tmp_path)))
    done.result(5)
    writer.close()
    assert seen == [[1]]


def test_who_stops_waiting_stops_nothing(tmp_path, monkeypatch):
    """A task that is cancelled cancels what it waits for: the line is written, or fails, and the thread lives on."""
    writer = AuditWriter(tmp_path, signer=SIGNER)
    assert not writer.append([line(1)]).cancel()
    with monkeypatch.context() as broken:
        broken.setattr("gatekeeper.audit.files.os.fdatasync", lambda fd: (_ for _ in ()).throw(OSError(28, "full")))
        given_up, waited_for = writer.append([line(2)]), writer.append([line(3)])
        assert not given_up.cancel()
        with pytest.raises(AuditError):
            waited_for.result(5)
    writer.append([line(4)]).result(5)
    writer.close()
    assert numbers(tmp_path)[-1] == 4


def test_lines_of_many_threads_are_whole_and_all_there(tmp_path):
    """Eight threads, 400 lines each."""
    writer = AuditWriter(tmp_path, signer=SIGNER)

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
    assert sorted(numbers(tmp_path)) == sorted(t * 1000 + n for t in range(8) for n in range(400))


def test_a_writer_that_was_closed_begins_a_new_file(tmp_path):
    """Shutdown and a late event: nothing is lost."""
    writer = AuditWriter(tmp_path, signer=SIGNER)
    writer.append([line(1)]).result(5)
    writer.close()
    writer.append([line(2)]).result(5)
    writer.close()
    assert numbers(tmp_path) == [1, 2] and len(read.files(tmp_path)) == 2


@pytest.mark.parametrize(("fsync", "synced"), [(True, True), (False, False)], ids=["batch", "os"])
def test_lines_are_synced_unless_the_policy_leaves_it_to_the_system(tmp_path, monkeypatch, fsync, synced):
    """`[audit] fsync`; either way they can be read when the caller hears of it."""
    calls, real = [], os.fdatasync
    monkeypatch.setattr(os, "fdatasync", lambda descriptor: (calls.append(descriptor), real(descriptor)))
    writer = AuditWriter(tmp_path, fsync=fsync, signer=SIGNER)
    writer.append([line(1)]).result(5)
    assert numbers(tmp_path) == [1] and len(calls) == 2 + synced  # the genesis and the number of streams always
    writer.close()


def test_a_line_that_is_put_can_be_read_at_once_and_is_synced_with_the_next(tmp_path, monkeypatch):
    """The caller's own thread writes it; the next batch makes both durable with one sync."""
    calls, real = [], os.fdatasync
    monkeypatch.setattr("gatekeeper.audit.writer.LAZY", 60.0)
    writer = AuditWriter(tmp_path, signer=SIGNER)
    writer.append([line(1)]).result(5)
    monkeypatch.setattr(os, "fdatasync", lambda descriptor: (calls.append(descriptor), real(descriptor)))
    writer.put([line(2)])
    wait(lambda: numbers(tmp_path) == [1, 2])
    assert calls == []
    writer.append([line(3)]).result(5)
    assert numbers(tmp_path) == [1, 2, 3] and len(calls) == 1
    writer.close()
    assert verify(tmp_path).sound


def test_a_line_that_is_put_is_synced_soon_though_no_other_comes(tmp_path, monkeypatch):
    """After `LAZY` seconds at most."""
    writer = AuditWriter(tmp_path, signer=SIGNER)
    writer.append([line(1)]).result(5)
    calls, real = [], os.fdatasync
    monkeypatch.setattr(os, "fdatasync", lambda descriptor: (calls.append(descriptor), real(descriptor)))
    writer.put([line(2)])
    wait(lambda: len(calls) == 1)
    writer.close()


@pytest.mark.parametrize("begun", [True, False], ids=["a stream is open", "the first line of all"])
def test_a_line_that_is_put_is_there_when_the_writer_closes(tmp_path, monkeypatch, begun):
    """A process that ends behind its last call."""
    monkeypatch.setattr("gatekeeper.audit.writer.LAZY", 60.0)
    writer = AuditWriter(tmp_path, signer=SIGNER)
    if begun:
        writer.append([line(1)]).result(5)
    writer.put([line(2)])
    writer.close()
    assert numbers(tmp_path) == [1, 2][not begun :] and verify(tmp_path).sound


def test_lines_that_were_put_are_written_again_once_where_their_sync_failed(tmp_path, monkeypatch):
    """The file is cut behind what is durable: they stand in the next one, in their order, and nowhere twice."""
    monkeypatch.setattr("gatekeeper.audit.writer.LAZY", 60.0)
    monkeypatch.setattr("gatekeeper.audit.writer._AGAIN", 0.01)
    writer = AuditWriter(tmp_path, signer=SIGNER)
    writer.append([line(1)]).result(5)
    writer.put([line(2)])
    writer.put([line(3)])
    wait(lambda: numbers(tmp_path) == [1, 2, 3])
    with monkeypatch.context() as broken:
        broken.setattr("gatekeeper.audit.files.os.fdatasync", lambda fd: (_ for _ in ()).throw(OSError(28, "full")))
        with pytest.raises(AuditError):
            writer.append([line(4)]).result(5)
        writer.put([line(5)])
    writer.append([line(6)]).result(5)
    writer.close()
    assert numbers(tmp_path) == [1, 2, 3, 5, 6] and verify(tmp_path).sound


def test_lines_that_were_put_are_durable_before_their_segment_is_closed(tmp_path, monkeypatch):
    """A segment that is full: the next line begins another one, and the old one is whole."""
    monkeypatch.setattr("gatekeeper.audit.writer.LAZY", 60.0)
    writer = AuditWriter(tmp_path, signer=SIGNER, rotate=2_000)
    writer.append([line(0)]).result(5)
    for number in range(1, 40):
        writer.put([line(number)])
    writer.append([line(40)]).result(5)
    writer.close()
    assert numbers(tmp_path) == [*range(41)] and verify(tmp_path).sound and len(read.files(tmp_path)) > 1


def test_a_failed_write_fails_its_callers(tmp_path, monkeypatch):
    """A full disk: AuditError, and recovery by itself."""
    writer = AuditWriter(tmp_path, signer=SIGNER)
    writer.append([line(1)]).result(5)
    real = os.write

    def full(descriptor, data):
        real(descriptor, bytes(data)[:5])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gatekeeper.audit.files.os.write", full)
    with pytest.raises(AuditError):
        writer.append([line(2)]).result(5)
    assert writer.failing()
    monkeypatch.setattr("gatekeeper.audit.files.os.write", real)
    writer.append([line(3)]).result(5)
    writer.close()
    assert not writer.failing()
    assert numbers(tmp_path) == [1, 3]


def test_a_failed_sync_fails_too(tmp_path, monkeypatch):
    """A line that may not survive a power cut is no record."""
    writer = AuditWriter(tmp_path, signer=SIGNER)
    monkeypatch.setattr("gatekeeper.audit.files.os.fdatasync", lambda fd: (_ for _ in ()).throw(OSError(5, "I/O")))
    with pytest.raises(AuditError):
        writer.append([line(1)]).result(5)
    writer.close()
    assert list(tmp_path.glob("*.jsonl")) == [] and list(tmp_path.glob("*.head")) == []


def test_it_recovers_by_itself_without_a_line_to_write(tmp_path, monkeypatch):
    """A gate that is not ready gets no events: only the log itself can find out that the disk is back."""
    monkeypatch.setattr("gatekeeper.audit.writer._AGAIN", 0.01)
    writer = AuditWriter(tmp_path, signer=SIGNER)
    writer.append([line(1)]).result(5)
    with monkeypatch.context() as broken:
        broken.setattr("gatekeeper.audit.files.os.fdatasync", lambda fd: (_ for _ in ()).throw(OSError(28, "full")))
        with pytest.raises(AuditError):
            writer.append([line(2)]).result(5)
        assert writer.failing()
    wait(lambda: not writer.failing())
    writer.append([line(3)]).result(5)
    writer.close()
    assert numbers(tmp_path) == [1, 3] and verify(tmp_path).sound


def test_whatever_goes_wrong_the_callers_hear_of_it(tmp_path, monkeypatch):
    """An error nobody thought of: no line, no send, no caller that waits for ever."""
    writer = AuditWriter(tmp_path, signer=SIGNER)
    with monkeypatch.context() as broken:
        broken.setattr("gatekeeper.audit.stream.chain.seal", lambda *_: 1 / 0)
        with pytest.raises(AuditError):
            writer.append([line(1)]).result(5)
    writer.append([line(2)]).result(5)
    writer.close()
    assert numbers(tmp_path) == [2] and verify(tmp_path).sound


def test_a_folder_that_cannot_be_written_is_a_failure_like_any_other(tmp_path):
    """The log's folder is a file: AuditError for each, and recovery once it is gone."""
    folder = tmp_path / "audit"
    folder.write_text("in the way")
    writer = AuditWriter(folder, signer=SIGNER)
    with pytest.raises(AuditError):
        writer.append([line(1)]).result(5)
    folder.unlink()
    writer.append([line(2)]).result(5)
    writer.close()
    assert numbers(folder) == [2] and verify(folder).sound


def test_a_disk_that_is_really_full_stops_the_log_and_no_line_is_half_there(tmp_path):
    """RLIMIT_FSIZE stands in for the disk: in a process of its own, because the limit is the process's."""
    script = (
        "import resource, signal, sys, pathlib, orjson\n"
        "from gatekeeper.audit.lines import Line\n"
        "from gatekeeper.audit.writer import AuditWriter\n"
        "from gatekeeper.errors import AuditError\n"
        "from tests.audit.logs import SIGNER\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (5000, resource.RLIM_INFINITY))\n"
        "writer, failed = AuditWriter(pathlib.Path(sys.argv[1]), signer=SIGNER), 0\n"
        "for n in range(60):\n"
        "    try:\n"
        "        writer.append([Line(orjson.dumps({'kind': 'decision', 'number': n}))]).result(5)\n"
        "    except AuditError:\n"
        "        failed += 1\n"
        "writer.close()\n"
        "print(failed)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, tmp_path], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 0 and len(numbers(tmp_path)) == 60 - int(done.stdout)
    assert verify(tmp_path).sound


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

        monkeypatch.setattr("gatekeeper.audit.files.os.write", full)
        answer = gate.post(event)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert gate.http.get("/gk/readyz").status_code == 503
        monkeypatch.setattr("gatekeeper.audit.files.os.write", real)
        assert all(simulator.received == () for simulator in gate.sims)
        assert gate.statuses(gate.record(gate.post(event)))["ga4"] == "delivered"
        assert gate.http.get("/gk/readyz").status_code == 200


def test_a_torn_last_line_is_left_out(tmp_path):
    """As a crash leaves it."""
    writer = AuditWriter(tmp_path, signer=SIGNER)
    writer.append([line(1)]).result(5)
    writer.close()
    with read.files(tmp_path)[0].path.open("ab") as file:
        file.write(b'{"kind":"deci')
    assert numbers(tmp_path) == [1]


def test_after_a_fork_the_child_writes_a_file_of_its_own(tmp_path):
    """Pre-forking servers: no shared descriptor, no dead thread."""
    writer = AuditWriter(tmp_path, signer=SIGNER)
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
    assert sorted(numbers(tmp_path)) == [1, 2, 3]
    assert len(read.files(tmp_path)) == 2


@contextmanager
def read_only(folder):
    """A folder in which nothing can be written: for root, whom modes do not stop, by a mount over it."""
    if os.geteuid() != 0:
        folder.chmod(0o550)
        for path in folder.iterdir():
            path.chmod(0o440)
        yield
        folder.chmod(0o750)
        for path in folder.iterdir():
            path.chmod(0o640)
        return
    for words in (["--bind", folder, folder], ["-o", "remount,ro,bind", folder]):
        done = subprocess.run(["mount", *words], capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"root may not mount here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_read_only_log_stops_sending_says_so_and_recovers_by_itself(tmp_path):
    """Not ready, 503, the metric, no byte to anybody; then ready again without a restart."""
    event = {"event": "purchase", "consent": {"analytics": True}, "data": {"session_id": "s"}}
    with running("sidecar", tmp_path, server={"admin_token": ADMIN}) as gate:

        def failing():
            text = gate.http.get("/gk/metrics", headers={"Authorization": f"Bearer {ADMIN_TOKEN}"}).text
            return "gatekeeper_audit_failing 1.0" in text

        with read_only(tmp_path / "audit"):
            answer = gate.post(event)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
            assert gate.http.get("/gk/readyz").json() == {
                "status": "not ready", "problems": ["the audit log cannot be written: nothing is sent"],
            }  # fmt: skip
            call = gate.http.post("/gk/to/own/events", json={"events": []})
            assert call.headers["gatekeeper-decision"] == "blocked; reason=audit_unavailable"
            assert failing() and all(simulator.received == () for simulator in gate.sims)
        wait(lambda: gate.http.get("/gk/readyz").status_code == 200)
        assert not failing()
        assert gate.statuses(gate.record(gate.post(event)))["ga4"] == "delivered"
    assert verify(tmp_path / "audit").sound


def test_an_anchor_that_cannot_be_put_is_seen_in_the_metrics_and_stops_nothing(tmp_path):
    """A folder in its way; once it is gone the next checkpoint goes there."""
    event = {"event": "purchase", "consent": {"analytics": True}, "data": {"session_id": "s"}}
    anchor = tmp_path / "anchor"
    anchor.mkdir()
    audit = {"anchor": str(anchor), "checkpoint": "1s"}
    with running("sidecar", tmp_path, server={"admin_token": ADMIN}, audit=audit) as gate:

        def failing():
            text = gate.http.get("/gk/metrics", headers={"Authorization": f"Bearer {ADMIN_TOKEN}"}).text
            return "gatekeeper_anchor_failing 1.0" in text

        gate.record(gate.post(event))
        wait(failing)
        assert gate.http.get("/gk/readyz").status_code == 200
        anchor.rmdir()
        gate.record(gate.post(event))
        wait(lambda: not failing())
        assert anchor.read_bytes().count(b'"kind":"checkpoint"') >= 1


def test_compressing_takes_no_memory_for_the_size_of_a_segment(tmp_path):
    """A sidecar that is allowed 80 MB closes segments of 64 MB."""
    segment = segments.parse(tmp_path / "20260101T000000.000000Z-1-00000000.000001.jsonl")
    line = b'{"n":1,"x":"' + b"y" * 500 + b'"}\n'
    segment.plain.write_bytes(line * 40_000)
    tracemalloc.start()
    try:
        segments.pack(segment)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()
    assert not segment.plain.exists() and segment.read() == line * 40_000


def test_a_failed_write_that_cannot_be_undone_is_not_written_a_second_time(tmp_path, monkeypatch):
    """What the disk took in spite of its error may come back: until it is off the disk, no other line is written."""
    monkeypatch.setattr("gatekeeper.audit.writer._AGAIN", 0.01)
    writer = AuditWriter(tmp_path, signer=SIGNER)
    writer.append([line(1)]).result(5)
    (stream,) = segments.streams(tmp_path)
    with monkeypatch.context() as broken:
        fails = OSError(5, "Input/output error")
        broken.setattr("gatekeeper.audit.files.os.fdatasync", lambda fd: (_ for _ in ()).throw(fails))
        broken.setattr("gatekeeper.audit.files.os.ftruncate", lambda fd, size: (_ for _ in ()).throw(fails))
        with pytest.raises(AuditError):
            writer.append([line(2)]).result(5)
        with pytest.raises(AuditError):
            writer.append([line(2)]).result(5)
        assert numbers(tmp_path) == [1, 2] and segments.alive(tmp_path, stream)
        assert list(segments.streams(tmp_path)) == [stream]
    writer.append([line(2)]).result(5)
    writer.close()
    assert numbers(tmp_path) == [1, 2] and verify(tmp_path).sound


def test_a_line_whose_place_cannot_be_told_is_taken_back(tmp_path, monkeypatch):
    """The head file is full: its caller is told that it failed, and it is not in the log."""
    writer = AuditWriter(tmp_path, signer=SIGNER)
    writer.append([line(1)]).result(5)
    with monkeypatch.context() as broken:
        fails = OSError(28, "No space left on device")
        broken.setattr("gatekeeper.audit.files.write_head", lambda *_: (_ for _ in ()).throw(fails))
        with pytest.raises(AuditError):
            writer.append([line(2)]).result(5)
    assert numbers(tmp_path) == [1]
    writer.append([line(2)]).result(5)
    writer.close()
    assert numbers(tmp_path) == [1, 2] and verify(tmp_path).sound
