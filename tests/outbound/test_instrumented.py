"""Nothing is added to a request after it was judged: six clients, four instrumentations and one more, two orders.

The instrumentations are the real packages, each in a process of its own: their patches stay for as long as it runs.
"""

import importlib.util
import json
import os
import subprocess
import sys

import pytest

from tests.outbound.clients import CLIENTS

pytestmark = pytest.mark.environment  # each package is set up in a process of its own
PACKAGES = {
    "opentelemetry": "opentelemetry.instrumentation",
    "sentry": "sentry_sdk",
    "datadog": "ddtrace",
    "newrelic": "newrelic",
    "simulated": "httpx",
}
ORDERS = ("before", "after", "alone")
PROPAGATED = ("traceparent", "tracestate", "baggage", "sentry-trace", "x-datadog", "newrelic", "b3:", "zoe")


def _there(module):
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


# Where the package, as it is set up here, adds something without the gate; Datadog's patch of urllib3 does not.
ADDS = {which: set(CLIENTS) for which in PACKAGES} | {"datadog": {"httpx", "httpx-async", "aiohttp"}}
QUIET = {
    "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
    "DD_REMOTE_CONFIGURATION_ENABLED": "false",
    "DD_TRACE_STARTUP_LOGS": "false",
}


@pytest.fixture(scope="module")
def every():
    """What the vendor received of each client, by instrumentation and order; and what was said of those that failed."""
    wanted = [f"{which}:{order}" for which in PACKAGES if _there(PACKAGES[which]) for order in ORDERS]
    done = subprocess.run(
        [sys.executable, "-m", "tests.outbound.instrumented", *wanted],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=os.environ | QUIET,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith('["')]
    return dict(json.loads(line) for line in lines), done.stderr[-3000:]


def arrived(every, which, order):
    """The same of one."""
    if not _there(PACKAGES[which]):
        pytest.skip(f"{PACKAGES[which]} is not installed")
    found, said = every
    assert f"{which}:{order}" in found, said
    assert found[f"{which}:{order}"].keys() == CLIENTS.keys()
    return found[f"{which}:{order}"]


def added(seen):
    """What of the words of propagators stands in the request, address and body included."""
    return [word for word in PROPAGATED if word in seen["raw"][0].lower()]


@pytest.mark.parametrize("order", ORDERS[:2])
@pytest.mark.parametrize("which", PACKAGES)
def test_what_an_instrumentation_adds_does_not_leave(every, which, order):
    """Headers, parameters and baggage; its own span of the call is there."""
    for client, seen in arrived(every, which, order).items():
        assert (seen["status"], len(seen["raw"]), added(seen)) == (204, 1, []), client
        if which in ("opentelemetry", "sentry"):
            assert seen["spans"], client


@pytest.mark.parametrize("which", PACKAGES)
def test_without_the_gate_it_would_leave(every, which):
    """So the test above can fail."""
    found = arrived(every, which, "alone")
    assert {client for client, seen in found.items() if added(seen)} >= ADDS[which]
