"""A process that forks while the gate is at work in it: nothing is lost, nothing is inherited, nothing waits long."""

import json
import subprocess
import sys
import threading

import pytest

from gatekeeper.installation import forks
from gatekeeper.testing import Simulators
from tests.hosts.test_prefork import POLICY


def forked(folder, sims, number, threads, how="fork"):
    """What `forking.py` says of itself, and the session ids that arrived and that should have."""
    (folder / "gatekeeper.toml").write_text(POLICY.format(endpoint=sims.first_party.url))
    command = [sys.executable, "-W", "ignore", "-m", "tests.hosts.forking", str(folder / "gatekeeper.toml")]
    done = subprocess.run(
        [*command, str(number), str(threads), how], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    said = json.loads(done.stdout) | {"stderr": done.stderr}
    events = [event for one in sims.first_party.received for event in json.loads(one.body)["events"]]
    arrived = sorted(event["data"]["session_id"] for event in events)
    wanted = [f"parent-{thread}-{n}" for thread, count in enumerate(said["tracked"]) for n in range(count)]
    wanted += [f"child-{n}" for n in range(number)]
    return said, arrived, sorted(wanted)


@pytest.mark.parametrize("how", ["fork", "mp-fork", "mp-forkserver", "mp-spawn"])
def test_parent_and_children_deliver_while_threads_track(tmp_path, how):
    """By os.fork with os._exit, and by every start method of multiprocessing, whose children end as it ends them."""
    with Simulators() as sims:
        said, arrived, wanted = forked(tmp_path, sims, 5, 2, how)
    assert arrived == wanted
    assert said["codes"] == [0] * 5
    assert (said["kept"], said["refused"], said["problems"], said["stderr"]) == (True, 0, [], "")


def test_a_child_has_nothing_of_ours_open(tmp_path):
    """No database, no write-ahead log, no log, no head, no lock, no connection, no loop."""
    with Simulators() as sims:
        said, _, _ = forked(tmp_path, sims, 5, 2)
    assert said["open"] == []


def test_a_fork_waits_for_work_and_not_for_waiting():
    """Work that has begun is finished first; what waits inside of it for a disk is not waited for."""
    work, order = forks.Work(), []
    begun, go_on = threading.Event(), threading.Event()

    def worker():
        with work:
            begun.set()
            go_on.wait(5)
            order.append("work")

    thread = threading.Thread(target=worker)
    thread.start()
    begun.wait(5)
    resting = threading.Thread(target=lambda: (work.rest(), order.append("fork"), work.go_on()))
    resting.start()
    go_on.set()
    for one in (thread, resting):
        one.join(5)
    assert order == ["work", "fork"]


def test_work_that_wants_to_begin_waits_for_the_fork():
    """It begins in the parent when the fork is over."""
    work, order = forks.Work(), []
    assert work.rest()

    def worker():
        with work:
            order.append("work")

    thread = threading.Thread(target=worker)
    thread.start()
    order.append("fork")
    work.go_on()
    thread.join(5)
    assert order == ["fork", "work"]


def test_a_thread_that_steps_aside_does_not_delay_a_fork():
    """As around the sync of a file, however deep inside it stands; it comes back as deep."""
    work = forks.Work()
    aside, stay = threading.Event(), threading.Event()

    def worker():
        with work, work:
            depth = work.leave()
            aside.set()
            stay.wait(5)
            work.come_back(depth)

    thread = threading.Thread(target=worker)
    thread.start()
    aside.wait(5)
    assert work.rest()
    stay.set()
    work.go_on()
    thread.join(5)
    assert not work.inside


def test_a_thread_may_fork_in_the_middle_of_its_own_work():
    """It does not wait for itself, and in the child it is still inside."""
    work = forks.Work()
    with work:
        assert work.rest()
        work.begin_again()
        assert work.inside == {threading.get_ident()}
    assert not work.inside


def test_a_signal_handler_that_breaks_into_work_leaves_no_fork_waiting(monkeypatch):
    """An exception out of a handler, such as a time limit's, may fall between any two instructions."""
    work = forks.Work()
    monkeypatch.setattr(forks, "PATIENCE", 5.0)
    thread = threading.Thread(target=lambda: work.inside.add(threading.get_ident()))
    thread.start()
    thread.join(5)
    work.inside.add(threading.get_ident())
    with work:
        pass
    assert work.inside <= {thread.ident}
    assert work.rest()  # the other thread has ended: what it left is no work


@pytest.mark.parametrize("how", ["subprocess", "preexec"])
def test_a_subprocess_gets_nothing_of_ours(tmp_path, how):
    """Neither where Python forks for it without telling, nor where it tells."""
    with Simulators() as sims:
        (tmp_path / "gatekeeper.toml").write_text(POLICY.format(endpoint=sims.first_party.url))
        program = [sys.executable, "-W", "ignore", "-c", BESIDE, str(tmp_path / "gatekeeper.toml"), how]
        done = subprocess.run(program, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "[] True", "")


BESIDE = """
import subprocess, sys
import gatekeeper
from pathlib import Path
from tests.hosts.forking import visit

runtime = gatekeeper.start(sys.argv[1])
visit(runtime)
assert gatekeeper.track("page_view", session_id="before")
look = "import sys; from tests.hosts.forking import ours_open; print(ours_open(sys.argv[1]))"
more = {"preexec_fn": lambda: None} if sys.argv[2] == "preexec" else {}
command = [sys.executable, "-W", "ignore", "-c", look, str(Path(sys.argv[1]).parent)]
said = subprocess.run(command, capture_output=True, text=True, check=True, **more).stdout.strip()
print(said, gatekeeper.flush(20.0))
"""
