"""`POST <prefix>/collect`: events in, 202 when the decisions about them are durable."""

from __future__ import annotations

import asyncio

from gatekeeper.errors import AuditError, EventError, StorageError
from gatekeeper.gate import Gate, incoming
from gatekeeper.runtime import Runtime
from gatekeeper.runtime.limits import network
from gatekeeper.shells.asgi import Header, Headers, Read, Reply, Scope, json_reply, problem_reply
from gatekeeper.shells.asgi.admission import NOT_LISTED, admission
from gatekeeper.shells.asgi.caller import identify, presents_key
from gatekeeper.shells.asgi.opt_out import HONOURED, OptOut
from gatekeeper.shells.asgi.received import BRIEF, TOO_MANY, received
from gatekeeper.shells.asgi.relay import RETRY_AFTER
from gatekeeper.shells.asgi.turns import Turns
from gatekeeper.signals import header_values
from gatekeeper.storage.outbox import Accepted, Arrival

_ALLOWED_HEADERS = b"content-type, content-encoding, authorization, gatekeeper-context"
_PREFLIGHT: tuple[Header, ...] = (
    (b"access-control-allow-methods", b"POST"),
    (b"access-control-allow-headers", _ALLOWED_HEADERS),
    (b"access-control-max-age", b"600"),
)


class Collect:
    """The endpoint of one gate."""

    def __init__(self, runtime: Runtime, gate: Gate, opt_out: OptOut) -> None:
        self._runtime = runtime
        self._gate = gate
        self._opt_out = opt_out
        self._limit = gate.policy.file.server.max_body
        self._accepting = Turns(gate.intake.accept, _part)

    async def reply(self, scope: Scope, headers: Headers, read: Read) -> Reply:
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
        honoured = (HONOURED,) if self._opt_out.honours_for(headers, caller) else ()
        full = sorted({name for one in arrivals for name in one.full})
        if full:  # accepted, but for these: the sender may repeat what has an event_id
            return json_reply(
                202, {"request_ids": accepted.request_ids, "not_queued": full}, (RETRY_AFTER, *honoured, *allowed)
            )
        return json_reply(202, {"request_ids": accepted.request_ids}, (*honoured, *allowed))


def _part(accepted: Accepted, first: int, end: int) -> Accepted:
    """A caller's own part of what a turn's arrivals were answered."""
    return Accepted(accepted.request_ids[first:end])


def _single(headers: Headers, name: bytes) -> str:
    values = header_values(headers, name)
    if len(values) > 1:
        raise EventError(400, f"the header {name.decode()} is given twice")
    return values[0].decode("latin-1") if values else ""
