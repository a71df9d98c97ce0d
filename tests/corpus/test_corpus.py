"""Same bytes as the release before: bodies, heads, lines, pseudonyms and answers of a corpus of requests.

A digest of each stands in `expected.txt`, written by the code of 2026-11-30. Who changes what leaves, or what a line
says, writes the file again with the command in `digests.py`, and says in the commit which bytes are new.
"""

from __future__ import annotations

from pathlib import Path

from tests.corpus.digests import digest, digests

EXPECTED = (Path(__file__).parent / "expected.txt").read_text("ascii").split()


def test_every_byte_is_that_of_the_release_before(lines_can_be_made_again):
    """Of all dialects and of events, for many visitors under several laws, odd values and doubled keys included."""
    found = list(digests(len(EXPECTED)))
    assert [n for n, (was, now) in enumerate(zip(EXPECTED, found, strict=True)) if was != now] == []
    lines_can_be_made_again.clear()  # destinations are widened beside their policy: it cannot make their lines again


def test_a_byte_that_is_another_is_seen(lines_can_be_made_again):
    """In the body that leaves and in the line alike: the digest covers what it is said to cover."""
    told: list[list] = []
    first = list(digests(30, told=told.append))
    sent = next(one for one in told if one[0] and not isinstance(one[0], int) and len(one) > 5)
    before = digest(sent)
    assert before in first
    outgoing = [*sent[0][:3], sent[0][3] + b" "]
    assert digest([outgoing, *sent[1:]]) != before
    (line, *more) = sent[5]
    assert digest([*sent[:5], [line._replace(core=line.core + b" "), *more], *sent[6:]]) != before
    lines_can_be_made_again.clear()
