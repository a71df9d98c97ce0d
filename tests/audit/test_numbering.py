"""Every stream has its number; what is missing, twice there, or behind other streams is told in one sentence."""

import pytest

from gatekeeper.audit import chain
from gatekeeper.audit.facts import Claim, Facts, Mention, Walk
from gatekeeper.audit.numbering import formats, numbers


def digest(*names):
    return chain.begun(names)


A, B, C, D = (("a.jsonl", 1), ("b.jsonl", 1), ("c.jsonl", 1), ("d.jsonl", 1))
ONE, TWO, THREE = Claim(1, digest("a"), A), Claim(2, digest("a", "b"), B), Claim(3, digest("a", "b", "c"), C)
FOUR = Claim(4, digest("a", "b", "c", "d"), D)
OTHER = ("x.jsonl", 9)
LOGS = {
    "sound": ({"a": ONE, "b": TWO, "c": THREE}, [ONE, TWO, THREE], [], []),
    "empty": ({}, [Claim(0, chain.FIRST, OTHER)], [], []),
    "two-of-one-number": (
        {"a": ONE, "b": Claim(1, digest("b"), B)}, [],
        [(B, "begins as stream number 1, as a does")], [(B, "begins as stream number 1, as a does")],
    ),
    "one-is-missing": (
        {"a": ONE, "c": THREE}, [],
        [(("the log", 0), "the stream that was begun as number 2 is missing")], [],
    ),
    "two-are-missing": (
        {"a": ONE, "d": FOUR}, [],
        [(("the log", 0), "the stream that was begun as numbers 2 to 3 are missing")], [],
    ),
    "the-first-is-missing": (
        {"b": TWO, "c": THREE}, [],
        [(("the log", 0), "the stream that was begun as number 1 is missing")], [],
    ),
    "behind-others": (
        {"a": ONE, "b": Claim(2, digest("x", "b"), B)}, [],
        [(B, "begins behind other streams than there are")], [(B, "begins behind other streams than there are")],
    ),
    "behind-others-after-a-gap": (
        {"a": ONE, "c": THREE, "d": Claim(4, digest("d"), D)}, [],
        [(("the log", 0), "the stream that was begun as number 2 is missing"),
         (D, "begins behind other streams than there are")],
        [(D, "begins behind other streams than there are")],
    ),
    "the-last-is-missing": (
        {"a": ONE}, [Claim(2, digest("a", "b"), OTHER), Claim(1, digest("a"), OTHER)],
        [(OTHER, "knows of 2 streams, and the log has 1")], [],
    ),
    "knows-of-others": (
        {"a": ONE, "b": TWO}, [Claim(1, digest("x"), OTHER), Claim(2, digest("a", "b"), OTHER)],
        [(OTHER, "knows of 1 stream, and not of these")], [(OTHER, "knows of 1 stream, and not of these")],
    ),
    "knows-of-none": ({"a": ONE}, [Claim(0, digest("x"), OTHER)],
                      [(OTHER, "knows of 0 streams, and not of these")],
                      [(OTHER, "knows of 0 streams, and not of these")]),
}  # fmt: skip


@pytest.mark.parametrize("partial", [False, True], ids=["whole", "partial"])
@pytest.mark.parametrize("log", LOGS.values(), ids=LOGS)
def test_what_is_wrong_with_the_numbers_is_told_where_it_stands(log, partial):
    """A part of a log may lack streams, and be lacked by its claims; it may not have others."""
    geneses, claims, of_whole, of_part = log
    said = []
    numbers(Facts(lambda where, why: said.append((where, why)), claims=claims, geneses=geneses), partial=partial)
    assert said == (of_part if partial else of_whole)


def test_streams_of_format_1_are_those_that_the_first_genesis_names():
    """A line that is no genesis may not bring one in; without format 2 nothing is named."""
    walks = {"a": Walk(version=2), "old": Walk(version=1), "new": Walk(version=1), "late": Walk(version=1)}
    mentions = [
        Mention("old", 3, bytes(32), True, A, by=("a", 1)),
        Mention("new", 3, bytes(32), False, A, by=("a", 1)),
        Mention("late", 3, bytes(32), True, A, by=("b", 1)),
    ]
    said = []
    facts = Facts(lambda where, why: said.append((where, why)), mentions=mentions, geneses={"a": ONE})
    assert formats(facts, walks) == 3
    why = "is of format 1, and was not there when format 2 began"
    assert said == [(("new", 0), why), (("late", 0), why)]
    said.clear()
    assert formats(Facts(lambda where, why: said.append(why)), walks) == 3 and said == []
