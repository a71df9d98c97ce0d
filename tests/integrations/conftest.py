"""A gate of this process, requests of visitors by name, and jobs that say whose they are."""

import logging
import threading
from contextlib import contextmanager

import pytest

import gatekeeper
from gatekeeper import context
from gatekeeper.context import places
from gatekeeper.shells.asgi.caller import here
from tests.builders import make_policy

HEARD: list[str] = []
DONE = threading.Semaphore(0)


def whose():
    """The visitor that a tracking call would be sent for, by the subject of their cookie."""
    at = context.working()
    if at is None:
        return "no gate"
    return next((one.subject for one in at.gate.heard(at.caller()) if one.subject), "nobody")


def note(tag=""):
    """The job."""
    HEARD.append(tag + whose())
    DONE.release()


def heard(count):
    """What that many jobs said."""
    for _ in range(count):
        assert DONE.acquire(timeout=20), HEARD
    found = sorted(HEARD)
    HEARD.clear()
    return found


class Shop:
    """A process with a gate."""

    def __init__(self, runtime):
        self.runtime = runtime

    def cookie(self, name):
        """Of a visitor who agreed to analytics."""
        made = gatekeeper.issue_consent(config=self.runtime.policy, analytics=True, subject=name)
        return made.partition(";")[0]

    @contextmanager
    def request_of(self, name):
        """A request, from the call of the app to its return."""
        scope = {"type": "http", "headers": [(b"cookie", self.cookie(name).encode())], "client": ("203.0.113.9", 1)}
        visit = here(self.runtime.gate, scope)
        mark = context.current.set(visit)
        try:
            yield
        finally:
            visit.end()
            context.current.reset(mark)


@pytest.fixture
def shop(tmp_path, monkeypatch, caplog):
    """With nothing heard, and nothing warned of."""
    HEARD.clear()
    while DONE.acquire(blocking=False):
        pass
    caplog.set_level(logging.WARNING, "gatekeeper")
    monkeypatch.setattr(places, "_told", set())
    monkeypatch.setattr(context.here, "_installed", [])
    runtime = gatekeeper.start(
        make_policy(
            audit={"path": str(tmp_path / "audit")},
            keys={"path": str(tmp_path / "keys")},
            storage={"url": f"sqlite:///{tmp_path}/g.db"},
        )
    )
    yield Shop(runtime)
    runtime.close()
