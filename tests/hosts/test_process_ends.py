"""However a process ends: what `track()` answered with a request id has its line, and its stream is closed."""

import json
import signal
import subprocess
import sys
from contextlib import suppress

import httpx
import pytest

from gatekeeper.audit.read import records
from gatekeeper.audit.segments import streams
from gatekeeper.testing import Simulators
from tests.hosts.test_prefork import POLICY
from tests.running import free_port, process, until

EVENTS = 5
BEGIN = """
import multiprocessing, os, signal, sys, threading, time
from concurrent.futures import ProcessPoolExecutor
import gatekeeper
from tests.hosts.forking import visit

def track(n=0):
    visit(runtime)
    request_id = gatekeeper.track("page_view", session_id=str(n))
    assert request_id
    os.write(1, request_id.encode() + bytes([10]))

def five():
    for n in range(5):
        track(n)

runtime = gatekeeper.start(sys.argv[1])
"""
ENDS = {
    "os._exit": ("five()\nos._exit(0)", 0),
    "fork-and-os._exit": ("if os.fork() == 0:\n    five()\n    os._exit(0)\nos.wait()", 0),
    "sigterm": ("five()\nos.kill(os.getpid(), signal.SIGTERM)\ntime.sleep(30)", -signal.SIGTERM),
    "sigterm-in-a-lock": (
        "five()\nthreading.Timer(0.2, os.kill, (os.getpid(), signal.SIGTERM)).start()\nthreading.Event().wait(30)",
        -signal.SIGTERM,
    ),
    "sigterm-of-the-app": (
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\nfive()\nos.kill(os.getpid(), signal.SIGTERM)\n"
        "time.sleep(30)",
        7,
    ),
    "sigterm-again-while-it-ends": (
        "five()\nlast = runtime.close\n"
        "def close(drain):\n    os.kill(os.getpid(), signal.SIGTERM)\n    last(drain)\n"
        "runtime.close = close\nos.kill(os.getpid(), signal.SIGTERM)\ntime.sleep(30)",
        -signal.SIGTERM,
    ),
    "sigterm-while-os._exit": (
        "five()\nlast = runtime.close\n"
        "def close(drain):\n    os.kill(os.getpid(), signal.SIGTERM)\n    last(drain)\n"
        "runtime.close = close\nos._exit(5)",
        5,
    ),
    # As Celery's cold shutdown does: one for the task, one for the pool, when the child is on its way out already.
    "sigterm-again-in-billiard": (
        "from billiard.common import reset_signals\nif os.fork() == 0:\n    reset_signals()\n    five()\n    try:\n"
        "        os.kill(os.getpid(), signal.SIGTERM)\n        time.sleep(30)\n    finally:\n"
        "        os.kill(os.getpid(), signal.SIGTERM)\n        time.sleep(30)\n"
        "sys.exit(os.waitstatus_to_exitcode(os.wait()[1]) == -signal.SIGTERM)",
        1,
    ),
    "sigterm-again-in-a-gate-of-billiard": (
        "from billiard.common import reset_signals\nif os.fork() == 0:\n    reset_signals()\n"
        "    runtime = gatekeeper.start(sys.argv[1])\n    five()\n    try:\n"
        "        os.kill(os.getpid(), signal.SIGTERM)\n        time.sleep(30)\n    finally:\n"
        "        os.kill(os.getpid(), signal.SIGTERM)\n        os._exit(5)\n"
        "sys.exit(os.waitstatus_to_exitcode(os.wait()[1]) == -signal.SIGTERM)",
        1,
    ),
    "sys.exit": ("five()\nsys.exit(3)", 3),
    "exception": ("five()\nraise SystemError", 1),
    "daemon-thread": ("t = threading.Thread(target=five, daemon=True)\nt.start()\nt.join()", 0),
    "multiprocessing": (
        "for n in range(5):\n    p = multiprocessing.get_context('fork').Process(target=track)\n    p.start()\n"
        "    p.join()",
        0,
    ),
    "terminated-child": (
        "def job():\n    five()\n    os.kill(os.getpid(), signal.SIGTERM)\n    time.sleep(30)\n"
        "p = multiprocessing.get_context('fork').Process(target=job)\np.start()\np.join()",
        0,
    ),
    "process-pool": (
        "with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context('fork')) as pool:\n"
        "    list(pool.map(track, range(5)))",
        0,
    ),
}


@pytest.fixture
def folder(tmp_path):
    """A policy with one destination of its own, and where to put everything."""
    with Simulators() as sims:
        (tmp_path / "gatekeeper.toml").write_text(POLICY.format(endpoint=sims.first_party.url))
        yield tmp_path


def signed(folder):
    """Request ids with a decision line, and of what kinds the last lines of the streams are."""
    ids = {line["request_id"] for line in records(folder / "audit") if line["kind"] == "decision"}
    last = {}
    for stream, parts in streams(folder / "audit").items():
        with parts[-1].open() as lines:
            *_, last[stream] = map(json.loads, lines)
    return ids, {line["kind"] for line in last.values()}


@pytest.mark.parametrize("how", ENDS)
def test_what_was_tracked_is_kept(folder, how):
    """The exit code is as without the gate."""
    code, status = ENDS[how]
    command = [sys.executable, "-W", "ignore", "-c", BEGIN + code, str(folder / "gatekeeper.toml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == status, done.stderr[-2000:]
    tracked = set(done.stdout.split())
    assert len(tracked) == EVENTS
    assert signed(folder) == (tracked, {"close"})


def test_django_under_uvicorn_signs_its_stream(folder):
    """uvicorn raises the signal again when it has stopped, so nothing is done at exit."""
    port = free_port()
    words = ["-m", "uvicorn", "tests.hosts.asgi:application", "--port", str(port), "--no-access-log"]
    tracked = []

    def answered():
        with suppress(httpx.TransportError):
            tracked.append(httpx.get(f"http://127.0.0.1:{port}/track", trust_env=False).text)
        return tracked

    with process(words, folder, env={"SHOP_POLICY": str(folder / "gatekeeper.toml")}) as server:
        until(answered, folder)
    assert server.returncode in (0, -signal.SIGTERM)
    assert signed(folder) == (set(tracked), {"close"})
    assert "unsupported" not in (folder / "stderr").read_text()


def test_flush_says_whether_all_is_kept(folder):
    """True when every line is there; False where the log cannot be written, and True again for what comes after."""
    code = """
five()
assert gatekeeper.flush(20.0) is True
import json
print(json.dumps(True))
"""
    command = [sys.executable, "-W", "ignore", "-c", BEGIN + code, str(folder / "gatekeeper.toml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=True)
    assert json.loads(done.stdout.split()[-1]) is True
