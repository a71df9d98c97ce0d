"""An instrumentation and `install()` in one order, then a judged call by each client; each in a forked child.

python -m tests.outbound.instrumented <instrumentation>:<before|after|alone> …

prints a line of JSON for each: its words, and client -> what arrived. `alone`: without `install()`, to see that the
instrumentation adds something here. What all of them import is imported once.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import traceback
from contextlib import ExitStack, contextmanager
from pathlib import Path

import aiohttp
import httpx
import requests  # noqa: F401  # patched by name
import urllib3  # noqa: F401  # patched by name

import gatekeeper.outbound
from gatekeeper import context
from gatekeeper.policy.load import parse_policy
from gatekeeper.runtime import Runtime
from gatekeeper.testing import Simulators
from tests.outbound.clients import CLIENTS
from tests.outbound.conftest import Shop
from tests.outbound.test_clients import BODY, MEASUREMENT
from tests.running import tables

MAIL = "zoe@example.org"


@contextmanager
def opentelemetry():
    """Five instrumentors, a span, and baggage with an address."""
    from opentelemetry import baggage, trace
    from opentelemetry import context as active
    from opentelemetry.instrumentation.aiohttp_client import AioHttpClientInstrumentor
    from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
    from opentelemetry.instrumentation.requests import RequestsInstrumentor
    from opentelemetry.instrumentation.urllib import URLLibInstrumentor
    from opentelemetry.instrumentation.urllib3 import URLLib3Instrumentor
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    trace.set_tracer_provider(provider)
    kinds = (HTTPXClientInstrumentor, RequestsInstrumentor, URLLib3Instrumentor, AioHttpClientInstrumentor)
    for kind in (*kinds, URLLibInstrumentor):
        kind().instrument()

    @contextmanager
    def working():
        token = active.attach(baggage.set_baggage("user.email", MAIL))
        with trace.get_tracer("shop").start_as_current_span("checkout"):
            yield lambda: len(spans.get_finished_spans())
        active.detach(token)

    yield working


@contextmanager
def sentry():
    """Tracing of a transaction with an address in its name."""
    import sentry_sdk
    from sentry_sdk.integrations.aiohttp import AioHttpIntegration

    def ended(event, hint):
        spans.extend(event["spans"])
        return event

    options = {"dsn": "http://k@127.0.0.1:9/1", "traces_sample_rate": 1.0, "transport": lambda envelope: None}
    spans = []
    sentry_sdk.init(release="shop@7", integrations=[AioHttpIntegration()], before_send_transaction=ended, **options)

    @contextmanager
    def working():
        with sentry_sdk.start_transaction(name=f"/account/{MAIL}/checkout", op="http.server"):
            yield lambda: len(spans)

    yield working


@contextmanager
def datadog():
    """ddtrace's own patches of the five clients and of http.client, with baggage."""
    from ddtrace import config
    from ddtrace._monkey import _patch_all
    from ddtrace.trace import tracer

    tracer.enabled = False
    for name in ("httplib", "requests", "urllib3", "aiohttp", "httpx"):
        getattr(config, name)["distributed_tracing"] = True
    _patch_all(httplib=True, requests=True, urllib3=True, aiohttp=True, httpx=True)

    @contextmanager
    def working():
        with tracer.trace("checkout") as span:
            span.context.set_baggage_item("user.email", MAIL)
            yield lambda: None

    yield working


@contextmanager
def newrelic():
    """The agent's hooks without an account, in a background transaction."""
    import newrelic.agent
    import newrelic.api.background_task

    settings = newrelic.agent.global_settings()
    settings.monitor_mode = True
    settings.developer_mode = True
    settings.distributed_tracing.enabled = True
    newrelic.agent.initialize()
    application = newrelic.agent.register_application(timeout=5.0)

    @contextmanager
    def working():
        with newrelic.agent.BackgroundTask(application, name=f"/account/{MAIL}"):
            yield lambda: None

    yield working


@contextmanager
def simulated():
    """A propagator at the lowest function that others patch: a line and a parameter."""
    import http.client

    import httpcore

    originals = [
        (http.client.HTTPConnection, "endheaders"),
        (httpcore.ConnectionPool, "handle_request"),
        (httpcore.AsyncConnectionPool, "handle_async_request"),
        (aiohttp.ClientRequest, "send"),
        (httpx.HTTPTransport, "handle_request"),
        (httpx.AsyncHTTPTransport, "handle_async_request"),
    ]

    def adding(owner, name):
        original = getattr(owner, name)

        def endheaders(self, *args, **options):
            self.putheader("baggage", f"user.email={MAIL}")
            self._buffer[0] = self._buffer[0].replace(b" HTTP/1.1", b"&trace=zoe HTTP/1.1")
            return original(self, *args, **options)

        def pool(self, request):
            request.headers.append((b"baggage", f"user.email={MAIL}".encode()))
            request.url.target += b"&trace=zoe"
            return original(self, request)

        def transport(self, request):
            request.headers["baggage"] = f"user.email={MAIL}"
            return original(self, request)

        def send(self, connection):
            self.headers["baggage"] = f"user.email={MAIL}"
            return original(self, connection)

        return {"endheaders": endheaders, "send": send}.get(name) or (
            pool if "httpcore" in owner.__module__ else transport
        )

    for owner, name in originals:
        setattr(owner, name, adding(owner, name))

    @contextmanager
    def working():
        yield lambda: None

    yield working


INSTRUMENTATIONS = {one.__name__: one for one in (opentelemetry, sentry, datadog, newrelic, simulated)}


def seen(which, order):
    """What arrived, by client."""
    found = {}
    with ExitStack() as stack:
        sims = stack.enter_context(Simulators())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        runtime = Runtime(parse_policy(tables(folder, sims), environ={}))
        stack.callback(runtime.close)
        context.install(runtime.gate)
        if order == "after":
            gatekeeper.outbound.install()
        working = stack.enter_context(INSTRUMENTATIONS[which]())
        if order == "before":
            gatekeeper.outbound.install()
        shop = Shop(runtime, sims)
        for name, client in CLIENTS.items():
            sims.clear()
            with shop.visitor("analytics"), working() as spans:
                status, _ = client("POST", sims.ga4.url + MEASUREMENT, BODY, {"Content-Type": "application/json"})
            count = spans()
            raw = [one.raw.decode("latin-1") for one in sims.ga4.received]
            found[name] = {"status": status, "raw": raw, "spans": count}
    return found


def main(*orders):
    """Each in a child of its own: an instrumentation's patches stay for as long as its process runs."""
    for order in orders:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                print(json.dumps([order, seen(*order.split(":"))]), flush=True)
                code = 0
            except BaseException:  # whatever it is, the parent goes on with the next one
                traceback.print_exc()
            finally:
                os._exit(code)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
