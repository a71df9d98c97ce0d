"""The endpoints under the prefix (`/gk`): which one answers a path, and what is the same for all. In every shell."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from functools import partial

from gatekeeper.errors import EventError
from gatekeeper.gate import Gate
from gatekeeper.model import Caller
from gatekeeper.runtime import Runtime
from gatekeeper.shells.admin.admitted import Rate
from gatekeeper.shells.admin.endpoint import AdminEndpoint
from gatekeeper.shells.asgi import (
    TARGET,
    Disconnected,
    Headers,
    Read,
    Reading,
    Receive,
    Reply,
    Scope,
    Send,
    erased,
    lowered,
    problem_reply,
    respond,
    respond_in_parts,
)
from gatekeeper.shells.asgi.collect import Collect
from gatekeeper.shells.asgi.opt_out import GPC_RESOURCE, OptOut
from gatekeeper.shells.asgi.origins import cors
from gatekeeper.shells.asgi.relay import RETRY_AFTER, Relay
from gatekeeper.shells.asgi.state import State
from gatekeeper.shells.consent.endpoint import ConsentEndpoint
from gatekeeper.shells.consent.scripts import NAMES, Scripts
from gatekeeper.shells.console.endpoint import ConsoleEndpoint
from gatekeeper.shells.server.hygiene import Fault, request_fault
from gatekeeper.shells.server.target import path_fault, raw_path

Endpoint = Callable[[Scope, Headers, Read], Awaitable[Reply]]
_log = logging.getLogger("gatekeeper")


class Endpoints:
    """Everything the gate itself answers. An ASGI app for paths under the prefix."""

    def __init__(self, runtime: Runtime, gate: Gate, relay: Relay) -> None:
        self._runtime = runtime
        self._gate = gate
        prefix = gate.policy.prefix
        self._relay = partial(relay.reply, gate)
        self._misdirected = partial(relay.misdirected, gate)
        self._hosts = frozenset(host.lower() for host in gate.policy.file.server.hosts)
        self._calls = f"{prefix}/to/"
        self._admin = f"{prefix}/admin/"
        rate = Rate()
        self.admin = AdminEndpoint(runtime, gate, self._admin, rate).reply
        self._console = ConsoleEndpoint(runtime, gate, self._admin, rate)
        self._erased = f"{prefix}{erased.PATH}"
        scripts = Scripts(gate.policy)
        opt_out = OptOut(gate)
        self.honours_opt_out = opt_out.honours
        state = State(runtime, gate)
        self.routes = {
            **{f"{prefix}/{name}": scripts.reply for name in NAMES},
            f"{prefix}/collect": Collect(runtime, gate, opt_out).reply,
            f"{prefix}/consent": ConsentEndpoint(gate, self._over).reply,
            f"{prefix}/healthz": state.healthz,
            f"{prefix}/readyz": state.readyz,
            f"{prefix}/metrics": state.metrics,
            f"{prefix}/outbound": state.outbound,
            f"{prefix}/admin": self._console.reply,
            GPC_RESOURCE: opt_out.reply,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request under the prefix, as an ASGI app."""
        server = self._gate.policy.file.server
        reading = Reading(receive, server.max_body, server.body_timeout, self._runtime.bodies)
        with contextlib.suppress(Disconnected), reading:
            reply = await self.reply(scope, reading)
            if reply.more is None or scope["method"] == "HEAD":
                await respond(send, reply, head=scope["method"] == "HEAD")
            else:
                await respond_in_parts(send, receive, reply)

    async def reply(self, scope: Scope, read: Read) -> Reply:
        """The answer to a request under the prefix; anything unknown there is a 404 of ours, never the app's.

        `read` is awaited for the body, once, and only by who wants one. Raises Disconnected out of it.
        """
        path = local_path(scope)
        endpoint: Endpoint | None = self.routes.get(path)
        if endpoint is None:
            endpoint = self._others(path)
        if endpoint is None:
            return problem_reply(404, "there is no such endpoint")
        headers = lowered(scope)
        try:
            fault = _fault(scope, headers, self._hosts)
            if fault is not None:
                return problem_reply(fault.status, fault.title, headers=((b"connection", b"close"),))
            broken = path_fault(raw_path(scope))
            if broken is not None:
                told = await self._misdirected(scope, broken) if path.startswith(self._calls) else None
                decided = () if told is None else (told,)
                return problem_reply(400, broken, headers=((b"connection", b"close"), *decided))
            return await endpoint(scope, headers, read)
        except EventError as error:
            again = (RETRY_AFTER,) if error.status == 503 else ()
            return problem_reply(
                error.status,
                error.title,
                field=error.field,
                detail=error.detail,
                headers=(*again, *cors(headers, self._gate.policy.origins)),
            )
        except Disconnected:
            raise
        except Exception as error:  # noqa: BLE001  # nothing was sent; the traceback could show a visitor's data
            _log.error("%s failed (%s)", path, type(error).__name__)
            return problem_reply(500, "the gate failed; nothing was sent")

    def _others(self, path: str) -> Endpoint | None:
        """What answers a path that begins like these."""
        if path.startswith(self._calls):
            return self._relay
        if path.startswith(self._admin):
            return self._console.reply if self._console.answers(path) else self.admin
        if path.startswith(self._erased):
            return partial(erased.reply, self._runtime, path.removeprefix(self._gate.policy.prefix))
        return None

    def _over(self, caller: Caller, size: int) -> int | None:
        """After how many seconds a caller may grant again, `None`: now (`[limits] consents`)."""
        return self._runtime.limits.over("consents", caller, time.monotonic(), size=size)


def _fault(scope: Scope, headers: Headers, hosts: frozenset[str]) -> Fault | None:
    """What is wrong with a request's head: the middleware cannot choose its server, so it looks for itself."""
    if TARGET not in scope.get("extensions", ()):  # our own protocol has looked already
        target = raw_path(scope) + b"?" + bytes(scope.get("query_string", b""))
        # What HTTP/2 can say can be said in 1.1; a scope without a version is no request off a wire.
        version = "1.1" if scope.get("http_version", "1.0") != "1.0" else "1.0"
        return request_fault(scope["method"], target, version, headers, hosts)
    return None


def local_path(scope: Scope) -> str:
    """The request's path without the mount point (ASGI 3: `path` includes `root_path`)."""
    path, root = str(scope["path"]), str(scope.get("root_path", ""))
    return path[len(root) :] if root and path.startswith(root + "/") else path
