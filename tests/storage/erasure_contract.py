"""What every store promises of requests for erasure and of the index of sent ids; `test_erasures.py` runs it."""

from gatekeeper.storage.erasing import Alias, ErasureRow
from tests.storage.builders import NOW, accept, arrival, books, claim_all, names

MARK = b"m" * 16


def request(name="er_1", state="found", **more):
    """A request."""
    given = {"due": NOW + 100, "next": None, "changed": NOW, "record": "{}", "sealed": b"sealed", "marks": (MARK,)}
    return ErasureRow(id=name, version=0, state=state, **given | more)


def add(store, *rows):
    return [store.erasures.add(row).result(10) for row in rows]


class Requests:
    """Requests for erasure."""

    def test_a_request_is_there_for_every_worker_once(self, engine, store):
        """A second one of its id changes nothing."""
        assert add(store, request(), request(record='{"x":1}')) == [True, False]
        assert engine.open().erasures.get("er_1") == request() and store.erasures.get("er_2") is None

    def test_only_the_newest_version_can_be_followed(self, engine, store):
        """Two workers that act on one version: one of them is told that it came late."""
        add(store, request())
        other = engine.open()
        assert store.erasures.save(request(state="approved")).result(10)
        assert not other.erasures.save(request(state="refused")).result(10)
        assert not other.erasures.save(request("er_9")).result(10)
        assert other.erasures.get("er_1") == request(state="approved")._replace(version=1)

    def test_pages_hold_nothing_that_is_sealed_and_are_in_the_order_of_due_dates(self, store):
        """By state, and by what is due before a time."""
        add(store, request("er_a", due=NOW + 3), request("er_b", due=NOW + 1), request("er_c", "closed", due=NOW + 2))
        assert [one.id for one in store.erasures.page()] == ["er_b", "er_c", "er_a"]
        assert {one.sealed for one in store.erasures.page()} == {None} and store.erasures.page()[0].marks == ()
        assert [one.id for one in store.erasures.page(state="found")] == ["er_b", "er_a"]
        assert [one.id for one in store.erasures.page(due_before=NOW + 2)] == ["er_b"]
        assert len(store.erasures.page(limit=1)) == 1

    def test_work_is_what_is_due_by_now(self, store):
        """The longest due first."""
        add(store, request("er_a", next=NOW + 1), request("er_b", next=NOW - 1), request("er_c"))
        assert store.erasures.work(NOW) == ["er_b"] and store.erasures.work(NOW + 1) == ["er_b", "er_a"]

    def test_a_request_is_overdue_when_its_last_day_is_over_and_it_was_not_answered(self, store):
        """Neither one that was answered, nor one whose day has not ended."""
        assert store.erasures.outstanding(NOW) == (0, 0)
        day = 86_400
        add(
            store, request("er_a", due=NOW - day), request("er_b", "asked", due=NOW - day + 1),
            request("er_c", "settled", due=NOW - 9 * day), request("er_d", "received", due=NOW + day),
            *(request(f"er_{state}", state, due=NOW - 9 * day) for state in ("told", "closed", "refused")),
        )  # fmt: skip
        assert store.erasures.outstanding(NOW) == (4, 2) and store.erasures.outstanding(NOW + 1) == (4, 3)

    def test_an_open_request_is_known_by_its_marks(self, store):
        """Until they are taken away."""
        add(store, request(), request("er_2", marks=(b"x" * 16, b"y" * 16)))
        assert store.erasures.marked([b"y" * 16, b"z" * 16]) == ["er_2"]
        store.erasures.save(request(marks=())).result(10)
        assert store.erasures.marked([MARK]) == []

    def test_what_ended_long_ago_expires(self, store):
        """Open requests never do."""
        add(store, request("er_a", "closed"), request("er_b", "refused"), request("er_c"))
        assert store.erasures.expire(NOW - 1).result(10) == 0
        assert store.erasures.expire(NOW).result(10) == 2
        assert [one.id for one in store.erasures.page()] == ["er_c"]


class Index:
    """The index of ids that were sent, and what is left of a person in the engine's own files."""

    def test_entries_are_kept_once_until_the_later_end(self, engine, store):
        """And are found by the name alone."""
        first = Alias(b"n" * 16, "ga4", b"ids", int(NOW) + 50)
        store.erasures.remember([first, first._replace(until=int(NOW) + 90)]).result(10)
        store.erasures.remember([first, first._replace(name=b"o" * 16)]).result(10)
        assert engine.open().erasures.recall([b"n" * 16]) == [first._replace(until=int(NOW) + 90)]
        assert store.erasures.forget([b"n" * 16]).result(10) == 1 and store.erasures.recall([b"n" * 16]) == []

    def test_entries_end_with_their_time(self, engine, store):
        """As the destination's own data do."""
        store.erasures.remember([Alias(b"n" * 16, "ga4", b"ids", int(NOW) + 50)]).result(10)
        engine.at += 51
        store.erasures.expire(0).result(10)
        assert store.erasures.recall([b"n" * 16]) == []

    def test_everybody_in_the_store_is_listed(self, engine, store):
        """Queued, and known to have taken something back."""
        accept(store, arrival("a", subjects=["p_1", "p_2"]))
        books(store)
        store.barrier.withdraw(["p_3"], {"own": "consent_withdrawn"}).result(10)
        assert store.erasures.people() == ["p_1", "p_2", "p_3"]

    def test_who_took_something_back_is_forgotten_and_what_was_decided_before_is_stopped_all_the_same(
        self, engine, store
    ):
        """Of everybody: the store does not know any more whose it was."""
        before = store.barrier.now().generation
        store.barrier.withdraw(["p_1"], {"own": "consent_withdrawn"}).result(10)
        other = engine.open()
        other.erasures.wipe(["p_1"]).result(10)
        assert store.erasures.people() == []
        accept(store, arrival("a", subjects=["p_1"])._replace(decided=before))
        accept(store, arrival("b", subjects=["p_2"])._replace(decided=store.barrier.now().generation))
        books(store)
        assert names(claim_all(store)) == ["b"]

    def test_wiping_nobody_stops_nothing(self, store):
        """There is nothing to forget."""
        before = store.barrier.now().generation
        store.erasures.wipe(["p_1"]).result(10)
        accept(store, arrival("a", subjects=["p_1"])._replace(decided=before))
        books(store)
        assert names(claim_all(store)) == ["a"]


class Contract(Requests, Index):
    """All of it."""
