"""The endpoints under the prefix (`/gk`): collect, consent, to, healthz, readyz. The same in every shell."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial

from gatekeeper.errors import AuditError, EventError, StorageError
from gatekeeper.gate import Gate, incoming
from gatekeeper.model import Caller
from gatekeeper.outbound import tripwire, unlisted
from gatekeeper.runtime import Runtime
from gatekeeper.runtime.limits import network
from gatekeeper.runtime.metrics import CONTENT_TYPE
from gatekeeper.shells.admin.admitted import Rate
from gatekeeper.shells.admin.endpoint import AdminEndpoint
from gatekeeper.shells.asgi import (
    TARGET,
    Disconnected,
    Header,
    Headers,
    Read,
    Reading,
    Receive,
    Reply,
    Scope,
    Send,
    erased,
    json_reply,
    lowered,
    problem_reply,
    respond,
    respond_in_parts,
)
from gatekeeper.shells.asgi.admission import NOT_LISTED, admission
from gatekeeper.shells.asgi.caller import bearer, identify, presents_key
from gatekeeper.shells.asgi.origins import cors
from gatekeeper.shells.asgi.received import BRIEF, TOO_MANY, received
from gatekeeper.shells.asgi.relay import RETRY_AFTER, Relay
from gatekeeper.shells.asgi.turns import Turns
from gatekeeper.shells.consent.endpoint import ConsentEndpoint
from gatekeeper.shells.consent.scripts import NAMES, Scripts
from gatekeeper.shells.console.endpoint import ConsoleEndpoint
from gatekeeper.shells.server.hygiene import Fault, request_fault
from gatekeeper.shells.server.target import path_fault, raw_path
from gatekeeper.signals import gpc, header_values
from gatekeeper.storage.outbox import Accepted, Arrival

Endpoint = Callable[[Scope, Headers, Read], Awaitable[Reply]]
GPC_RESOURCE = "/.well-known/gpc.json"
# By which a page can show that the opt-out signal was processed (California: 11 CCR 7025(c)(6), since 2026).
HONOURED: Header = (b"gatekeeper-opt-out", b"honoured; signal=sec-gpc")
_ALLOWED_HEADERS = b"content-type, content-encoding, authorization, gatekeeper-context"
_log = logging.getLogger("gatekeeper")


class Endpoints:
    """Everything the gate itself answers. An ASGI app for paths under the prefix."""

    def __init__(self, runtime: Runtime, gate: Gate, relay: Relay) -> None:
        self._runtime = runtime
        self._gate = gate
        self._limit = gate.policy.file.server.max_body
        path = gate.policy.path
        written = path.stat().st_mtime if path is not None and path.exists() else gate.clock()
        self._updated = datetime.fromtimestamp(written, UTC).date().isoformat()
        prefix = gate.policy.prefix
        self._relay = partial(relay.reply, gate)
        self._misdirected = partial(relay.misdirected, gate)
        self._accepting = Turns(gate.intake.accept, _part)
        self._hosts = frozenset(host.lower() for host in gate.policy.file.server.hosts)
        self._calls = f"{prefix}/to/"
        self._admin = f"{prefix}/admin/"
        rate = Rate()
        self.admin = AdminEndpoint(runtime, gate, self._admin, rate).reply
        self._console = ConsoleEndpoint(runtime, gate, self._admin, rate)
        self._erased = f"{prefix}{erased.PATH}"
        scripts = Scripts(gate.policy)
        self.routes = {
            **{f"{prefix}/{name}": scripts.reply for name in NAMES},
            f"{prefix}/collect": self.collect,
            f"{prefix}/consent": ConsentEndpoint(gate, self._over).reply,
            f"{prefix}/healthz": self.healthz,
            f"{prefix}/readyz": self.readyz,
            f"{prefix}/metrics": self.metrics,
            f"{prefix}/outbound": self.outbound,
            f"{prefix}/admin": self._console.reply,
            GPC_RESOURCE: self.gpc,
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

    async def collect(self, scope: Scope, headers: Headers, read: Read) -> Reply:
        """`POST <prefix>/collect`: events in, 202 when the decisions about them are durable."""
        gate = self._gate
        caller = identify(scope, headers, gate)
        admitted = admission(scope["method"], headers, caller, gate.policy.origins)
        if admitted is None:
            return NOT_LISTED
        allowed = admitted.cors
        match scope["method"]:
            case "OPTIONS":
                return Reply(204, b"", (*allowed, *_PREFLIGHT))
            case "POST":
                pass
            case _:
                return problem_reply(405, "events are posted", headers=((b"allow", b"POST, OPTIONS"), *allowed))
        if not caller.trusted and presents_key(headers):
            detail = "send one of server.api_keys, or no Authorization"
            return problem_reply(401, "the bearer key is not known", detail=detail, headers=allowed)
        incoming.check_type(_single(headers, b"content-type"))
        coding = _single(headers, b"content-encoding")
        body = await read()
        size = received(scope, headers, body)
        wait = self._runtime.limits.over("events", caller, gate.clock(), size=size)
        if wait is not None:
            gate.counted.limited(gate.lines, None, gate.now())
            return problem_reply(429, TOO_MANY, headers=((b"retry-after", b"%d" % wait), *allowed))

        def decide(*, brief: bool) -> list[Arrival]:
            """Decide on the events of the body; Heavy where `brief` and it takes too long for a loop."""
            events = incoming.parse(incoming.inflate(body, coding, self._limit))
            return gate.arrivals(events, caller, received=size, brief=brief)

        try:
            arrivals = await self._runtime.beside.decide(
                decide, lambda: network(caller), brief=not coding and size <= BRIEF
            )
            self._runtime.limits.more(caller, len(arrivals) - 1, gate.clock())
            accepted = await self._accepting.wait(arrivals)
            swept = gate.sweep(arrivals)
            if swept is not None:
                await asyncio.wrap_future(swept)
        except (AuditError, StorageError) as error:
            gate.metrics.refused("audit" if isinstance(error, AuditError) else "storage")
            return problem_reply(503, str(error), headers=(RETRY_AFTER, *allowed))
        honoured = (HONOURED,) if self._honours(headers, caller) else ()
        full = sorted({name for one in arrivals for name in one.full})
        if full:  # accepted, but for these: the sender may repeat what has an event_id
            return json_reply(
                202, {"request_ids": accepted.request_ids, "not_queued": full}, (RETRY_AFTER, *honoured, *allowed)
            )
        return json_reply(202, {"request_ids": accepted.request_ids}, (*honoured, *allowed))

    def _over(self, caller: Caller, size: int) -> int | None:
        """After how many seconds a caller may grant again, `None`: now (`[limits] consents`)."""
        return self._runtime.limits.over("consents", caller, time.monotonic(), size=size)

    async def healthz(self, scope: Scope, headers: Headers, read: Read) -> Reply:
        """`GET <prefix>/healthz`: the process is alive."""
        return json_reply(200, {"status": "ok"})

    async def readyz(self, scope: Scope, headers: Headers, read: Read) -> Reply:
        """`GET <prefix>/readyz`: events would be taken now, or what stands against it."""
        look = asyncio.get_running_loop().run_in_executor
        problems = await look(None, self._runtime.health.problems)
        notes = await look(None, self._runtime.health.notes)
        status = "ready" if not problems else "not ready"
        body = {"status": status, "problems": problems} | ({"notes": notes} if notes else {})
        return json_reply(503 if problems else 200, body)

    async def metrics(self, scope: Scope, headers: Headers, read: Read) -> Reply:
        """`GET <prefix>/metrics`: Prometheus' text format, for the bearer of `[server] admin_token`."""
        refused = self._not_admin(headers)
        if refused is not None:
            return refused
        try:
            text = await asyncio.get_running_loop().run_in_executor(None, self._runtime.scrape)
        except (StorageError, OSError):
            return problem_reply(503, "the outbox cannot be read", headers=(RETRY_AFTER,))
        return Reply(200, text, ((b"content-type", CONTENT_TYPE),))

    async def outbound(self, scope: Scope, headers: Headers, read: Read) -> Reply:
        """`GET <prefix>/outbound`: hosts that this process's clients called and no table lists, for the same bearer."""
        refused = self._not_admin(headers)
        if refused is not None:
            return refused
        hosts, more = unlisted.counted()
        return json_reply(200, {"unlisted": hosts, "more": more, "uncaught": dict(tripwire.seen)})

    def _not_admin(self, headers: Headers) -> Reply | None:
        """The answer to who does not bear `[server] admin_token`."""
        token = self._gate.policy.admin_token
        if token is None or not token.value:
            return problem_reply(404, "there is no such endpoint", detail="set server.admin_token")
        if not bearer(headers, (token,)):
            asked = ((b"www-authenticate", b"Bearer"),)
            return problem_reply(401, "the bearer token is not known", headers=asked)
        return None

    async def gpc(self, scope: Scope, headers: Headers, read: Read) -> Reply:
        """`GET /.well-known/gpc.json`: this site honours the signal (w3c/gpc, "GPC Support Resource")."""
        lasting = ((b"cache-control", b"max-age=3600"),)
        return json_reply(200, {"gpc": True, "lastUpdate": self._updated}, lasting)

    def honours_opt_out(self, scope: Scope) -> bool:
        """Whether this request carries a browser's opt-out signal, and this policy honours it there."""
        headers = lowered(scope)
        return headers.has(b"sec-gpc") and self._honours(headers, identify(scope, headers, self._gate))

    def _honours(self, headers: Headers, caller: Caller) -> bool:
        if not gpc.read(header_values(headers, b"sec-gpc")):
            return False
        if self._gate.policy.file.consent.gpc == "everywhere":
            return True
        return self._gate.consent_of(caller, self._gate.clock()).gpc_honoured


_PREFLIGHT: tuple[Header, ...] = (
    (b"access-control-allow-methods", b"POST"),
    (b"access-control-allow-headers", _ALLOWED_HEADERS),
    (b"access-control-max-age", b"600"),
)


def _part(accepted: Accepted, first: int, end: int) -> Accepted:
    """A caller's own part of what a turn's arrivals were answered."""
    return Accepted(accepted.request_ids[first:end])


def _fault(scope: Scope, headers: Headers, hosts: frozenset[str]) -> Fault | None:
    """What is wrong with a request's head: the middleware cannot choose its server, so it looks for itself."""
    path = raw_path(scope)
    if TARGET not in scope.get("extensions", ()):  # our own protocol has looked already
        target = path + b"?" + bytes(scope.get("query_string", b""))
        # What HTTP/2 can say can be said in 1.1; a scope without a version is no request off a wire.
        version = "1.1" if scope.get("http_version", "1.0") != "1.0" else "1.0"
        return request_fault(scope["method"], target, version, headers, hosts)
    return None


def local_path(scope: Scope) -> str:
    """The request's path without the mount point (ASGI 3: `path` includes `root_path`)."""
    path, root = str(scope["path"]), str(scope.get("root_path", ""))
    return path[len(root) :] if root and path.startswith(root + "/") else path


def _single(headers: Headers, name: bytes) -> str:
    values = header_values(headers, name)
    if len(values) > 1:
        raise EventError(400, f"the header {name.decode()} is given twice")
    return values[0].decode("latin-1") if values else ""
