"""Every decision line that a test writes is made again from itself: the law of `gatekeeper/gate/recompute.py`.

The check takes the place of `Lines.line`, which makes every decision line there is. Beside it: the browsers.
"""

from __future__ import annotations

import functools
import gc

import orjson
import pytest
from httpx._transports import default
from hypothesis import HealthCheck, settings

from gatekeeper.audit import lines
from gatekeeper.gate.inputs import moment
from gatekeeper.gate.recompute import Unknowable, Unknown, differences, recompute, remake
from gatekeeper.reports.replay import compared
from gatekeeper.reports.under import of_policy
from tests.browsers.fixtures import chromium, engine, firefox, mark, visitor, visitors, webkit
from tests.sizes import LONG, sized

__all__ = ["chromium", "engine", "firefox", "lines_can_be_made_again", "visitor", "visitors", "webkit"]
# How long one example takes says more of what else the machine does than of the product. In the short form a test's
# outcome is a function of the code.
settings.register_profile(
    "any-machine",
    max_examples=sized(100),
    derandomize=not LONG,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("any-machine")
# A context of TLS reads the system's authorities, which takes 20 ms. Each of httpx's clients would make its own.
default.create_ssl_context = functools.cache(default.create_ssl_context)
LONG_FILES = ("tests/shells/", "tests/storage/", "tests/cli/")  # they start processes, and wait for them
MOST = 200  # lines of one test; of what comes after, every 64th
_write = lines.Lines.line


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """The modules and tests that a worker collects are never garbage: looking among them takes seconds of each."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items):
    """Tests that ask for a browser are marked as such; long files go first, and leave no core idle at the end."""
    mark(items)
    items.sort(key=lambda item: not item.nodeid.startswith(LONG_FILES))


@pytest.fixture(autouse=True)
def lines_can_be_made_again(monkeypatch):
    """Fail a test that wrote a line of which its policy makes another decision; a planted fault clears the list."""
    wrong = []
    count = 0

    def line_of(self, plan, *more):
        nonlocal count
        policy = self.policy
        line = _write(self, plan, *more)
        count += 1
        if count <= MOST or count % 64 == 0:
            record = orjson.loads(line.core)
            try:
                found = differences(record, recompute(record, policy))
                found += map(str, compared(record["deliveries"], remake(record, policy)).changes)  # as a replay does
                laws = [law.id for law in of_policy(record, policy, moment(record))]
                if laws != record["jurisdiction"]["laws"]:  # its places explain its laws
                    found.append(f"laws: {laws}")
            except Unknowable as unknowable:  # of its own policy's lines, only what was not decided
                found = [] if unknowable.why in (Unknown.UNDECIDED, Unknown.GATE_FAILED) else [unknowable.why]
            if found:
                wrong.append((found, record))
        return line

    monkeypatch.setattr(lines.Lines, "line", line_of)
    yield wrong
    assert not wrong, f"{len(wrong)} lines do not give their decision again: {wrong[0]}"
