"""What is in the log's folder and not the log's, and bytes in a segment that are no part of it."""

import gzip
import io
import random

import pytest

from gatekeeper.audit.strangers import Unpacked, strangers

STREAM = "20261124T000000.000000Z-1-0000000a"
OURS = [
    f"{STREAM}.000001.jsonl", f"{STREAM}.000002.jsonl.gz", f"{STREAM}.000002.jsonl.gz.tmp", f"{STREAM}.head",
    f"{STREAM}.torn", "checkpoint.lock", "files.lock", "columns.lock", "retention.lock", "begun", "turn",
    "retention.json", "begun.tmp", "turn.tmp", "retention.json.tmp", ".probe-0000000a",
]  # fmt: skip
STRANGE = [
    "a.jsonl", f"{STREAM}.1.jsonl", f"{STREAM}.000001.jsonl.bak", f"{STREAM}.000001.jsonl.tmp", f"{STREAM}.headx",
    "x.lock", "begun.bak", "probe-0000000a", "columns", "xbegun",
]  # fmt: skip


def test_every_other_name_is_strange(tmp_path):
    """In their order; so is a file that has the name of a folder of ours."""
    for name in (*OURS, *STRANGE):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "set-aside").mkdir()
    (tmp_path / "other").mkdir()
    assert strangers(tmp_path) == sorted([*STRANGE, "other"])
    (tmp_path / "columns").unlink()
    (tmp_path / "columns").mkdir()
    assert "columns" not in strangers(tmp_path)


def packed(data, **more):
    return gzip.compress(data, 6, mtime=0, **more)


def test_a_segment_comes_out_as_it_went_in(tmp_path):
    """However long it is; the bytes that were read of the file are told."""
    path, told = tmp_path / "a.gz", []
    data = b"".join(b"%d line\n" % (n * 7_919) for n in range(90_000))
    path.write_bytes(packed(data))
    with io.BufferedReader(Unpacked(path, told.append), 4_096) as file:
        assert file.readable() and file.read() == data and file.read() == b""
    assert sum(told) == path.stat().st_size and len(told) > 1
    with io.BufferedReader(Unpacked(path)) as file:
        assert file.readline() == b"0 line\n"


LATER = packed(b"x")[:4] + b"\x01" + packed(b"x")[5:]
HARM = {
    "empty": (b"", EOFError, "it ends in the middle"),
    "cut": (packed(b"line\n" * 99)[:-1], EOFError, "it ends in the middle"),
    "a-time-in-the-header": (LATER, ValueError, "has more in its gzip header than a segment"),
    "a-name-in-the-header": (packed(b"x")[:3] + b"\x08" + packed(b"x")[4:], ValueError, "has more in its gzip header"),
    "a-byte-behind": (packed(b"x") + b"y", ValueError, "has bytes behind its end"),
    "a-second-member": (packed(b"x") + packed(b"y"), ValueError, "has bytes behind its end"),
}  # fmt: skip


@pytest.mark.parametrize(("data", "error", "said"), HARM.values(), ids=HARM)
def test_anything_beside_the_one_member_is_an_error(tmp_path, data, error, said):
    """What follows a segment is hidden from who unpacks it in another way."""
    path = tmp_path / "a.gz"
    path.write_bytes(data)
    with pytest.raises(error, match=f"^{said}"), Unpacked(path) as file:
        io.BufferedReader(file).read()


def test_bytes_behind_the_end_are_found_where_it_was_read_to_its_last_byte(tmp_path):
    """They are not in the piece that was read last."""
    noise = random.Random(5).randbytes(2**18)
    size = next(n for n in range(2**18, 0, -1) if len(packed(noise[:n])) <= 2**18)
    assert len(packed(noise[:size])) == 2**18  # a piece
    path = tmp_path / "a.gz"
    path.write_bytes(packed(noise[:size]) + b"y")
    with pytest.raises(ValueError, match="behind its end"), Unpacked(path) as file:
        io.BufferedReader(file).read()
    path.write_bytes(packed(noise[:size]))
    with Unpacked(path) as file:
        assert io.BufferedReader(file).read() == noise[:size]
