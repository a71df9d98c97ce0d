"""What a refusal costs in SQLite: what is known of the queue in memory, read in pieces, and right whatever happens."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.errors import StorageError
from gatekeeper.storage import queued, stopping, sweeping
from gatekeeper.storage.outbox import DEAD, DELIVERED
from tests.laws.test_laws import law
from tests.sizes import sized
from tests.storage.builders import SqliteEngine, accept, arrival, books, claim, settle, sweep


@pytest.fixture
def engine(tmp_path):
    """A real file, without any worker."""
    engine = SqliteEngine(tmp_path)
    yield engine
    engine.close()


def test_a_backlog_is_read_in_pieces(engine, monkeypatch):
    """A process that looks for the first time, with more rows there than it reads at once."""
    monkeypatch.setattr(sweeping, "AT_ONCE", 4)
    monkeypatch.setattr(sweeping, "IN_A_COMMIT", 8)
    store, other = engine.open(), engine.open()
    accept(store, *[arrival(f"r{n}", "own", "other", subjects=[f"p_{n % 7}"]) for n in range(100)])
    books(store)
    assert sweep(other, "p_3") == len([n for n in range(100) if n % 7 == 3])
    assert sweep(other, "p_3") is None


def test_filters_of_rows_that_ended_are_forgotten(engine, monkeypatch):
    """Memory is bounded by what is queued, not by what ever was."""
    monkeypatch.setattr(queued, "_BLOCK", 2)
    monkeypatch.setattr(queued, "_PRUNED_FROM", 4)
    store = engine.open()
    for n in range(30):
        accept(store, *[arrival(f"r{n}x{m}", "own", subjects=[f"p_{n}"]) for m in range(4)])
        sweep(store, "p_x")
        for flight in claim(store):
            settle(store, flight)
        assert len(store.refusals.known) <= 12


def test_a_refusal_that_cannot_be_kept_is_an_error(engine, monkeypatch):
    """The caller must not be told that it holds; and what failed is not remembered as done."""
    store = engine.open()
    accept(store, arrival("a", "own", subjects=["p_1"]))
    with monkeypatch.context() as patch:
        patch.setattr(stopping.Stopping, "stop", lambda *args: 1 / 0)
        with pytest.raises(StorageError):
            sweep(store, "p_1")
    assert sweep(store, "p_1") == 1


def test_what_was_read_of_a_commit_that_is_rolled_back_is_read_again(engine, monkeypatch):
    """Its ids become other rows', whose subjects are others."""
    store = engine.open()
    accept(store, arrival("a", "own", subjects=["p_1"]))
    with monkeypatch.context() as patch:

        def stop(self, commit, found):
            """Another destination's rows come in the same transaction, which fails behind them."""
            commit.db.execute("UPDATE destination SET seq = seq + 5 WHERE name = 'own'").fetchall()
            assert store.refusals.known.read(commit.db, 100)
            raise ZeroDivisionError

        patch.setattr(stopping.Stopping, "stop", stop)
        with pytest.raises(StorageError):
            sweep(store, "p_1")
    accept(store, *[arrival(f"b{n}", "own", subjects=["p_2"]) for n in range(5)])
    assert sweep(store, "p_2") == 5


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["accept", "accept", "sweep", "sweep", "deliver", "die", "retry"]),
        st.integers(0, 1),  # which worker
        st.frozensets(st.integers(0, 4), min_size=1, max_size=2),  # whose
        st.sampled_from([("own",), ("other",), ("own", "other")]),
    ),
    min_size=1,
    max_size=25,
)


def left(store):
    """Request id and destination of every row and dead letter that may still be sent."""
    sql = (
        "SELECT rows.payload ->> 0, name FROM (SELECT id, payload FROM outbox UNION ALL SELECT id, payload FROM dead) "
        "AS rows JOIN destination ON no = rows.id >> 40 "
        "WHERE rows.id NOT IN (SELECT id FROM stop)"  # no claim takes these: their line is not released
    )
    return set(store.tables.read(lambda db: db.execute(sql).fetchall()))


def test_after_a_sweep_nothing_of_it_is_left_whatever_came_before(engine, monkeypatch):
    """Against a model of the queue: two workers, in any order, with deliveries, dead letters and retries."""
    monkeypatch.setattr(queued, "_BLOCK", 1)
    monkeypatch.setattr(queued, "_PRUNED_FROM", 3)
    case = itertools.count()
    stores = engine.open(), engine.open()

    @settings(law, max_examples=sized(2_000, 60))  # each step is a commit on the disk
    @given(STEPS)
    def holds(steps):
        prefix = next(case)
        model: dict[tuple[str, str], frozenset[str]] = {}
        for n, (step, worker, who, where) in enumerate(steps):
            store, subjects = stores[worker], frozenset(f"p_{prefix}.{one}" for one in who)
            if step == "accept":
                accept(store, arrival(f"r{prefix}x{n}", *where, subjects=sorted(subjects)))
                model |= {(f"r{prefix}x{n}", name): subjects for name in where}
            elif step == "sweep":
                sweep(store, *sorted(subjects), reasons=dict.fromkeys(where, "gpc_opt_out"))
                model = {
                    (request, name): theirs
                    for (request, name), theirs in model.items()
                    if name not in where or not theirs & subjects
                }
            elif step in ("deliver", "die"):
                books(store)
                for flight in claim(store, where[0]):
                    settle(store, flight, DELIVERED if step == "deliver" else DEAD, "x")
                    if step == "deliver":
                        for row in flight.rows:
                            model.pop((row.request_id, where[0]), None)
            else:
                store.dead_letters.retry([letter.id for letter in store.dead_letters.page()]).result(10)
            assert {row for row in left(stores[0]) if row[0].startswith(f"r{prefix}x")} == set(model)

    holds()
