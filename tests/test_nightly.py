"""The self-audit of the night: when it begins, what it leaves, and that it rests and ends."""

import threading
import time

import orjson
import pytest

from gatekeeper.audit.incident import incident_line
from gatekeeper.audit.read import files, parse
from gatekeeper.audit.segments import lines
from gatekeeper.audit.signing import Signer
from gatekeeper.audit.verify import verify
from gatekeeper.audit.writer import AuditWriter
from gatekeeper.installation.locks import Lock
from gatekeeper.reports import self_audit
from gatekeeper.runtime import nightly
from gatekeeper.runtime.metrics import Metrics
from gatekeeper.runtime.nightly import Nightly, Rest
from tests.builders import NOW
from tests.cli.test_cli import POLICY as BARE
from tests.reports import selfaudits
from tests.reports.selfaudits import DAY
from tests.reports.test_self_audit import sends

NIGHT = NOW + 3 * 3_600  # 03:00


@pytest.fixture
def made(tmp_path):
    """A policy with a log of yesterday, in which one line says what the policy does not."""
    policy = selfaudits.policy(tmp_path)
    lines = selfaudits.lines(policy)
    return selfaudits.write(policy, [selfaudits.changed(lines[0], sends), *lines[1:]])


@pytest.fixture
def one(made):
    """The nightly of a gate, its clock, and its writer."""
    clock = [NIGHT]
    writer = AuditWriter(made.audit_folder, signer=Signer(made.keys_folder), clock=lambda: clock[0])
    yield Nightly(lambda: made, writer, clock=lambda: clock[0]), clock, writer
    writer.close()


def nothing():
    """No rest."""


def test_it_is_due_at_its_time_once(one, made):
    """From three o'clock on, until there is a page of the day before."""
    night, clock, _ = one
    clock[0] = NIGHT - 1
    assert not night.due()
    clock[0] = NIGHT
    assert night.due()
    night.run(nothing)
    assert not night.due() and self_audit.kept(made, DAY)["day"] == DAY.isoformat()
    clock[0] += 86_400
    assert night.due()


@pytest.mark.parametrize(("said", "due"), [("off", False), ("00:00", True), ("23:59", False)])
def test_the_policy_says_when(tmp_path, said, due):
    """A time of the day, or never."""
    policy = selfaudits.policy(tmp_path, f'[rights]\nself_audit = "{said}"\n')
    selfaudits.write(policy, selfaudits.lines(policy, 1))
    assert Nightly(lambda: policy, None, clock=lambda: NIGHT).due() is due


def test_a_log_that_begins_today_is_not_audited(tmp_path):
    """There is no day before; nothing is made."""
    policy = selfaudits.policy(tmp_path)
    selfaudits.write(policy, selfaudits.lines(policy, 1), at=NOW)
    assert not Nightly(lambda: policy, None, clock=lambda: NIGHT).due() and not self_audit.folder(policy).exists()


def test_what_is_against_the_policy_is_a_line_and_a_metric(one, made, caplog):
    """The line has numbers alone, is signed for, and the log with it is sound."""
    night, _, writer = one
    night.run(nothing)
    writer.close()
    raw = [line for segment in files(made.audit_folder) for line in lines(segment)]
    (found,) = [line for line in parse(raw) if line["kind"] == "incident"]
    assert (found["day"], found["findings"]) == (DAY.isoformat(), {"decisions": 1})
    assert "has 1 findings" in caplog.text and caplog.records[-1].levelname == "ERROR"
    assert verify(made.audit_folder).problems == [] and verify(made.audit_folder).not_vouched == {}
    text = (
        Metrics()
        .text({}, disk_left=1, overdue=0, set_aside=0, now=NIGHT + 60, troubles={}, audited=self_audit.latest(made))
        .decode()
    )
    assert 'gatekeeper_self_audit_findings{check="decisions"} 1.0' in text
    assert 'gatekeeper_self_audit_findings{check="papers"} 0.0' in text
    assert "gatekeeper_self_audit_incidents 1.0" in text and "gatekeeper_self_audit_age_seconds 60.0" in text
    assert "self_audit" not in Metrics().text({}, disk_left=1, overdue=0, set_aside=0, now=0.0, troubles={}).decode()


def test_where_all_is_well_there_is_a_page_and_no_line(tmp_path):
    """An incident is something else than a report."""
    policy = selfaudits.policy(tmp_path)
    selfaudits.write(policy, selfaudits.lines(policy))
    Nightly(lambda: policy, None, clock=lambda: NIGHT).run(nothing)  # without a writer a line could not be written
    assert self_audit.kept(policy, DAY)["findings"] == 0


def test_of_many_processes_one_does_it(one, made):
    """Another one that is at it has the lock."""
    night, *_ = one
    lock = Lock(self_audit.folder(made) / ".lock")
    assert lock.take()
    night.run(nothing)
    assert self_audit.kept(made, DAY) is None
    lock.release()
    night.run(nothing)
    assert self_audit.kept(made, DAY) is not None


def test_what_fails_is_said_and_tried_again(one, made, monkeypatch, caplog):
    """The gate goes on, whatever fails."""
    night, *_ = one
    monkeypatch.setattr(self_audit, "keep", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    night.run(nothing)
    assert "the self-audit failed: [Errno 28] No space left" in caplog.text
    monkeypatch.setattr(self_audit, "keep", lambda *_: 1 / 0)
    night.run(nothing)
    assert "the self-audit failed (ZeroDivisionError)" in caplog.text and night.due()


class AtOnce:
    """A thread that is over when it has begun."""

    def __init__(self, target, args, **_):
        self.start = lambda: target(*args)
        self.is_alive = self.join = lambda *_: False


def test_it_is_looked_at_once_a_minute_and_after_a_failure_in_an_hour(made, monkeypatch):
    """By the time that the process has run, not by the clock on the wall."""
    ran, now = [], [0]
    monkeypatch.setattr(nightly.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(nightly.threading, "Thread", AtOnce)
    monkeypatch.setattr(Nightly, "run", lambda self, between: ran.append(now[0]))
    night = Nightly(lambda: made, None, clock=lambda: NIGHT)
    for _ in range(7_300):
        now[0] += 1
        night.look()
    assert ran == [60, 3_660, 7_260]


def test_work_rests_nine_tenths_of_the_time():
    """So that requests do not wait for it."""
    waited = []

    class Stop:
        def wait(self, seconds):
            waited.append(seconds)
            return False

    rest = Rest(Stop())
    end = time.perf_counter() + 0.005
    while time.perf_counter() < end:
        pass
    rest()
    assert 0.045 <= waited[0] < 0.5


def test_a_gate_that_is_closed_gives_it_up(one, made, monkeypatch):
    """In the middle, and leaves no page; another process does it."""
    night, *_ = one
    begun, ended = threading.Event(), threading.Event()

    def endless(*_, between, **__):
        begun.set()
        try:
            while True:
                between()
        finally:
            ended.set()

    monkeypatch.setattr(nightly, "LOOK", 0.0)
    monkeypatch.setattr(self_audit, "self_audit", endless)
    night.look()
    assert begun.wait(10) and not ended.is_set()
    night.close()
    assert ended.is_set() and self_audit.kept(made, DAY) is None


@pytest.mark.parametrize("name", ["decisions", "consent", "log"])
def test_every_long_check_rests(tmp_path, name):
    """Reading a day's lines, counting those of the days before, and verifying the log."""
    policy = selfaudits.policy(tmp_path)
    selfaudits.write(policy, selfaudits.lines(policy, 1))
    rests = []
    self_audit.self_audit(policy, DAY, now=NOW, only=[name], between=lambda: rests.append(1))
    assert rests


def test_an_incident_line_holds_a_day_and_numbers():
    """A day, and numbers by check."""
    line = incident_line(DAY, {"decisions": 3}, NOW)
    assert orjson.loads(line.core) == {
        "kind": "incident", "timestamp": "2026-11-24T00:00:00Z", "day": DAY.isoformat(), "findings": {"decisions": 3},
    } and (line.refs, line.names) == ((), ())  # fmt: skip


def test_a_running_gate_looks(tmp_path, monkeypatch):
    """The runtime calls it, and its scrape has what the newest page says."""
    from gatekeeper.runtime import Runtime

    path = tmp_path / "gatekeeper.toml"
    path.write_text(BARE)
    for name in ("GA4_API_SECRET", "META_ACCESS_TOKEN"):
        monkeypatch.setenv(name, "s" * 40)
    runtime = Runtime(path)
    looked = threading.Event()
    monkeypatch.setattr(Nightly, "look", lambda self: looked.set())
    try:
        assert b"self_audit" not in runtime.scrape()
        found = self_audit.self_audit(runtime.policy, DAY, now=NOW, only=["papers"])
        self_audit.keep(runtime.policy, found)
        assert b'gatekeeper_self_audit_findings{check="papers"} 4.0' in runtime.scrape()
        runtime.start()
        assert looked.wait(10)
    finally:
        runtime.close()
