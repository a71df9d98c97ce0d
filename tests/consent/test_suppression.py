"""What entries of suppressed persons say of an event, and what is left of older grants."""

import pytest
from msgspec import structs

from gatekeeper.consent.suppression import UNREADABLE, Held, heeded, held
from gatekeeper.model import OPTIONAL, Permission, Purpose, Role, Signal, Standing, Suppression
from gatekeeper.model.suppression import Why
from tests.builders import NOW, said

ANALYTICS, MARKETING = Purpose.ANALYTICS, Purpose.MARKETING
DENIED = Permission.DENIED


def entry(why=Why.ERASED, purposes=OPTIONAL, lifted=(), since=NOW, erasure="er_1"):
    return Suppression(b"h" * 16, "k", "email", why, since, erasure, frozenset(purposes), None, frozenset(lifted))


def says(why, note, *purposes):
    """The signal of one reason, to the last word."""
    return Signal(
        "suppression", Role.OPT_OUT, Standing.DECIDED, dict.fromkeys(purposes, DENIED), voice=f"suppression-{why}",
        denies_as="suppressed", note=f"it has an identifier of a person who {note}",
    )  # fmt: skip


ERASED = says("erased", "was erased", ANALYTICS, MARKETING)


def test_no_entry_says_nothing():
    """Nor does one that holds no purpose."""
    assert held([]) is None and held([entry(purposes=())]) is None


@pytest.mark.parametrize(
    ("why", "note"),
    [(Why.ERASED, "was erased"), (Why.OPTED_OUT, "opted out of sale"), (Why.OBJECTED, "objected")],
)
def test_an_entry_denies_its_purposes_and_says_why(why, note):
    """Without a date, which would tell lines of one person from others."""
    assert held([entry(why)]) == Held((says(why, note, ANALYTICS, MARKETING),), {})
    assert held([entry(why, [MARKETING])]) == Held((says(why, note, MARKETING),), {})


def test_entries_of_several_reasons_are_told_one_by_one():
    """In the order of the reasons; purposes of one reason are together."""
    found = [entry(Why.OBJECTED, [MARKETING]), entry(Why.ERASED, [MARKETING]), entry(Why.ERASED, [ANALYTICS])]
    assert held(found) == Held((ERASED, says("objected", "objected", MARKETING)), {})


def test_a_person_who_granted_again_is_heard_from_the_erasure_on():
    """By this identifier, for this purpose, and for all identifiers of the same erasure."""
    again = entry(lifted=[MARKETING], since=NOW - 50)
    other = entry(since=NOW - 20)
    assert held([again]) == Held((says("erased", "was erased", ANALYTICS),), {MARKETING: NOW - 50})
    for found in ([again, other], [other, again]):
        assert held(found) == Held((says("erased", "was erased", ANALYTICS),), {MARKETING: NOW - 20})
    whole = entry(lifted=OPTIONAL, since=NOW - 50)
    assert held([whole]) == Held((), {ANALYTICS: NOW - 50, MARKETING: NOW - 50})
    assert held([whole, entry(erasure="er_2")]).signals == (ERASED,), "another erasure"


@pytest.mark.parametrize("why", [Why.OPTED_OUT, Why.OBJECTED])
def test_what_only_an_operator_ends_is_not_lifted_by_a_grant(why):
    """Not even beside an erasure that was."""
    made = held([entry(why, lifted=OPTIONAL), entry(lifted=OPTIONAL)])
    assert [one.voice for one in made.signals] == [f"suppression-{why}"]


@pytest.mark.parametrize(
    ("what", "whole"),
    [
        (Held(), False),
        (Held((ERASED,)), True),
        (held([entry(purposes=[MARKETING])]), False),
        (held([entry(purposes=[MARKETING]), entry(Why.OBJECTED, [ANALYTICS])]), True),
        (Held((UNREADABLE,)), True),
        (Held((ERASED, UNREADABLE)), True),
        (held([entry(lifted=[MARKETING])]), False),
    ],
)
def test_an_event_is_nobodys_only_if_nothing_optional_is_left(what, whole):
    """Or if it cannot be known."""
    assert what.whole is whole


def test_what_cannot_be_known_is_broken():
    """It denies everything optional, as a broken signal does."""
    assert (UNREADABLE.source, UNREADABLE.role, UNREADABLE.standing) == ("suppression", Role.CHOICE, Standing.MALFORMED)
    assert UNREADABLE.note == "it cannot be known whether the person is suppressed" and UNREADABLE.says == {}


SINCE = Held((), {MARKETING: NOW})
CUT = "read; from before the person was erased"


@pytest.mark.parametrize(
    ("at", "kept"),
    [(None, False), (NOW - 1, False), (NOW, False), (NOW + 1, True)],
    ids=["undated", "before", "then", "after"],
)
@pytest.mark.parametrize("role", [Role.CHOICE, Role.CLAIM])
def test_a_grant_counts_only_if_it_is_younger_than_the_erasure(role, at, kept):
    """Other purposes of the same signal stay; its note says what was taken."""
    one = said("cookie", role, analytics=True, marketing=True, at=at, note="read")
    cut = structs.replace(one, says={ANALYTICS: Permission.GRANTED}, note=CUT)
    assert heeded([one], SINCE) == ((one,) if kept else (cut,))


def test_denials_and_what_only_denies_stay():
    """A refusal of before the erasure is one still, and opt-outs and flags only deny."""
    stays = [
        said("cookie", marketing=False, at=NOW - 1),
        said("sec-gpc", Role.OPT_OUT, marketing=True, at=NOW - 1),
        said("flag", Role.FLAG, marketing=True, at=NOW - 1),
        said("cookie", analytics=True, at=NOW - 1),
    ]
    assert heeded(stays, SINCE) == tuple(stays)


def test_what_suppression_says_comes_first():
    """With and without older grants to look at."""
    one = said("cookie", marketing=True)
    assert heeded([one], Held((ERASED,))) == (ERASED, one)
    assert heeded([one], Held((ERASED,), {ANALYTICS: NOW})) == (ERASED, one)
