"""What the log lacks after a crash."""

import os

import orjson
import pytest

from gatekeeper.audit import read, recover, segments
from gatekeeper.audit.lines import Line, outcome_line
from gatekeeper.audit.writer import AuditWriter
from tests.audit.logs import SIGNER, OneKey
from tests.builders import NOW


def decision(name):
    return Line(orjson.dumps({"kind": "decision", "request_id": name}))


def test_a_line_that_is_there_is_durable_before_anybody_builds_on_it(tmp_path, monkeypatch):
    """The process that wrote it may have been killed before its sync: found by a power cut in `make torture`."""
    log = AuditWriter(tmp_path, signer=SIGNER)
    log.append([decision("req_1")]).result(10)
    log.close()
    synced = []
    monkeypatch.setattr(recover, "sync_file", lambda path: synced.append(path.name))
    assert recover.missing(tmp_path, SIGNER, [decision("req_1"), decision("req_2")], 0.0, now=0.0) == [
        decision("req_2")
    ]
    assert len(synced) == 1 and synced[0].endswith(".jsonl")


def test_a_line_that_a_power_cut_left_holes_in_is_not_there(tmp_path):
    """Nor are those behind it: whoever takes the stream over sets them aside. Found by `make torture`."""
    log = AuditWriter(tmp_path, signer=SIGNER)
    names = ["req_1", "req_2", "req_3"]
    for name in names:
        log.append([decision(name)]).result(10)
    (path,) = tmp_path.glob("*.jsonl")
    data = path.read_bytes()
    hole = data.index(b'"request_id":"req_2"') + len(b'"request_id":"req_2"')
    path.write_bytes(data[:hole] + bytes(4) + data[hole + 4 :])
    assert recover.missing(tmp_path, SIGNER, [decision(name) for name in names], 0.0, now=0.0) == [
        decision("req_2"),
        decision("req_3"),
    ]
    path.write_bytes(data[:-1])
    assert recover.missing(tmp_path, SIGNER, [decision(name) for name in names], 0.0, now=0.0) == [decision("req_3")]
    log.close()


def outcome(status, attempts=1, name="req_1", destination="own"):
    return outcome_line(at=NOW, destination=destination, request_ids=[name], status=status, why=None, attempts=attempts)


def test_each_kind_of_line_is_known_by_what_it_alone_has(tmp_path):
    """A decision by its request, a choice by its receipt, an outcome by its events, destination, status and attempt."""
    choice = Line(orjson.dumps({"kind": "consent", "timestamp": "2026-11-24T00:00:00Z", "receipt": "con_1"}))
    there = [decision("req_1"), choice, outcome("failed"), outcome("delivered", 2)]
    log = AuditWriter(tmp_path, signer=SIGNER)
    log.append(there).result(10)
    log.close()
    absent = [
        decision("req_"), decision("req_11"), Line(choice.core.replace(b"con_1", b"con_")), outcome("delivered"),
        outcome("failed", 2), outcome("failed", name="req_2"), outcome("failed", destination="ow"),
    ]  # fmt: skip
    assert recover.missing(tmp_path, SIGNER, [*absent, *there], 0.0, now=0.0) == absent


@pytest.mark.parametrize(
    ("written", "now", "there"),
    [(NOW - 120, NOW, True), (NOW - 121, NOW, False), (NOW - 121, NOW - 121, True), (NOW - 121, NOW - 120, False)],
    ids=["in-time", "before-it", "the-clock-went-back", "the-clock-is-as-good-as-right"],
)
def test_a_file_that_was_written_last_before_that_time_is_not_read(tmp_path, written, now, there):
    """But for what clocks may differ by; if the clock itself went back, times of files say nothing."""
    log = AuditWriter(tmp_path, signer=SIGNER)
    log.append([decision("req_1")]).result(10)
    log.close()
    (path,) = tmp_path.glob("*.jsonl")
    os.utime(path, (written, written))
    missing = recover.missing(tmp_path, SIGNER, [decision("req_1")], NOW, now=now)
    assert missing == ([] if there else [decision("req_1")])


def test_a_line_in_another_installations_stream_is_not_there(tmp_path):
    """No other's line stands for it; packed or not, a line of our own does."""
    log = AuditWriter(tmp_path, signer=SIGNER)
    log.append([decision("req_1")]).result(10)
    log.close()
    assert recover.missing(tmp_path, OneKey(bytes(32)), [decision("req_1")], 0.0, now=0.0) == [decision("req_1")]
    (segment,) = read.files(tmp_path)
    segments.pack(segment)
    assert recover.missing(tmp_path, SIGNER, [decision("req_1")], 0.0, now=0.0) == []
