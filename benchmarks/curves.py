"""What the cost depends on: the number of destinations, of concurrent visitors, of events that wait in the outbox."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count, cycle, islice
from typing import Any

import orjson

from gatekeeper.gate import incoming
from gatekeeper.storage import database
from gatekeeper.storage.outbox import DELIVERED, Arrival, Ending
from gatekeeper.storage.protocols import Bounds, Store
from gatekeeper.storage.sqlite import SqliteStore

from . import gates, postgres, visitors
from .cpu import memory_mb
from .load import Load
from .measure import calls_for, in_process, window
from .options import Options
from .run import stage, warm_up
from .scenarios import ALL
from .scenarios.decide import CALLER, planned, repeat
from .shape import AbsentError, Repeat, Scenario, Served, Stage
from .spread import middle

_LOOKS = 10  # at the memory, over a soak
_BATCH = 64  # events under way at a time, as with 64 visitors


@dataclass(frozen=True, slots=True)
class Curve:
    """One curve: `points` are (x, rounds of CPU microseconds), in ascending order of x."""

    name: str
    title: str
    x: str
    points: Callable[[Options], Iterator[tuple[float, list[float]]]]
    needs: str  # the scenario with which it is run
    unit: str = "µs"


def record(curve: Curve) -> dict[str, Any]:
    """A curve's place in bench.json, still without points."""
    return {"title": curve.title, "x": curve.x, "unit": curve.unit, "points": []}


def point(x: float, rounds: list[float]) -> dict[str, Any]:
    """One point of it."""
    return {"x": x, "rounds": rounds, **middle(rounds)}


def _rounds(work: Repeat, options: Options, step: int = 1) -> list[float]:
    calls = calls_for(work, options.micro_seconds, step)
    return [in_process(work, calls) for _ in range(options.rounds)]


def _destinations(options: Options) -> Iterator[tuple[float, list[float]]]:
    for how_many in options.destinations:
        gate = gates.gate(tuple(f"own{n}" for n in range(how_many)))
        yield how_many, _rounds(repeat(planned(gate)), options)


def _visitors(options: Options) -> Iterator[tuple[float, list[float]]]:
    scenario = ALL["collect"]
    served = scenario.contestants[0]
    assert isinstance(served, Served)
    with stage(scenario) as at, served.start(at) as process:
        served.check(process, at)
        requests = tuple(served.requests())
        most = max(64, round(2 * warm_up(served, process, at, options) * options.seconds))
        for connections in options.concurrency:
            load = Load(
                process.port, requests, connections, options.seconds, core=at.load_core, most=max(most, connections)
            )
            rounds = [window(served, process, at, load, options.tries).cpu_us for _ in range(options.rounds)]
            yield connections, rounds


def _memory(options: Options) -> Iterator[tuple[float, list[float]]]:
    """Memory of the sidecar, ten times over the minutes of a soak, each time with everything delivered."""
    scenario = ALL["collect"]
    served = scenario.contestants[0]
    assert isinstance(served, Served)
    with stage(scenario) as at, served.start(at) as process:
        served.check(process, at)
        seconds = options.soak * 60 / _LOOKS
        for look in range(1, _LOOKS + 1):
            load = Load(process.port, tuple(served.requests()), options.connections, seconds, core=at.load_core)
            window(served, process, at, load)
            yield round(options.soak * look / _LOOKS, 3), [memory_mb(process.pid)]


def _depth(options: Options) -> Iterator[tuple[float, list[float]]]:
    for depth in options.depths:
        with stage(Scenario("depth", "", ())) as at, file(depth, at) as store, queued(depth, store) as work:
            yield depth, _rounds(work, options, _BATCH)


def _depth_of_nodes(options: Options) -> Iterator[tuple[float, list[float]]]:
    """The same of a process of several machines; what the servers use is not in it."""
    if (why := postgres.missing()) is not None:
        raise AbsentError(why)
    from gatekeeper.storage.postgres.commits import Copies
    from gatekeeper.storage.postgres.store import PostgresStore

    for depth in (*options.depths, *([] if options.quick else [1_000_000])):
        with stage(Scenario("nodes", "", ())) as at, postgres.pair() as servers:
            bounds = Bounds(("own",), depth + 10_000)
            store = PostgresStore(servers.url, at.folder / "node", bounds, gates.NoDisk(), copies=Copies(2))
            with contextlib.closing(store), queued(depth, store) as work:
                yield depth, _rounds(work, options, _BATCH)


@contextlib.contextmanager
def file(depth: int, at: Stage) -> Iterator[SqliteStore]:
    """An embedded store with room for so many events."""
    path = at.folder / "outbox.db"
    database.prepare(path)
    with contextlib.closing(SqliteStore(path, Bounds(("own",), depth + 10_000), gates.NoDisk())) as store:
        yield store


@contextlib.contextmanager
def queued(depth: int, store: Store) -> Iterator[Repeat]:
    """An outbox in which `depth` events wait, and what keeps it so: as many accepted as claimed and settled."""
    gate = gates.gate(("own",))
    assert isinstance(gate.intake, gates.NoIntake)
    varied: list[Arrival] = []
    for step in islice(visitors.day(gates.NOW), visitors.VISITORS):
        gate.take(incoming.parse(orjson.dumps(visitors.event(step))), CALLER)
        varied += gate.intake.last
    turns = cycle(varied)
    number = count()

    def arrivals(n: int) -> list[Any]:
        return [next(turns)._replace(request_id=f"req_{next(number):012}") for _ in range(n)]

    def work(n: int) -> None:
        for _ in range(n // _BATCH):
            for kept in [store.intake.accept([each]) for each in arrivals(_BATCH)]:
                kept.result(30)
            claimed = store.queue.claim("own", events=_BATCH, size=2**20, flights=1).result(30)
            for flight in claimed.flights:
                store.queue.settle(flight, [Ending(DELIVERED, None, flight.rows)], [], None, True).result(30)

    store.queue.lead()
    for start in range(0, depth, 500):
        store.intake.accept(arrivals(min(500, depth - start))).result(60)
    store.queue.maintain().result(60)  # as the deliverer does: the write-ahead log is copied
    yield work


CURVES = (
    Curve("destinations", "Deciding and shaping, by number of destinations", "destinations", _destinations, "decide"),
    Curve("visitors", "An event to four destinations, by concurrent visitors", "connections", _visitors, "collect"),
    Curve("depth", "Keeping and taking out one event, by outbox depth", "events queued", _depth, "collect"),
    Curve("nodes", "The same on two machines, by outbox depth", "events queued", _depth_of_nodes, "nodes"),
    Curve("memory", "Memory of the sidecar under load", "minutes", _memory, "collect", "MB"),
)
