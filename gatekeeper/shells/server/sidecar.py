"""The sidecar: the same endpoints as a server of their own, on uvicorn with uvloop and httptools."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import signal
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import uvicorn

from gatekeeper.errors import ConfigError
from gatekeeper.policy import Policy
from gatekeeper.runtime import Runtime
from gatekeeper.runtime.wiring import check
from gatekeeper.shells.asgi import App, Receive, Scope, Send
from gatekeeper.shells.asgi.opt_out import GPC_RESOURCE, HONOURED
from gatekeeper.shells.asgi.serving import Current
from gatekeeper.shells.proxy.link import Target, parse_target
from gatekeeper.shells.proxy.tunnel import Tunnels
from gatekeeper.shells.proxy.upstream import Upstream
from gatekeeper.shells.server.exchange import Answering
from gatekeeper.shells.server.protocol import guarded
from gatekeeper.shells.server.watch import Watch
from gatekeeper.shells.server.ways import Ways
from gatekeeper.shells.server.workers import Supervisor
from gatekeeper.storage.opening import open_store
from gatekeeper.storage.protocols import Opening


class Sidecar:
    """The ASGI app that `gatekeeper serve` runs, in one of `workers` processes."""

    def __init__(
        self,
        config: str | Path | Policy,
        app_upstream: str | None = None,
        workers: int = 1,
        *,
        store: Opening = open_store,
    ) -> None:
        self.runtime = Runtime(config, workers=workers, store=store)
        target = app_target(self.runtime.policy, app_upstream)
        self._current = Current(self.runtime)
        self.upstream = None if target is None else Upstream(target, lambda: self._current.now.gate)
        self.watch = Watch(lambda: self._current.now.limits, self.runtime.bodies)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One ASGI connection: our endpoints over HTTP, and the app behind us, if there is one."""
        match scope["type"]:
            case "http":
                serving, path = self._current.now, scope["path"]
                if self.upstream is None or path.startswith(serving.prefix) or path == GPC_RESOURCE:
                    await serving.endpoints(scope, receive, send)
                    return
                honoured = (HONOURED,) if serving.endpoints.honours_opt_out(scope) else ()
                await self.upstream(scope, receive, send, honoured)
            case "lifespan":
                await self._lifespan(receive, send)
            case _:
                await send({"type": "websocket.close", "code": 1000})

    def direct(self, target: bytes) -> Answering | None:
        """What answers a request for this target without ASGI: our endpoints, for what is under our prefix.

        Those for operators go the way of ASGI, for an answer may come in parts.
        """
        serving = self._current.now
        ours = target.startswith(serving.raw_prefix) and not target.startswith(serving.raw_admin)
        return serving.endpoints.reply if ours else None

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self.runtime.start(asyncio.get_running_loop())
                await send({"type": "lifespan.startup.complete"})
            else:
                await self._current.relay.close()
                if self.upstream is not None:
                    self.upstream.close()
                await asyncio.get_running_loop().run_in_executor(None, self.runtime.close)
                await send({"type": "lifespan.shutdown.complete"})
                return


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; raises ConfigError in one sentence if the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(2048)
    except (OSError, OverflowError, ValueError) as error:
        listener.close()
        what = ((isinstance(error, OSError) and error.strerror) or "cannot be used").lower()
        if isinstance(error, OverflowError):
            raise ConfigError(f"server.port: {port} is not a port; choose one from 0 to 65535 with --port") from None
        if not isinstance(error, OSError) or isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
            raise ConfigError(
                f'server.host: "{host}": {what}; name an address of this machine with --host, such as 127.0.0.1'
            ) from None
        raise ConfigError(f"server.port: {host}:{port}: {what}; choose another with --port") from None
    listener.setblocking(False)
    return listener


def app_target(policy: Policy, app_upstream: str | None = None) -> Target | None:
    """Where the app behind the sidecar is: the command's own word, else the policy's. Raises ConfigError."""
    url = app_upstream or policy.file.server.app_upstream
    if url is None:
        return None
    try:
        return parse_target(url)
    except ValueError:
        raise ConfigError(f'server.app_upstream: "{url}" is not an origin; write http://127.0.0.1:8000') from None


def server(app: App) -> uvicorn.Server:
    """A uvicorn server for an app with a gate: never its h11 parser, and never its own reading of X-Forwarded-For."""
    if isinstance(app, Sidecar):
        tunnels = None if app.upstream is None else Tunnels(app.upstream)
        ways = Ways(app, app.watch, app.direct, tunnels)
    else:
        ways = Ways(app, Watch())
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=guarded(ways),  # type: ignore[arg-type]  # anything that makes a protocol
            loop="uvloop",
            ws="none",
            interface="asgi3",
            lifespan="on",
            proxy_headers=False,
            server_header=False,
            date_header=True,
            access_log=False,
            log_config=None,
            timeout_graceful_shutdown=20,
        )
    )


def serve(
    policy: Policy,
    *,
    host: str,
    port: int,
    workers: int = 1,
    app_upstream: str | None = None,
    store: Opening = open_store,
    ready: Callable[[str, int, str], None] = lambda host, port, prefix: None,
) -> None:
    """Serve until SIGINT or SIGTERM, then drain; `ready` is told host, port and prefix. SIGHUP reads the policy again.

    Raises ConfigError if the policy, its keys, its log, its store or the port cannot be used.
    """
    app_target(policy, app_upstream)
    with contextlib.closing(listen(host, port)) as listener:
        if workers == 1:
            app = Sidecar(policy, app_upstream, store=store)
            ready(host, listener.getsockname()[1], policy.prefix)
            _serve(app, listener)
            return
        check(policy)
        ready(host, listener.getsockname()[1], policy.prefix)

        def work(policy: Policy) -> None:
            _serve(Sidecar(policy, app_upstream, workers, store=store), listener)

        Supervisor(policy, work, workers).run()


def _serve(app: Sidecar, listener: socket.socket) -> None:
    def reload(number: int, frame: object) -> None:
        threading.Thread(target=app.runtime.reload, name="gatekeeper-reload").start()

    def stop(number: int, frame: object) -> None:
        serving.should_exit = True

    serving = server(app)
    signal.signal(signal.SIGHUP, reload)
    # Ours until uvicorn listens for it, and when uvicorn raises it once more after draining: the default would end us.
    signal.signal(signal.SIGTERM, stop)
    # What was made at the start stays: the collector need not look at it again with every thousand events.
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
    serving.run(sockets=[listener])
    app.runtime.close()
