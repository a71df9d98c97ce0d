"""The endpoints under the prefix (`/gk`): collect, to, healthz, readyz. The same in the middleware and the sidecar."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import UTC, datetime

from gatekeeper import wire
from gatekeeper.errors import AuditError, DeliveryError, EventError, StorageError
from gatekeeper.metrics import CONTENT_TYPE
from gatekeeper.runtime import Runtime
from gatekeeper.shells.asgi import (
    Disconnected,
    Header,
    Receive,
    Scope,
    Send,
    read_body,
    respond,
    respond_json,
    respond_problem,
)
from gatekeeper.shells.caller import bearer, identify, presents_key
from gatekeeper.shells.hygiene import Fault, request_fault
from gatekeeper.shells.origins import cors
from gatekeeper.shells.protocol import TARGET
from gatekeeper.shells.relay import Relay
from gatekeeper.shells.target import path_fault, raw_path
from gatekeeper.signals import gpc, header_values

RETRY_AFTER: Header = (b"retry-after", b"5")
GPC_RESOURCE = "/.well-known/gpc.json"
# By which a page can show that the opt-out signal was processed (California: 11 CCR 7025(c)(6), since 2026).
HONOURED: Header = (b"gatekeeper-opt-out", b"honoured; signal=sec-gpc")
_ALLOWED_HEADERS = b"content-type, content-encoding, authorization, gatekeeper-context"
_log = logging.getLogger("gatekeeper")


class Endpoints:
    """Everything the gate itself answers. An ASGI app for paths under the prefix."""

    def __init__(self, runtime: Runtime, relay: Relay) -> None:
        self._runtime = runtime
        self._gate = gate = runtime.gate
        self._limit = gate.policy.file.server.max_body
        path = gate.policy.path
        written = path.stat().st_mtime if path is not None and path.exists() else gate.clock()
        self._updated = datetime.fromtimestamp(written, UTC).date().isoformat()
        prefix = gate.policy.prefix
        self._relay = relay
        self._hosts = frozenset(host.lower() for host in gate.policy.file.server.hosts)
        self._calls = f"{prefix}/to/"
        self.routes = {
            f"{prefix}/collect": self.collect,
            f"{prefix}/healthz": self.healthz,
            f"{prefix}/readyz": self.readyz,
            f"{prefix}/metrics": self.metrics,
            GPC_RESOURCE: self.gpc,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request under the prefix; anything unknown there is a 404 of ours, never the app's."""
        path = local_path(scope)
        endpoint = self._relay if path.startswith(self._calls) else self.routes.get(path)
        if endpoint is None:
            await respond_problem(send, 404, "there is no such endpoint")
            return
        fault = _fault(scope, self._hosts)
        if fault is not None:
            await respond_problem(send, fault.status, fault.title, headers=((b"connection", b"close"),))
            return
        try:
            await endpoint(scope, receive, send)
        except Disconnected:
            return
        except EventError as error:
            await respond_problem(
                send,
                error.status,
                error.title,
                field=error.field,
                detail=error.detail,
                headers=self._cors(scope) or (),
            )
        except Exception as error:  # noqa: BLE001  # nothing was sent; the traceback could show a visitor's data
            _log.error("%s failed (%s)", local_path(scope), type(error).__name__)
            await respond_problem(send, 500, "the gate failed; nothing was sent")

    async def collect(self, scope: Scope, receive: Receive, send: Send) -> None:
        """`POST <prefix>/collect`: events in, 202 when the decisions about them are durable."""
        cors = self._cors(scope)
        if cors is None:
            await respond_problem(send, 403, "the origin is not listed", detail="add it to server.origins")
            return
        match scope["method"]:
            case "OPTIONS":
                await respond(send, 204, b"", (*cors, *_PREFLIGHT))
                return
            case "POST":
                pass
            case _:
                await respond_problem(send, 405, "events are posted", headers=((b"allow", b"POST, OPTIONS"), *cors))
                return
        caller = identify(scope, self._gate)
        headers = caller.headers
        if presents_key(headers) and not caller.trusted:
            detail = "send one of server.api_keys, or no Authorization"
            await respond_problem(send, 401, "the bearer key is not known", detail=detail, headers=cors)
            return
        wire.check_type(_single(headers, b"content-type"))
        body = await read_body(receive, self._limit, self._gate.policy.file.server.body_timeout)
        events = wire.parse(wire.inflate(body, _single(headers, b"content-encoding"), self._limit))
        try:
            request_ids = await asyncio.wrap_future(self._gate.take(events, caller)[1])
        except (AuditError, DeliveryError, StorageError) as error:
            if not isinstance(error, DeliveryError):
                self._gate.metrics.refused("audit" if isinstance(error, AuditError) else "storage")
            await respond_problem(send, 503, str(error), headers=(RETRY_AFTER, *cors))
            return
        honoured = (HONOURED,) if self.honours_opt_out(scope) else ()
        await respond_json(send, 202, {"request_ids": request_ids}, (*honoured, *cors))

    async def healthz(self, scope: Scope, receive: Receive, send: Send) -> None:
        """`GET <prefix>/healthz`: the process is alive."""
        await respond_json(send, 200, {"status": "ok"})

    async def readyz(self, scope: Scope, receive: Receive, send: Send) -> None:
        """`GET <prefix>/readyz`: events would be taken now, or what stands against it."""
        problems = await asyncio.get_running_loop().run_in_executor(None, self._runtime.problems)
        status = "ready" if not problems else "not ready"
        await respond_json(send, 503 if problems else 200, {"status": status, "problems": problems})

    async def metrics(self, scope: Scope, receive: Receive, send: Send) -> None:
        """`GET <prefix>/metrics`: Prometheus' text format, for the bearer of `[server] admin_token`."""
        token = self._gate.policy.admin_token
        if token is None or not token.value:
            await respond_problem(send, 404, "there is no such endpoint", detail="set server.admin_token")
            return
        headers = [(name.lower(), value) for name, value in scope["headers"]]
        if not bearer(headers, (token,)):
            await respond_problem(
                send, 401, "the bearer token is not known", headers=((b"www-authenticate", b"Bearer"),)
            )
            return
        try:
            text = await asyncio.get_running_loop().run_in_executor(None, self._runtime.scrape)
        except (StorageError, OSError):
            await respond_problem(send, 503, "the outbox cannot be read", headers=(RETRY_AFTER,))
            return
        await respond(send, 200, text, ((b"content-type", CONTENT_TYPE),))

    async def gpc(self, scope: Scope, receive: Receive, send: Send) -> None:
        """`GET /.well-known/gpc.json`: this site honours the signal (w3c/gpc, "GPC Support Resource")."""
        await respond_json(
            send, 200, {"gpc": True, "lastUpdate": self._updated}, ((b"cache-control", b"max-age=3600"),)
        )

    def honours_opt_out(self, scope: Scope) -> bool:
        """Whether this request carries a browser's opt-out signal, and this policy honours it there."""
        if not gpc.read(header_values(scope["headers"], b"sec-gpc")):
            return False
        if self._gate.policy.file.consent.gpc == "everywhere":
            return True
        return self._gate.consent_of(identify(scope, self._gate), self._gate.clock()).gpc_honoured

    def _cors(self, scope: Scope) -> Sequence[Header] | None:
        return cors(scope, self._gate.policy.origins)


_PREFLIGHT: tuple[Header, ...] = (
    (b"access-control-allow-methods", b"POST"),
    (b"access-control-allow-headers", _ALLOWED_HEADERS),
    (b"access-control-max-age", b"600"),
)


def _fault(scope: Scope, hosts: frozenset[str]) -> Fault | None:
    """What is wrong with a request's head: the middleware cannot choose its server, so it looks for itself."""
    path = raw_path(scope)
    if TARGET not in scope.get("extensions", ()):  # our own protocol has looked already
        target = path + b"?" + bytes(scope.get("query_string", b""))
        headers = [(name.lower(), value) for name, value in scope["headers"]]
        # What HTTP/2 can say can be said in 1.1; a scope without a version is no request off a wire.
        version = "1.1" if scope.get("http_version", "1.0") != "1.0" else "1.0"
        fault = request_fault(scope["method"], target, version, headers, hosts)
        if fault is not None:
            return fault
    broken = path_fault(path)
    return None if broken is None else Fault(400, broken)


def local_path(scope: Scope) -> str:
    """The request's path without the mount point (ASGI 3: `path` includes `root_path`)."""
    path, root = str(scope["path"]), str(scope.get("root_path", ""))
    return path[len(root) :] if root and path.startswith(root + "/") else path


def _single(headers: tuple[Header, ...], name: bytes) -> str:
    values = header_values(headers, name)
    if len(values) > 1:
        raise EventError(400, f"the header {name.decode()} is given twice")
    return values[0].decode("latin-1") if values else ""
