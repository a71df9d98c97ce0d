"""Real processes, really killed: what was answered with 202 is delivered, whoever dies."""

import os
import signal
import threading

import pytest

from gatekeeper.policy import load_policy
from gatekeeper.shells.server import sidecar
from gatekeeper.testing import Simulators
from tests.shells.serving import EVENT, event_ids, records_of, serving, write


@pytest.fixture
def sims():
    with Simulators(only=("first_party",)) as running:
        yield running


class Load:
    """Posts events with ids of their own until it is stopped; remembers which were answered 202."""

    def __init__(self, up, threads=3):
        self.up, self.accepted, self.stopping = up, [], threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(n,)) for n in range(threads)]

    def run(self, t):
        n = 0
        while not self.stopping.is_set():
            n += 1
            answer = self.up.post(EVENT | {"event_id": f"e{t}-{n}"})
            if answer is not None and answer.status_code == 202:
                self.accepted.append((f"e{t}-{n}", answer.json()["request_ids"][0]))

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *error):
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def so_many(self, count):
        return lambda: len(self.accepted) >= count


def check(up, sims, load):
    """Zero lost, every one with a decision line and one outcome; repetitions have the same id."""
    up.wait(lambda: {one for one, _ in load.accepted} <= set(event_ids(sims.first_party)))
    up.wait(lambda: up.metrics()["queued", "own"] == 0)
    # The log gets the last lines a moment after the store.
    up.wait(lambda: set(map(up.statuses().get, (request_id for _, request_id in load.accepted))) == {"delivered"})


def test_workers_share_one_store_and_one_log(tmp_path, sims):
    """Three of them, one deliverer."""
    with serving(tmp_path, sims, workers=3) as up:
        with Load(up) as load:
            up.wait(load.so_many(60))
            for _ in range(5):
                up.metrics()
        check(up, sims, load)
        assert len(event_ids(sims.first_party)) == len(set(event_ids(sims.first_party)))
        assert up.stop() == 0


def test_killed_workers_are_replaced_and_nothing_accepted_is_lost(tmp_path, sims):
    """Each in turn, the deliverer among them, under load."""
    with serving(tmp_path, sims, workers=2) as up:
        with Load(up) as load:
            for n in range(4):
                up.wait(load.so_many(25 * (n + 1)))
                up.kill(up.pids()[0])
                up.wait(lambda: len(up.pids()) == 2)
                up.metrics()
        check(up, sims, load)


def test_workers_end_with_their_supervisor_and_the_next_start_goes_on(tmp_path, sims):
    """Killed, too: no orphan keeps the port or the store."""
    with serving(tmp_path, sims, workers=2) as up:
        with Load(up) as load:
            up.wait(load.so_many(30))
            workers = up.pids()
            up.kill(up.process.pid)
            up.process.wait(10)
        up.wait(lambda: all(gone(pid) for pid in workers))
        up.start()
        check(up, sims, load)


def test_a_single_process_survives_being_killed(tmp_path, sims):
    """The vendor is down, the gate is killed, both come back."""
    sims.first_party.answer(503, times=1000)
    with serving(tmp_path, sims) as up:
        with Load(up) as load:
            up.wait(load.so_many(40))
            up.kill(up.process.pid)
            up.process.wait(10)
        sims.first_party.clear()
        up.start()
        check(up, sims, load)


def test_sigterm_drains_and_what_cannot_go_out_stays_queued(tmp_path, sims):
    """The vendor hangs; the next start delivers."""
    sims.first_party.answer(503, headers={"Retry-After": "1"}, times=1)
    with serving(tmp_path, sims) as up:
        accepted = up.post(EVENT | {"event_id": "e1"}).json()["request_ids"]
        sims.first_party.wait(1)
        assert up.stop() == 0
        up.start()
        up.wait(lambda: up.statuses()[accepted[0]] == "delivered")
        assert set(event_ids(sims.first_party)) == {"e1"}


@pytest.mark.parametrize("workers", [1, 2])
def test_sighup_takes_a_new_policy_and_refuses_a_bad_one(tmp_path, sims, workers):
    """The old one stays, and so do the events under way."""
    with serving(tmp_path, sims, workers=workers, version="old") as up:

        def version():
            request_id = up.post().json()["request_ids"][0]
            line = next(one for one in records_of(up) if one.get("request_id") == request_id)
            return line["policy"]["version"]

        assert version() == "old"
        (tmp_path / "gatekeeper.toml").write_text("[policy]\nversion = 1\n")
        up.kill(up.process.pid, signal.SIGHUP)
        up.wait(lambda: "the old one stays" in (tmp_path / "stderr").read_text())
        assert version() == "old"
        write(tmp_path, sims, version="new")
        up.kill(up.process.pid, signal.SIGHUP)
        up.wait(lambda: version() == "new")
        pids = up.pids()
        up.wait(lambda: all(version() == "new" for _ in range(3)))
        if workers > 1:
            up.kill(pids[0])
            up.wait(lambda: len(up.pids()) == 2 and up.pids() != pids)
            assert {version() for _ in range(6)} == {"new"}


def test_a_stop_that_comes_while_a_worker_is_starting_is_heard(tmp_path, sims, monkeypatch):
    """Before the server listens for signals itself: a lost one would be waited for until the supervisor kills."""
    write(tmp_path, sims)
    real, late = sidecar.server, []

    def early(app):
        serving = real(app)
        run = serving.run

        def rescued():
            late.append(True)
            serving.should_exit = True

        def stopped_at_once(**keys):
            os.kill(os.getpid(), signal.SIGTERM)
            limit = threading.Timer(10, rescued)
            limit.start()
            run(**keys)
            limit.cancel()

        serving.run = stopped_at_once
        return serving

    monkeypatch.setattr(sidecar, "server", early)
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        sidecar.serve(load_policy(tmp_path / "gatekeeper.toml"), host="127.0.0.1", port=0)
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)
    assert late == []


def gone(pid):
    from pathlib import Path

    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True
