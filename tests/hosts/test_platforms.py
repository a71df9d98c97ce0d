"""Where the gate works, and where it says at start that it cannot."""

import asyncio
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from gatekeeper.django.loop import Loop
from gatekeeper.testing import Simulators
from tests.hosts.test_prefork import POLICY
from tests.running import free_port


def ran(code, *arguments, **more):
    """A program's end, in a Python of its own."""
    command = [sys.executable, "-W", "ignore", "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=90, check=False, **more)


@pytest.fixture
def policy(tmp_path):
    """The path of a policy whose destination answers."""
    with Simulators() as sims:
        (tmp_path / "gatekeeper.toml").write_text(POLICY.format(endpoint=sims.first_party.url))
        yield str(tmp_path / "gatekeeper.toml")


MACOS = """
import fcntl, os, sys
del os.fdatasync
synced = []
plain, fcntl.F_FULLFSYNC, real = os.fsync, 51, fcntl.fcntl

def control(descriptor, command, *more):
    if command != 51:
        return real(descriptor, command, *more)
    synced.append("full")
    if sys.argv[2] == "unknown":
        raise OSError(45, "operation not supported")

fcntl.fcntl = control
os.fsync = lambda descriptor: (synced.append("plain"), plain(descriptor))[1]
import gatekeeper
from tests.hosts.forking import visit

runtime = gatekeeper.start(sys.argv[1])
visit(runtime)
assert gatekeeper.track("page_view", session_id="1")
print(gatekeeper.flush(20.0), runtime.health.problems(), "full" in synced)
runtime.close()
"""


@pytest.mark.parametrize("filesystem", ["knows", "unknown"])
def test_macos_syncs_by_its_own_call(policy, filesystem):
    """It has no fdatasync; and F_FULLFSYNC not on every file system."""
    done = ran(MACOS, policy, filesystem)
    assert (done.stdout.strip(), done.returncode) == ("True [] True", 0), done.stderr[-2000:]


def test_windows_is_refused_at_import():
    """By a sentence, and not by the name of a function that is missing."""
    done = ran("import os, sys\ndel os.register_at_fork, os.fork\nsys.modules['fcntl'] = None\nimport gatekeeper")
    assert done.stderr.strip().splitlines()[-1] == (
        "ImportError: Gatekeeper runs on Linux and macOS; on Windows run it in WSL, or as a sidecar on another machine"
    )


def test_gevent_is_refused_at_start(policy):
    """As `gunicorn -k gevent` patches a process before it loads the app."""
    patched = "import gevent.monkey; gevent.monkey.patch_all()\nimport sys, gatekeeper\n"
    done = ran(patched + "gatekeeper.start(sys.argv[1])", policy)
    assert "gevent has replaced this process's threads" in done.stderr.strip().splitlines()[-1]


def test_gunicorn_with_gevent_does_not_serve_django(policy):
    """Its worker ends at once and says why: no request hangs."""
    command = [sys.executable, "-m", "gunicorn", "-k", "gevent", "-w", "1", "-b", f"127.0.0.1:{free_port()}"]
    environ = os.environ | {"SHOP_POLICY": policy, "HOME": str(Path(policy).parent)}
    done = subprocess.run(
        [*command, "tests.hosts.wsgi"], env=environ, capture_output=True, text=True, timeout=90, check=False
    )
    assert done.returncode == 3  # "Worker failed to boot."
    assert "ImproperlyConfigured: gevent has replaced this process's threads" in done.stderr


TRIO = """
import sys, trio
from gatekeeper import GatekeeperMiddleware

async def app(scope, receive, send):
    raise AssertionError

async def main():
    said = []

    async def receive():
        return {"type": "lifespan.startup"}

    async def send(message):
        said.append(message)

    gate = GatekeeperMiddleware(app, config=sys.argv[1])
    await gate({"type": "lifespan"}, receive, send)
    print(said[0]["type"], said[0]["message"])

trio.run(main)
"""


def test_trio_is_refused_at_start(policy):
    """As `hypercorn -k trio` starts an app."""
    done = ran(TRIO, policy)
    assert done.stdout.startswith("lifespan.startup.failed this server runs the app without asyncio (trio)"), (
        done.stderr
    )


def test_work_for_a_loop_that_is_dead_ends_in_time():
    """An endpoint that gets no answer from its loop fails, and does not hang."""
    before = set(threading.enumerate())
    loop = Loop(longest=0.05)

    async def nothing():
        await asyncio.sleep(30)

    with pytest.raises(TimeoutError):
        loop.run(nothing())
    (thread,) = (one for one in threading.enumerate() if one.name == "gatekeeper-endpoints" and one not in before)
    running = loop._loop  # noqa: SLF001  # ends it as a crash would
    running.call_soon_threadsafe(running.stop)
    thread.join(5)
    running.close()
