"""What the log lacks after a crash."""

import orjson

from gatekeeper.audit import recover
from gatekeeper.audit.lines import Line
from gatekeeper.audit.writer import AuditWriter
from tests.audit.logs import SIGNER


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
