"""`GatekeeperMiddleware`: the gate inside an ASGI app. Pure ASGI; what is not ours passes through untouched.

app = GatekeeperMiddleware(app, config="gatekeeper.toml")
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from gatekeeper import context
from gatekeeper.errors import ConfigError, GatekeeperError
from gatekeeper.policy import Policy, load_policy
from gatekeeper.runtime import Runtime
from gatekeeper.runtime.hosts import needs_asyncio
from gatekeeper.shells.asgi import App, Message, Receive, Scope, Send
from gatekeeper.shells.asgi.caller import here
from gatekeeper.shells.asgi.endpoints import local_path
from gatekeeper.shells.asgi.late import fail, in_lifespan
from gatekeeper.shells.asgi.opt_out import GPC_RESOURCE, HONOURED
from gatekeeper.shells.asgi.serving import Current
from gatekeeper.shells.asgi.visit import visit
from gatekeeper.signals.cookies import Reader
from gatekeeper.storage.opening import open_store
from gatekeeper.storage.protocols import Opening
from gatekeeper.vendors.dialect import Dialect
from gatekeeper.vendors.kind import DestinationModule


class GatekeeperMiddleware:
    """Answers the endpoints under the policy's prefix and gives the app's code the visitor's context.

    `config` is a path or a loaded `Policy`. A policy with errors raises ConfigError here, at start, never at
    the first request; if the framework makes the middleware later, the server's start fails. `kinds`, `readers` and
    `dialects` are your extensions, as for `load_policy`; `store` opens the store that keeps deliveries.
    """

    def __init__(
        self,
        app: App,
        config: str | Path | Policy = "gatekeeper.toml",
        *,
        kinds: Iterable[DestinationModule] = (),
        readers: Iterable[Reader] = (),
        dialects: Iterable[Dialect] = (),
        store: Opening = open_store,
    ) -> None:
        self.app = app
        self._unusable: GatekeeperError | None = None
        try:
            self.runtime = Runtime(load_policy(config, kinds=kinds, readers=readers, dialects=dialects), store=store)
        except GatekeeperError as error:
            if not in_lifespan():
                raise
            self._unusable = error
            return
        self._current = Current(self.runtime)
        context.install(self.runtime.gate)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One ASGI connection."""
        if self._unusable is not None:
            await fail(self._unusable, scope, receive, send)
        kind, serving = scope["type"], self._current.now
        if kind == "http":
            if not self.runtime.started:
                needs_asyncio()
                self.runtime.start()
            path = local_path(scope) if scope.get("root_path") else scope["path"]
            if path.startswith(serving.prefix) or path == GPC_RESOURCE:
                await serving.endpoints(scope, receive, send)
                return
            for name, _ in scope["headers"]:
                if name == b"sec-gpc":
                    if serving.endpoints.honours_opt_out(scope):
                        send = _showing(send)
                    break
        elif kind == "lifespan":
            try:
                needs_asyncio()
            except ConfigError as error:
                await receive()
                await send({"type": "lifespan.startup.failed", "message": str(error)})
                return
            try:
                await self.app(scope, self._before_shutdown(receive), send)
            finally:
                # Not awaited: once the app has said that it is down, the server cancels whatever still waits.
                self.runtime.close()
            return
        await visit(self.app, here(serving.gate, scope), scope, receive, send)

    def _before_shutdown(self, receive: Receive) -> Receive:
        """A receive that ends our calls before the app hears that it is over: the server may cancel us after that."""

        async def with_end() -> Message:
            message = await receive()
            if message.get("type") == "lifespan.shutdown":
                await self._current.relay.close()
            return message

        return with_end


def _showing(send: Send) -> Send:
    """A send that adds the header by which the page can show that the opt-out was honoured."""

    async def with_header(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = list(message.get("headers", ()))
            if HONOURED not in headers:  # of a gate further inside
                message = {**message, "headers": [*headers, HONOURED]}
        await send(message)

    return with_header
