"""Erasure that is killed at every edge and goes on, events that come in meanwhile, and backups that are restored."""

import itertools
import os
import pkgutil
import shutil
import signal
import threading
import traceback
from concurrent.futures import Future

import pytest

from gatekeeper.errors import ConfigError
from gatekeeper.rights import local, recorded
from gatekeeper.rights.replay import replay
from gatekeeper.rights.search import search
from tests.rights import people
from tests.rights.erasing import FINAL, POLICY, Office, holding

JANE = {"user_id": "u-jane-canary", "client_id": "777.888", "email": "jane.canary@example.com"}
EDGES = ["before-recorded", "recorded", "suppressed", "forgotten", "erased", "begun", "answered", "kept"]
"""Points between two acts of the gate itself, in their order."""
INSIDE = {
    **{f"line-{n}": ("gatekeeper.rights.requests.Requests.write", n) for n in (1, 2, 3, 4, 5)},
    "aliases": ("gatekeeper.storage.erasures.SqliteErasures.forget", 1),
    "redaction-line": ("gatekeeper.audit.turning.turn", 1),
    "cut": ("gatekeeper.audit.redact.cut", 1),
    "columns": ("gatekeeper.audit.columns.forget_stale", 1),
    "ledger": ("gatekeeper.storage.ledger.SqliteLedger.forget", 1),
    "wiped": ("gatekeeper.storage.erasures.SqliteErasures.wipe", 1),
}
"""Points inside an act: behind the n-th call of a function. A `line` is the one before a change is kept."""
LONG = os.environ.get("TORTURE") == "full"


def visit(runtime, who=JANE, subject="v_canary_jane", n=2):
    for one in range(n):
        data = {"page_url": "/a", "order_value": 1.0 + one, **who}
        people.send(runtime.gate, data, headers=people.cookie("analytics", "marketing", subject=subject))


def needles(runtime):
    """Jane in every form that a file could hold."""
    names = people.who(runtime.gate, **JANE, consent_id="v_canary_jane").names
    return [JANE["user_id"], JANE["email"], "v_canary_jane", *names]


def killed(do):
    """Whether a child that does something was killed at it."""
    child = os.fork()
    if child == 0:
        try:
            do()
        except BaseException:
            traceback.print_exc()  # of a child, which no test report would show
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def dies_at(name):
    """An `edge` that ends the process at a point between two acts."""
    return lambda edge: die() if edge == name else None


def dies_behind(where, times):
    """Have a function end the process after it was called so many times."""
    place, _, name = where.rpartition(".")
    home = pkgutil.resolve_name(place)
    real, calls = getattr(home, name), itertools.count(1)

    def call(*given, **more):
        found = real(*given, **more)
        if isinstance(found, Future):
            found.result(10)  # it is done, and its caller does not know yet
        if next(calls) == times:
            die()
        return found

    setattr(home, name, call)


@pytest.mark.parametrize("edge", [*EDGES, *(INSIDE if LONG else ())])
def test_an_erasure_that_is_killed_at_an_edge_goes_on_and_ends_the_same(tmp_path, edge):
    """Vendors are asked at least once, identifiers are sealed until then and wiped after, nothing is left."""
    with people.running(tmp_path, POLICY) as runtime:
        visit(runtime)
        erasure = Office(runtime).approved(**JANE, consent_id="v_canary_jane")

    def child():
        with people.running(tmp_path) as runtime:
            local.take_over(runtime.store)
            office = Office(runtime, edge=dies_at(edge))
            if edge in INSIDE:
                dies_behind(*INSIDE[edge])
            office.run(erasure)

    assert killed(child)
    with people.running(tmp_path) as runtime:
        local.take_over(runtime.store)
        office = Office(runtime)
        kept = runtime.store.erasures.get(erasure)
        office.vendor.asked[erasure] = {}  # the endpoint may have got the request from the child
        assert kept.state in ("approved", "suppressed", "local_erased", "asked") and kept.sealed is not None
        for _ in range(4):
            office.run(erasure)
            office.clock.days(1)
        assert office.states(erasure) == FINAL
        office.erasures.settle(erasure, "ads", by="ann", state="confirmed", evidence="letter")
        kept = runtime.store.erasures.get(erasure)
        assert kept.state == "settled" and office.erasures.requests.secret(kept).given == ()
        assert holding(tmp_path / "var", needles(runtime)) == []
        assert office.erasures.receipt(erasure)["receipt"]["suppressed"]


@pytest.mark.parametrize("edge", ["erased", *(["suppressed", "forgotten"] if LONG else ())])
def test_persons_who_are_erased_together_go_on_after_a_kill_each_for_themselves(tmp_path, edge):
    """One reading of the log for both, and a state for each."""
    john = {"user_id": "u-john-canary"}
    with people.running(tmp_path, POLICY) as runtime:
        visit(runtime)
        visit(runtime, john, "v_canary_john")
        both = [Office(runtime).approved(**JANE), Office(runtime).approved(**john, consent_id="v_canary_john")]
        names = [*needles(runtime), *people.who(runtime.gate, **john).names, john["user_id"]]

    def child():
        with people.running(tmp_path) as runtime:
            local.take_over(runtime.store)
            Office(runtime, edge=dies_at(edge)).progress.run()

    assert killed(child)
    with people.running(tmp_path) as runtime:
        local.take_over(runtime.store)
        office = Office(runtime)
        assert {runtime.store.erasures.get(one).state for one in both} <= {"approved", "suppressed", "local_erased"}
        office.progress.run()
        assert {office.erasures.show(one)["state"] for one in both} == {"asked"}
        gone = [office.erasures.requests.of(one)[1].gone for one in both]
        assert edge != "suppressed" or [one["audit_lines"] for one in gone] == [2, 2]
        without_device = [one for one in names if "v_canary_jane" not in one and one not in device(runtime)]
        assert holding(tmp_path / "var", without_device) == []


def device(runtime):
    """Jane's device, which this request does not name."""
    return people.who(runtime.gate, consent_id="v_canary_jane").names


def test_a_way_that_is_begun_ends_where_it_is_kept_once(tmp_path):
    """Two workers that go on with one request: one of them is told that it came late."""
    with people.running(tmp_path, POLICY) as runtime:
        office = Office(runtime)
        erasure = office.request(**JANE)["id"]
        kept = runtime.store.erasures.get(erasure)
        office.erasures.approve(erasure, by="bob")
        assert not runtime.store.erasures.save(kept).result(10)


def test_no_event_of_the_person_is_kept_once_they_are_suppressed(tmp_path):
    """Events come in while it is carried out, from four threads; what is left afterwards names nobody."""
    with people.running(tmp_path, POLICY) as runtime:
        visit(runtime)
        office, stop, seen = Office(runtime), threading.Event(), []

        def post():
            while not stop.is_set():
                seen.append(people.send(runtime.gate, {"page_url": "/", **JANE}, headers=people.cookie("analytics")))

        threads = [threading.Thread(target=post) for _ in range(4)]
        erasure = office.approved(**JANE, consent_id="v_1")
        for one in threads:
            one.start()
        try:
            for _ in range(20):
                if office.progress.run(erasure)[0]["state"] == "asked":
                    break
        finally:
            stop.set()
            for one in threads:
                one.join()
        assert office.erasures.show(erasure)["state"] == "asked"
        before = len(seen)
        assert people.send(runtime.gate, {"page_url": "/", **JANE}, headers=people.cookie("analytics")) == set()
        assert before > 4 and any(seen)
        found = search(runtime.store, runtime.policy.audit_folder, people.who(runtime.gate, **JANE))
        assert (found.store.queued, found.store.dead, found.log.lines) == (0, 0, 0)


def test_a_restored_backup_brings_nobody_back(tmp_path):
    """The store, the log and suppression as they were before; the file of erasures and the keys are kept elsewhere."""
    with people.running(tmp_path, POLICY) as runtime:
        visit(runtime)
        visit(runtime, {"user_id": "u-john"}, "v_john")
    shutil.copytree(tmp_path / "var", tmp_path / "backup")
    with people.running(tmp_path) as runtime:
        local.take_over(runtime.store)
        office = Office(runtime)
        erasure = office.approved(**JANE, consent_id="v_canary_jane")
        office.run(erasure)
        assert holding(tmp_path / "var", needles(runtime)) == []
    shutil.move(tmp_path / "var/erasures.jsonl", tmp_path / "erasures.jsonl")
    shutil.copytree(tmp_path / "var/keys", tmp_path / "keys")
    shutil.rmtree(tmp_path / "var")
    shutil.copytree(tmp_path / "backup", tmp_path / "var")
    shutil.copytree(tmp_path / "keys", tmp_path / "var/keys", dirs_exist_ok=True)
    shutil.rmtree(tmp_path / "backup")
    with people.running(tmp_path) as runtime:
        local.take_over(runtime.store)
        office = Office(runtime)
        assert holding(tmp_path / "var", needles(runtime)) != []
        assert not runtime.store.suppressions.any()
        with pytest.raises(ConfigError, match="copy it back"):
            replay(office.erasures.ports)
        told = replay(office.erasures.ports, tmp_path / "erasures.jsonl")
        assert [*told["erased_again"]] == [erasure]
        assert holding(tmp_path / "var", needles(runtime)) == []
        assert people.send(runtime.gate, {"page_url": "/", **JANE}, headers=people.cookie("analytics")) == set()
        john = search(runtime.store, runtime.policy.audit_folder, people.who(runtime.gate, user_id="u-john"))
        assert john.log.lines == 2 and john.store.queued > 0
        again = replay(office.erasures.ports, tmp_path / "erasures.jsonl")
        assert again["erased_again"] == {}


def test_the_file_of_erasures_names_nobody_and_a_broken_line_stops_the_replay(tmp_path):
    """A torn last line is one that was never written; any other is a fault."""
    with people.running(tmp_path, POLICY) as runtime:
        office = Office(runtime)
        for who in ("a", "b"):
            office.run(office.approved(user_id=f"u-canary-{who}"))
        path = tmp_path / "var/erasures.jsonl"
        assert b"canary" not in path.read_bytes() and b"p_" not in path.read_bytes()
        whole = path.read_bytes()
        path.write_bytes(whole + b'{"erasure": "er_')
        assert len(list(recorded.read(path))) == 2
        path.write_bytes(whole[20:])
        with pytest.raises(ConfigError, match="line 1 cannot be read"):
            replay(office.erasures.ports)


def test_a_replay_without_the_key_of_a_line_does_nothing_and_says_so(tmp_path):
    """Not "nobody was there again": a new sealing key, made because the old one was not copied back, finds nobody."""
    with people.running(tmp_path, POLICY) as runtime:
        office = Office(runtime)
        office.run(office.approved(**JANE))
    for path in (tmp_path / "var/keys").glob("sealing-*"):
        path.rename(tmp_path / path.name)
    with people.running(tmp_path) as runtime:  # makes another one
        visit(runtime, {"user_id": "u-john"}, "v_john")
        with pytest.raises(ConfigError, match=r"1 line of .* copy it back"):
            replay(Office(runtime).erasures.ports)
    for path in tmp_path.glob("sealing-*"):
        path.rename(tmp_path / "var/keys" / path.name)
    with people.running(tmp_path) as runtime:
        assert replay(Office(runtime).erasures.ports)["requests"] == 1


def test_an_erasure_waits_where_it_cannot_be_written_down_who_was_erased(tmp_path, monkeypatch):
    """Before anybody is suppressed: a restored backup could not be mended later."""
    from gatekeeper.errors import StorageError

    with people.running(tmp_path, POLICY) as runtime:
        office = Office(runtime)
        erasure = office.approved(**JANE)
        (tmp_path / "var/erasures.jsonl").mkdir()
        with pytest.raises(StorageError, match="cannot be written down"):
            office.run(erasure)
        assert office.erasures.show(erasure)["state"] == "approved" and not runtime.store.suppressions.any()
        (tmp_path / "var/erasures.jsonl").rmdir()
        monkeypatch.setattr(local, "PATIENCE", 5.0)
        assert office.run(erasure)["state"] == "asked"
