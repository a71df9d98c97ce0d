"""What the SQLite store promises beyond the contract: no trace in any page, many writers, a thread that lives on."""

import threading

import apsw
import orjson
import pytest

from gatekeeper.errors import AuditError, StorageError
from gatekeeper.model import Heard
from gatekeeper.storage.commits import NotYet
from gatekeeper.storage.outbox import CANCELLED, DEAD, DELIVERED, EXPIRED, Ending, Refusal
from tests.storage.builders import (
    Log,
    SqliteEngine,
    accept,
    arrival,
    books,
    claim,
    claim_all,
    opened,
    settle,
    wait,
    withdraw,
)  # fmt: skip


@pytest.fixture
def engine(tmp_path):
    """Workers on one file."""
    engine = SqliteEngine(tmp_path)
    yield engine
    engine.close()


@pytest.mark.parametrize("state", [DELIVERED, DEAD, EXPIRED, CANCELLED])
def test_the_payload_is_deleted_at_its_terminal_state(tmp_path, state):
    """No trace of it is left in any page, but of a dead letter."""
    with opened(tmp_path) as store:
        accept(store, arrival("a", body=b'{"canary":"4f1d"}'))
        settle(store, *claim(store), state, "why")
        store.close()
        path = store.books.place
        db = apsw.Connection(str(path))
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        db.close()
        assert (b"4f1d" in path.read_bytes()) == (state == DEAD)


def test_rows_taken_over_in_one_commit_with_a_repetition_are_in_the_books(engine):
    """Such a commit has arrivals and no line: found by killing workers under load in `make torture`."""
    slow = Log(held=True)
    store, dead, heir = engine.open(), engine.open(slow), engine.open(missing=lambda lines, since: [])
    accept(store, arrival("f", key=b"k"))
    dead.intake.accept([arrival("a")])
    wait(lambda: slow.waiting)
    engine.kill(dead)
    busy, go_on = threading.Event(), threading.Event()
    heir.commits.submit(lambda commit: (busy.set(), go_on.wait(10)))
    busy.wait(10)
    again = heir.intake.accept([arrival("s", key=b"k")])
    adopted = heir.records.adopt()
    go_on.set()
    assert again.result(10).request_ids == ["f"] and adopted.result(10) >= 1
    assert heir.queue.recover().result(10).corrected == {} and books(store).accepted == 2


def together(store, *work):
    """Pieces of work that share a commit; their futures."""
    go = threading.Event()
    store.commits.submit(lambda commit: go.wait(10))
    done = [one() for one in work]
    go.set()
    return done


def ended(flight, state=DELIVERED):
    return flight, [Ending(state, None, flight.rows)], [], None, True


def test_requests_that_end_in_one_commit_have_a_line_each(tmp_path):
    """As when each had a commit of its own: an auditor sees what one request carried."""
    log = Log()
    with opened(tmp_path, log) as store:
        accept(store, arrival("a"), arrival("b"), arrival("c"))
        books(store)
        flights = claim(store, events=2)
        done = together(store, *(lambda one=one: store.queue.settle(*ended(one)) for one in flights))
        assert [one.result(10) for one in done] == [True, True]
        wait(lambda: len(log.outcomes()) == 3)
        assert [line["request_ids"] for line in log.of("outcome")] == [["a", "b"], ["c"]]
        assert (books(store).delivered, books(store).queued) == (3, 0)


class Batches(Log):
    """A log that knows which lines came together."""

    def __init__(self):
        super().__init__()
        self.batches = []

    def append(self, batch):
        self.batches.append([orjson.loads(line.core)["kind"] for line in batch])
        return super().append(batch)


def test_what_was_delivered_goes_to_the_log_with_the_next_decision(tmp_path, monkeypatch):
    """One sync for both; the database keeps the outcome meanwhile."""
    monkeypatch.setattr("gatekeeper.storage.handover.HOLD", 60.0)
    log = Batches()
    with opened(tmp_path, log) as store:
        accept(store, arrival("a"))
        books(store)
        settle(store, *claim(store))
        assert log.batches == [["decision"]] and store.records.kept() == 1 and not store.books.idle()
        accept(store, arrival("b"))
        assert log.batches == [["decision"], ["outcome", "decision"]]


@pytest.mark.parametrize("ends", ["nothing else happens", "the store closes"])
def test_without_another_decision_it_goes_there_soon(tmp_path, monkeypatch, ends):
    """After `HOLD` seconds, or at the end."""
    monkeypatch.setattr("gatekeeper.storage.handover.HOLD", 0.01 if ends == "nothing else happens" else 60.0)
    monkeypatch.setattr("gatekeeper.storage.writing.HOLD", 0.01)
    log = Batches()
    with opened(tmp_path, log) as store:
        accept(store, arrival("a"))
        books(store)
        settle(store, *claim(store))
        if ends == "the store closes":
            store.close()
        wait(lambda: log.outcomes() == {("a", "own"): "delivered"})
        wait(lambda: store.books.idle())


@pytest.mark.parametrize("state", [DEAD, EXPIRED, CANCELLED])
def test_what_was_not_delivered_is_in_the_log_at_once(tmp_path, monkeypatch, state):
    """An operator who looks for it finds it."""
    monkeypatch.setattr("gatekeeper.storage.handover.HOLD", 60.0)
    log = Log()
    with opened(tmp_path, log) as store:
        accept(store, arrival("a"))
        books(store)
        settle(store, *claim(store), state, "why")
        wait(lambda: log.outcomes())


def test_outcomes_that_were_held_when_their_process_ended_are_written_by_the_next(engine, monkeypatch):
    """They stand in the database."""
    monkeypatch.setattr("gatekeeper.storage.handover.HOLD", 60.0)
    log, last = Log(), Log()
    dead, heir = engine.open(last), engine.open(log)
    accept(dead, arrival("a"))
    books(dead)
    settle(dead, *claim(dead))
    engine.kill(dead)
    assert last.outcomes() == {} and heir.records.adopt().result(10) == 1
    wait(lambda: log.outcomes() == {("a", "own"): "delivered"})


def test_a_log_that_refuses_what_was_held_gets_it_again(tmp_path, monkeypatch):
    """The event beside it was refused; the delivery was not undone."""
    monkeypatch.setattr("gatekeeper.storage.handover.HOLD", 60.0)
    log = Log()
    with opened(tmp_path, log) as store:
        accept(store, arrival("a"))
        books(store)
        settle(store, *claim(store))
        log.broken = True
        with pytest.raises(AuditError):
            accept(store, arrival("b"))
        log.broken = False
        wait(lambda: log.outcomes() == {("a", "own"): "delivered"})
        assert (books(store).accepted, books(store).delivered) == (1, 1)


def test_a_flight_that_ends_twice_in_one_commit_is_counted_once(tmp_path):
    """The caller may repeat what it does not know to be committed."""
    log = Log()
    with opened(tmp_path, log) as store:
        accept(store, arrival("a"))
        books(store)
        (flight,) = claim(store)
        store.queue.settle(*ended(flight)).result(10)
        done = together(store, *(lambda: store.queue.settle(*ended(flight)) for _ in range(2)))
        assert [one.result(10) for one in done] == [False, False]
        wait(lambda: log.outcomes())
        assert books(store).delivered == 1 and len(log.of("outcome")) == 1


def test_what_ends_in_the_commit_of_a_recovery_is_not_found_by_it(tmp_path):
    """A delivered row is not sent again because the deliverer began again at that moment."""
    with opened(tmp_path) as store:
        accept(store, arrival("a"), arrival("b"))
        books(store)
        first, second = claim(store, events=1)
        done = together(store, lambda: store.queue.recover(), lambda: store.queue.settle(*ended(second)))
        store.queue.settle(*ended(first))
        left = done[0].result(10)
        assert {row.request_id for flight in left.flights for row in flight.rows} <= {"a", "b"}
        left = store.queue.recover().result(10)
        wait(lambda: done[1].done())
        names = {row.request_id for flight in left.flights for row in flight.rows}
        assert names.isdisjoint({"b"} if done[1].result(10) else set()) and left.corrected == {}


def test_a_commit_that_fails_ends_no_request(tmp_path):
    """Rows that were delivered are under way as before, until the store takes their end."""
    with opened(tmp_path) as store:
        accept(store, arrival("a"))
        books(store)
        (flight,) = claim(store)

        def failing(commit):
            raise apsw.FullError()

        done = together(store, lambda: store.queue.settle(*ended(flight)), lambda: store.commits.submit(failing))
        for one in done:
            with pytest.raises(StorageError):
                one.result(10)
        assert store.queue.settle(*ended(flight)).result(10) and books(store).delivered == 1


def test_a_withdrawal_is_not_heard_by_a_worker_that_is_about_to_send_for_too_long(engine, monkeypatch):
    """Never a false answer to a withdrawal, nor to who refuses."""
    monkeypatch.setattr("gatekeeper.storage.page.HEARD_WITHIN", 0.05)
    store, sender = engine.open(), engine.open()
    assert sender.barrier.enter() is not None
    accept(store, arrival("a", subjects=["p_1"]))
    books(store)
    claim(store)
    withdraw(store, "p_1", heard=Heard.NOT_YET)
    with pytest.raises(StorageError, match="about to send"):
        store.refusals.sweep([Refusal(("p_1",), {"own": "gpc_opt_out"})]).result(10)


def test_a_divided_commit_that_fails_half_way_fails_its_second_half_only(tmp_path):
    """And the thread that writes lives on."""
    with opened(tmp_path) as store:
        go, errors = threading.Event(), [NotYet(), apsw.IOError()]

        def failing(commit):
            raise errors.pop(0)

        store.commits.submit(lambda commit: go.wait(10))
        kept, lost = store.commits.submit(lambda commit: "kept"), store.commits.submit(failing)
        go.set()
        assert kept.result(10) == "kept"
        with pytest.raises(StorageError, match="io"):
            lost.result(10)
        assert accept(store, arrival("a")) == ["a"] and errors == []


def test_memory_follows_a_commit_that_is_rolled_back(tmp_path):
    """Room, cursor and numbers are as before: a disk that was full for a while leaves no trace of what it refused."""
    with opened(tmp_path, max_queued=3) as store:
        accept(store, arrival("a"))
        books(store)

        def failing(commit):
            raise apsw.FullError()

        for _ in range(5):
            go = threading.Event()
            store.commits.submit(lambda commit, go=go: go.wait(10))
            lost = [
                store.intake.accept([arrival("b", "own", "new")]),
                store.queue.claim("own", events=9, size=999, flights=9),
                store.commits.submit(failing, last=True),
            ]
            go.set()
            for one in lost:
                with pytest.raises(StorageError):
                    one.result(10)
        assert store.intake.room("own", 2) and store.queue.ready("own") == 1
        assert accept(store, arrival("c", "new")) == ["c"]
        assert [len(flight.rows) for flight in claim(store)] == [1] and books(store, "new").queued == 1


def test_a_lock_folder_that_cannot_be_made_refuses_and_recovers(tmp_path):
    """The thread that writes does not end by it: nothing waits for ever."""
    (tmp_path / "gatekeeper.db.locks").write_bytes(b"")
    with opened(tmp_path) as store:
        with pytest.raises(StorageError):
            accept(store, arrival("a"))
        assert store.books.failing() is not None
        (tmp_path / "gatekeeper.db.locks").unlink()
        assert accept(store, arrival("b")) == ["b"] and store.books.failing() is None


def test_every_old_key_is_forgotten_in_one_round(engine, monkeypatch):
    """Slice by slice, so that no commit is held up."""
    monkeypatch.setattr("gatekeeper.storage.upkeep.TIDY", -1.0)
    store = engine.open()
    accept(store, *(arrival(f"a{n}", key=bytes([n * 5])) for n in range(50)))
    engine.at += 8 * 86_400
    accept(store, arrival("y", key=b"young"))
    for _ in range(1024):
        due = store.queue.maintain()
    due.result(10)
    left = store.tables.read(lambda db: db.execute("SELECT request_id FROM seen").fetchall())
    assert left == [("y",)]


def test_dead_letters_are_bounded(engine):
    """A vendor that refuses everything must not fill the disk; the newest are kept."""
    store = engine.open(max_queued=2)
    for n in range(4):
        accept(store, arrival(f"a{n}"))
        settle(store, *claim(store), DEAD, "http_400")
    store.queue.maintain().result(10)
    assert [letter.request_id for letter in store.dead_letters.page()] == ["a3", "a2"]


def test_the_books_are_checked_against_the_rows(tmp_path):
    """And corrected, whatever happened to them."""
    with opened(tmp_path) as store:
        accept(store, arrival("a"))
        claim(store)
        db = apsw.Connection(str(store.books.place))
        db.execute("UPDATE destination SET queued = 7, accepted = 7 WHERE name = 'own'").fetchall()
        db.close()
        assert store.queue.recover().result(10).corrected == {"own": (7, 1)}
        assert books(store).queued == 1


def test_many_threads_and_two_processes_worth_of_writers_lose_nothing(engine):
    """Two stores on one file, four threads each, one deliverer."""
    store, other = engine.open(), engine.open()
    batches = [[f"{t}a{n}" for n in range(60)] for t in range(8)]

    def send(t):
        for name in batches[t]:
            accept(store if t % 2 else other, arrival(name))

    threads = [threading.Thread(target=send, args=(t,)) for t in range(8)]
    for thread in threads:
        thread.start()
    seen = []

    def deliver():
        for flight in claim_all(store):
            seen.extend(row.request_id for row in flight.rows)
            settle(store, flight)

    while any(thread.is_alive() for thread in threads) or books(store).queued:
        deliver()
    books(other)
    deliver()
    assert sorted(seen) == sorted(name for names in batches for name in names)
    assert books(store).delivered == 480
