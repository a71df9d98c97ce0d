"""The two files of a stream that is being written: what is in them after each step, and after one that failed."""

import os

import pytest

from gatekeeper.audit import files as module
from gatekeeper.audit import segments
from gatekeeper.audit.alone import LOCK, alone
from gatekeeper.audit.files import Files
from gatekeeper.audit.segments import Head
from gatekeeper.installation import disk
from gatekeeper.installation.locks import Lock

STREAM = "20261124T000000.000000Z-1-0000000a"


@pytest.fixture
def path(tmp_path):
    """Where the segment is."""
    return tmp_path / f"{STREAM}.000001.jsonl"


def begun(folder, path, *, durable=True):
    files = Files(folder, STREAM, durable=durable)
    files.take()
    files.begin(path)
    return files


def test_a_segment_is_as_long_as_what_was_written(tmp_path, path):
    """The head says how far it is durable; only the operator's group reads it."""
    files = begun(tmp_path, path)
    assert files.open and files.size == 0 and path.stat().st_mode & 0o137 == 0
    assert files.append(b"one\n", None) is False and segments.live_head(tmp_path, STREAM) is None
    assert files.append(b"two\n", (2, b"\1" * 32)) is True
    assert (files.size, files.last, path.read_bytes()) == (8, b"two\n", b"one\ntwo\n")
    assert segments.live_head(tmp_path, STREAM) == Head(STREAM, 2, "01" * 32)
    assert not files.over and not files.spoiled
    files.release()
    assert not files.open
    files.release()


def test_a_stream_that_another_process_keeps_is_not_taken(tmp_path, path, monkeypatch):
    """It is waited for shortly."""
    monkeypatch.setattr(module, "_PATIENCE", 0.01)
    lock = Lock(segments.head_file(tmp_path, STREAM))
    assert lock.take()
    files = Files(tmp_path, STREAM, durable=True)
    with pytest.raises(OSError, match=r"^\[Errno 0\] the stream's head is locked$"):
        files.take()
    lock.release()
    files.take()
    assert segments.alive(tmp_path, STREAM)
    files.release()
    assert not segments.alive(tmp_path, STREAM)
    files.forget()
    assert not segments.head_file(tmp_path, STREAM).exists()
    files.forget()


@pytest.mark.parametrize(("durable", "left"), [(True, b"one\n"), (False, b"one\ntwo\n")])
def test_a_write_that_fails_is_undone(tmp_path, path, monkeypatch, durable, left):
    """To what was durable, or to what was whole; after that nothing can be written."""
    files = begun(tmp_path, path, durable=durable)
    files.append(b"one\n", (1, bytes(32)))
    files.append(b"two\n", None)

    def full(descriptor, data):
        real(descriptor, data[:2])
        raise OSError(28, "No space left on device")

    real = os.write
    monkeypatch.setattr(module.os, "write", full)
    with pytest.raises(OSError, match="No space left"):
        files.append(b"three\n", None)
    monkeypatch.undo()
    assert path.read_bytes() == left and files.over and not files.spoiled
    files.release()


def test_a_write_that_cannot_be_undone_spoils_the_segment(tmp_path, path, monkeypatch):
    """Until it can be."""
    files = begun(tmp_path, path)
    files.append(b"one\n", (1, bytes(32)))

    def refuse(*_):
        raise OSError(5, "no")

    monkeypatch.setattr(disk, "sync", refuse)
    with pytest.raises(OSError, match="no"):
        files.append(b"two\n", (2, bytes(32)))
    assert files.spoiled and files.over
    monkeypatch.undo()
    files.undo()
    assert not files.spoiled and path.read_bytes() == b"one\n"
    files.release()


@pytest.mark.parametrize("harm", [None, "deleted", "moved", "another"])
def test_a_segment_is_lost_where_its_name_stands_for_no_file_or_another(tmp_path, path, harm):
    """What is written to it then is in no log."""
    files = begun(tmp_path, path)
    if harm in ("deleted", "another"):
        path.unlink()
    if harm == "moved":
        path.rename(tmp_path / "elsewhere")
    if harm == "another":
        path.write_bytes(b"")
    assert files.lost(path) is (harm is not None)
    files.release()


def test_the_segment_before_stays_open_until_its_end(tmp_path, path):
    """A second one of the same name cannot begin."""
    files = begun(tmp_path, path)
    files.append(b"one\n", (1, bytes(32)))
    with pytest.raises(FileExistsError):
        files.begin(path)
    following = tmp_path / f"{STREAM}.000002.jsonl"
    files.begin(following)
    assert files.size == 0
    files.name()
    files.end_last()
    files.end_last()
    files.append(b"two\n", (2, bytes(32)))
    assert (path.read_bytes(), following.read_bytes()) == (b"one\n", b"two\n")
    files.release()


def test_who_holds_the_folders_lock_signs_alone(tmp_path):
    """Another one waits, and is told where it waits too long."""
    with alone(tmp_path):
        assert not Lock(tmp_path / LOCK).take()
        with (
            pytest.raises(BlockingIOError, match=r"^\[Errno 0\] another process signs the log$"),
            alone(tmp_path, 0.01),
        ):
            pass
    with alone(tmp_path, 0.0):
        pass
