"""The process log of `gatekeeper serve`: what an operator must act on, once, as text or as JSON."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager

import httpx
import pytest

EVENT = {"event": "purchase", "consent": {"analytics": True}}
POLICY = """
[policy]
version = "1"
controller = "Shop"
[server]
prefix = "/gk"
[destinations.own]
kind = "first_party"
endpoint = "http://127.0.0.1:{port}/in"
legal_basis = "legitimate_interest"
dpa = "none"
"""


def free_port():
    """A port where nothing listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@contextmanager
def served(folder, *options, env=None):
    """A sidecar in another process whose vendor cannot be reached; its URL, and a function for its log so far."""
    (folder / "gatekeeper.toml").write_text(POLICY.format(port=free_port()))
    log = folder / "log"
    with log.open("w") as to:
        command = [sys.executable, "-m", "gatekeeper", "serve", "--port", "0", *options]
        process = subprocess.Popen(command, cwd=folder, stderr=to, env=os.environ | (env or {}))
    try:
        url = waited(lambda: re.search(r"listens on (http://[0-9.:]+/gk)", log.read_text()))[1]
        yield url, log.read_text
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def waited(condition, seconds=60.0):
    """What a condition gives once it is true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not come true in time")


def test_a_vendor_that_cannot_be_reached_is_said_once(tmp_path):
    """However many events wait for it."""
    with served(tmp_path) as (url, log):

        def tried():
            httpx.post(f"{url}/collect", json=EVENT, trust_env=False)
            return "own takes nothing" in log()

        waited(tried)
        for _ in range(5):
            httpx.post(f"{url}/collect", json=EVENT, trust_env=False)
        httpx.post(f"{url}/to/own/in", json={}, trust_env=False)
    assert log().count("own takes nothing (unreachable); its events wait, and are tried again") == 1


def test_the_log_as_json_has_every_decision_at_debug(tmp_path):
    """One object a line; a subject that is ignored is said once, without its value."""
    with served(tmp_path, "--log-level", "debug", "--log-format", "json") as (url, log):
        for _ in range(2):
            event = {"event": "purchase", "subject": {"user_id": "secret-visitor"}}
            answer = httpx.post(f"{url}/collect", json=event, trust_env=False)
    lines = [json.loads(line) for line in log().splitlines()]
    assert {"time", "level", "logger", "message"} == set(lines[0])
    (request_id,) = answer.json()["request_ids"]
    assert any(line["level"] == "debug" and line["message"].startswith(f"{request_id}: own: ") for line in lines)
    ignored = [line for line in lines if "`subject`" in line["message"]]
    assert len(ignored) == 1 and ignored[0]["level"] == "warning" and "secret-visitor" not in log()


def test_the_level_can_come_from_the_environment(tmp_path):
    """At `error` nothing else is said but where it listens."""
    with served(tmp_path, env={"GATEKEEPER_LOG_LEVEL": "error"}) as (url, log):
        httpx.post(f"{url}/collect", json={"event": "purchase", "subject": {"user_id": "x"}}, trust_env=False)
    assert len(log().splitlines()) == 1


@pytest.mark.parametrize("option", [("--log-level", "debgu"), ("--log-format", "jsno")], ids=["level", "format"])
def test_a_word_that_is_not_known_is_wrong_usage(gatekeeper, option):
    """With the one that was probably meant."""
    done = gatekeeper("serve", *option, code=2)
    assert "is not known; did you mean" in " ".join(done.stderr.replace("│", "").split())
