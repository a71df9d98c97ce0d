"""One gate of this process with simulators behind it, and the clients caught."""

from __future__ import annotations

import time
from contextlib import contextmanager

import pytest

import gatekeeper
import gatekeeper.outbound
from gatekeeper import context
from gatekeeper.audit.read import records
from gatekeeper.policy.load import parse_policy
from gatekeeper.runtime import Runtime
from gatekeeper.shells.asgi.caller import here
from gatekeeper.testing import Simulators
from tests.running import tables


class Shop:
    """An app's process: a gate, vendors, and visitors to serve."""

    def __init__(self, runtime, sims):
        self.runtime = runtime
        self.sims = sims

    def headers(self, *granted, gpc=False):
        """A visitor's headers."""
        found = []
        if granted:
            choices = dict.fromkeys(granted, True)
            cookie = gatekeeper.issue_consent(config=self.runtime.policy, at=time.time() - 10, **choices).partition(
                ";"
            )[0]
            found.append((b"cookie", cookie.encode()))
        if gpc:
            found.append((b"sec-gpc", b"1"))
        return found

    @contextmanager
    def visitor(self, *granted, gpc=False):
        """Serve a request of a visitor who granted these purposes."""
        scope = {"type": "http", "headers": self.headers(*granted, gpc=gpc), "client": ("127.0.0.1", 1)}
        mark = context.current.set(here(self.runtime.gate, scope))
        try:
            yield
        finally:
            context.current.reset(mark)

    def lines(self, kind="decision"):
        """Lines of the log since the last test."""
        self.runtime.gate.recorder.append([]).result(5)
        lines = list(records(self.runtime.policy.audit_folder))[self.seen :]
        return [line for line in lines if kind is None or line["kind"] == kind]

    def line_to(self, destination):
        """The one decision line about this destination since the last test; with all others in the failure's text."""
        lines = self.lines()
        found = [line for line in lines if [one["destination"] for one in line["deliveries"]] == [destination]]
        assert len(found) == 1, "\n".join(map(str, lines))
        return found[0]

    def decided(self, request_id):
        """The decision line of an event that was tracked."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            for line in self.lines():
                if line["request_id"] == request_id:
                    return line
            time.sleep(0.01)
        raise AssertionError("the decision was not recorded in time")

    seen = 0


@pytest.fixture(scope="session")
def _process(tmp_path_factory):
    with Simulators() as sims:
        policy = parse_policy(tables(tmp_path_factory.mktemp("outbound"), sims), environ={})
        runtime = Runtime(policy)
        yield Shop(runtime, sims)
        runtime.close()


@pytest.fixture
def shop(_process):
    """The process with every client caught and nothing received yet."""
    _process.sims.clear()
    context.install(_process.runtime.gate)  # the newest gate of the process, whatever other modules have started
    gatekeeper.outbound.install()
    _process.seen = 0
    _process.seen = len(_process.lines(None))
    yield _process
    gatekeeper.outbound.uninstall()
    context.uninstall(_process.runtime.gate)
