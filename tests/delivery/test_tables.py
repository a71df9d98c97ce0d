"""The tables of lanes and rows: every row of them happens, and what does is in them."""

import asyncio
from concurrent.futures import Future

import pytest

from gatekeeper.delivery import flights, lane, life
from gatekeeper.delivery.breaker import Breaker
from gatekeeper.delivery.lane import Event, Lane, Look
from gatekeeper.delivery.life import State, ending, event_of
from gatekeeper.delivery.send import NO_ANSWER, UNREACHABLE
from gatekeeper.delivery.surroundings import Surroundings
from gatekeeper.errors import StorageError
from gatekeeper.model import Fate, Outcome
from gatekeeper.storage.outbox import Again, Claimed, Flight, Row
from gatekeeper.vendors import KINDS
from tests.builders import make_policy
from tests.storage.builders import NOW

OWN = make_policy().destinations["own"]


class Store:
    """A queue whose claims end when the test says so."""

    def __init__(self):
        self.claims = []

    def ready(self, destination):
        return 0

    def claim(self, destination, **limits):
        self.claims.append(Future())
        return self.claims[-1]

    def troubled(self, destination, trouble):
        pass

    def claim_again(self, destination, again):
        return self.claim(destination)


def row(n):
    return Row(n, f"req_{n}", NOW, (), "", "{}")


def bare_lane(store):
    """A lane whose flights end at once."""
    around = Surroundings(store, None, None, None, lambda: NOW, lambda: 0.0)
    it = Lane(OWN, around, Breaker(lambda: 0.0))

    async def fly(flight):
        """Land."""

    it.flights.fly = fly
    it.draining = True  # it does not gather
    return it


async def turns():
    for _ in range(20):
        await asyncio.sleep(0)


SOME, LAST, NONE = Claimed((), True), Claimed((Flight(1, "own", 1, (row(1),)),), False), Claimed((), False)
ANSWERS = {Event.SOME: SOME, Event.LAST: LAST, Event.NONE: NONE, Event.FAILED: StorageError("no")}


@pytest.mark.parametrize(("before", "event"), list(lane.FOLLOWS), ids=lambda one: one.name)
async def test_every_row_of_a_lanes_table_happens(before, event, monkeypatch):
    """A lane that is brought to a state, and what it does with an event, against a queue that answers by hand."""
    monkeypatch.setattr(lane, "PAUSE", 0.0)
    store, seen = Store(), set()
    it = bare_lane(store)
    real = it.step

    def step(event):
        was = it.look
        real(event)
        seen.add((was, event, it.look))

    it.step = step
    running = asyncio.create_task(it.run())
    try:
        await turns()
        assert it.look is Look.CLAIMING, "a lane looks at once"
        if before is Look.OVERTAKEN:
            it.rouse()
        elif before in (Look.TAKEN, Look.EMPTY):
            store.claims[-1].set_result(LAST if before is Look.TAKEN else NONE)
        elif before is Look.ROWS:
            store.claims[-1].set_result(SOME)
        await turns()
        if event is Event.ROUSED:
            if before is Look.ROWS:
                it.look = Look.ROWS  # between two claims
            it.rouse()
        elif event is Event.CLAIM and before is not Look.ROWS:
            it.timers.later(Again(NOW, 1, (1,)))
            it.alarm.set()
        elif event in ANSWERS:
            answer = ANSWERS[event]
            if isinstance(answer, Exception):
                store.claims[-1].set_exception(answer)
            else:
                store.claims[-1].set_result(answer)
        await turns()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert (before, event, lane.FOLLOWS[before, event]) in seen


async def test_rows_whose_claim_failed_go_on_waiting():
    """A store that could not be written for a moment loses no attempt."""
    store = Store()
    it = bare_lane(store)
    it.look = Look.EMPTY
    it.timers.later(Again(NOW, 1, (1,)))
    with pytest.raises(StorageError):
        claiming = asyncio.create_task(it.claim())
        await turns()
        store.claims[-1].set_exception(StorageError("no"))
        await claiming
    assert it.timers.due(NOW) == Again(NOW, 1, (1,))


KIND = KINDS["first_party"].KIND
BLIND = KINDS["ga4"].KIND  # cannot tell a repetition
NO = next(iter(sorted(NO_ANSWER - {UNREACHABLE})))
OUTCOMES = [
    pytest.param(Outcome(Fate.DELIVERED), KIND, 1, "TAKEN", "delivered", None, id="taken"),
    pytest.param(Outcome(Fate.DEAD, "http_400"), KIND, 1, "REFUSED", "dead", "http_400", id="refused"),
    pytest.param(Outcome(Fate.RETRY, "http_503"), KIND, 9, "LATER", "waiting", None, id="later"),
    pytest.param(Outcome(Fate.RETRY, NO), KIND, 9, "LATER", "waiting", None, id="no-answer-and-it-dedupes"),
    pytest.param(Outcome(Fate.RETRY, NO), BLIND, 1, "UNKNOWN", "dead", "unknown", id="no-answer-and-it-does-not"),
    pytest.param(Outcome(Fate.RETRY, "http_503"), BLIND, 9, "TOO_OFTEN", "dead", "dead:http_503", id="too-often"),
    pytest.param(life.WITHDRAWN, KIND, 1, "WITHDRAWN", "cancelled", None, id="withdrawn"),
]


@pytest.mark.parametrize(("outcome", "kind", "attempt", "event", "state", "why"), OUTCOMES)
def test_what_an_outcome_means_for_a_row_under_way(outcome, kind, attempt, event, state, why):
    """Its event, the state that follows, and the reason in the log."""
    found = event_of(outcome, kind, attempt)
    assert found.name == event and life.FOLLOWS[State.UNDER_WAY, found] == state
    if state != "waiting":
        assert ending(found, outcome.why, [row(1)]) == (state, why, (row(1),))


def test_every_event_of_a_row_under_way_is_an_outcome_or_is_tested_by_name():
    """The rest of the table is the store's (tests/storage/contract.py) and the flight's own (test_deliverer.py)."""
    elsewhere = {"GIVEN_BACK", "UNSENDABLE", "TOO_OLD"}
    events = {event.name for state, event in life.FOLLOWS if state is State.UNDER_WAY}
    assert events == {param.values[3] for param in OUTCOMES} | elsewhere


@pytest.mark.parametrize("name", sorted(KINDS))
def test_codes_that_refuse_a_request_are_the_kinds_own(name):
    """Delivery knows no vendor's codes; a vendor's are named after it."""
    kind = KINDS[name].KIND
    assert all(code.startswith(name.split("_")[0] + "_") for code in kind.refuses_request)
    assert {"http_401", "http_403", "http_404", "http_405"} == flights.REFUSES_REQUEST
