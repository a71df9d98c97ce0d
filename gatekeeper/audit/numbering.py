"""Whether all streams are there that were begun, and no others. Pure. Facts in, problems out.

Every genesis has the number of its stream and a digest of all before it, and other lines say how many had begun.
"""

from __future__ import annotations

from collections.abc import Mapping

from gatekeeper.audit import chain
from gatekeeper.audit.facts import Claim, Facts, Walk
from gatekeeper.counting import counted


def numbers(facts: Facts, *, partial: bool = False) -> None:
    """Every stream has its number, from 1 without a gap, and all lines agree about how many had begun.

    A `partial` log may lack some.
    """
    by_number: dict[int, tuple[str, Claim]] = {}
    for stream, claim in facts.geneses.items():
        if claim.number in by_number:
            other = by_number[claim.number][0]
            facts.bad(claim.where, f"begins as stream number {claim.number}, as {other} does")
        by_number.setdefault(claim.number, (stream, claim))
    digests = {0: chain.FIRST}
    last = 0
    for number, (stream, claim) in sorted(by_number.items()):
        if number > last + 1 and partial:
            last, digests[number] = number, claim.digest
            continue
        if number > last + 1:
            which = f"number {last + 1} is" if number == last + 2 else f"numbers {last + 1} to {number - 1} are"
            facts.bad(("the log", 0), f"the stream that was begun as {which} missing")
        elif chain.begun([stream], digests[last]) != claim.digest:
            facts.bad(claim.where, "begins behind other streams than there are")
        last, digests[number] = number, claim.digest
    for claim in facts.claims:
        if claim.number > last and partial:
            continue
        if claim.number > last:
            facts.bad(claim.where, f"knows of {counted(claim.number, 'stream')}, and the log has {last}")
        elif digests.get(claim.number, claim.digest) != claim.digest:
            facts.bad(claim.where, f"knows of {counted(claim.number, 'stream')}, and not of these")


def formats(facts: Facts, walks: Mapping[str, Walk]) -> int:
    """How many streams are of format 1; beside format 2 there are only those that its first genesis names."""
    old = [stream for stream, walk in walks.items() if walk.version == 1]
    if facts.geneses:
        named = {one.stream for one in facts.mentions if one.whole and one.by[0] in facts.geneses}
        for stream in old:
            if stream not in named:
                facts.bad((stream, 0), "is of format 1, and was not there when format 2 began")
    return len(old)
