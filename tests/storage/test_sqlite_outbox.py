"""What a 202 promises, and what must never happen to a row: on a real SQLite file."""

import threading

import apsw
import pytest

from gatekeeper.errors import AuditError, StorageError
from gatekeeper.storage.commits import NotYet
from gatekeeper.storage.outbox import CANCELLED, DEAD, DELIVERED, EXPIRED, Again, Ending
from gatekeeper.storage.owners import Lock, folder
from gatekeeper.storage.sqlite import SqliteOutbox
from tests.storage.builders import NOW, Log, accept, arrival, books, claim, outbox, wait


def settle(box, flight, state=DELIVERED, why=None, rows=None):
    box.settle(flight, [Ending(state, why, flight.rows if rows is None else rows)], [], None, True).result(10)


def test_rows_are_claimed_only_after_their_line_is_durable(tmp_path):
    """The decision line comes first; until then the event is neither accepted nor queued."""
    log = Log()
    log.held = True
    with outbox(tmp_path, log) as box:
        done = box.accept([arrival("a")])
        while not log.waiting:
            claim(box)
        assert claim(box).flights == () and not done.done() and books(box).accepted == 0
        log.go_on()
        assert done.result(10) == ["a"]
        (flight,) = claim(box).flights
        assert [row.request_id for row in flight.rows] == ["a"] and books(box).queued == 1


def test_another_workers_line_holds_back_its_own_rows_only(tmp_path):
    """A worker that hangs between commit and line is in nobody's way."""
    slow = Log()
    slow.held = True
    with outbox(tmp_path) as box:
        other = SqliteOutbox(box.path, ("own",), slow, clock=lambda: NOW)
        late = other.accept([arrival("late")])
        while not slow.waiting:
            claim(box)
        accept(box, arrival("quick"))
        first = claim(box)
        assert [row.request_id for flight in first.flights for row in flight.rows] == ["quick"]
        slow.go_on()
        late.result(10)
        other.close()
        busy = {row.id for flight in first.flights for row in flight.rows}
        again = claim(box, after=first.after, busy=busy)
        assert [row.request_id for flight in again.flights for row in flight.rows] == ["late"]


def test_what_the_log_refuses_was_never_accepted(tmp_path):
    """503, no row, no key: the same event may come again."""
    log = Log()
    with outbox(tmp_path, log) as box:
        log.broken = True
        with pytest.raises(AuditError):
            accept(box, arrival("a", key=b"k"))
        log.broken = False
        assert accept(box, arrival("b", key=b"k")) == ["b"]
        assert [row.request_id for flight in claim(box).flights for row in flight.rows] == ["b"]
        assert books(box).accepted == 1 and [line["request_id"] for line in log.of("decision")] == ["b"]


def test_a_repetition_is_answered_like_the_first_and_not_sent_again(tmp_path):
    """In another request, and within one."""
    log = Log()
    with outbox(tmp_path, log) as box:
        assert accept(box, arrival("a", key=b"k")) == ["a"]
        assert accept(box, arrival("b", key=b"k"), arrival("c", key=b"j"), arrival("d", key=b"j")) == ["a", "c", "c"]
        assert books(box).accepted == 2 and [line["request_id"] for line in log.of("decision")] == ["a", "c"]


def test_a_repetition_goes_to_the_destinations_that_have_not_had_it(tmp_path):
    """Consent that came in between: the new destination gets it, the record says why the other does not."""
    log = Log()
    with outbox(tmp_path, log) as box:
        accept(box, arrival("a", "own", key=b"k"))
        assert accept(box, arrival("b", "own", "other", key=b"k")) == ["b"]
        assert (books(box).accepted, books(box, "other").accepted) == (1, 1)
        (line,) = log.of("outcome")
        assert (line["request_ids"], line["destination"], line["status"], line["reason"]) == (
            ["b"], "own", "blocked", "duplicate_event",
        )  # fmt: skip


def test_a_repetition_after_seven_days_is_a_new_event(tmp_path):
    """The window that vendors' own is shorter than."""
    at = [NOW]
    with outbox(tmp_path) as box:
        box._clock = lambda: at[0]
        accept(box, arrival("a", key=b"k"))
        at[0] += 7 * 86_400 + 1
        assert accept(box, arrival("b", key=b"k")) == ["b"]


def test_a_repetition_of_what_another_worker_is_still_writing_waits_for_it(tmp_path):
    """A 202 for it would promise what may still fail."""
    slow = Log()
    slow.held = True
    with outbox(tmp_path) as box:
        other = SqliteOutbox(box.path, ("own",), slow, clock=lambda: NOW)
        first = other.accept([arrival("a", key=b"k")])
        while not slow.waiting:
            claim(box)
        second = box.accept([arrival("b", key=b"k")])
        claim(box)
        assert not second.done()
        slow.go_on()
        assert (first.result(10), second.result(10)) == (["a"], ["a"])
        other.close()


def test_rows_of_one_head_share_a_flight_within_the_limits(tmp_path):
    """Events, bytes, heads."""
    with outbox(tmp_path) as box:
        accept(box, *(arrival(f"a{n}", head=b"x" if n % 2 else b"y") for n in range(10)))
        flights = claim(box, events=3).flights
        assert sorted(len(flight.rows) for flight in flights) == [2, 2, 3, 3]
        assert all(len({row.head for row in flight.rows}) == 1 for flight in flights)


def test_a_claim_takes_no_more_flights_than_asked_for(tmp_path):
    """What is left is claimed next."""
    with outbox(tmp_path) as box:
        accept(box, *(arrival(f"a{n}", head=b"%d" % n) for n in range(10)))
        first = claim(box, flights=4)
        assert len(first.flights) == 4 and first.more
        assert len(claim(box, after=first.after).flights) == 6


@pytest.mark.parametrize(
    ("state", "word"),
    [(DELIVERED, "delivered"), (DEAD, "failed"), (EXPIRED, "failed"), (CANCELLED, "cancelled")],
)
def test_the_payload_is_deleted_at_its_terminal_state(tmp_path, state, word):
    """Only a dead letter is kept, and no trace of the others is left in any page."""
    log = Log()
    with outbox(tmp_path, log) as box:
        accept(box, arrival("a", body=b'{"canary":"4f1d"}'))
        (flight,) = claim(box).flights
        settle(box, flight, state, "why")
        assert books(box).queued == 0 and getattr(books(box), state) == 1
        assert [letter.request_id for letter in box.dead_letters()] == (["a"] if state == DEAD else [])
        box.close()
        assert log.outcomes() == {("a", "own"): word}
        db = apsw.Connection(str(box.path))
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        db.close()
        assert (b"4f1d" in box.path.read_bytes()) == (state == DEAD)


def test_rows_that_wait_for_another_attempt_are_found_by_the_next_deliverer(tmp_path):
    """With their attempts and their time."""
    with outbox(tmp_path) as box:
        accept(box, arrival("a"), arrival("b"))
        (flight,) = claim(box).flights
        again = Again(NOW + 60, 1, tuple(row.id for row in flight.rows))
        box.settle(flight, [], [again], "http_503", True).result(10)
    with outbox(tmp_path) as box:
        flights, waiting = box.abandoned().result(10)
        assert (flights, waiting) == ([], [("own", again)])
        flight = box.claim_again("own", again).result(10)
        assert flight.attempt == 2 and books(box).retried == 2


def test_a_flight_whose_deliverer_was_killed_is_found(tmp_path):
    """It is not known whether the vendor has it."""
    with outbox(tmp_path) as box:
        accept(box, arrival("a"))
        (flight,) = claim(box).flights
    with outbox(tmp_path) as box:
        assert box.abandoned().result(10) == ([flight], [])


def test_lines_that_a_killed_worker_could_not_write_are_written_and_its_rows_released(tmp_path):
    """Its lock is free, so nobody else will."""
    held = Log()
    held.held = True
    with outbox(tmp_path) as box:
        dead = SqliteOutbox(box.path, ("own",), held, clock=lambda: NOW)
        dead.accept([arrival("a")])
        while not held.waiting:
            claim(box)
        log = Log()
        heir = SqliteOutbox(box.path, ("own",), log, clock=lambda: NOW)
        assert heir.adopt(lambda lines, since: list(lines)).result(10) == 0, "it lives"
        for lock in (box.path.with_name("gatekeeper.db.locks")).glob("owner-*"):
            lock.unlink()
        assert heir.adopt(lambda lines, since: list(lines)).result(10) >= 1
        assert heir.adopt(lambda lines, since: list(lines)).result(10) == 0
        heir._commits.close()
        assert [line["request_id"] for line in log.of("decision")] == ["a"] and books(box).queued == 1
        held.go_on()
        dead.close()


def test_adopted_lines_that_the_log_has_are_not_written_twice(tmp_path):
    """Only the rows are released."""
    held = Log()
    held.held = True
    with outbox(tmp_path) as box:
        dead = SqliteOutbox(box.path, ("own",), held, clock=lambda: NOW)
        dead.accept([arrival("a")])
        while not held.waiting:
            claim(box)
        for lock in (box.path.with_name("gatekeeper.db.locks")).glob("owner-*"):
            lock.unlink()
        log = Log()
        heir = SqliteOutbox(box.path, ("own",), log, clock=lambda: NOW)
        assert heir.adopt(lambda lines, since: []).result(10) == 1
        heir.close()
        assert log.lines == [] and books(box).queued == 1
        held.go_on()
        dead.close()


def test_rows_taken_over_in_one_commit_with_a_repetition_are_in_the_books(tmp_path):
    """Such a commit has arrivals and no line: found by killing workers under load in `make torture`."""
    held = Log()
    held.held = True
    with outbox(tmp_path) as box:
        accept(box, arrival("f", key=b"k"))
        dead = SqliteOutbox(box.path, ("own",), held, clock=lambda: NOW)
        dead.accept([arrival("a")])
        while not held.waiting:
            claim(box)
        for lock in (box.path.with_name("gatekeeper.db.locks")).glob("owner-*"):
            lock.unlink()
        heir = SqliteOutbox(box.path, ("own",), Log(), clock=lambda: NOW)
        busy, go_on = threading.Event(), threading.Event()
        heir._commits.submit(lambda commit: (busy.set(), go_on.wait(10)))
        busy.wait(10)
        again = heir.accept([arrival("s", key=b"k")])
        adopted = heir.adopt(lambda lines, since: [])
        go_on.set()
        assert again.result(10) == ["f"] and adopted.result(10) >= 1
        assert heir.reckon().result(10) == {}
        heir.close()
        assert books(box).accepted == 2
        held.go_on()
        dead.close()


def test_cancel_ends_what_waits_and_stops_what_is_under_way_from_being_tried_again(tmp_path):
    """By pseudonym; a name that only looks alike is not touched."""
    log = Log()
    with outbox(tmp_path, log) as box:
        accept(box, arrival("flying", subjects=["p_1"]))
        (flight,) = claim(box).flights
        accept(box, arrival("waiting", "own", "other", subjects=["p_0", "p_1"]), arrival("spared", subjects=["p_11"]))
        assert box.cancel(["p_1"]).result(10) == 2
        box.settle(flight, [], [Again(NOW, 1, (flight.rows[0].id,))], "http_503", True).result(10)
        rows = [row for one in claim(box, after=flight.rows[-1].id).flights for row in one.rows]
        assert [row.request_id for row in rows] == ["spared"]
        assert books(box).cancelled == 2 and books(box, "other").cancelled == 1
    assert log.outcomes() == {
        ("flying", "own"): "cancelled", ("waiting", "own"): "cancelled", ("waiting", "other"): "cancelled",
    }  # fmt: skip


def test_the_end_of_rows_in_any_order_leaves_their_neighbours_alone(tmp_path):
    """A batch that was divided comes back in parts; what is between them stays, and stays cancelled."""
    with outbox(tmp_path) as box:
        accept(box, *(arrival(f"a{n}", subjects=[f"p_{n}"]) for n in range(9)))
        (flight,) = claim(box).flights
        assert box.cancel(["p_1", "p_5"]).result(10) == 0
        box.settle(flight, [Ending(DELIVERED, None, tuple(flight.rows[n] for n in (0, 8, 2)))], [], None, False).result(
            10
        )
        assert books(box).queued == 6
        rest = tuple(flight.rows[n].id for n in (1, 3, 4, 5, 6, 7))
        box.settle(flight, [], [Again(NOW, 1, rest)], "http_503", True).result(10)
        assert books(box).cancelled == 2 and books(box).queued == 4


def test_a_claim_leaves_alone_what_is_cancelled_but_under_way(tmp_path):
    """Its own request says what becomes of it: one outcome, not two."""
    log = Log()
    with outbox(tmp_path, log) as box:
        accept(box, arrival("a", subjects=["p_1"]))
        (flight,) = claim(box).flights
        box.cancel(["p_1"]).result(10)
        assert claim(box, busy=[flight.rows[0].id]).flights == ()
        settle(box, flight, DELIVERED)
        assert (books(box).delivered, books(box).cancelled) == (1, 0)
    assert log.outcomes() == {("a", "own"): "delivered"}


def test_cancel_is_done_when_the_deliverer_has_heard_of_it(tmp_path):
    """In whichever process it is; until then its request may still begin."""
    with outbox(tmp_path) as box, outbox(tmp_path) as deliverers:
        lock = Lock(folder(box.path) / "deliverer")
        assert lock.take()
        accept(box, arrival("a", subjects=["p_1"]))
        found = []
        wait(lambda: found.extend(claim(deliverers).flights) or found)  # the other process releases it in a moment
        (flight,) = found
        done = box.cancel(["p_1"])
        while not (unheard := deliverers.unheard()):
            assert not done.done()
        assert unheard == {"own": {flight.rows[0].id}} and not done.done()
        deliverers.hear([flight.rows[0].id]).result(10)
        assert done.result(10) == 0 and deliverers.unheard() == {}
        lock.release()


def test_cancel_fails_if_the_deliverer_does_not_answer(tmp_path, monkeypatch):
    """Never a false answer to a withdrawal."""
    monkeypatch.setattr("gatekeeper.storage.cancelling.HEARD_WITHIN", 0.05)
    with outbox(tmp_path) as box:
        lock = Lock(folder(box.path) / "deliverer")
        assert lock.take()
        accept(box, arrival("a", subjects=["p_1"]))
        claim(box)
        with pytest.raises(StorageError, match="did not answer"):
            box.cancel(["p_1"]).result(10)
        lock.release()


def test_a_divided_commit_that_fails_half_way_fails_its_second_half_only(tmp_path):
    """And the thread that writes lives on."""
    with outbox(tmp_path) as box:
        go, errors = threading.Event(), [NotYet(), apsw.IOError()]

        def failing(commit):
            raise errors.pop(0)

        box._commits.submit(lambda commit: go.wait(10))
        kept, lost = box._commits.submit(lambda commit: "kept"), box._commits.submit(failing)
        go.set()
        assert kept.result(10) == "kept"
        with pytest.raises(StorageError, match="io"):
            lost.result(10)
        assert accept(box, arrival("a")) == ["a"] and errors == []


def test_a_lock_folder_that_cannot_be_made_refuses_and_recovers(tmp_path):
    """The thread that writes does not end by it: nobody waits for ever."""
    (tmp_path / "gatekeeper.db.locks").write_bytes(b"")
    with outbox(tmp_path) as box:
        with pytest.raises(StorageError):
            accept(box, arrival("a"))
        assert box.failing() is not None
        (tmp_path / "gatekeeper.db.locks").unlink()
        assert accept(box, arrival("b")) == ["b"] and box.failing() is None


def test_cancel_reaches_rows_whose_line_is_being_written(tmp_path):
    """They are never claimed."""
    log = Log()
    log.held = True
    with outbox(tmp_path, log) as box:
        done = box.accept([arrival("a", subjects=["p_1"])])
        while not log.waiting:
            claim(box)
        box.cancel(["p_1"]).result(10)
        log.go_on()
        done.result(10)
        assert claim(box).flights == () and books(box).cancelled == 1


def test_cancel_can_be_limited_to_destinations(tmp_path):
    """Those that need the consent that was withdrawn."""
    with outbox(tmp_path) as box:
        accept(box, arrival("a", "own", "other", subjects=["p_1"]))
        assert box.cancel(["p_1"], ["other"]).result(10) == 1
        assert (books(box).queued, books(box, "other").cancelled) == (1, 1)


def test_dead_letters_are_listed_retried_and_purged(tmp_path):
    """A retry counts as accepted once more: the books stay true."""
    with outbox(tmp_path) as box:
        accept(box, arrival("a"), arrival("b"))
        (flight,) = claim(box).flights
        settle(box, flight, DEAD, "http_400")
        letters = {letter.request_id: letter for letter in box.dead_letters()}
        assert {letter.why for letter in letters.values()} == {"http_400"}
        assert box.retry_dead([letters["a"].id]).result(10) == 1
        assert box.purge_dead([letters["b"].id]).result(10) == 1
        assert box.dead_letters() == []
        (flight,) = claim(box, after=flight.rows[-1].id).flights
        assert [row.request_id for row in flight.rows] == ["a"]
        assert (books(box).accepted, books(box).dead, books(box).queued) == (3, 2, 1)


def test_old_dead_letters_are_forgotten(tmp_path):
    """They hold hashed personal data."""
    at = [NOW]
    with outbox(tmp_path) as box:
        box._clock = lambda: at[0]
        accept(box, arrival("a"))
        settle(box, claim(box).flights[0], DEAD, "http_400")
        box.tidy(60.0, 0).result(10)
        assert len(box.dead_letters()) == 1
        at[0] += 61
        box.tidy(60.0, 0).result(10)
        assert box.dead_letters() == []


def test_every_old_key_is_forgotten_in_one_round(tmp_path):
    """Slice by slice, so that no commit is held up."""
    at = [NOW]
    with outbox(tmp_path) as box:
        box._clock = lambda: at[0]
        accept(box, *(arrival(f"a{n}", key=bytes([n * 5])) for n in range(50)))
        at[0] += 8 * 86_400
        accept(box, arrival("young", key=b"young"))
        for n in range(1024):
            box.tidy(1e9, n)
        box.tidy(1e9, 0).result(10)
        left = box._read(lambda db: db.execute("SELECT request_id FROM seen").fetchall())
        assert left == [("young",)]


def test_rows_of_a_removed_destination_become_dead_letters(tmp_path):
    """A mistake in a policy can be put right, and nothing waits for ever."""
    with outbox(tmp_path) as box:
        accept(box, arrival("a"), arrival("b", "other"))
        assert box.bury(["own"], "destination_removed").result(10) == 1
        assert [(one.request_id, one.why) for one in box.dead_letters()] == [("b", "destination_removed")]
        assert (books(box).queued, books(box, "other").dead) == (1, 1)


def test_the_outbox_is_bounded(tmp_path):
    """And there is room again when something has ended."""
    with outbox(tmp_path, max_queued=3) as box:
        accept(box, arrival("a"), arrival("b"))
        assert box.room("own", 1) and not box.room("own", 2)
        settle(box, claim(box).flights[0])
        assert box.room("own", 3)


def test_the_books_are_checked_against_the_rows(tmp_path):
    """And corrected, whatever happened to them."""
    with outbox(tmp_path) as box:
        accept(box, arrival("a"))
        claim(box)
        db = apsw.Connection(str(box.path))
        db.execute("UPDATE destination SET queued = 7, accepted = 7 WHERE name = 'own'").fetchall()
        db.close()
        assert box.reckon().result(10) == {"own": (7, 1)}
        assert books(box).queued == 1


def test_many_threads_and_two_processes_worth_of_writers_lose_nothing(tmp_path):
    """Two outboxes on one file, four threads each, one deliverer."""
    with outbox(tmp_path) as box:
        other = SqliteOutbox(box.path, ("own", "other"), Log(), clock=lambda: NOW)
        names = [[f"{t}a{n}" for n in range(60)] for t in range(8)]

        def send(t):
            for name in names[t]:
                accept(box if t % 2 else other, arrival(name))

        threads = [threading.Thread(target=send, args=(t,)) for t in range(8)]
        for thread in threads:
            thread.start()
        seen, after = [], 0
        while any(thread.is_alive() for thread in threads) or books(box).queued:
            claimed = claim(box, after=after)
            after = claimed.after
            for flight in claimed.flights:
                seen += [row.request_id for row in flight.rows]
                settle(box, flight)
        other.close()
        while claimed.flights or claimed.more:
            claimed = claim(box, after=after)
            for flight in claimed.flights:
                seen += [row.request_id for row in flight.rows]
                settle(box, flight)
        assert sorted(seen) == sorted(name for some in names for name in some)
        assert books(box).delivered == 480
