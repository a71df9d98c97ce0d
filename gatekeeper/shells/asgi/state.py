"""What monitors and the operator ask of a process: healthz, readyz, metrics, and the hosts that it called."""

from __future__ import annotations

import asyncio

from gatekeeper.errors import StorageError
from gatekeeper.gate import Gate
from gatekeeper.outbound import tripwire, unlisted
from gatekeeper.runtime import Runtime
from gatekeeper.runtime.metrics import CONTENT_TYPE
from gatekeeper.shells.asgi import Headers, Read, Reply, Scope, json_reply, problem_reply
from gatekeeper.shells.asgi.caller import bearer
from gatekeeper.shells.asgi.relay import RETRY_AFTER


class State:
    """The endpoints of one process."""

    def __init__(self, runtime: Runtime, gate: Gate) -> None:
        self._runtime = runtime
        self._gate = gate

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
