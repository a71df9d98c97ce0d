"""What wrapping an app costs a request that has nothing to do with tracking, and one whose consent is asked."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, MutableMapping
from functools import partial
from typing import Any

from starlette.middleware.base import BaseHTTPMiddleware

import gatekeeper

from .. import checks, samples
from ..contestants.hello import App, asking, hello
from ..machine import event_loop, free_port
from ..process import ROOM, Process, running
from ..shape import CheckError, InProcess, Repeat, Scenario, Served, Stage

Wrap = Callable[[App, Stage], App]


class NoOp:
    """The least a pure ASGI middleware can do."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass it on."""
        await self.app(scope, receive, send)


class Dispatching(BaseHTTPMiddleware):
    """The least Starlette's convenient base class can do."""

    async def dispatch(self, request: Any, call_next: Any) -> Any:
        """Pass it on."""
        return await call_next(request)


def gated(app: App, stage: Stage) -> App:
    """The app behind our middleware."""
    config = samples.write_policy(stage.folder / "gatekeeper.toml", samples.policy(9))
    return gatekeeper.GatekeeperMiddleware(app, config=config)


@contextlib.contextmanager
def calling(app: App, wrap: Wrap, stage: Stage) -> Iterator[Repeat]:
    """A wrapped app called on one loop; it must answer 200."""
    wrapped = wrap(app, stage)
    runtime = getattr(wrapped, "runtime", None)
    scope = samples.scope()
    statuses: set[int] = set()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        if "status" in message:
            statuses.add(message["status"])

    async def calls(n: int) -> None:
        for _ in range(n):
            await wrapped({**scope, "headers": list(scope["headers"])}, receive, send)

    with event_loop() as runner:
        runner.run(calls(2))
        if statuses != {200}:
            raise CheckError(f"the wrapped app answered {statuses}, not 200")
        yield lambda n: runner.run(calls(n))
    if runtime is not None:
        runtime.close()


def _plain(app: App, stage: Stage) -> App:
    return app


def _in_process(name: str, app: App, wrap: Wrap, note: str = "") -> InProcess:
    against = None if wrap is _plain else ("bare app, consent asked" if app is asking else "bare app")
    if name == "gatekeeper, consent asked":
        against = "bare app"
    return InProcess(name, partial(calling, app, wrap), note, against=against)


@contextlib.contextmanager
def _served(which: str, stage: Stage) -> Iterator[Process]:
    folder = stage.folder / which
    folder.mkdir(exist_ok=True)
    samples.write_policy(folder / "gatekeeper.toml", samples.policy(9))
    port = free_port()
    command = [sys.executable, "-m", f"{ROOM}.contestants.hello", which, str(port)]
    with running(command, port, folder=folder, core=stage.core) as process:
        yield process


def _hello() -> tuple[bytes, ...]:
    return (samples.get("/"),)


def _says_hello(process: Process, stage: Stage) -> None:
    checks.answered(process, samples.get("/"), (200,))


def _on_server(name: str, which: str, against: str | None, note: str = "") -> Served:
    return Served(name, partial(_served, which), _says_hello, _hello, note, against=against)


SCENARIO = Scenario(
    "middleware",
    "an ASGI app, wrapped",
    (
        _in_process("bare app", hello, _plain, "one function, called on a loop"),
        _in_process("no-op middleware", hello, lambda app, stage: NoOp(app)),
        _in_process("gatekeeper, not tracking", hello, gated),
        _in_process("gatekeeper, consent asked", asking, gated, "the app asks for the visitor's consent"),
        _in_process("BaseHTTPMiddleware", hello, lambda app, stage: Dispatching(app), "no-op dispatch"),
        _on_server("uvicorn, bare app", "bare", None),
        _on_server("uvicorn, gatekeeper", "gatekeeper", "uvicorn, bare app"),
        _on_server("uvicorn, BaseHTTPMiddleware", "base", "uvicorn, bare app"),
    ),
    rate=500.0,
)
