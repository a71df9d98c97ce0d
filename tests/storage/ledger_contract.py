"""What every ledger promises, as tests; `test_ledger.py` runs it for SQLite and for memory."""

import pytest
from msgspec import structs

from gatekeeper.model import Choice, Heard, Notice, Permission, Purpose
from gatekeeper.model.choice import Counted, Kind, Method, Outcome, Scope, Subject, Surface
from gatekeeper.model.reasons import WITHDRAWN
from tests.storage.builders import NOW, accept, arrival, books, claim

A, M = Purpose.ANALYTICS, Purpose.MARKETING
YES, NO = Permission.GRANTED, Permission.DENIED
DEVICE = Subject(Kind.DEVICE, ("p_device", "p_device_old"))
OTHER = Subject(Kind.DEVICE, ("p_other",))
ACCOUNT = Subject(Kind.ACCOUNT, ("p_account",))
REASONS = {"own": WITHDRAWN}


def choice(n=1, says=None, *subjects, at=NOW, **more):
    """A choice with the receipt `con_n`."""
    usual = {"method": Method.SAVE, "surface": Surface.BANNER, "policy": "h", "laws": ("gdpr",), "country": "DE"}
    return Choice(f"con_{n}", at, subjects or (DEVICE,), {M: YES} if says is None else says, **usual | more)


def record(store, made, reasons=None):
    return store.ledger.record(made, {} if reasons is None else reasons).result(10)


def words(store, *subjects):
    """Purpose → what the ledger says, of the first of the subjects."""
    voice = store.ledger.choices(subjects or (DEVICE,)).voices[0]
    return {purpose: word.says for purpose, word in voice.words.items()}


class Choices:
    """Recording."""

    def test_a_choice_is_a_row_and_a_line(self, engine, store, log):
        """The line holds the receipt and the row's digest, under the newest pseudonym."""
        made = choice(says={A: YES, M: NO}, notice="sha256-x")
        told = record(store, made)
        (row,) = engine.open().ledger.history([DEVICE])
        assert (told.outcome, told.receipt, told.row) == (Outcome.RECORDED, "con_1", row.digest)
        assert (row.choice.says, row.choice.laws, row.choice.notice) == ({A: YES, M: NO}, ("gdpr",), "sha256-x")
        books(store)
        (line,) = log.of("consent")
        assert (line["receipt"], line["row"]) == ("con_1", row.digest)
        assert line["choices"] == {"analytics": "granted", "marketing": "refused"}

    def test_a_conflict_with_a_signal_stands_in_the_row(self, engine, store):
        """A grant that an opt-out denies all the same is recorded as that."""
        conflicts = {M: "sec-gpc", A: "dnt"}
        record(store, choice(says={A: YES, M: YES}, conflicts=conflicts, gpc=True))
        (row,) = engine.open().ledger.history([DEVICE])
        assert (row.choice.conflicts, row.choice.gpc) == (conflicts, True)

    def test_the_newest_word_of_each_purpose_counts(self, store):
        """By the time of the choice, not of its arrival; of one moment the refusal."""
        record(store, choice(1, {A: YES, M: YES}))
        record(store, choice(2, {M: NO}, at=NOW + 1))
        record(store, choice(3, {A: NO}, at=NOW - 1, trusted=True))
        assert words(store) == {A: YES, M: NO}
        record(store, choice(4, {M: YES}, at=NOW + 1, trusted=True))
        assert words(store) == {A: YES, M: NO}

    def test_a_choice_is_found_by_older_pseudonyms(self, store):
        """Of keys that were rotated."""
        record(store, choice(1, {M: NO}, Subject(Kind.DEVICE, ("p_device_old",))))
        assert words(store) == {M: NO} and words(store, OTHER) == {}
        assert words(store, Subject(Kind.ACCOUNT, DEVICE.names)) == {}

    @pytest.mark.parametrize("says", [{M: YES}, {M: NO}], ids=["grant", "refusal"])
    def test_the_same_choice_for_the_same_display_is_answered_with_the_first_row(self, store, says):
        """As long as it is the newest; a refusal that was overtaken is written again."""
        record(store, choice(1, says, display="d"))
        again = record(store, choice(2, says, display="d", at=NOW + 1))
        assert (again.outcome, again.receipt) == (Outcome.REPLAYED, "con_1")
        record(store, choice(3, {M: YES if says[M] is NO else NO}, display="e", at=NOW + 2))
        third = record(store, choice(4, says, display="d", at=NOW + 3, issued=NOW))
        assert third.outcome is (Outcome.CONFLICT if says[M] is YES else Outcome.RECORDED)

    def test_a_grant_of_an_older_display_than_the_newest_row_is_a_conflict(self, store):
        """Two tabs; a refusal is taken."""
        record(store, choice(1, {M: NO}, display="a"))
        assert record(store, choice(2, {M: YES}, display="b", issued=NOW - 1, at=NOW + 1)).outcome is Outcome.CONFLICT
        assert words(store) == {M: NO}
        late = choice(3, {A: NO}, display="b", issued=NOW - 1, at=NOW + 1)
        assert record(store, late).outcome is Outcome.RECORDED

    def test_a_subject_has_sixty_rows_a_day(self, engine, store):
        """Then no grant is taken, and no refusal that changes nothing; one that changes something is."""
        for n in range(60):
            record(store, choice(n, {M: YES}, at=NOW + n))
        assert record(store, choice(60, {A: YES}, at=NOW + 60)).outcome is Outcome.CAPPED
        assert record(store, choice(61, {M: NO}, at=NOW + 61)).outcome is Outcome.RECORDED
        assert record(store, choice(62, {M: NO}, at=NOW + 62)).outcome is Outcome.CAPPED
        assert record(store, choice(63, {M: YES}, at=NOW + 63, trusted=True)).outcome is Outcome.RECORDED
        engine.at += 86_500
        assert record(store, choice(64, {A: YES}, at=NOW + 86_500)).outcome is Outcome.RECORDED

    def test_what_is_remembered_of_a_subject_ends_with_its_next_choice(self, engine, store):
        """In every worker; also of what was not known at all."""
        other = engine.open()
        seen = other.ledger.choices([DEVICE]).seen
        assert seen is not None and other.ledger.still(seen)
        record(store, choice())
        assert not other.ledger.still(seen)
        assert other.ledger.still(other.ledger.choices([DEVICE]).seen)


class Withdrawing:
    """Refusals, and what they end."""

    def test_a_refusal_ends_what_is_queued(self, engine, store):
        """In another worker, too; a grant ends nothing, and revives nothing."""
        other = engine.open()
        accept(other, arrival("a", subjects=["p_device"]), arrival("b", subjects=["p_other"]))
        books(other)
        told = record(store, choice(1, {M: NO}), REASONS)
        assert (told.cancelled, told.heard) == (1, Heard.HEARD) and books(store).queued == 1
        record(store, choice(2, {M: YES}, at=NOW + 1))
        assert [row.request_id for flight in claim(store) for row in flight.rows] == ["b"]

    def test_a_hint_ends_what_is_queued_and_is_kept_nowhere(self, store):
        """Of a visitor who had no cookie."""
        accept(store, arrival("a", subjects=["p_client"]))
        told = record(store, choice(1, {M: NO}, hints=("p_client",), fresh=True), REASONS)
        assert told.cancelled == 1 and store.ledger.history([Subject(Kind.DEVICE, ("p_client",))]) == []

    def test_an_id_that_was_made_with_the_choice_needs_no_barrier(self, store):
        """Nothing can wait under it."""
        assert record(store, choice(1, {M: NO}, fresh=True), REASONS).heard is Heard.NOTHING

    def test_a_refusal_waits_for_who_is_about_to_send(self, engine, store):
        """Also one that is repeated, or one too many."""
        sender = engine.open()
        slot = sender.barrier.enter()
        done = [store.ledger.record(choice(n, {M: NO}, display="d"), REASONS) for n in range(2)]
        assert not any(one.done() for one in done)
        sender.barrier.leave(slot)
        assert [one.result(10).outcome for one in done] == [Outcome.RECORDED, Outcome.REPLAYED]
        assert [one.result(10).heard for one in done] == [Heard.HEARD] * 2


class People:
    """Devices, accounts, erasure."""

    def test_a_choice_of_the_device_is_of_its_account_too(self, store):
        """With the scope that says how far it reaches."""
        record(store, choice(1, {M: NO}, DEVICE, ACCOUNT))
        device, account = store.ledger.choices([DEVICE, ACCOUNT]).voices
        assert device.words[M].says is account.words[M].says is NO and account.words[M].scope is Scope.DEVICE

    def test_a_choice_for_the_account_leaves_the_device_alone(self, store):
        """The logged-out setting is not touched."""
        record(store, choice(1, {M: NO}, DEVICE))
        record(store, choice(2, {M: YES}, DEVICE, ACCOUNT, at=NOW + 1, scope=Scope.ACCOUNT))
        assert (words(store, DEVICE), words(store, ACCOUNT)) == ({M: NO}, {M: YES})

    def test_a_linked_account_speaks_with_its_device(self, engine, store):
        """Until it is logged out; whoever remembered the device hears of it."""
        record(store, choice(1, {M: NO}, ACCOUNT))
        other = engine.open()
        seen = other.ledger.choices([DEVICE]).seen
        store.ledger.link(DEVICE, ACCOUNT).result(10)
        assert not other.ledger.still(seen)
        look = other.ledger.choices([DEVICE])
        assert [one.kind for one in look.subjects] == [Kind.DEVICE, Kind.ACCOUNT]
        assert look.voices[1].words[M].says is NO
        record(store, choice(2, {M: YES}, ACCOUNT, at=NOW + 1))
        assert not other.ledger.still(look.seen)
        store.ledger.link(DEVICE, None).result(10)
        assert len(other.ledger.choices([DEVICE]).subjects) == 1

    @pytest.mark.parametrize(
        ("later", "remembered"),
        [({"says": {M: YES}, "gpc": True}, True), ({"says": {A: YES}}, True), ({"says": {M: YES}}, False)],
        ids=["grant-beside-it", "another-purpose", "grant-without-it"],
    )
    def test_gpc_is_remembered_until_a_later_grant_without_it(self, store, later, remembered):
        """Only where a law binds; its absence alone is no grant."""
        record(store, choice(1, {M: NO}, gpc=True, gpc_binds=False, method=Method.GPC))
        assert store.ledger.choices([DEVICE]).voices[0].gpc is None
        record(store, choice(2, {M: NO}, gpc=True, gpc_binds=True, method=Method.GPC, at=NOW + 1))
        record(store, choice(3, at=NOW + 2, **later))
        assert (store.ledger.choices([DEVICE]).voices[0].gpc is not None) is remembered

    def test_erasure_leaves_the_row_without_its_person(self, store):
        """No pseudonym and no evidence is left; the receipt still proves the row."""
        record(store, choice(1, {M: NO}, evidence="form 17", surface=Surface.PAPER, trusted=True))
        before = store.ledger.find("con_1")
        assert before.choice.evidence == "form 17" and before.evidence_hash is not None
        assert store.ledger.forget([DEVICE]).result(10) == 1
        after = store.ledger.find("con_1")
        assert after.digest == before.digest and after.choice.subjects == () and after.choice.evidence is None
        assert store.ledger.history([DEVICE]) == [] and words(store) == {}

    def test_what_nobody_needs_any_more_is_deleted(self, store):
        """Rows of a person go together, when the newest is old enough; those of nobody, by themselves."""
        record(store, choice(1, {M: YES}, at=NOW - 900))
        record(store, choice(2, {M: NO}, at=NOW - 10))
        record(store, choice(3, {M: YES}, OTHER, at=NOW - 900, evidence="form 3", trusted=True))
        record(store, choice(4, {M: YES}, ACCOUNT, at=NOW - 900))
        store.ledger.forget([ACCOUNT]).result(10)
        assert store.ledger.expire(NOW - 1_000).result(10) == 0
        assert store.ledger.expire(NOW - 100).result(10) == 2
        assert [store.ledger.find(f"con_{n}") is None for n in (1, 2, 3, 4)] == [False, False, True, True]
        assert len(store.ledger.history([DEVICE])) == 2 and store.ledger.history([OTHER]) == []
        assert store.ledger.expire(NOW).result(10) == 2
        assert store.ledger.history([DEVICE]) == [] and words(store) == {}

    def test_choices_are_counted_without_their_persons(self, store):
        """By step, answers, way, place, notice and GPC; of the period alone; those of who was forgotten, too."""
        store.ledger.keep(Notice("sha256-a", "2026-10", "en", "[]")).result(10)
        record(store, choice(1, {A: YES, M: NO}, at=NOW, notice="sha256-a"))
        record(store, choice(2, {A: YES, M: NO}, OTHER, at=NOW + 59.9, notice="sha256-a"))
        back = {"method": Method.WITHDRAW, "surface": Surface.PREFERENCES}
        record(store, choice(3, {M: NO}, OTHER, at=NOW + 60, gpc=True, **back))
        record(store, choice(4, {A: YES, M: YES}, OTHER, at=NOW + 120, country="US", region="CA"))
        record(store, choice(5, {A: YES, M: YES}, at=NOW - 0.1, trusted=True))
        store.ledger.forget([DEVICE]).result(10)
        banner, preferences = (Method.SAVE, Surface.BANNER), (Method.WITHDRAW, Surface.PREFERENCES)
        assert store.ledger.count(NOW, NOW + 180, 60) == [
            Counted(NOW, YES, NO, *banner, "2026-10", "DE", None, False, 2),
            Counted(NOW + 60, None, NO, *preferences, None, "DE", None, True, 1),
            Counted(NOW + 120, YES, YES, *banner, None, "US", "CA", False, 1),
        ]
        assert [one.many for one in store.ledger.count(NOW, NOW + 120, 60)] == [2, 1]
        assert store.ledger.count(NOW + 500, NOW + 600, 60) == []

    def test_words_are_kept_by_their_hash(self, engine, store):
        """Once."""
        notice = Notice("sha256-x", "2026-11", "de", '{"title":"…"}')
        store.ledger.keep(notice).result(10)
        store.ledger.keep(structs.replace(notice, text="{}")).result(10)
        assert engine.open().ledger.notice("sha256-x") == notice and store.ledger.notice("sha256-y") is None


class LedgerContract(Choices, Withdrawing, People):
    """All of it."""
