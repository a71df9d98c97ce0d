"""What the log lacks after a crash."""

import orjson

from gatekeeper.audit import recover
from gatekeeper.audit.lines import Line
from gatekeeper.audit.writer import AuditWriter


def decision(name):
    return Line(orjson.dumps({"kind": "decision", "request_id": name}))


def test_a_line_that_is_there_is_durable_before_anybody_builds_on_it(tmp_path, monkeypatch):
    """The process that wrote it may have been killed before its sync: found by a power cut in `make torture`."""
    log = AuditWriter(tmp_path)
    log.append([decision("req_1")]).result(10)
    log.close()
    synced = []
    monkeypatch.setattr(recover, "sync_file", lambda path: synced.append(path.name))
    assert recover.missing(tmp_path, [decision("req_1"), decision("req_2")], 0.0) == [decision("req_2")]
    assert len(synced) == 1 and synced[0].endswith(".jsonl")
