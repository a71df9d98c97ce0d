"""What every store promises of suppressed persons, as tests; `test_ledger.py` runs it for SQLite and for memory."""

import pytest

from gatekeeper.audit.lines import Line
from gatekeeper.model import Heard, Suppression
from gatekeeper.model.suppression import Why
from gatekeeper.storage import suppressed
from gatekeeper.storage.outbox import DEAD, Again, Whereabouts
from tests.storage.builders import NOW, accept, arrival, books, claim, claim_all, put_off, settle, wait
from tests.storage.ledger_contract import ACCOUNT, DEVICE, NO, YES, A, M, choice, record

BOTH = frozenset({A, M})


def hashed(n):
    return bytes([n]) * 16


def entry(n, why=Why.ERASED, **more):
    """An entry with the hash of n times 16."""
    return Suppression(hashed(n), "k1", "user_id", why, NOW, "er_1", **more)


def add(store, *entries, names=(), reasons=None):
    return store.suppressions.add(entries, names, {} if reasons is None else reasons).result(10)


class Suppressed:
    """Suppression."""

    def test_an_entry_is_found_by_every_worker_as_soon_as_it_is_there(self, engine, store):
        """Also by one that looked before; others are not."""
        other = engine.open()
        assert not other.suppressions.any() and other.suppressions.of([hashed(1)]) == ()
        add(store, entry(1, purposes=frozenset({M})), entry(2))
        for one in (store, other, engine.open()):
            assert one.suppressions.any()
            assert one.suppressions.of([hashed(1), hashed(9)]) == (entry(1, purposes=frozenset({M})),)
            assert one.suppressions.find([hashed(2)]) == (entry(2),)
            assert one.suppressions.keys() == {"k1"}
        add(store, entry(9))
        assert other.suppressions.of([hashed(9)]) == (entry(9),)

    def test_a_key_is_needed_until_its_last_entry_is_removed(self, engine, store, monkeypatch):
        """In every worker, within a second; a key that is there is not looked for again."""
        other = engine.open()
        add(store, entry(1), entry(2)._replace(key="k2"))
        assert other.suppressions.keys({"k1"}) == {"k2"} and other.suppressions.keys({"k1", "k2"}) == frozenset()
        store.suppressions.remove([hashed(2)], [Why.ERASED]).result(10)
        monkeypatch.setattr(suppressed, "KEYS", 0.0)  # half a second has passed
        for one in (store, other):
            assert one.suppressions.keys({"k1"}) == frozenset() and one.suppressions.keys() == {"k1"}

    def test_what_is_queued_and_decided_ends_with_it(self, engine, store):
        """Of the person's pseudonyms and the destinations that are named; what was decided before is not accepted."""
        before = store.barrier.now().generation
        accept(store, arrival("a", subjects=["p_1"]), arrival("b", "other", subjects=["p_1"]), arrival("c"))
        told = add(store, entry(1), names=["p_1"], reasons={"own": "suppressed"})
        assert (told.cancelled, told.heard) == (1, Heard.HEARD)
        late = arrival("d", subjects=["p_1"])._replace(decided=before)
        accept(engine.open(), late)
        books(store)
        assert [row.request_id for flight in claim_all(store) for row in flight.rows] == ["c"]

    def test_another_reason_is_another_entry(self, store):
        """So that the end of the one leaves the other."""
        add(store, entry(1), entry(1, Why.OPTED_OUT))
        assert {one.why for one in store.suppressions.of([hashed(1)])} == {Why.ERASED, Why.OPTED_OUT}
        assert store.suppressions.count() == {"erased": 1, "opted_out": 1}
        assert store.suppressions.remove([hashed(1)], [Why.ERASED]).result(10) == 1
        assert store.suppressions.of([hashed(1)]) == (entry(1, Why.OPTED_OUT),)
        assert store.suppressions.remove([hashed(1)], [Why.ERASED]).result(10) == 0

    @pytest.mark.parametrize(
        ("ends", "until"), [((None, NOW + 9), None), ((NOW + 9, NOW + 5), NOW + 9), ((NOW + 5, NOW + 9), NOW + 9)]
    )
    def test_an_entry_that_comes_again_protects_more(self, store, ends, until):
        """The purposes of both, the later end."""
        add(store, entry(1, until=ends[0], purposes=frozenset({A})))
        add(store, entry(1, until=ends[1], purposes=frozenset({M})))
        (one,) = store.suppressions.of([hashed(1)])
        assert (one.purposes, one.until) == (BOTH, until)

    def test_an_entry_ends(self, engine, store):
        """It is not felt from then on, and deleted when it is asked for."""
        add(store, entry(1, until=NOW + 10), entry(2))
        engine.at += 10
        assert store.suppressions.of([hashed(1), hashed(2)]) == (entry(2),)
        assert store.suppressions.expire(engine.at).result(10) == 1
        assert store.suppressions.page() == [entry(2)]

    def test_entries_are_listed_page_by_page(self, store):
        """In the order of their hashes; those of one hash stay together."""
        add(store, *[entry(n) for n in range(1, 6)], entry(2, Why.OBJECTED))
        first = store.suppressions.page(limit=2)
        assert [(one.hash, one.why) for one in first] == [
            (hashed(1), Why.ERASED), (hashed(2), Why.ERASED), (hashed(2), Why.OBJECTED),
        ]  # fmt: skip
        assert [one.hash[0] for one in store.suppressions.page(first[-1].hash, 10)] == [3, 4, 5]

    @pytest.mark.parametrize(
        ("why", "at", "says", "lifts", "lifted"),
        [
            pytest.param(Why.ERASED, 1, {A: YES, M: YES}, 1, BOTH, id="a-later-grant"),
            pytest.param(Why.ERASED, 1, {A: YES, M: NO}, 1, frozenset({A}), id="of-one-purpose"),
            pytest.param(Why.ERASED, 0, {A: YES}, 1, frozenset(), id="not-of-the-same-moment"),
            pytest.param(Why.ERASED, -1, {A: YES}, 1, frozenset(), id="not-an-earlier-one"),
            pytest.param(Why.ERASED, 1, {A: NO}, 1, frozenset(), id="not-a-refusal"),
            pytest.param(Why.ERASED, 1, {A: YES}, 2, frozenset(), id="not-another-persons"),
            pytest.param(Why.OPTED_OUT, 1, {M: YES}, 1, frozenset(), id="not-an-opt-out"),
            pytest.param(Why.OBJECTED, 1, {M: YES}, 1, frozenset(), id="not-an-objection"),
        ],
    )
    def test_only_a_later_grant_lifts_and_only_an_erasure(self, store, why, at, says, lifts, lifted):
        """The entry stays, and says what was granted."""
        add(store, entry(1, why))
        record(store, choice(1, says, at=NOW + at, lifts=(hashed(lifts),)))
        (one,) = store.suppressions.of([hashed(1)])
        assert one.lifted == lifted

    def test_who_is_erased_again_is_not_lifted_any_more(self, store):
        """The grant was before it."""
        add(store, entry(1))
        record(store, choice(1, {A: YES}, DEVICE, ACCOUNT, at=NOW + 1, lifts=(hashed(1),)))
        add(store, entry(1)._replace(since=NOW + 2))
        assert store.suppressions.of([hashed(1)])[0].lifted == frozenset()


class Placed:
    """Where a person is."""

    def test_a_person_is_found_in_every_table(self, engine, store, log):
        """Queued, under way, waiting, dead, on the way to the log, in the ledger; by any pseudonym."""
        accept(store, *[arrival(f"a{n}", "own", "other", subjects=["p_1", f"p_{n}"]) for n in range(4)], arrival("z"))
        first, dead = claim(store, events=1, flights=2)
        settle(store, dead, DEAD, "http_400")
        (waits, *_) = claim(store, "other", events=1, flights=1)
        put_off(store, waits, Again(NOW + 60, 1, (waits.rows[0].id,)))
        record(store, choice(1, {M: NO}))
        store.ledger.link(DEVICE, ACCOUNT).result(10)
        found = engine.open().persons.where(["p_1", *DEVICE.names])
        assert (found.queued, found.flying, found.waiting, found.dead, found.ledger, found.links) == (7, 1, 1, 1, 1, 1)
        assert found.destinations == {"own", "other"} and first.rows
        assert {"p_0", "p_2", "p_3", *ACCOUNT.names} <= frozenset().union(*found.together)
        log.held = True
        line = Line(b'{"kind":"decision","request_id":"req_b"}', ("p_9", "p_8"))
        late = store.intake.accept([arrival("b", subjects=["p_9", "p_8"])._replace(line=line)])
        wait(lambda: log.waiting)
        found = store.persons.where(["p_9"])
        assert (found.unwritten, found.decided, found.queued) == (1, {"req_b"}, 1)
        assert frozenset({"p_9", "p_8"}) in found.together
        log.go_on()
        late.result(10)
        assert store.persons.where(["p_nobody"]) == Whereabouts()
