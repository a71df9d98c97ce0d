"""Files that disappear beneath a running gate: what would be written where nobody finds it is not sent.

Source: `field-hosts.md`, case log-folder-deleted (kind: log files), and others of its kind.
"""

import shutil
import time

import pytest

from tests.running import running

EVENT = {"event": "purchase", "consent": {"analytics": True}, "data": {"session_id": "s"}}
GONE = "the audit log cannot be written: nothing is sent"


@pytest.fixture
def up(tmp_path):
    with running("sidecar", tmp_path) as gate:
        gate.record(gate.post(EVENT))
        gate.sims.clear()
        yield gate


def until(what):
    deadline = time.monotonic() + 60
    while not what():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def sent(up):
    return len(up.sims.ga4.received) + len(up.sims.first_party.received)


def test_nothing_is_sent_after_the_logs_folder_was_deleted(up, monkeypatch):
    """503 as long as it is gone, and `readyz` says why; a folder that is there again is begun anew."""
    folder = up.runtime.policy.audit_folder
    shutil.rmtree(folder)
    for _ in range(3):
        assert up.post(EVENT).status_code == 503
    assert not folder.exists() and sent(up) == 0
    assert up.http.get("/gk/readyz").status_code == 503 and GONE in up.http.get("/gk/readyz").json()["problems"]
    monkeypatch.setattr("gatekeeper.runtime.health.TRY_AGAIN", 0.0)
    folder.mkdir()
    until(lambda: up.post(EVENT).status_code == 202)
    until(lambda: sent(up) >= 1)


def test_calls_are_blocked_after_the_logs_folder_was_deleted(up):
    """The SDK gets its answer, and the vendor nothing."""
    from tests.shells.test_relay import PROTOCOL, PURCHASE, consent

    headers = consent(up, analytics=True)
    shutil.rmtree(up.runtime.policy.audit_folder)
    for _ in range(3):
        answer = up.http.post(PROTOCOL, json=PURCHASE, headers=headers)
        assert answer.headers["gatekeeper-decision"] == "blocked; reason=audit_unavailable"
    assert sent(up) == 0


@pytest.mark.parametrize("how", ["renamed", "deleted", "replaced"])
def test_a_log_file_that_is_moved_away_is_not_written_to(up, how):
    """The next line begins another file of the folder: readers see all that is sent."""
    folder = up.runtime.policy.audit_folder
    (file,) = folder.glob("*.jsonl")
    if how == "renamed":
        file.rename(folder / "old.log.1")
    else:
        file.unlink()
    if how == "replaced":
        file.write_bytes(b"")
    answer = up.post(EVENT)
    assert answer.status_code == 202
    (request_id,) = answer.json()["request_ids"]
    assert [line for line in up.lines() if line.get("request_id") == request_id]
    assert sum(b"\n" in one.read_bytes() for one in folder.glob("*.jsonl")) == 1


@pytest.mark.parametrize("how", ["deleted", "replaced"])
def test_no_event_is_accepted_into_a_database_that_is_gone(up, how):
    """What is kept in a deleted file is gone with the process: 503, and `readyz` says it."""
    path = up.runtime.policy.database_file
    for one in path.parent.glob(path.name + "*"):
        if one.is_file():
            one.unlink()
    if how == "replaced":
        path.write_bytes(b"")
    assert up.post(EVENT).status_code == 503
    assert sent(up) == 0
    assert any("the outbox cannot be written" in told for told in up.http.get("/gk/readyz").json()["problems"])
    assert up.post(EVENT).status_code == 503
