"""Rows at hand: a claim takes them from memory, and gives what it would have read, whoever changed the queue."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.storage import fresh, rows
from gatekeeper.storage.fresh import Fresh
from gatekeeper.storage.outbox import Refusal
from tests.storage.builders import SqliteEngine, accept, arrival, books, claim, settle


@pytest.fixture
def engine(tmp_path):
    """Workers on one file."""
    engine = SqliteEngine(tmp_path)
    yield engine
    engine.close()


@pytest.fixture
def read(monkeypatch):
    """The bodies that were read back from the database."""
    found, real = [], rows.load

    def load(db, where, values, table="outbox"):
        loaded = real(db, where, values, table)
        found.extend(row.request_id for row in loaded)
        return loaded

    monkeypatch.setattr("gatekeeper.storage.tables.load", load)
    return found


def leading(engine):
    """The worker that delivers."""
    store = engine.open()
    assert store.queue.lead()
    return store


def ids(flights):
    return [row.request_id for flight in flights for row in flight.rows]


def test_what_this_process_kept_is_claimed_without_being_read(engine, read):
    """With the same contents as another process would read."""
    store, other = leading(engine), engine.open()
    accept(store, arrival("a", subjects=["p_1", "p_2"], body=b'{"n":"\xc3\xa4"}'), arrival("b"))
    books(store)
    (flight,) = claim(store)
    assert read == [] and ids([flight]) == ["a", "b"]
    assert store.queue.give_back(flight).result(10)
    (again,) = claim(other)
    assert read == ["a", "b"] and again.rows == flight.rows


def test_one_that_does_not_deliver_keeps_nothing_at_hand(engine):
    """Its memory would never be emptied."""
    store = engine.open()
    accept(store, arrival("a"))
    books(store)
    assert store.queue.fresh.size == 0


def test_rows_of_two_workers_are_claimed_in_their_order(engine):
    """Those of the other one are read."""
    store, other = leading(engine), engine.open()
    for n in range(4):
        accept(store if n % 2 else other, arrival(f"r{n}"))
        books(store)
        books(other)
    flights = []
    while found := claim(store):
        flights += found
    assert ids(flights) == ["r0", "r1", "r2", "r3"]


@pytest.mark.parametrize("by", ["the same worker", "another worker"])
def test_a_row_that_was_taken_back_is_not_claimed_from_memory(engine, by):
    """Whoever ended it: the claim asks the database whether all of them are there."""
    store, other = leading(engine), engine.open()
    accept(store, arrival("a", subjects=["p_1"]), arrival("b", subjects=["p_2"]))
    books(store)
    worker = store if by == "the same worker" else other
    assert worker.refusals.sweep([Refusal(("p_1",), {"own": "gpc_opt_out"})]).result(10) == 1
    flights = claim(store)
    assert ids(flights) == ["b"]
    settle(store, *flights)
    assert (books(store).cancelled, books(store).delivered) == (1, 1)


def test_memory_that_is_full_takes_no_more_and_loses_nothing(engine, monkeypatch):
    """What had no room is read back, in its turn."""
    monkeypatch.setattr(fresh, "BYTES", 10)
    store = leading(engine)
    for n in range(6):
        accept(store, arrival(f"r{n}", body=b"x" * 8))
    books(store)
    flights = []
    while found := claim(store, events=2):
        flights += found
    assert ids(flights) == [f"r{n}" for n in range(6)] and store.queue.fresh.size == 0


ADD = st.tuples(st.just("add"), st.integers(1, 5))
SKIP = st.tuples(st.just("skip"), st.integers(1, 3))  # another worker's rows
TAKE = st.tuples(st.just("take"), st.integers(1, 4))
FORGET = st.tuples(st.just("forget"), st.just(0))


@given(st.lists(st.one_of(ADD, SKIP, TAKE, FORGET), max_size=30))
def test_what_is_at_hand_is_what_follows_or_nothing(steps):
    """Whatever comes in which order: consecutive ids behind the cursor, each with its own contents."""
    at_hand, last, cursor = Fresh(), 0, 0
    for what, n in steps:
        if what == "add":
            at_hand.add(7, last + 1, [(f"r{last + 1 + k}", 1.0, "p_1", "h", "b" * (last + 1 + k)) for k in range(n)])
        if what in ("add", "skip"):
            last += n
        elif what == "take":
            found = at_hand.behind(7, cursor, last + 1, n)
            assert [row.id for row in found] == [*range(cursor + 1, cursor + 1 + len(found))] and len(found) <= n
            assert all((row.request_id, len(row.body)) == (f"r{row.id}", row.id) for row in found)
            cursor = min(last, cursor + n)  # what was not at hand is read
        else:
            at_hand.forget(7)
        assert at_hand.size == sum(len(row.body) for row in at_hand.rows.get(7, ()))
