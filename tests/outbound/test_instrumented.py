"""Nothing is added after a request was judged: six clients, four instrumentations and a simulated one, two orders.

The instrumentations are the real packages, each in a process of its own: their patches stay for as long as it runs.
"""

import importlib.util
import json
import os
import subprocess
import sys

import pytest

from tests.outbound.clients import CLIENTS

PACKAGES = {
    "opentelemetry": "opentelemetry.instrumentation",
    "sentry": "sentry_sdk",
    "datadog": "ddtrace",
    "newrelic": "newrelic",
    "simulated": "httpx",
}
PROPAGATED = ("traceparent", "tracestate", "baggage", "sentry-trace", "x-datadog", "newrelic", "b3:", "zoe")


def _there(module):
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


@pytest.mark.parametrize("order", ["before", "after"])
@pytest.mark.parametrize("which", PACKAGES)
def test_what_an_instrumentation_adds_does_not_leave(which, order):
    """Headers, parameters and baggage; and its own span of the call is there where it makes one."""
    if not _there(PACKAGES[which]):
        pytest.skip(f"{PACKAGES[which]} is not installed")
    environ = {key: value for key, value in os.environ.items() if not key.startswith("DD_")}
    done = subprocess.run(
        [sys.executable, "-m", "tests.outbound.instrumented", which, order],
        capture_output=True, text=True, timeout=120, check=False,
        env=environ | {"DD_TRACE_ENABLED": "true", "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
                       "DD_REMOTE_CONFIGURATION_ENABLED": "false", "DD_TRACE_STARTUP_LOGS": "false"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found.keys() == CLIENTS.keys()
    for client, seen in found.items():
        assert seen["status"] == 204 and len(seen["raw"]) == 1, (client, seen)
        head, _, _ = seen["raw"][0].partition("\r\n\r\n")
        assert [word for word in PROPAGATED if word in seen["raw"][0].lower()] == [], (client, head)
        if which in ("opentelemetry", "sentry"):
            assert seen["spans"], (client, "no span of the call")
