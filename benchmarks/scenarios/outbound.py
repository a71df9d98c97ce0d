"""An app's own calls to a vendor with httpx and requests: as they are, and through the gate in this process."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import gatekeeper
from gatekeeper.context import current
from gatekeeper.shells.asgi.caller import here

from .. import checks, samples
from ..contestants.installed import python_module
from ..shape import CheckError, InProcess, Repeat, Scenario, Stage

_TARGET = "/mp/collect?measurement_id=G-BENCH&api_secret=bench"


Post = Callable[[str, dict[str, Any]], int]


@contextlib.contextmanager
def _httpx_client() -> Iterator[Post]:
    import httpx

    with httpx.Client(trust_env=False) as client:
        yield lambda url, body: client.post(url, json=body).status_code


@contextlib.contextmanager
def _requests_client() -> Iterator[Post]:
    requests = importlib.import_module("requests")
    with requests.Session() as session:
        session.trust_env = False
        yield lambda url, body: int(session.post(url, json=body).status_code)


CLIENTS = {"httpx": _httpx_client, "requests": _requests_client}


@contextlib.contextmanager
def _calls(client: str, gated: bool, stage: Stage) -> Iterator[Repeat]:
    assert stage.vendor is not None
    url, body = f"http://127.0.0.1:{stage.vendor_port}{_TARGET}", samples.ga4_call()
    closing = contextlib.ExitStack()
    post = closing.enter_context(CLIENTS[client]())

    def plain(n: int) -> None:
        for _ in range(n):
            status = post(url, body)
            if status not in (200, 204):
                raise CheckError(f"the call was answered {status}")

    with closing:
        repeat = plain
        stage.vendor.told("clear")
        if gated:
            config = samples.write_policy(stage.folder / f"{client}.toml", samples.policy(stage.vendor_port))
            app = gatekeeper.GatekeeperMiddleware(_nobody, config=config)
            closing.callback(app.runtime.close)
            with _caught(app, granted=False):
                plain(1)  # what the visitor refused does not arrive: the next one is all that does

            def repeat(n: int) -> None:
                with _caught(app, granted=True):
                    plain(n)

        repeat(1)
        checks.arrived(stage.vendor, {"ga4": 1}, filtered=gated)
        yield repeat


@contextlib.contextmanager
def _caught(app: gatekeeper.GatekeeperMiddleware, *, granted: bool) -> Iterator[None]:
    """As in a view: this visitor is being served. Only meanwhile, for the clients are caught in the whole process."""
    outbound = importlib.import_module("gatekeeper.outbound")
    outbound.install()
    mark = current.set(here(app.runtime.gate, samples.scope(granted=granted)))
    try:
        yield
    finally:
        current.reset(mark)
        outbound.uninstall()


async def _nobody(scope: Any, receive: Any, send: Any) -> None:
    """An app that is never called."""


def _missing(client: str) -> str | None:
    if importlib.util.find_spec("gatekeeper.outbound") is None:
        return "not in this build: it has no gatekeeper.outbound"
    return python_module(client)()


def _contestants() -> Iterator[InProcess]:
    for client in CLIENTS:
        name, gated = f"{client}, gated", partial(_calls, client, True)
        yield InProcess(client, partial(_calls, client, False), "as it is", python_module(client))
        yield InProcess(name, gated, "decided, recorded, rewritten", partial(_missing, client), against=client)


SCENARIO = Scenario("outbound", "an app's own call to GA4", tuple(_contestants()), needs_vendor=True)
