"""What visitors refuse ends in the queue, in whichever worker it is; where nothing is queued, a look is all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.storage import queued, sweeping
from gatekeeper.storage.outbox import DEAD, DELIVERED, Ending, Refusal
from tests.laws.test_laws import law
from tests.storage.builders import NOW, Log, accept, arrival, books, claim, outbox, wait

GPC = {"own": "gpc_opt_out"}


def sweep(box, *subjects, reasons=GPC, **more):
    """How many rows ended, `None` where a look was enough."""
    done = box.sweep([Refusal(subjects, reasons, **more)])
    return None if done is None else done.result(10)


def rows(box, table="outbox"):
    """The request ids that are there."""
    return {one for (one,) in box._read(lambda db: db.execute(f"SELECT frame ->> 0 FROM {table}").fetchall())}


def cancelled(log):
    """Request id → reason, of what the log says was cancelled."""
    return {
        one: line["reason"]
        for line in log.of("outcome")
        if line["status"] == "cancelled"
        for one in line["request_ids"]
    }


def test_where_nothing_is_queued_a_look_is_all(tmp_path):
    """No commit, no wait: before anything was accepted, for another visitor or destination, and afterwards."""
    with outbox(tmp_path) as box:
        assert sweep(box, "p_1") is None
        accept(box, arrival("a", "own", subjects=["p_1"]), arrival("b", "other", subjects=["p_2"]))
        assert sweep(box, "p_3") is None and sweep(box, "p_2") is None
        assert sweep(box, "p_1") == 1
        assert sweep(box, "p_1") is None and sweep(box) is None


def test_what_waits_ends_with_its_reason_and_others_stay(tmp_path):
    """By subject and by destination; the books add up, and a later sweep finds what comes later."""
    log = Log()
    with outbox(tmp_path, log) as box:
        accept(
            box,
            arrival("a1", "own", "other", subjects=["p_1", "p_9"]),
            arrival("b1", "own", subjects=["p_2"]),
            arrival("c1", "own", subjects=["p_11"]),
        )
        assert sweep(box, "p_1") == 1
        assert cancelled(log) == {"a1": "gpc_opt_out"}
        assert rows(box) == {"a1", "b1", "c1"} and books(box).cancelled == 1 and books(box, "other").queued == 1
        accept(box, arrival("d1", "own", subjects=["p_1"]))
        assert sweep(box, "p_1", reasons={"own": "consent_withdrawn", "other": "consent_withdrawn"}) == 2
        assert cancelled(log)["d1"] == "consent_withdrawn" and rows(box) == {"b1", "c1"}


def test_what_another_worker_accepted_ends(tmp_path):
    """Nothing is known of it but what the store says."""
    log = Log()
    with outbox(tmp_path) as one, outbox(tmp_path, log) as two:
        assert sweep(two, "p_1") is None
        accept(one, arrival("a", "own", subjects=["p_1"]))
        books(one)
        assert sweep(two, "p_1") == 1 and rows(one) == set() and cancelled(log) == {"a": "gpc_opt_out"}
        accept(one, arrival("b", "own", subjects=["p_1"]))  # its worker has not released it yet
        assert sweep(two, "p_1") == 0
        books(one)
        assert claim(one).flights == () and rows(one) == set()


def test_what_is_under_way_begins_no_further_request(tmp_path):
    """Done when the deliverer, in another process, has heard of it; the line says why, when the attempt is over."""
    log = Log()
    with outbox(tmp_path, log) as delivering, outbox(tmp_path) as box:
        accept(delivering, arrival("a", "own", subjects=["p_1"]))
        (flight,) = claim(delivering).flights
        from gatekeeper.storage.owners import Lock, folder

        leading = Lock(folder(box.path) / "deliverer")
        assert leading.take()
        done = box.sweep([Refusal(("p_1",), GPC)])
        wait(delivering.unheard)
        assert not done.done()
        delivering.hear(delivering.unheard()["own"]).result(10)
        assert done.result(10) == 0
        leading.release()
        delivering.settle(flight, [Ending("cancelled", None, flight.rows)], [], None, True).result(10)
        books(delivering)
        assert cancelled(log) == {"a": "gpc_opt_out"} and rows(box) == set()


def test_a_row_whose_line_is_being_written_is_stopped(tmp_path):
    """It is not accepted yet, and is never claimed."""
    log = Log()
    with outbox(tmp_path, log) as box:
        log.held = True
        pending = box.accept([arrival("a", "own", subjects=["p_1"])])
        wait(lambda: rows(box))
        done = box.sweep([Refusal(("p_1",), GPC)])
        log.go_on()
        pending.result(10)
        done.result(10)
        books(box)
        assert claim(box).flights == ()
        assert cancelled(log) == {"a": "gpc_opt_out"}


def test_dead_letters_go_and_a_retry_finds_none(tmp_path):
    """Also those that died before this process looked for the first time; a line says so."""
    log = Log()
    with outbox(tmp_path, log) as box:
        accept(box, arrival("a", "own", subjects=["p_1"]), arrival("b", "own", subjects=["p_2"]))
        (flight,) = claim(box).flights
        box.settle(flight, [Ending(DEAD, "http_400", flight.rows)], [], None, True).result(10)
        ids = [letter.id for letter in box.dead_letters()]
        assert sweep(box, "p_1") == 0
        books(box)
        assert cancelled(log) == {"a": "gpc_opt_out"} and rows(box, "dead") == {"b"}
        assert box.retry_dead(ids).result(10) == 1 and rows(box) == {"b"}
        assert sweep(box, "p_2") == 1 and rows(box) == set()


def test_what_was_permitted_later_stays_and_is_found_by_the_next_refusal(tmp_path):
    """Later in the same request, or by an event of after the one that refuses."""
    with outbox(tmp_path) as box:
        accept(
            box,
            arrival("old", "own", subjects=["p_1"], at=NOW - 50),
            arrival("new", "own", subjects=["p_1"], at=NOW),
            arrival("same-request", "own", subjects=["p_1"], at=NOW - 50),
        )
        assert sweep(box, "p_1", until=NOW - 50, spared=frozenset({"same-request"})) == 1
        assert rows(box) == {"new", "same-request"}
        assert sweep(box, "p_1") == 2


def test_a_backlog_is_read_in_pieces(tmp_path, monkeypatch):
    """A process that looks for the first time, with more rows there than it reads at once."""
    monkeypatch.setattr(sweeping, "AT_ONCE", 4)
    monkeypatch.setattr(sweeping, "IN_A_COMMIT", 8)
    with outbox(tmp_path) as box, outbox(tmp_path) as other:
        accept(box, *[arrival(f"r{n}", "own", "other", subjects=[f"p_{n % 7}"]) for n in range(100)])
        books(box)
        assert sweep(other, "p_3") == len([n for n in range(100) if n % 7 == 3])
        assert sweep(other, "p_3") is None


def test_filters_of_rows_that_ended_are_forgotten(tmp_path, monkeypatch):
    """Memory is bounded by what is queued, not by what ever was."""
    monkeypatch.setattr(queued, "_BLOCK", 2)
    monkeypatch.setattr(queued, "_PRUNED_FROM", 4)
    with outbox(tmp_path) as box:
        for n in range(30):
            accept(box, *[arrival(f"r{n}x{m}", "own", subjects=[f"p_{n}"]) for m in range(4)])
            sweep(box, "p_x")
            for flight in claim(box).flights:
                box.settle(flight, [Ending(DELIVERED, None, flight.rows)], [], None, True).result(10)
            assert sum(map(len, box._known._blocks.values())) <= 12


@pytest.mark.parametrize("fails", ["the-log", "the-store"])
def test_a_refusal_that_cannot_be_kept_is_an_error(tmp_path, fails, monkeypatch):
    """The caller must not be told that it holds."""
    from gatekeeper.errors import StorageError
    from gatekeeper.storage import cancelling

    with outbox(tmp_path) as box:
        accept(box, arrival("a", "own", subjects=["p_1"]))
        if fails == "the-store":
            monkeypatch.setattr(cancelling.Cancelling, "_stop", lambda *args: 1 / 0)
            with pytest.raises(StorageError):
                sweep(box, "p_1")
            monkeypatch.undo()
        else:
            monkeypatch.setattr(cancelling, "HEARD_WITHIN", 0.05)
            from gatekeeper.storage.owners import Lock, folder

            leading = Lock(folder(box.path) / "deliverer")
            assert leading.take() and len(claim(box).flights) == 1
            with pytest.raises(StorageError, match="did not answer"):
                sweep(box, "p_1")
            leading.release()
            return
        assert sweep(box, "p_1") == 1, "what failed is not remembered as done"


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


def test_after_a_sweep_nothing_of_it_is_left_whatever_came_before(tmp_path, monkeypatch):
    """Against a model of the queue: two workers, in any order, with deliveries, dead letters and retries."""
    monkeypatch.setattr(queued, "_BLOCK", 1)
    monkeypatch.setattr(queued, "_PRUNED_FROM", 3)
    case = iter(range(10**9))
    with outbox(tmp_path) as one, outbox(tmp_path) as two:

        @law
        @given(STEPS)
        def holds(steps):
            prefix = next(case)
            model: dict[tuple[str, str], frozenset[str]] = {}
            for n, (step, worker, who, where) in enumerate(steps):
                box, subjects = (one, two)[worker], frozenset(f"p_{prefix}.{one}" for one in who)
                if step == "accept":
                    accept(box, arrival(f"r{prefix}x{n}", *where, subjects=sorted(subjects)))
                    model |= {(f"r{prefix}x{n}", name): subjects for name in where}
                elif step == "sweep":
                    sweep(box, *sorted(subjects), reasons=dict.fromkeys(where, "gpc_opt_out"))
                    model = {
                        (request, name): theirs
                        for (request, name), theirs in model.items()
                        if name not in where or not theirs & subjects
                    }
                elif step in ("deliver", "die"):
                    books(box)
                    for flight in claim(box, where[0]).flights:
                        ending = Ending(DELIVERED if step == "deliver" else DEAD, "x", flight.rows)
                        box.settle(flight, [ending], [], None, True).result(10)
                        if step == "deliver":
                            for row in flight.rows:
                                model.pop((row.request_id, where[0]), None)
                else:
                    box.retry_dead([letter.id for letter in box.dead_letters()]).result(10)
                left = one._read(
                    lambda db: db.execute(
                        "SELECT rows.frame ->> 0, name FROM (SELECT id, frame FROM outbox UNION ALL SELECT id, frame "
                        "FROM dead) AS rows JOIN destination ON no = rows.id >> 40 "
                        "WHERE rows.id NOT IN (SELECT id FROM stop)"  # no claim takes these: their line is not released
                    ).fetchall()
                )
                assert {found for found in left if found[0].startswith(f"r{prefix}x")} == set(model)

        holds()
