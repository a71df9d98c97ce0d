"""The ledger: looking up what a visitor said, remembered and read; keeping a choice; a withdrawal with its barrier."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from functools import partial
from itertools import count

import orjson
from msgspec import structs

from gatekeeper.gate import Gate, incoming
from gatekeeper.gate.choosing import Choosing, planned
from gatekeeper.installation.ids import receipt_id
from gatekeeper.model import OPTIONAL, Caller, Heard, Permission, Purpose, Recorded
from gatekeeper.model.choice import Method, Outcome, Surface
from gatekeeper.signals import own
from gatekeeper.storage import database
from gatekeeper.storage.protocols import Bounds
from gatekeeper.storage.sqlite import SqliteStore

from .. import gates, samples
from ..shape import CheckError, InProcess, Repeat, Scenario, Stage
from .decide import CALLER, repeat

_GRANTED = dict.fromkeys(OPTIONAL, True)
_REFUSED = dict.fromkeys(OPTIONAL, False)
_KNOWN = "v_known"


@contextlib.contextmanager
def _gate(stage: Stage, name: str) -> Iterator[tuple[Gate, Choosing]]:
    """A gate whose ledger is on this machine's disk, synced; the audit log takes its lines and writes nothing."""
    path = stage.folder / f"{name}.db"
    database.prepare(path)
    store = SqliteStore(path, Bounds(samples.DESTINATIONS, 1_000_000), gates.NoDisk(), clock=lambda: gates.NOW)
    try:
        gate = gates.gate(store=store)
        assert gate.choosing is not None
        yield gate, gate.choosing
    finally:
        store.close()


def _caller(subject: str) -> Caller:
    """The browser, with our own cookie of a visitor who granted everything."""
    said = dict.fromkeys(OPTIONAL, (Permission.GRANTED, gates.NOW - 3_600))
    signed = own.write(said, notice="1", subject=subject, sign=gates.RING.sign)
    cookie = b"%s=%s" % (own.COOKIE.encode(), signed.encode())
    return structs.replace(CALLER, headers=((b"cookie", cookie),))


def _record(choosing: Choosing, gate: Gate, subject: str, says: dict[Purpose, bool], at: float) -> Recorded:
    """Keep one choice, as the consent endpoint does; another visitor's each time, for a day has sixty of one."""
    return asyncio.run(_take(choosing, gate, subject, says, at))


async def _take(choosing: Choosing, gate: Gate, subject: str, says: dict[Purpose, bool], at: float) -> Recorded:
    method = Method.ACCEPT_ALL if says is _GRANTED else Method.WITHDRAW
    choice = planned(
        says, choosing.subjects(device=subject), gate.place_of(CALLER), receipt=receipt_id(at), at=at, now=at,
        method=method, surface=Surface.PAGE, policy=gate.policy.hash,
    )  # fmt: skip
    recorded = await choosing.take(choice)
    if recorded.outcome is not Outcome.RECORDED:
        raise CheckError(f"the choice was not recorded: {recorded.outcome}")
    if says is _REFUSED and recorded.heard is not Heard.HEARD:
        raise CheckError(f"the withdrawal was answered before all had heard of it: {recorded.heard}")
    return recorded


@contextlib.contextmanager
def _remembered(stage: Stage) -> Iterator[Repeat]:
    with _gate(stage, "remembered") as (gate, choosing):
        caller = _caller(_KNOWN)

        def look() -> bool:
            consent = gate.situations.of(caller, at=gates.NOW, event_time=gates.NOW, query=b"").consent
            return consent.rulings[Purpose.MARKETING].permission is Permission.GRANTED

        _record(choosing, gate, _KNOWN, _GRANTED, gates.NOW - 60)
        granted = look() and look()
        _record(choosing, gate, _KNOWN, _REFUSED, gates.NOW - 30)
        if not granted or look():
            raise CheckError("what is remembered is not what the ledger says")
        yield repeat(look)


@contextlib.contextmanager
def _read(stage: Stage) -> Iterator[Repeat]:
    with _gate(stage, "read") as (gate, choosing):
        _record(choosing, gate, _KNOWN, _REFUSED, gates.NOW - 60)
        subjects = choosing.subjects(device=_KNOWN)
        (voice,) = choosing.choices(subjects).voices
        if voice.words[Purpose.MARKETING].says is not Permission.DENIED:
            raise CheckError("the ledger does not say what was recorded")
        yield repeat(lambda: choosing.choices(subjects))


@contextlib.contextmanager
def _taking(says: dict[Purpose, bool], queued: bool, stage: Stage) -> Iterator[Repeat]:
    name = f"taking-{says is _GRANTED}-{queued}"
    with _gate(stage, name) as (gate, choosing), asyncio.Runner() as runner:
        number = count()

        async def take(n: int) -> None:
            for _ in range(n):
                subject = f"v_{next(number)}"
                if queued:
                    await asyncio.wrap_future(gate.take([_posted], _caller(subject))[1])
                recorded = await _take(choosing, gate, subject, says, gates.NOW)
                if queued and recorded.cancelled != len(samples.DESTINATIONS):
                    raise CheckError(f"{recorded.cancelled} of {len(samples.DESTINATIONS)} queued deliveries ended")

        def work(n: int) -> None:
            runner.run(take(n))

        work(1)
        yield work


(_posted,) = incoming.parse(orjson.dumps(samples.event()))

SCENARIO = Scenario(
    "consent",
    "the ledger of choices, on disk",
    (
        InProcess("look-up, remembered", _remembered, "of a visitor whom the gate has just seen", timed=True),
        InProcess("look-up, read", _read, "from the database", timed=True),
        InProcess("choice", partial(_taking, _GRANTED, False), "a grant of everything, durable", timed=True),
        InProcess(
            "withdrawal", partial(_taking, _REFUSED, False), "durable, and no request can begin any more", timed=True
        ),
        InProcess(
            "withdrawal, an event queued", partial(_taking, _REFUSED, True),
            "with deciding and keeping the event, to four destinations", timed=True,
        ),
    ),
)  # fmt: skip
