"""What every store promises (`gatekeeper/storage/protocols/`), as tests. An engine's own tests subclass `Contract`.

A subclass has a fixture `engine` with `open(log, names, missing, **bounds)`, which gives another worker's store on the
same node, `kill(store)`, and `at`, the time its clocks show. `test_contract.py` runs it for SQLite and for memory.
"""

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatekeeper.errors import AuditError
from gatekeeper.model import Heard
from gatekeeper.model.reasons import WITHDRAWN
from gatekeeper.storage.outbox import CANCELLED, DEAD, DELIVERED, EXPIRED, Again, Ending, Refusal, Trouble, Withdrawn
from gatekeeper.storage.protocols import Bounds
from tests.storage.builders import (
    GPC,
    NOW,
    Log,
    accept,
    arrival,
    books,
    claim,
    claim_all,
    names,
    put_off,
    settle,
    sweep,
    wait,
    withdraw,
)  # fmt: skip

WORDS = [(DELIVERED, "delivered"), (DEAD, "failed"), (EXPIRED, "failed"), (CANCELLED, "cancelled")]


@pytest.fixture
def log():
    """The log of the first worker."""
    return Log()


@pytest.fixture
def store(engine, log):
    """The first worker's store."""
    return engine.open(log)


def held(store, log, *arrivals):
    """Accept, with the log waiting."""
    log.held = True
    done = store.intake.accept(arrivals)
    wait(lambda: log.waiting)
    return done


def ids(flight):
    return tuple(row.id for row in flight.rows)


class Intake:
    """Accepting."""

    def test_rows_can_be_claimed_only_when_their_line_is_durable(self, store, log):
        """The decision line comes first; until then the event is neither accepted nor queued."""
        done = held(store, log, arrival("a"))
        assert claim(store) == () and not done.done() and books(store).accepted == 0
        assert store.records.kept() == 1 and not store.books.idle()
        log.go_on()
        assert done.result(10).request_ids == ["a"] and books(store).queued == 1
        assert names(claim(store)) == ["a"] and store.records.kept() == 0

    def test_an_arrival_whose_line_another_one_has_is_accepted(self, store, log):
        """A group's line tells of it; an id of its own is answered with, and no line is written."""
        assert accept(store, arrival("a"), arrival("b")._replace(line=None, jobs=())) == ["a", "b"]
        assert [line["request_id"] for line in log.of("decision")] == ["a"] and names(claim(store)) == ["a"]

    def test_another_workers_line_holds_back_its_own_rows_only(self, engine, store):
        """A worker that hangs between commit and line is in no other's way, and what it kept is claimed later."""
        slow = Log()
        other = engine.open(slow)
        late = held(other, slow, arrival("a"))
        accept(store, arrival("b"))
        assert names(claim(store)) == ["b"]
        slow.go_on()
        late.result(10)
        assert books(other).queued == 2 and names(claim(store)) == ["a"]

    def test_what_the_log_refuses_was_never_accepted(self, store, log):
        """503, no row, no key: the same event may come again."""
        log.broken = True
        with pytest.raises(AuditError):
            accept(store, arrival("a", key=b"k"))
        log.broken = False
        assert accept(store, arrival("b", key=b"k")) == ["b"] and names(claim(store)) == ["b"]
        assert books(store).accepted == 1 and [line["request_id"] for line in log.of("decision")] == ["b"]

    def test_what_the_log_refuses_takes_up_no_room(self, engine, log):
        """A full disk must not fill the queue."""
        store = engine.open(log, max_queued=1)
        log.broken = True
        for n in range(3):
            with pytest.raises(AuditError):
                accept(store, arrival(f"a{n}"))
        log.broken = False
        books(store)
        assert store.intake.room("own", 1)

    def test_a_repetition_is_answered_like_the_first_and_not_sent_again(self, store, log):
        """In another request, and within one."""
        assert accept(store, arrival("a", key=b"k")) == ["a"]
        assert accept(store, arrival("b", key=b"k"), arrival("c", key=b"j"), arrival("d", key=b"j")) == ["a", "c", "c"]
        assert books(store).accepted == 2 and [line["request_id"] for line in log.of("decision")] == ["a", "c"]

    def test_a_repetition_goes_to_the_destinations_that_have_not_had_it(self, store, log):
        """Consent that came in between: the new destination gets it, the record says why the other does not."""
        accept(store, arrival("a", "own", key=b"k"))
        assert accept(store, arrival("b", "own", "other", key=b"k")) == ["b"]
        assert (books(store).accepted, books(store, "other").accepted) == (1, 1)
        (line,) = log.of("outcome")
        assert (line["request_ids"], line["destination"], line["status"], line["reason"]) == (
            ["b"], "own", "blocked", "duplicate_event",
        )  # fmt: skip

    def test_a_widened_repetition_that_is_refused_leaves_the_first_as_it_was(self, store, log):
        """The new destination has not had it, the old one has."""
        accept(store, arrival("req_a", "own", key=b"k"))
        log.broken = True
        with pytest.raises(AuditError):
            accept(store, arrival("req_b", "own", "other", key=b"k"))
        log.broken = False
        assert accept(store, arrival("req_c", "own", "other", key=b"k")) == ["req_c"]
        assert (books(store).accepted, books(store, "other").accepted) == (1, 1)

    def test_a_repetition_after_seven_days_is_a_new_event(self, engine, store):
        """The window that vendors' own is shorter than."""
        accept(store, arrival("a", key=b"k"))
        engine.at += 7 * 86_400 - 1
        assert accept(store, arrival("b", key=b"k")) == ["a"]
        engine.at += 2
        assert accept(store, arrival("c", key=b"k")) == ["c"]

    def test_a_repetition_of_what_another_worker_is_still_writing_waits_for_it(self, engine, store):
        """A 202 for it would promise what may still fail."""
        slow = Log()
        first = held(engine.open(slow), slow, arrival("a", key=b"k"))
        second = store.intake.accept([arrival("b", key=b"k")])
        claim(store)
        assert not second.done()
        slow.go_on()
        assert (first.result(10).request_ids, second.result(10).request_ids) == (["a"], ["a"])

    def test_a_repetition_of_what_is_then_refused_is_a_first_one(self, engine, store):
        """It has waited, and is accepted on its own."""
        slow = Log()
        first = held(engine.open(slow), slow, arrival("a", key=b"k"))
        second = store.intake.accept([arrival("b", key=b"k")])
        slow.broken = True
        slow.go_on()
        with pytest.raises(AuditError):
            first.result(10)
        assert second.result(10).request_ids == ["b"]

    def test_events_that_go_nowhere_are_recorded_all_the_same(self, store, log):
        """A blocked event has its line, and no row."""
        blocked = arrival("a", key=b"k")._replace(jobs=())
        assert accept(store, blocked) == ["a"] and accept(store, blocked._replace(request_id="b")) == ["b"]
        store.books.try_again().result(10)
        assert store.books.idle() and len(log.of("decision")) == 2

    @pytest.mark.parametrize("number", [1, 500])
    def test_a_batch_is_accepted_whole(self, store, number):
        """One event, or many, or more than one statement takes."""
        batch = [arrival(f"a{n}", "own", "other", key=b"%d" % n) for n in range(number)]
        assert accept(store, *batch) == [one.request_id for one in batch]
        assert (books(store).queued, books(store, "other").queued) == (number, number)
        assert accept(store, *batch) == [one.request_id for one in batch] and books(store).queued == number

    def test_the_queue_is_bounded(self, engine):
        """And there is room again when something has ended."""
        store = engine.open(max_queued=3)
        assert store.intake.room("own", 3) and not store.intake.room("own", 4)
        accept(store, arrival("a"), arrival("b"))
        assert store.intake.room("own", 1) and not store.intake.room("own", 2) and store.intake.room("other", 3)
        settle(store, *claim(store))
        assert store.intake.room("own", 3)

    def test_a_quarter_of_the_queue_is_left_to_the_operators_own(self, engine):
        """What anybody sends cannot fill it for the operator's own servers and code."""
        store = engine.open(max_queued=8)
        assert store.intake.room("own", 6, ours=False) and not store.intake.room("own", 7, ours=False)
        accept(store, *(arrival(f"a{n}") for n in range(6)))
        assert not store.intake.room("own", 1, ours=False) and store.intake.room("own", 2, ours=True)
        assert not store.intake.room("own", 3, ours=True) and store.intake.room("other", 6, ours=False)

    def test_rows_whose_line_is_being_written_take_up_room(self, engine):
        """Or a slow log would let the queue grow without bounds."""
        log = Log()
        store = engine.open(log, max_queued=3)
        accept(store, arrival("a"))
        done = held(store, log, arrival("b"), arrival("c"))
        assert not store.intake.room("own", 1)
        log.go_on()
        done.result(10)

    def test_a_reload_changes_the_bounds(self, engine):
        """From the next event on."""
        store = engine.open(max_queued=3)
        accept(store, arrival("a"))
        store.use(Bounds(("own",), 1))
        assert not store.intake.room("own", 1)


class Queue:
    """Claiming, settling, taking over."""

    def test_rows_of_one_head_share_a_flight_within_the_limits(self, store):
        """Events, bytes, heads."""
        accept(store, *(arrival(f"a{n}", head=b"x" if n % 2 else b"y") for n in range(10)))
        flights = claim(store, events=3)
        assert sorted(len(flight.rows) for flight in flights) == [2, 2, 3, 3]
        assert all(len({row.head for row in flight.rows}) == 1 for flight in flights)

    def test_a_failing_vendor_is_known_until_it_works_or_another_deliverer_begins(self, store):
        """`Books.troubles` tells what `troubled` said."""
        assert store.books.troubles() == {}
        store.queue.troubled("own", Trouble(NOW, "http_503"))
        store.queue.troubled("other", Trouble(NOW + 1, "timeout"))
        assert store.books.troubles() == {"own": Trouble(NOW, "http_503"), "other": Trouble(NOW + 1, "timeout")}
        store.queue.troubled("own", None)
        assert [*store.books.troubles()] == ["other"]
        store.queue.recover().result(10)
        assert store.books.troubles() == {}

    def test_a_row_that_is_larger_than_a_request_flies_alone(self, store):
        """It is the vendor's to refuse."""
        accept(store, arrival("a", body=b'"%s"' % (b"x" * 100)), arrival("b"))
        assert [names([flight]) for flight in claim(store, size=50)] == [["a"], ["b"]]

    def test_a_claim_takes_no_more_flights_than_asked_for(self, store):
        """What is left is claimed next, and no row twice."""
        accept(store, *(arrival(f"a{n}", head=b"%d" % n) for n in range(10)))
        first = store.queue.claim("own", events=9, size=10**6, flights=4).result(10)
        assert len(first.flights) == 4 and first.more and store.queue.ready("own") == 6
        assert len(claim_all(store)) == 6 and store.queue.ready("own") == 0 and claim(store) == ()

    def test_rows_are_claimed_whatever_order_their_lines_become_durable_in(self, engine, store):
        """A row that became visible behind another one is not passed over."""
        logs = [Log(), Log()]
        stores = [engine.open(log) for log in logs]
        waiting = [held(one, log, arrival(f"a{n}")) for n, (one, log) in enumerate(zip(stores, logs, strict=True))]
        got = []
        for n in (1, 0):
            logs[n].go_on()
            waiting[n].result(10)
            books(stores[n])
            got += names(claim(store))
        assert got == ["a1", "a0"]

    @pytest.mark.parametrize(("state", "word"), WORDS)
    def test_every_row_ends_once_with_its_line(self, store, log, state, word):
        """Only a dead letter is kept."""
        accept(store, arrival("a"))
        (flight,) = claim(store)
        assert settle(store, flight, state, "why") is True
        assert books(store).queued == 0 and getattr(books(store), state) == 1
        assert [letter.request_id for letter in store.dead_letters.page()] == (["a"] if state == DEAD else [])
        assert log.outcomes() == {("a", "own"): word} and store.books.idle()

    def test_a_settlement_that_is_repeated_changes_nothing(self, store, log):
        """It was not known whether it was committed: the books and the log say each ending once."""
        accept(store, *(arrival(f"a{n}") for n in range(3)))
        (flight,) = claim(store)
        part = [Ending(DELIVERED, None, flight.rows[:1])]
        for _ in range(2):
            store.queue.settle(flight, part, [], None, False).result(10)
        rest = flight._replace(rows=flight.rows[1:])
        assert (settle(store, rest, DEAD, "http_400"), settle(store, rest, DEAD, "http_400")) == (True, False)
        assert (books(store).delivered, books(store).dead, books(store).queued) == (1, 2, 0)
        assert [len(line["request_ids"]) for line in log.of("outcome") if line["request_ids"]] == [1, 2]

    def test_parts_of_a_flight_end_in_any_order(self, store):
        """A batch that was divided comes back in parts; what is between them stays, and stays cancelled."""
        accept(store, *(arrival(f"a{n}", subjects=[f"p_{n}"]) for n in range(9)))
        (flight,) = claim(store)
        assert withdraw(store, "p_1", "p_5") == 0
        store.queue.settle(flight, [Ending(DELIVERED, None, tuple(flight.rows[n] for n in (0, 8, 2)))], [], None, False)
        assert books(store).queued == 6
        rest = tuple(flight.rows[n].id for n in (1, 3, 4, 5, 6, 7))
        put_off(store, flight, Again(NOW, 1, rest))
        assert (books(store).cancelled, books(store).queued, books(store).retried) == (2, 4, 4)

    def test_rows_that_wait_are_claimed_by_their_time_only(self, store):
        """By the deliverer that put them off, with one attempt more."""
        accept(store, arrival("a"), arrival("b"))
        (flight,) = claim(store)
        again = Again(NOW + 60, 1, ids(flight))
        put_off(store, flight, again)
        assert claim(store) == () and books(store).retried == 2
        second = store.queue.claim_again("own", again).result(10)
        assert second.attempt == 2 and names([second]) == ["a", "b"]
        assert store.queue.claim_again("own", again).result(10) is None and claim(store) == ()

    def test_rows_that_wait_are_found_by_the_next_deliverer(self, engine, store):
        """With their attempts and their time."""
        accept(store, arrival("a"), arrival("b"))
        (flight,) = claim(store)
        again = Again(NOW + 60, 1, ids(flight))
        put_off(store, flight, again)
        heir = engine.open()
        found = heir.queue.recover().result(10)
        assert (found.flights, found.waiting) == ((), (("own", again),)) and claim(heir) == ()
        assert heir.queue.claim_again("own", again).result(10).attempt == 2

    def test_a_flight_whose_deliverer_was_killed_is_found(self, engine, store):
        """It is not known whether the vendor has it; the rows are not claimed beside it."""
        accept(store, arrival("a"))
        (flight,) = claim(store)
        engine.kill(store)
        heir = engine.open()
        (found,) = heir.queue.recover().result(10).flights
        assert found == flight._replace(id=found.id) and claim(heir) == ()
        assert settle(heir, found) is True and books(heir).delivered == 1

    def test_a_deliverer_that_lost_its_flight_settles_nothing(self, engine, store, log):
        """Another one has taken it over: two outcomes would be one too many."""
        accept(store, arrival("a"))
        (flight,) = claim(store)
        heir = engine.open()
        (found,) = heir.queue.recover().result(10).flights
        assert settle(store, flight) is False and put_off(store, flight, Again(NOW, 1, ids(flight))) is False
        assert store.queue.give_back(flight).result(10) is False
        assert log.of("outcome") == [] and books(heir).queued == 1
        assert settle(heir, found) is True and books(heir).delivered == 1

    def test_a_flight_that_is_given_back_can_be_claimed_as_before(self, store, log):
        """Its attempt was none, and there is no line of it."""
        accept(store, *(arrival(f"a{n}", head=b"%d" % (n % 2)) for n in range(4)))
        first, second = claim(store)
        assert store.queue.give_back(first).result(10) is True
        (again,) = claim(store)
        assert (names([again]), again.attempt) == (names([first]), 1) and log.of("outcome") == []
        settle(store, again), settle(store, second)
        assert books(store).delivered == 4

    def test_who_watches_hears_of_rows_that_are_given_back(self, store):
        """A lane that found nothing while they were under way sleeps until it is told."""
        accept(store, arrival("a"))
        (flight,) = claim(store)
        assert claim(store) == ()
        heard = []
        store.queue.watch(lambda: heard.append("rows"))
        assert store.queue.give_back(flight).result(10) is True
        wait(lambda: heard, 10)
        assert names(claim(store)) == names([flight])

    def test_one_worker_leads(self, engine, store):
        """Until it leaves, or ends."""
        other = engine.open()
        assert store.queue.lead() and store.queue.lead() and not other.queue.lead()
        store.queue.leave()
        assert other.queue.lead()
        engine.kill(other)
        assert store.queue.lead()

    def test_who_watches_hears_of_new_rows(self, engine, store):
        """Of its own process and of others; at the latest when the house is looked after."""
        heard = []
        store.queue.watch(lambda: heard.append("rows"))
        other = engine.open()
        assert store.queue.lead()
        accept(other, arrival("a", subjects=["p_1"]))
        books(other)

        def hears(what):
            store.queue.maintain().result(10)
            return what in heard

        wait(lambda: hears("rows"))
        wait(lambda: claim(store))

    def test_rows_of_a_removed_destination_become_dead_letters(self, engine, store):
        """A mistake in a policy can be put right, and nothing waits for ever; what is under way ends first."""
        accept(store, arrival("a"), arrival("b", "other"), arrival("c", "other", head=b"1"))
        flights = claim(store, "other", flights=1)
        put_off(store, *claim(store, "other"), Again(NOW, 1, ()))
        assert names(flights) == ["b"]
        heir = engine.open(names=("own",))
        assert heir.queue.recover().result(10).buried == 1
        assert {(one.request_id, one.why) for one in heir.dead_letters.page()} == {("c", "destination_removed")}
        assert (books(heir).queued, books(heir, "other").dead, books(heir, "other").queued) == (1, 1, 1)


class Records:
    """Lines of ended workers."""

    def test_lines_that_a_killed_worker_could_not_write_are_written_and_its_rows_released(self, engine, store):
        """It has ended, so no other process will."""
        slow = Log(held=True)
        dead = engine.open(slow)
        held(dead, slow, arrival("a"))
        log = Log()
        heir = engine.open(log)
        assert heir.records.adopt().result(10) == 0, "it lives"
        engine.kill(dead)
        assert heir.records.adopt().result(10) >= 1
        assert heir.records.adopt().result(10) == 0
        wait(lambda: books(heir).queued == 1)
        assert [line["request_id"] for line in log.of("decision")] == ["a"] and names(claim(heir)) == ["a"]

    def test_lines_that_the_log_has_are_not_written_twice(self, engine, store):
        """Only the rows are released."""
        slow, log = Log(held=True), Log()
        dead = engine.open(slow)
        held(dead, slow, arrival("a"))
        engine.kill(dead)
        heir = engine.open(log, missing=lambda lines, since: [])
        assert heir.records.adopt().result(10) == 1
        assert log.lines == [] and books(heir).queued == 1

    def test_rows_that_are_taken_over_leave_only_after_their_line(self, engine, store):
        """Also by a claim that is committed together with the taking over."""
        slow, log = Log(held=True), Log(held=True)
        dead = engine.open(slow)
        held(dead, slow, arrival("a"))
        heir = engine.open(log)
        heir.books.try_again().result(10)
        engine.kill(dead)
        together = heir.records.adopt(), heir.queue.claim("own", events=9, size=999, flights=9)
        assert together[0].result(10) >= 1 and together[1].result(10).flights == ()
        assert heir.queue.recover().result(10).corrected == {} and claim(heir) == ()
        wait(lambda: log.waiting)
        log.go_on()
        wait(lambda: books(heir).queued == 1)
        assert names(claim(heir)) == ["a"]

    def test_a_repetition_of_what_a_killed_worker_left_is_answered_when_it_was_taken_over(self, engine, store):
        """It was kept: the same id, once."""
        slow = Log(held=True)
        dead = engine.open(slow)
        held(dead, slow, arrival("a", key=b"k"))
        again = store.intake.accept([arrival("b", key=b"k")])
        engine.kill(dead)
        store.records.adopt().result(10)
        assert again.result(10).request_ids == ["a"] and books(store).accepted == 1

    def test_outcomes_that_the_log_refuses_are_offered_again(self, store, log):
        """What was sent was sent: the row has ended, and its line is owed."""
        accept(store, arrival("a"))
        (flight,) = claim(store)
        log.broken = True
        settle(store, flight)
        assert books(store).delivered == 1 and log.outcomes() == {} and not store.books.idle()
        log.broken = False
        wait(lambda: store.queue.maintain().result(10) or log.outcomes() == {("a", "own"): "delivered"})
        wait(lambda: books(store).queued == 0 and store.books.idle())


class Barrier:
    """Withdrawal and erasure."""

    @pytest.mark.parametrize("batch", [1, 3], ids=["alone", "packed"])
    def test_cancel_ends_what_is_queued(self, store, log, batch):
        """By pseudonym; a name that only looks alike is not touched, nor another person's row in the same batch."""
        people = [["p_1"], ["p_11"], ["p_0", "p_2"]][:batch]
        accept(store, *(arrival(f"a{n}", "own", "other", subjects=who) for n, who in enumerate(people)))
        assert withdraw(store, "p_1") == 2
        assert names(claim(store)) == [f"a{n}" for n in range(1, batch)]
        assert (books(store).cancelled, books(store, "other").cancelled) == (1, 1)
        assert log.outcomes() == {("a0", "own"): "cancelled", ("a0", "other"): "cancelled"}

    def test_what_is_cancelled_under_way_is_not_tried_again(self, store, log):
        """Its request had begun; if it is put off, it ends."""
        accept(store, arrival("a", subjects=["p_1"]), arrival("b", subjects=["p_2"]))
        (flight,) = claim(store)
        assert withdraw(store, "p_1") == 0
        put_off(store, flight, Again(NOW, 1, ids(flight)))
        again = store.queue.claim_again("own", Again(NOW, 1, ids(flight))).result(10)
        assert names([again]) == ["b"] and books(store).cancelled == 1
        assert log.outcomes() == {("a", "own"): "cancelled", ("b", "own"): "pending"}

    def test_what_is_cancelled_under_way_ends_as_its_vendor_answers(self, store, log):
        """One outcome, not two; and no claim ends it meanwhile."""
        accept(store, arrival("a", subjects=["p_1"]))
        (flight,) = claim(store)
        withdraw(store, "p_1")
        assert claim(store) == ()
        settle(store, flight, DELIVERED)
        assert (books(store).delivered, books(store).cancelled) == (1, 0)
        assert log.outcomes() == {("a", "own"): "delivered"}

    def test_what_is_cancelled_and_given_back_is_never_claimed(self, store):
        """No request was begun with it."""
        accept(store, arrival("a", subjects=["p_1"]))
        (flight,) = claim(store)
        withdraw(store, "p_1")
        store.queue.give_back(flight).result(10)
        assert claim(store) == () and books(store).cancelled == 1

    def test_cancel_ends_what_waits_for_another_attempt(self, store):
        """At once."""
        accept(store, arrival("a", subjects=["p_1"]))
        (flight,) = claim(store)
        again = Again(NOW + 60, 1, ids(flight))
        put_off(store, flight, again)
        assert withdraw(store, "p_1") == 1
        assert store.queue.claim_again("own", again).result(10) is None and books(store).cancelled == 1

    def test_cancel_deletes_dead_letters(self, store, log):
        """Of that person only; a line says so, and an operator can retry none of them."""
        accept(store, arrival("a", subjects=["p_1"]), arrival("b", subjects=["p_11"], body=b'{"n":"p_1"}'))
        settle(store, *claim(store), DEAD, "http_400")
        assert withdraw(store, "p_1") == 0
        assert [letter.request_id for letter in store.dead_letters.page()] == ["b"]
        assert log.cancelled() == {"a": WITHDRAWN}

    def test_cancel_reaches_rows_whose_line_is_being_written(self, store, log):
        """They are never claimed."""
        done = held(store, log, arrival("a", subjects=["p_1"]))
        withdraw(store, "p_1")
        log.go_on()
        done.result(10)
        assert books(store).accepted == 1
        assert claim(store) == () and books(store).cancelled == 1

    def test_cancel_can_be_limited_to_destinations(self, store):
        """Those that need the consent that was withdrawn; dead letters, too."""
        accept(store, arrival("a", "own", "other", subjects=["p_1"]))
        accept(store, arrival("dead", "own", "other", subjects=["p_1"], head=b"2"))
        for name in ("own", "other"):
            (flight,) = [one for one in claim(store, name) if names([one]) == ["dead"]]
            settle(store, flight, DEAD, "http_400")
        for flight in store.queue.recover().result(10).flights:
            store.queue.give_back(flight).result(10)
        assert withdraw(store, "p_1", destinations=["other"]) == 1
        assert (books(store).queued, books(store, "other").cancelled) == (1, 1)
        assert [letter.destination for letter in store.dead_letters.page()] == ["own"]

    def test_a_withdrawal_waits_for_a_request_that_is_about_to_begin(self, engine, store):
        """In whichever worker it is; one that begins later knows of the withdrawal."""
        sender = engine.open()
        slot = sender.barrier.enter()
        done = store.barrier.withdraw(["p_1"], {"own": WITHDRAWN})
        wait(lambda: sender.barrier.now().generation > slot.generation)
        assert not done.done() and sender.barrier.withdrawn(["p_1"], "own", slot.generation)
        later = sender.barrier.enter()
        assert later.generation > slot.generation
        sender.barrier.leave(slot)
        assert done.result(10) == Withdrawn(0, Heard.HEARD)
        sender.barrier.leave(later)

    def test_a_withdrawal_does_not_wait_for_a_worker_that_ended(self, engine, store):
        """It begins nothing any more."""
        sender = engine.open()
        assert sender.barrier.enter() is not None
        engine.kill(sender)
        withdraw(store, "p_1")

    def test_who_sends_knows_of_what_was_stopped_under_way(self, engine, store):
        """In another worker, and until the rows have ended."""
        deliverers = engine.open()
        accept(store, arrival("a", subjects=["p_1"]), arrival("b", subjects=["p_2"]))
        books(store)
        (flight,) = claim(deliverers)
        before = deliverers.barrier.now()
        withdraw(store, "p_1")
        assert deliverers.barrier.now().generation > before.generation
        assert deliverers.barrier.stopped("own") == {flight.rows[0].id}
        put_off(deliverers, flight, Again(NOW, 1, ids(flight)))
        assert deliverers.barrier.stopped("own") == frozenset() and books(store).cancelled == 1

    def test_only_what_needs_the_consent_is_withdrawn(self, engine, store):
        """By destination and by person, and for what was decided before."""
        before = store.barrier.now().generation
        withdraw(store, "p_1", destinations=["own"])
        other = engine.open()
        assert other.barrier.withdrawn(["p_9", "p_1"], "own", before)
        assert not other.barrier.withdrawn(["p_1"], "other", before)
        assert not other.barrier.withdrawn(["p_11"], "own", before)
        assert not other.barrier.withdrawn(["p_1"], "own", other.barrier.now().generation)

    def test_an_arrival_that_was_decided_before_a_withdrawal_ends_cancelled(self, engine, store, log):
        """It came in behind it; to where nothing was taken back, it goes. A later one goes everywhere."""
        slow = engine.open(log)
        decided = slow.barrier.now().generation
        withdraw(store, "p_1", destinations=["own"])
        early = arrival("a", "own", "other", subjects=["p_1"])._replace(decided=decided)
        stranger = arrival("b", subjects=["p_2"])._replace(decided=decided)
        late = arrival("c", subjects=["p_1"])._replace(decided=slow.barrier.now().generation)
        accept(slow, early, stranger, late)
        books(slow)
        assert names(claim_all(slow)) == ["b", "c"] and names(claim_all(slow, "other")) == ["a"]
        assert log.cancelled() == {"a": WITHDRAWN}

    def test_what_was_decided_before_all_that_is_known_is_not_sent(self, engine, store):
        """A process that was frozen for longer than withdrawals are kept."""
        store.intake.accept([arrival("x", "own", "other")]).result(10)
        decided = store.barrier.now().generation
        withdraw(store, "p_1")
        engine.at += 7_200
        withdraw(store, "p_2")
        assert store.barrier.withdrawn(["p_3"], "own", decided - 1)
        accept(store, arrival("a", subjects=["p_3"])._replace(decided=decided - 1))
        books(store)
        assert "a" not in names(claim_all(store))


class Refusals:
    """What visitors refuse."""

    def test_where_nothing_is_queued_a_look_is_all(self, store):
        """Before anything was accepted, for another visitor or destination, and afterwards."""
        assert sweep(store, "p_1") is None
        accept(store, arrival("a", "own", subjects=["p_1"]), arrival("b", "other", subjects=["p_2"]))
        assert sweep(store, "p_3") is None and sweep(store, "p_2") is None
        assert sweep(store, "p_1") == 1
        assert sweep(store, "p_1") is None and sweep(store) is None

    def test_what_waits_ends_with_its_reason_and_others_stay(self, store, log):
        """By subject and by destination; the books add up, and a later refusal finds what comes later."""
        accept(
            store,
            arrival("a1", "own", "other", subjects=["p_1", "p_9"]),
            arrival("b1", "own", subjects=["p_2"]),
            arrival("c1", "own", subjects=["p_11"]),
        )
        assert sweep(store, "p_1") == 1
        assert log.cancelled() == {"a1": "gpc_opt_out"}
        assert books(store).cancelled == 1 and books(store, "other").queued == 1
        accept(store, arrival("d1", "own", subjects=["p_1"]))
        assert sweep(store, "p_1", reasons={"own": "consent_withdrawn", "other": "consent_withdrawn"}) == 2
        assert log.cancelled()["d1"] == "consent_withdrawn"
        assert sorted(names(claim_all(store))) == ["b1", "c1"] and claim_all(store, "other") == []

    def test_what_another_worker_accepted_ends(self, engine, store, log):
        """Also before that worker has said that it may be claimed."""
        other = engine.open()
        assert sweep(store, "p_1") is None
        accept(other, arrival("a", subjects=["p_1"]))
        books(other)
        assert sweep(store, "p_1") == 1 and log.cancelled() == {"a": "gpc_opt_out"}
        accept(other, arrival("b", subjects=["p_1"]))
        assert sweep(store, "p_1") is not None
        books(other)
        assert claim(other) == () and books(other).cancelled == 2

    def test_what_is_under_way_begins_no_further_request(self, engine, store):
        """Who sends, in another worker, knows of it; the line says why, when the attempt is over."""
        log = Log()
        deliverers = engine.open(log)
        assert deliverers.queue.lead()
        accept(store, arrival("a", subjects=["p_1"]))
        books(store)
        (flight,) = claim(deliverers)
        done = store.refusals.sweep([Refusal(("p_1",), GPC)])
        assert done.result(10) == 0 and deliverers.barrier.stopped("own") == set(ids(flight))
        put_off(deliverers, flight, Again(NOW, 1, ids(flight)))
        assert books(deliverers).cancelled == 1
        assert log.cancelled() == {"a": "gpc_opt_out"} and claim_all(deliverers) == []

    def test_the_first_reason_stays(self, store, log):
        """Of a row that is refused and then withdrawn while it is under way."""
        accept(store, arrival("a", subjects=["p_1"]))
        (flight,) = claim(store)
        assert sweep(store, "p_1") == 0 and withdraw(store, "p_1") == 0
        store.queue.give_back(flight).result(10)
        assert claim(store) == () and books(store).cancelled == 1 and log.cancelled() == {"a": "gpc_opt_out"}

    def test_a_row_whose_line_is_being_written_is_stopped(self, store, log):
        """It is not accepted yet, and is never claimed."""
        pending = held(store, log, arrival("a", subjects=["p_1"]))
        done = store.refusals.sweep([Refusal(("p_1",), GPC)])
        log.go_on()
        assert pending.result(10).request_ids == ["a"] and done.result(10) in (0, 1)  # whichever was first
        books(store)
        assert claim(store) == () and log.cancelled() == {"a": "gpc_opt_out"}

    def test_dead_letters_go_and_a_retry_finds_none(self, store, log):
        """A line says so; those that are tried again are found as any row."""
        accept(store, arrival("a", subjects=["p_1"]), arrival("b", subjects=["p_2"]))
        settle(store, *claim(store), DEAD, "http_400")
        letters = [letter.id for letter in store.dead_letters.page()]
        assert sweep(store, "p_1") == 0
        books(store)
        assert log.cancelled() == {"a": "gpc_opt_out"}
        assert [letter.request_id for letter in store.dead_letters.page()] == ["b"]
        assert store.dead_letters.retry(letters).result(10) == 1
        assert sweep(store, "p_2") == 1 and claim(store) == ()

    def test_what_was_permitted_later_stays_and_is_found_by_the_next_refusal(self, store, log):
        """Later in the same request, or by an event of after the one that refuses."""
        accept(
            store,
            arrival("old", subjects=["p_1"], at=NOW - 50),
            arrival("new", subjects=["p_1"], at=NOW),
            arrival("same-request", subjects=["p_1"], at=NOW - 50),
        )
        assert sweep(store, "p_1", until=NOW - 50, spared=frozenset({"same-request"})) == 1
        assert set(log.cancelled()) == {"old"}
        assert sweep(store, "p_1") == 2

    def test_what_is_refused_is_no_dead_letter_of_a_removed_destination(self, engine, store, log):
        """An operator could try it again; it ends as what it is."""
        accept(store, arrival("a", "other", subjects=["p_1"]))
        (flight,) = claim(store, "other")
        assert sweep(store, "p_1", reasons={"other": "gpc_opt_out"}) == 0
        store.queue.give_back(flight).result(10)
        store.use(Bounds(("own",)))
        assert store.queue.recover().result(10).buried == 0
        assert store.dead_letters.page() == [] and books(store, "other").cancelled == 1
        assert log.cancelled() == {"a": "gpc_opt_out"}


class DeadLetters:
    """The operator's side."""

    def test_dead_letters_are_listed_retried_and_deleted(self, store, log):
        """A retry counts as accepted once more: the books stay true."""
        accept(store, arrival("a"), arrival("b"))
        settle(store, *claim(store), DEAD, "http_400")
        letters = {letter.request_id: letter for letter in store.dead_letters.page()}
        assert {letter.why for letter in letters.values()} == {"http_400"}
        assert store.dead_letters.retry([letters["a"].id]).result(10) == 1
        assert store.dead_letters.purge([letters["b"].id]).result(10) == 1
        assert store.dead_letters.page() == [] and names(claim(store)) == ["a"]
        assert (books(store).accepted, books(store).dead, books(store).queued) == (3, 2, 1)
        assert log.of("outcome")[-1]["reason"] == "retried_by_hand"

    def test_an_id_of_no_letter_does_nothing(self, store):
        """Whatever it looks like."""
        wrong = ["0", "nothing", "-1", "9" * 40, ""]
        assert store.dead_letters.retry(wrong).result(10) == store.dead_letters.purge(wrong).result(10) == 0

    def test_the_newest_are_shown(self, engine, store):
        """A page at a time, of one destination or of all."""
        for n in range(4):
            accept(store, arrival(f"a{n}", "own" if n % 2 else "other"))
            settle(store, *claim(store, "own" if n % 2 else "other"), DEAD, "why")
            engine.at += 1
        assert [one.request_id for one in store.dead_letters.page(limit=3)] == ["a3", "a2", "a1"]
        assert [one.request_id for one in store.dead_letters.page("other")] == ["a2", "a0"]

    def test_old_dead_letters_are_forgotten(self, engine):
        """They hold hashed personal data."""
        store = engine.open(dead_for=60.0)
        accept(store, arrival("a"))
        settle(store, *claim(store), DEAD, "http_400")
        store.queue.maintain().result(10)
        assert len(store.dead_letters.page()) == 1
        engine.at += 61
        heir = engine.open(dead_for=60.0)
        heir.queue.maintain().result(10)
        assert heir.dead_letters.page() == []


class Day:
    """What happens to a store in a test below, one step at a time, and what has to hold after each."""

    def __init__(self, engine):
        self.log = Log()
        self.store = engine.open(self.log)
        self.number = itertools.count()
        self.people = {}  # request id -> pseudonym
        self.withdrawn = set()  # request ids that were handed over before their person withdrew
        self.pending, self.flying, self.waiting = [], [], []

    def step(self, op, who):
        """Do one thing; then look at the books."""
        getattr(self, op)(f"p_{who}")
        books(self.store)

    def accept(self, who):
        name = f"a{next(self.number)}"
        self.people[name] = who
        self.pending.append(self.store.intake.accept([arrival(name, subjects=[who])]))

    def hold(self, who):
        self.log.held = True
        self.accept(who)

    def cancel(self, who):
        before = {name for name, person in self.people.items() if person == who}
        withdraw(self.store, who)
        self.withdrawn |= before

    def sweep(self, who):
        books(self.store)  # what was handed over is there now
        before = {name for name, person in self.people.items() if person == who}
        done = self.store.refusals.sweep([Refusal((who,), GPC)])
        if done is not None and not self.log.held:
            done.result(10)
        books(self.store)  # where the log waits, it is the next commit that says that it is done
        self.withdrawn |= before

    def go_on(self, who):
        self.log.go_on()

    def refuse(self, who):
        self.log.broken = True
        self.log.go_on()
        self.log.broken = False

    def claim(self, who):
        due, self.waiting = self.waiting, []
        again = [self.store.queue.claim_again("own", one).result(10) for one in due]
        new = [flight for flight in again if flight is not None] + claim_all(self.store)
        assert not self.withdrawn.intersection(names(new))
        self.flying += new

    def deliver(self, who):
        for flight in self.flying[:1]:
            assert settle(self.store, self.flying.pop(0)) is True, flight

    def put_off(self, who):
        for flight in self.flying[:1]:
            self.waiting.append(Again(NOW, flight.attempt, ids(flight)))
            put_off(self.store, self.flying.pop(0), self.waiting[-1])

    def end(self):
        """The log goes on, everything is delivered: every accepted row has ended, once."""
        self.log.go_on()
        refused = sum(one.exception(10) is not None for one in self.pending)
        books(self.store)
        while self.flying or self.waiting or self.store.queue.ready("own"):
            self.claim("")
            self.deliver("")
        count = books(self.store)
        assert (count.accepted, count.queued) == (len(self.people) - refused, 0)
        wait(self.written)
        ended = [name for line in self.log.of("outcome") if line["status"] != "pending" for name in line["request_ids"]]
        assert len(ended) == len(set(ended)) == count.accepted

    def written(self):
        """Whether the log has everything; what it refused is offered again in a moment."""
        self.store.queue.maintain().result(10)
        books(self.store)
        return self.store.books.idle()


OPS = ["accept", "hold", "cancel", "sweep", "go_on", "refuse", "claim", "deliver", "put_off"]


class Race:
    """Everything at once."""

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(steps=st.lists(st.tuples(st.sampled_from(OPS), st.integers(0, 1)), max_size=14))
    def test_no_request_begins_with_a_row_that_was_accepted_before_its_persons_withdrawal(self, fresh, steps):
        """Whatever else happens, in whatever order; every row ends once, and the books add up after every step."""
        engine = fresh()
        try:
            day = Day(engine)
            for op, who in steps:
                day.step(op, who)
            day.end()
        finally:
            engine.close()

    def test_a_withdrawal_reaches_what_was_handed_over_just_before_it(self, store, log):
        """Also where both are committed together."""
        accepted = [store.intake.accept([arrival(f"a{n}", subjects=["p_1"])]) for n in range(20)]
        withdraw(store, "p_1")
        assert [one.result(10).request_ids for one in accepted] == [[f"a{n}"] for n in range(20)]
        books(store)
        assert claim_all(store) == [] and books(store).cancelled == 20


class Contract(Intake, Queue, Records, Barrier, Refusals, DeadLetters, Race):
    """All of it."""
