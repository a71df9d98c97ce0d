"""`GatekeeperMiddleware`: the gate inside an ASGI app. Pure ASGI; what is not ours passes through untouched.

app = GatekeeperMiddleware(app, config="gatekeeper.toml")
"""

from __future__ import annotations

from pathlib import Path

from gatekeeper import context
from gatekeeper.context import Here
from gatekeeper.policy import Policy
from gatekeeper.runtime import Runtime
from gatekeeper.shells.asgi import App, Receive, Scope, Send
from gatekeeper.shells.endpoints import Endpoints, local_path


class GatekeeperMiddleware:
    """Answers the endpoints under the policy's prefix and gives the app's code the visitor's context.

    `config` is a path or a loaded `Policy`; a policy that cannot be used raises ConfigError here, at start,
    never at the first request.
    """

    def __init__(self, app: App, config: str | Path | Policy = "gatekeeper.toml") -> None:
        self.app = app
        self.runtime = Runtime(config)
        self._gate = self.runtime.gate
        self._endpoints = Endpoints(self._gate)
        self._prefix = self._gate.policy.prefix + "/"
        context.install(self._gate)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One ASGI connection."""
        if scope["type"] == "lifespan":
            try:
                await self.app(scope, receive, send)
            finally:
                # Not awaited: once the app has said that it is down, the server cancels whatever still waits.
                self.runtime.close()
            return
        if scope["type"] == "http" and local_path(scope).startswith(self._prefix):
            await self._endpoints(scope, receive, send)
            return
        mark = context.current.set(Here(self._gate, scope))
        try:
            await self.app(scope, receive, send)
        finally:
            context.current.reset(mark)
