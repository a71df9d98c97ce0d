"""A choice as it is recorded, whose words count for a request, and what a refusal ends."""

from __future__ import annotations

import asyncio

import pytest

from gatekeeper.audit.subjects import hashes
from gatekeeper.gate.choosing import Choosing, binds, planned
from gatekeeper.model import Caller, Notice, Permission, Purpose, Visitor
from gatekeeper.model.choice import Kind, Method, Scope, Subject, Surface
from gatekeeper.signals import own
from gatekeeper.storage.protocols import Look
from tests.builders import EVERY_KIND, NOW, RING, law, make_policy, place, said
from tests.shells.consent.ledger import MemoryLedger

A, M = Purpose.ANALYTICS, Purpose.MARKETING
POLICY = make_policy(destinations=EVERY_KIND)
DEVICE = Subject(Kind.DEVICE, ("d1",))
THERE = place(law("opt_in", "opt_out", name="one"), law(name="other"), country="US", region="CA")
GPC = said("sec-gpc", marketing=False, denies_as="gpc_opt_out")


def choosing():
    return Choosing(POLICY, RING, MemoryLedger())


def choice(says=None, **more):
    given = {
        "receipt": "r1", "at": NOW, "now": NOW, "method": Method.SAVE, "surface": Surface.BANNER, "policy": "sha256-p",
    } | more  # fmt: skip
    return planned({M: True} if says is None else says, (DEVICE,), THERE, **given)


def test_a_choice_says_everything_that_was_asked_shown_and_known() -> None:
    """What the caller does not give is what it is by default."""
    plain = choice()
    assert (plain.receipt, plain.at, plain.subjects, plain.method, plain.surface, plain.policy) == (
        "r1", NOW, (DEVICE,), Method.SAVE, Surface.BANNER, "sha256-p",
    )  # fmt: skip
    assert (plain.laws, plain.country, plain.region) == (("one", "other"), "US", "CA")
    assert (plain.scope, plain.trusted, plain.notice, plain.display, plain.issued) == (
        Scope.DEVICE,
        False,
        None,
        None,
        None,
    )
    assert (plain.translated, plain.gpc, plain.gpc_binds, plain.evidence, plain.hints) == (
        False,
        False,
        False,
        None,
        (),
    )
    assert (plain.conflicts, plain.fresh, plain.lifts) == ({}, False, ())
    more = {
        "scope": Scope.ACCOUNT, "trusted": True, "notice": "sha256-n", "display": "d", "issued": NOW - 9,
        "translated": True, "evidence": "a letter", "hints": ("h1",), "fresh": True,
    }  # fmt: skip
    whole = choice(**more, conflicts={A: "dnt"})
    assert {name: getattr(whole, name) for name in more} == more
    assert whole.conflicts == {A: "dnt"}


@pytest.mark.parametrize(
    ("says", "expected"),
    [
        ({M: True, A: False}, [(A, Permission.DENIED), (M, Permission.GRANTED)]),
        ({M: False}, [(M, Permission.DENIED)]),
        ({Purpose.NECESSARY: False, A: True}, [(A, Permission.GRANTED)]),
        ({}, []),
    ],
    ids=["both", "one", "the-necessary-is-no-choice", "nothing"],
)
def test_only_optional_purposes_that_were_spoken_about_are_in_it(says, expected) -> None:
    """In the order of the purposes."""
    assert list(choice(says).says.items()) == expected


@pytest.mark.parametrize(
    ("at", "kept"),
    [(NOW - 5, NOW - 5), (NOW + 5, NOW), (NOW - 0.0004, NOW - 0.001), (NOW - 1.2345, NOW - 1.235)],
    ids=["before", "of-the-future", "less-than-a-millisecond", "milliseconds"],
)
def test_a_choice_is_never_of_the_future(at, kept) -> None:
    """And its time is of milliseconds, never later than it was."""
    assert choice(at=at).at == pytest.approx(kept, abs=1e-6)


@pytest.mark.parametrize(
    ("gpc", "says", "conflicts"),
    [
        (True, {M: True}, {M: "sec-gpc"}),
        (True, {M: False}, {}),
        (True, {A: True}, {}),
        (False, {M: True}, {}),
    ],
)
def test_a_grant_of_marketing_beside_gpc_is_a_conflict(gpc, says, conflicts) -> None:
    """Written down as that; and that the signal was there, in any case."""
    found = choice(says, gpc=gpc)
    assert (found.conflicts, found.gpc, found.gpc_binds) == (conflicts, gpc, gpc)
    assert choice({M: True}, gpc=True, conflicts={A: "dnt"}).conflicts == {A: "dnt", M: "sec-gpc"}


@pytest.mark.parametrize(
    ("laws", "bound"),
    [((law(),), False), ((law("opt_out", "opt_in"),), False), ((law("opt_in", "opt_out"),), True),
     ((law(), law("none", "opt_out")), True), ((law("none", "none"),), False)],
)  # fmt: skip
def test_gpc_is_remembered_under_a_law_of_opting_out(laws, bound) -> None:
    """Of marketing, whatever the law says of analytics."""
    assert binds(place(*laws)) is bound


def names(kind, reference):
    return Subject(kind, RING.names("consent" if kind is Kind.DEVICE else "user_id", reference))


OURS = said(own.COOKIE, subject="v_1")
ACCOUNT = ("a1", "a0")


@pytest.mark.parametrize(
    ("heard", "caller", "named", "expected"),
    [
        ((), {}, None, ()),
        ((OURS,), {}, None, (names(Kind.DEVICE, "v_1"),)),
        ((OURS, OURS), {}, None, (names(Kind.DEVICE, "v_1"),)),
        ((said("cmp", subject="v_9"),), {}, None, ()),
        ((), {"account": ACCOUNT}, None, (Subject(Kind.ACCOUNT, ACCOUNT),)),
        ((OURS,), {"account": ACCOUNT}, None, (names(Kind.DEVICE, "v_1"), Subject(Kind.ACCOUNT, ACCOUNT))),
        ((), {}, {"consent": "v_2", "user_id": "U-7"}, ()),
        ((), {"trusted": True}, {"consent": "v_2"}, (names(Kind.DEVICE, "v_2"),)),
        ((), {"trusted": True}, {"user_id": "U-7"}, (names(Kind.ACCOUNT, "U-7"),)),
        (
            (OURS,), {"trusted": True, "account": ACCOUNT}, {"consent": "v_2", "user_id": "U-7"},
            (
                names(Kind.DEVICE, "v_1"), names(Kind.DEVICE, "v_2"), names(Kind.ACCOUNT, "U-7"),
                Subject(Kind.ACCOUNT, ACCOUNT),
            ),
        ),
        (
            (OURS,), {"account": ("other",), "visitor": Visitor(signals=(), subject="v_3", account=ACCOUNT)}, None,
            (names(Kind.DEVICE, "v_1"), names(Kind.DEVICE, "v_3"), Subject(Kind.ACCOUNT, ACCOUNT)),
        ),
        ((), {"account": ACCOUNT, "visitor": Visitor(signals=())}, None, ()),
    ],
    ids=[
        "nobody", "cookie", "cookie-twice", "another-platforms-id", "account", "both", "named-by-anybody",
        "named-device", "named-account", "all", "context", "context-of-nobody",
    ],
)  # fmt: skip
def test_whose_words_count_for_a_request(heard, caller, named, expected) -> None:
    """Of the cookie's device, of the context's, and of whom a trusted caller names; a context tells the account."""
    assert choosing().speaking(heard, Caller(headers=(), **caller), named) == expected


def test_subjects_and_hints_are_pseudonyms_of_what_is_given() -> None:
    """What is not given, or empty, is none."""
    one = choosing()
    assert one.subjects(device="v_1", account="U-7") == (names(Kind.DEVICE, "v_1"), names(Kind.ACCOUNT, "U-7"))
    assert one.subjects(device="", account=None) == () == one.subjects()
    assert one.hints(session_id="s_1", client_id="c_1", user_id="U") == (
        RING.name("client_id", "c_1"), RING.name("session_id", "s_1"),
    )  # fmt: skip
    assert one.hints(client_id="", session_id=None) == () == one.hints()


class Ledger(MemoryLedger):
    """Notes the reasons that it is given, too; and says what its look was seen by."""

    def choices(self, subjects):
        return Look(tuple(subjects), tuple(self._voice(self._of([one])) for one in subjects), "then")

    def record(self, choice, reasons):
        self.reasons = dict(reasons)
        return super().record(choice, reasons)


@pytest.mark.parametrize("method", [Method.SAVE, Method.GPC])
@pytest.mark.parametrize("says", [{A: False, M: True}, {A: True, M: False}, {A: False, M: False}, {A: True, M: True}])
def test_a_refusal_ends_what_needs_that_consent(method, says) -> None:
    """At every destination of the refused purposes, with the reason of how it was said."""
    ledger = Ledger()
    Choosing(POLICY, RING, ledger).record(choice(says, method=method)).result(timeout=0)
    why = "gpc_opt_out" if method is Method.GPC else "consent_withdrawn"
    refused = {purpose for purpose, yes in says.items() if not yes}
    assert ledger.reasons == {name: why for name, to in POLICY.destinations.items() if to.purpose in refused}
    assert len(ledger.rows) == 1


@pytest.mark.parametrize(("says", "lifts"), [({M: True}, True), ({A: True, M: False}, True), ({M: False}, False)])
def test_only_a_grant_lifts_an_erasure(says, lifts) -> None:
    """Of those whose choice it is: for the account alone, where it is the account's."""
    ledger, account = Ledger(), Subject(Kind.ACCOUNT, ("a1", "a0"))
    one = Choosing(POLICY, RING, ledger)
    for scope, whose in ((Scope.DEVICE, ("d1", "a1", "a0")), (Scope.ACCOUNT, ("a1", "a0"))):
        given = planned(
            says, (DEVICE, account), THERE, receipt="r", at=NOW, now=NOW, method=Method.SAVE, surface=Surface.PAGE,
            policy="p", scope=scope,
        )  # fmt: skip
        one.record(given).result(timeout=0)
        assert set(ledger.rows[-1].choice.lifts) == (set(hashes(RING, (), whose)) if lifts else set())


@pytest.mark.parametrize(
    ("heard", "silent", "laws", "remembered"),
    [
        ((GPC,), False, (law("opt_in", "opt_out"),), True),
        ((GPC,), True, (law("opt_in", "opt_out"),), False),
        ((GPC,), False, (law(),), False),
        ((said("cmp", marketing=False),), False, (law("opt_in", "opt_out"),), False),
    ],
    ids=["gpc", "a-suppressed-person", "not-binding", "another-refusal"],
)
def test_gpc_of_a_known_visitor_is_written_down_once(heard, silent, laws, remembered) -> None:
    """As a refusal of marketing by that signal, for each subject; nothing of a suppressed person is written."""
    ledger = Ledger()
    one = Choosing(POLICY, RING, ledger)
    other = Subject(Kind.ACCOUNT, ("a1",))
    for _ in range(2):
        signals, seen = one.voices(heard, (DEVICE, other), place(*laws), NOW, silent=silent)
        assert seen == "then" and signals[: len(heard)] == heard
    rows = [row.choice for row in ledger.rows]
    assert [row.subjects for row in rows] == ([(DEVICE,), (other,)] if remembered else [])
    for row in rows:
        assert (row.says, row.method, row.surface) == ({M: Permission.DENIED}, Method.GPC, Surface.PAGE)
        assert (row.at, row.policy, row.gpc, row.gpc_binds) == (NOW, POLICY.hash, True, True)


def test_words_and_links_go_to_the_ledger_as_they_are() -> None:
    """A link has its device and its account; the words of a notice are kept, and rows come back."""
    ledger, given = Ledger(), []
    ledger.link = lambda *pair: given.append(pair) or "linked"
    one, account = Choosing(POLICY, RING, ledger), Subject(Kind.ACCOUNT, ("a1",))
    assert one.link(DEVICE, account) == "linked" == one.link(DEVICE, None)
    assert given == [(DEVICE, account), (DEVICE, None)]
    notice = Notice("sha256-n", "v1", "en", "{}")
    one.keep(notice).result(timeout=0)
    assert ledger.notices == {"sha256-n": notice}
    one.record(choice()).result(timeout=0)
    assert [row.choice.receipt for row in one.history((DEVICE,))] == ["r1"] and one.history((account,)) == []
    assert one.choices((DEVICE,)).subjects == (DEVICE,)
    assert asyncio.run(one.take(choice(receipt="r2"))).receipt == "r2"
