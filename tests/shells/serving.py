"""`gatekeeper serve` as a process of its own, in front of simulators; it can be killed."""

from __future__ import annotations

import json
import os
import re
import signal
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

from gatekeeper.audit.read import records
from gatekeeper.audit.verify import verify
from tests.running import ADMIN as NAME
from tests.running import ADMIN_TOKEN, answers, begun, ended, free_port, until

TOKEN, ADMIN = ADMIN_TOKEN, NAME["env"]
os.environ[ADMIN] = TOKEN  # for the servers started here, and for policies read here
EVENT = {"event": "page_view", "consent": {"analytics": True}, "data": {"session_id": "s_1"}}
POLICY = """
[policy]
version = "{version}"
controller = "Example Shop GmbH"
{server}
[audit]
path = "audit"
[keys]
path = "keys"
[storage]
url = "sqlite:///gatekeeper.db"
{more}
[destinations.own]
kind = "first_party"
endpoint = "{endpoint}/events"
"""


SERVER = f'[server]\nadmin_token = {{ env = "{ADMIN}" }}'


class Serving:
    """A running `gatekeeper serve`."""

    def __init__(self, folder: Path, endpoint: str, port: int, workers: int, environ=None, options=()) -> None:
        self.environ = environ
        self.options = options
        self.folder, self.endpoint, self.port, self.workers = folder, endpoint, port, workers
        self.url = f"http://127.0.0.1:{port}"
        self.start()

    def start(self):
        """Begin, or begin again on the same store."""
        words = ["-m", "gatekeeper", "serve", "-c", str(self.folder / "gatekeeper.toml")]
        words += ["--port", str(self.port), "--workers", str(self.workers), *self.options]
        self.process = begun(words, self.folder, self.environ)
        self.wait(self.alive)

    def alive(self):
        return answers(self.url + "/gk/healthz")

    def get(self, path, token=TOKEN):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.get(self.url + path, headers=headers, trust_env=False, timeout=20)

    def post(self, event=None):
        """One event on a connection of its own; None if nobody answered."""
        with suppress(httpx.HTTPError):
            return httpx.post(self.url + "/gk/collect", json=event or EVENT, trust_env=False, timeout=20)
        return None

    def pids(self):
        """The workers' process ids; the process's own without a supervisor."""
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        found = [int(pid) for pid in path.read_text().split()]
        return found if self.workers > 1 else [self.process.pid]

    def metrics(self):
        """(name, destination) -> value; the books must add up at every scrape."""
        text = self.get("/gk/metrics").text
        found = {
            (name, destination): float(value)
            for name, destination, value in re.findall(r'^gatekeeper_(\w+)\{destination="(\w+)"\} (\S+)$', text, re.M)
        }
        for destination in {destination for _, destination in found}:
            ended = sum(found[f"{state}_total", destination] for state in ("delivered", "dead", "expired", "cancelled"))
            assert found["accepted_total", destination] == found["queued", destination] + ended
        return found

    def statuses(self):
        """Request id -> last status at `own`, out of the whole log."""
        found = {}
        for record in records(self.folder / "audit"):
            if record["kind"] == "decision":
                found.setdefault(record["request_id"], record["deliveries"][0]["status"])
        for record in records(self.folder / "audit"):
            if record["kind"] == "outcome":
                for request_id in record["request_ids"]:
                    if found.get(request_id) in (None, "pending"):
                        found[request_id] = record["status"]
        return found

    def wait(self, what, seconds=60.0):
        until(what, self.folder, seconds)

    def kill(self, pid, number=signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.kill(pid, number)

    def stop(self):
        return ended(self.process)


@contextmanager
def serving(folder, sims, workers=1, more="", version="1", server=SERVER, environ=None, options=()):
    """A gate with one first-party destination; whatever was done to it, its log is sound afterwards."""
    write(folder, sims, more, version, server)
    up = Serving(folder, sims.first_party.url, free_port(), workers, environ, options)
    try:
        yield up
    finally:
        if up.process.poll() is None:
            up.stop()
    if (folder / "audit").exists():
        assert verify(folder / "audit").problems == []


def write(folder, sims, more="", version="1", server=SERVER):
    """The policy file."""
    text = POLICY.format(endpoint=sims.first_party.url, server=server, more=more, version=version)
    (folder / "gatekeeper.toml").write_text(text)


def records_of(up):
    """Every line of the log."""
    return records(up.folder / "audit")


def event_ids(sim):
    """The ids of all events a first-party endpoint got, with repetitions."""
    return [event["event_id"] for one in sim.received for event in json.loads(one.body)["events"]]
