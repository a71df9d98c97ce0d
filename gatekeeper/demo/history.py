"""`gatekeeper demo --history`: what made-up visitors did before the demo began, through the real gate.

Events and choices take the way of every request: read, located, decided, kept, written to the log, delivered in batches
and tried again. The clock alone is another one: it is handed to the gate, the store and the log, and goes from step to
step. The vendors answer from here (`vendors.py`). Ids and keys are random; all else follows from the seed.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from random import Random
from typing import Any, Final, NamedTuple, assert_never

import orjson

from gatekeeper.audit import read
from gatekeeper.audit.writer import AuditWriter
from gatekeeper.delivery.breaker import Breaker
from gatekeeper.delivery.lane import Lane
from gatekeeper.delivery.surroundings import Surroundings
from gatekeeper.demo.crowd import CHANGE, Act, Step, Visitor, visitors
from gatekeeper.demo.vendors import Vendors, origin, outages
from gatekeeper.errors import ConfigError
from gatekeeper.gate import Gate, incoming
from gatekeeper.installation import ids, keys
from gatekeeper.model import Caller
from gatekeeper.model.suppression import Why
from gatekeeper.policy import Policy, archive
from gatekeeper.policy.load import parse_policy
from gatekeeper.rights.drive import service
from gatekeeper.rights.office import Office
from gatekeeper.runtime.metrics import Metrics
from gatekeeper.runtime.wiring import audit_writer, needs, orders, place_lookup, prepare
from gatekeeper.shells.asgi import Reply, Scope, lowered
from gatekeeper.shells.asgi.caller import identify
from gatekeeper.shells.consent.endpoint import ConsentEndpoint
from gatekeeper.storage.opening import open_store
from gatekeeper.storage.outbox import Accepted
from gatekeeper.storage.protocols import Store

SHORTEST: Final = 300.0  # seconds; a shorter past is none
EARLIER: Final = "2026-10"  # the version of the notice before it changed
_TURN: Final = 30.0  # seconds between two looks at what can be delivered
_log = logging.getLogger("gatekeeper")


class Told(NamedTuple):
    """What was made up."""

    visitors: int
    events: int
    choices: int
    requests: int  # for erasure


class Clock:
    """The time of the step that is being taken. Unix seconds."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        """Return the time that was set last; seconds since 1970."""
        return self.now


def since(policy: Policy, now: float, minutes: float) -> float | None:
    """From when on a past is to be made up: where the log ends, `minutes` before now at most; `None` if that is now."""
    begin = now - minutes * 60
    for line in read.last(policy.audit_folder, 1, lambda line: "timestamp" in line):
        begin = max(begin, datetime.fromisoformat(line["timestamp"]).timestamp() + 1)
    return begin if now - begin >= SHORTEST else None


def make(policy: Policy, *, begin: float, end: float, seed: int, environ: Mapping[str, str]) -> Told:
    """Make up what happened from `begin` to `end` (Unix seconds). Raises ConfigError while a gate runs there.

    `environ` has the secrets of the policy, of which an earlier form is made: another version of the notice.
    """
    clock = Clock(begin)
    prepare(policy)
    writer = audit_writer(policy, clock=clock)
    store = open_store(needs(policy, writer, clock=clock))
    try:
        if not store.queue.lead():
            raise ConfigError(f"{policy.folder}: a gate runs there; a past can be made up before it starts only")
        try:
            past = _Past(policy, store, writer, clock)
            going = _go(past, _earlier(policy, environ), begin, end, seed)
            with _quiet(), ThreadPoolExecutor(1) as beside:  # the caller may have an event loop of its own
                return beside.submit(asyncio.run, going).result()
        finally:
            store.queue.leave()
    finally:
        store.close()
        writer.close()


async def _go(past: _Past, earlier: Policy, begin: float, end: float, seed: int) -> Told:
    """All steps, turn by turn; after each turn what can be delivered is."""
    past.lanes(begin, end)
    past.use(earlier)
    archive.keep(earlier)
    steps = visitors(seed, begin, end)
    turns = itertools.groupby(steps, lambda step: int((step.at - begin) // _TURN))
    change = begin + CHANGE * (end - begin)
    for number, some in turns:
        for step in some:
            if step.at >= change and past.gate.policy is earlier:
                past.use(past.policy)
            await past.take(step)
        await past.deliver(begin + (number + 1) * _TURN)
    past.clock.now = end
    requests = await asyncio.to_thread(past.rights, steps)
    return Told(steps[-1].visitor.number if steps else 0, past.events, past.choices, requests)


class _Past:
    """A gate whose time is a clock's."""

    gate: Gate

    def __init__(self, policy: Policy, store: Store, writer: AuditWriter, clock: Clock) -> None:
        self.policy = policy
        self.clock = clock
        self.events = self.choices = 0
        self._store = store
        self._writer = writer
        self._ring = keys.load(policy.keys_folder)
        self._lookup = place_lookup(policy)
        self._cookies: dict[int, dict[bytes, bytes]] = {}  # of visitors, by number
        self._kept: list[Future[Accepted]] = []
        self._lanes: dict[str, Lane] = {}

    def use(self, policy: Policy) -> None:
        """Decide by a policy from now on."""
        store = self._store
        self.gate = Gate(
            policy, self._ring, clock=self.clock, new_id=ids.request_id, lookup=self._lookup, recorder=self._writer,
            intake=store.intake, refusals=store.refusals, ledger=store.ledger, barrier=store.barrier,
            suppressions=store.suppressions,
        )  # fmt: skip
        self._endpoint = ConsentEndpoint(self.gate, lambda caller, size: None)

    def lanes(self, begin: float, end: float) -> None:
        """The ways out, to vendors that have their outages."""
        chance = Random(0)  # noqa: S311  # of the pauses between two attempts
        destinations = orders(self.policy).destinations
        origins = {origin(to.endpoint): to.kind.name for to in destinations.values()}
        sender = Vendors(origins, outages(begin, end), self.clock)
        store = self._store
        around = Surroundings(store.queue, store.barrier, sender, Metrics(), self.clock, chance.random)
        self._lanes = {name: Lane(to, around, Breaker(chance.random)) for name, to in destinations.items()}

    async def take(self, step: Step) -> None:
        """Let one thing happen."""
        self.clock.now = step.at
        match step.act:
            case Act.EVENT:
                self.events += 1
                scope = self._scope(step.visitor, "POST", "collect")
                self._kept.append(self.gate.take(incoming.parse(_event(step)), self._caller(scope))[1])
            case Act.CHOOSE | Act.OPT_OUT:
                self.choices += 1
                shown = orjson.loads((await self._ask(step.visitor, "GET")).body)
                surface, method = ("banner", _method(step)) if step.act is Act.CHOOSE else ("preferences", "opt_out")
                answer = {"choices": step.says, "token": shown["token"], "rendered": shown["notice"]["hash"],
                          "method": method, "surface": surface}  # fmt: skip
                await self._ask(step.visitor, "POST", orjson.dumps(answer))
            case Act.WITHDRAW:
                self.choices += 1
                await self._ask(step.visitor, "DELETE")
            case _:
                assert_never(step.act)

    async def deliver(self, now: float) -> None:
        """Deliver what is kept, and what waits for another attempt, at a time."""
        self.clock.now = now
        for kept in self._kept:
            for flight in (await asyncio.wrap_future(kept)).flights:
                await asyncio.wrap_future(self._store.queue.give_back(flight))
        self._kept.clear()
        for lane in self._lanes.values():
            lane.rouse()
            await lane.claim()
            while lane.flying:
                await asyncio.wait([*lane.flying])

    def rights(self, steps: Sequence[Step]) -> int:
        """What people ask for: erasures in several states, and an objection; how many requests for erasure."""
        erasures = service(lambda: self.policy, lambda: self._ring, self._store, self._writer, self.clock)
        office = Office("demo", self.policy, self._ring, self._store, self._writer, self.clock, erasures.of_person)
        buyers = list(dict.fromkeys([step.visitor for step in steps if step.event == "purchase"]))
        found = []
        for who, how in zip(buyers, ("login", "login", "letter", None), strict=False):
            given = [{"type": "email", "value": who.email}, {"type": "user_id", "value": who.user_id}]
            office.record("erasures/request", kinds=("email", "user_id"))
            found.append(erasures.request(given, by="demo", verified_by=how)["id"])
        if found:
            office.record("erasures/approve", erasure=found[0])
            erasures.approve(found[0], by="demo")
        if len(found) > 2:
            office.record("erasures/refuse", erasure=found[2])
            erasures.refuse(found[2], by="demo", reason="exception_17_3_b")
        for who in buyers[len(found) : len(found) + 1]:
            office.suppress([("email", who.email)], why=Why.OBJECTED)
        return len(found)

    async def _ask(self, who: Visitor, method: str, body: bytes = b"") -> Reply:
        """A request to the consent endpoint; the visitor keeps its cookies."""
        scope = self._scope(who, method, "consent")

        async def read_body() -> bytes:
            return body

        reply = await self._endpoint.reply(scope, lowered(scope), read_body)
        if reply.status >= 300:
            raise ConfigError(f"the past cannot be made up: a choice is answered {reply.status}")
        for name, value in reply.headers:
            if name == b"set-cookie":
                key, _, rest = value.partition(b"=")
                self._cookies.setdefault(who.number, {})[key] = rest.partition(b";")[0]
        return reply

    def _caller(self, scope: Scope) -> Caller:
        return identify(scope, lowered(scope), self.gate)

    def _scope(self, who: Visitor, method: str, name: str) -> Scope:
        """A request of a visitor's browser, from a page of the shop."""
        headers = [
            (b"host", _HOST),
            (b"origin", b"http://" + _HOST),
            (b"sec-fetch-site", b"same-origin"),
            (b"user-agent", _PHONE if who.phone else _DESKTOP),
            (b"content-type", b"application/json"),
        ]
        if who.gpc:
            headers.append((b"sec-gpc", b"1"))
        if who.number in self._cookies:
            pairs = self._cookies[who.number].items()
            headers.append((b"cookie", b"; ".join([name + b"=" + value for name, value in pairs])))
        return {"type": "http", "method": method, "scheme": "http", "path": f"{self.policy.prefix}/{name}",
                "query_string": b"", "headers": headers, "client": (who.address, 1)}  # fmt: skip


_HOST: Final = b"127.0.0.1"
_DESKTOP: Final = b"Mozilla/5.0 (X11; Linux x86_64) demo"
_PHONE: Final = b"Mozilla/5.0 (Linux; Android 15; Mobile) demo"


def _event(step: Step) -> bytes:
    event: dict[str, Any] = {"event": step.event, "data": step.data}
    if step.event == "error":
        event["purposes"] = ["necessary"]
    return orjson.dumps(event)


def _method(step: Step) -> str:
    """The button that was pressed."""
    given = set(step.says.values())
    return "save" if len(given) > 1 else "accept_all" if True in given else "reject_all"


def _earlier(policy: Policy, environ: Mapping[str, str]) -> Policy:
    """The policy as it was before its notice changed."""
    if policy.path is None:
        raise ConfigError("the policy did not come from a file")
    raw = tomllib.loads(policy.path.read_text("utf-8"))
    raw["policy"]["version"] += "-before"
    raw.setdefault("consent", {}).setdefault("notice", {})["version"] = EARLIER
    return parse_policy(raw, path=policy.path, environ=environ)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what the gate says of a time that is made up from the terminal: errors alone are heard."""

    def heard(record: logging.LogRecord) -> bool:
        return record.levelno >= logging.ERROR

    _log.addFilter(heard)
    try:
        yield
    finally:
        _log.removeFilter(heard)
