"""What an operator sees: the books add up, secrets stay secret, `readyz` says what is wrong."""

import errno
import re
import time

import pytest

from tests.running import ADMIN, ADMIN_TOKEN, API_KEY, running

EVENT = {"event": "purchase", "consent": {"analytics": True}, "data": {"session_id": "s"}}
BEARER = {"Authorization": f"Bearer {ADMIN_TOKEN}"}


@pytest.fixture(scope="module")
def gate(tmp_path_factory):
    with running("sidecar", tmp_path_factory.mktemp("gate"), server={"admin_token": ADMIN}) as up:
        yield up


def scrape(gate):
    text = gate.http.get("/gk/metrics", headers=BEARER).text
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in text.splitlines() if line[0] != "#"}


def test_the_metrics_are_the_bearers_alone(gate):
    """401 with another token, and none at all."""
    assert gate.http.get("/gk/metrics").status_code == 401
    assert gate.http.get("/gk/metrics", headers={"Authorization": f"Bearer {API_KEY}"}).status_code == 401
    assert gate.http.get("/gk/metrics", headers=BEARER).status_code == 200


def test_without_a_token_there_are_no_metrics(tmp_path):
    """404: off."""
    with running("sidecar", tmp_path) as up:
        assert up.http.get("/gk/metrics", headers=BEARER).status_code == 404


def test_what_becomes_of_events_is_counted(gate):
    """Accepted, delivered, blocked by reason, batches and times."""
    before = scrape(gate)
    for _ in range(20):
        gate.record(gate.post(EVENT))
    after = scrape(gate)

    def more(name):
        return after.get(name, 0.0) - before.get(name, 0.0)

    assert more('gatekeeper_blocked_total{destination="meta_capi",reason="no_marketing_consent"}') == 20
    assert more('gatekeeper_accepted_total{destination="own"}') == 20
    assert more('gatekeeper_delivered_total{destination="own"}') == 20
    assert more('gatekeeper_batch_events_sum{destination="own"}') == 20
    assert more("gatekeeper_decision_seconds_count") >= 1
    assert after['gatekeeper_queued{destination="own"}'] == 0 and after["gatekeeper_disk_left_bytes"] > 0
    assert after["gatekeeper_audit_failing"] == 0


def test_every_metric_is_documented(gate):
    """In docs/delivery.md."""
    from pathlib import Path

    page = (Path(__file__).parent.parent / "docs" / "delivery.md").read_text("utf-8")
    text = gate.http.get("/gk/metrics", headers=BEARER).text
    names = set(re.findall(r"^# TYPE (\w+?)(?:_total)? \w+$", text, re.MULTILINE))
    names = {name for name in names if not name.endswith("_created")}
    assert {name for name in names if f"`{name}" not in page} == set()


def test_a_full_queue_is_named_in_the_answer_and_counted(tmp_path):
    """With Retry-After; `readyz` names the destination and stays ready."""
    with running("sidecar", tmp_path, server={"admin_token": ADMIN}, delivery={"max_queued": 2}) as up:
        up.sims.first_party.answer(503, headers={"Retry-After": "3600"}, times=9)
        answers = [up.post(EVENT) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [202] * 4
        full = [answer.json().get("not_queued", []) for answer in answers]
        assert ["own" in names for names in full] == [False, False, True, True]
        assert [answer.headers.get("retry-after") for answer in answers] == ["5" if names else None for names in full]
        deadline = time.monotonic() + 10
        note = "the queue of own is full: its deliveries are blocked (queue_full)"
        while note not in (ready := up.http.get("/gk/readyz")).json().get("notes", []):
            assert time.monotonic() < deadline, ready.json()
        assert ready.status_code == 200 and ready.json()["status"] == "ready"
        assert scrape(up)['gatekeeper_blocked_total{destination="own",reason="queue_full"}'] == 2


def test_readyz_says_that_the_disk_is_nearly_full(tmp_path, monkeypatch):
    """Before nothing can be accepted any more."""
    with running("sidecar", tmp_path) as up:
        assert up.http.get("/gk/readyz").json() == {"status": "ready", "problems": []}
        monkeypatch.setattr("gatekeeper.runtime.health.disk_left", lambda folder: 1)
        assert "the disk of audit is nearly full" in up.http.get("/gk/readyz").json()["problems"]


def test_readyz_says_which_store_cannot_be_written_and_recovers_without_an_event(tmp_path, monkeypatch):
    """Who is taken out of rotation gets no events: looking must be enough, after a while."""
    with running("sidecar", tmp_path) as up:
        assert up.post(EVENT).status_code == 202

        def full(descriptor, data):
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as broken:
            broken.setattr("gatekeeper.audit.files.os.write", full)
            broken.setattr("gatekeeper.installation.disk.sync", lambda descriptor: full(descriptor, b""))
            answer = up.post(EVENT)
            assert answer.status_code == 503 and answer.headers["retry-after"] == "5"
            assert up.http.get("/gk/readyz").json()["problems"] == ["the audit log cannot be written: nothing is sent"]
        with monkeypatch.context() as broken:
            broken.setattr("gatekeeper.runtime.health.os.access", lambda path, mode: False)
            assert up.http.get("/gk/readyz").json()["problems"] == [
                "the audit log cannot be written: nothing is sent",
                "the outbox cannot be written (not writable): no event is accepted",
            ]
        assert up.http.get("/gk/readyz").status_code == 503
        monkeypatch.setattr("gatekeeper.runtime.health.TRY_AGAIN", 0.0)
        assert up.http.get("/gk/readyz").json() == {"status": "ready", "problems": []}
        assert up.post(EVENT).status_code == 202


def test_no_secret_and_no_value_is_in_the_metrics(gate):
    """Names of destinations and reasons only."""
    gate.record(gate.post(EVENT | {"data": {"session_id": "canary-1f7"}}))
    text = gate.http.get("/gk/metrics", headers=BEARER).text
    assert "canary" not in text and "s3cret" not in text and "t0ken" not in text


def test_a_failing_vendor_is_visible(tmp_path):
    """In the notes of `readyz`, which stays ready, in a metric, and beside the dead letters."""
    from gatekeeper.runtime.health import troubles

    with running("sidecar", tmp_path, server={"admin_token": ADMIN}) as up:
        metric = 'gatekeeper_destination_failing_seconds{destination="own"}'
        assert scrape(up).get(metric, 0) == 0
        up.sims.first_party.answer(503, times=99)
        for _ in range(3):
            up.post(EVENT)
        deadline = time.monotonic() + 20
        while not any(note.startswith("own has taken nothing since 2") for note in up.runtime.health.notes()):
            assert time.monotonic() < deadline, up.runtime.health.notes()
        ready = up.http.get("/gk/readyz")
        assert ready.status_code == 200 and "(http_503)" in str(ready.json()["notes"])
        assert scrape(up)[metric] > 0
        assert len(troubles(up.runtime.store.books, up.runtime.policy)) == 1
        up.sims.first_party.clear()
        while up.runtime.health.notes():
            assert time.monotonic() < deadline, up.runtime.health.notes()
        assert scrape(up)[metric] == 0
