"""A WSGI server that forks after the app was loaded: each worker delivers, and nothing of the master's is shared."""

import json
import re
import subprocess
import sys

import httpx
import pytest

from gatekeeper.audit.read import records
from gatekeeper.testing import Simulators
from tests.running import answers, free_port, process, until

POLICY = """
[policy]
version = "1"
controller = "Example Shop GmbH"
[audit]
path = "audit"
[keys]
path = "keys"
[storage]
url = "sqlite:///gatekeeper.db"
[destinations.own]
kind = "first_party"
purpose = "analytics"
endpoint = "{endpoint}/events"
"""
REQUESTS = 24


@pytest.fixture(params=[False, True], ids=["quiet-master", "master-that-tracked"])
def shop(tmp_path, request):
    """gunicorn with two workers, forked from a master that has the project loaded, and may have tracked."""
    with Simulators() as sims:
        (tmp_path / "gatekeeper.toml").write_text(POLICY.format(endpoint=sims.first_party.url))
        port = free_port()
        words = ["-m", "gunicorn", "tests.hosts.wsgi", "--preload", "--workers", "2", "--threads", "2"]
        words += ["--bind", f"127.0.0.1:{port}", "--worker-tmp-dir", str(tmp_path)]
        env = {"SHOP_POLICY": str(tmp_path / "gatekeeper.toml"), "HOME": str(tmp_path)}
        if request.param:
            env["SHOP_TRACKS_EARLY"] = "1"
        with process(words, tmp_path, env=env) as master:
            yield tmp_path, sims, f"http://127.0.0.1:{port}", request.param
        assert master.returncode == 0


def test_every_worker_tracks_and_all_is_delivered(shop):
    """By one deliverer of the node: a worker's, started after the fork, unless the master has one already."""
    folder, sims, url, early = shop

    until(lambda: answers(url + "/gk/healthz"), folder)
    cookie = sign(folder)
    for _ in range(REQUESTS):  # a connection each, so that both workers serve
        assert httpx.get(url + "/track", headers={"Cookie": cookie}, trust_env=False).text.startswith("req_")

    def delivered():
        return sum(len(json.loads(one.body)["events"]) for one in sims.first_party.received) >= REQUESTS

    until(delivered, folder)
    bodies = b"".join(one.body for one in sims.first_party.received)
    assert b"before-the-fork" not in bodies  # nobody's: the visitor was unknown
    decisions = [line for line in records(folder / "audit") if line["kind"] == "decision"]
    assert len(decisions) == REQUESTS + early
    writers = {re.search(r"-(\d+)-", path.name)[1] for path in (folder / "audit").glob("*.jsonl")}
    assert len(writers) >= 1 + early  # a file per worker that served, and the master's own
    assert "Traceback" not in (folder / "stderr").read_text()


def sign(folder):
    """A cookie by the keys of the running shop."""
    import gatekeeper

    return gatekeeper.issue_consent(config=folder / "gatekeeper.toml", analytics=True).partition(";")[0]


def test_a_process_that_forks_while_it_delivers_goes_on(tmp_path):
    """In the parent and in the child: what either accepted arrives, however often they fork."""
    with Simulators() as sims:
        (tmp_path / "gatekeeper.toml").write_text(POLICY.format(endpoint=sims.first_party.url))
        command = [sys.executable, "-W", "ignore", "-c", FORKING, str(tmp_path / "gatekeeper.toml")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr[-2000:]
        assert done.stderr == ""
        sent = [
            event["data"]["session_id"] for one in sims.first_party.received for event in json.loads(one.body)["events"]
        ]
    assert sorted(sent) == sorted([*(f"parent-{n}" for n in range(10)), *(f"child-{n}" for n in range(10))])


FORKING = """
import os, sys
import gatekeeper
from gatekeeper import context
from gatekeeper.shells.asgi.caller import here

runtime = gatekeeper.start(sys.argv[1])
cookie = gatekeeper.issue_consent(config=runtime.policy, analytics=True).partition(";")[0].encode()
context.current.set(here(runtime.gate, {"type": "http", "headers": [(b"cookie", cookie)]}))
children = []
for n in range(10):
    assert gatekeeper.track("page_view", session_id=f"parent-{n}")
    child = os.fork()
    if child == 0:
        assert gatekeeper.track("page_view", session_id=f"child-{n}")
        runtime.close()
        os._exit(0)
    children.append(child)
assert {os.waitpid(child, 0)[1] for child in children} == {0}
runtime.close()
"""
