"""Which lines signatures vouch for. What the streams said in, faults out.

Every signature is good, and by a key that the one before it introduced. A stream is sound as far as a signature of its
own covers it, or the signed line of another stream that took it over.
"""

from __future__ import annotations

from collections.abc import Iterable

from gatekeeper.audit import signing
from gatekeeper.audit.facts import TOLERANCE, Facts, Walk, Where

_LOG: Where = ("the log", 0)


def keys(facts: Facts, trusted: frozenset[str]) -> tuple[list[str], dict[str, int]]:
    """The keys that no other key introduced; and by stream, the last line that is vouched for."""
    roots: dict[str, Where] = {}
    last: dict[str, int] = {}
    too_late = _successors(facts)
    for one in facts.signatures:
        public = facts.publics.get(one.key)
        if public is None:
            facts.bad(one.where, f"is signed with the key {one.key}, which no line holds")
        elif not signing.good(public, one.signature, one.message):
            facts.bad(one.where, f"is not signed with the key {one.key}")
        elif one.n >= too_late.get((one.key, one.stream), one.n + 1) and one.where not in facts.introductions:
            facts.bad(one.where, f"is signed with the key {one.key} after its successor was introduced")
        else:
            last[one.stream] = max(one.n, last.get(one.stream, 0))
            if one.key not in facts.introduced:
                roots.setdefault(one.key, one.where)
    for key, where in list(roots.items()) if trusted else list(roots.items())[1:]:
        if key not in trusted:
            facts.bad(
                where, f"is signed with the key {key}, which no earlier key introduced and you did not name as trusted"
            )
    if trusted and not trusted & roots.keys():
        facts.bad(_LOG, f"nothing is signed with the key {', '.join(sorted(trusted))}, or with one that it introduced")
    return list(roots), _adopted(facts, last)


def _adopted(facts: Facts, last: dict[str, int]) -> dict[str, int]:
    """A line that is vouched for vouches for the ends of the streams that it takes over."""
    taken = [one for one in facts.mentions if one.whole]
    changed = True
    while changed:
        changed = False
        for one in taken:
            if last.get(one.by[0], 0) >= one.by[1] and last.get(one.stream, 0) < one.n:
                last[one.stream] = one.n
                changed = True
    return last


def _successors(facts: Facts) -> dict[tuple[str, str], int]:
    """By key and stream: the first line that knows of the key's successor."""
    found: dict[tuple[str, str], int] = {}
    for key, other, m in facts.retired:
        found[key, other] = min(m + 1, found.get((key, other), m + 1))
        for one in facts.mentions:
            if one.stream == other and one.n >= m and not one.whole and one.by[0]:
                stream, n = one.by
                found[key, stream] = min(n, found.get((key, stream), n))
    return found


def redactions(
    facts: Facts, walks: dict[str, Walk], vouched: dict[str, int], also: Iterable[tuple[str, int, int]] = ()
) -> None:
    """Subjects are gone only where a redaction says so that is vouched for, and that is not older than the line.

    `also` are ranges that another machine's log says so of, where they are vouched for.
    """
    allowed: dict[str, list[tuple[int, int]]] = {}
    for name, first, last in also:
        allowed.setdefault(name, []).append((first, last))
    for one in facts.redactions:
        stream, n = one.by
        walk = walks.get(one.stream)
        signed = vouched.get(stream, 0) > n
        older = one.last < n if one.stream == stream else walk is not None and walk.at(one.last) <= one.at + TOLERANCE
        if signed and (older or walks[stream].version == 1):
            allowed.setdefault(one.stream, []).append((one.first, one.last))
    for stream, walk in walks.items():
        ranges = _merged(allowed.get(stream, []))
        for first, last in walk.bare:
            missing = _outside(first, last, ranges)
            if missing is not None:
                facts.bad((stream, 0), f"line {missing} has lost its subjects without a redaction line")
                break


def gaps(facts: Facts, walks: dict[str, Walk], vouched: dict[str, int]) -> None:
    """Lines are gone only where a line says so that is vouched for and not older, with the same hashes at both ends."""
    allowed = set()
    for one in facts.pruned:
        stream, n = one.by
        walk = walks.get(one.stream)
        older = one.last < n if one.stream == stream else walk is not None and walk.at(one.last) <= one.at + TOLERANCE
        if vouched.get(stream, 0) > n and older:
            allowed.add(one[:5])
    for gap in facts.missing:
        if gap[:5] not in allowed:
            facts.bad(gap.where, f"lines {gap.first} to {gap.last} are gone without a line that says so")


def _merged(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    out: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if out and first <= out[-1][1] + 1:
            out[-1] = (out[-1][0], max(last, out[-1][1]))
        else:
            out.append((first, last))
    return out


def _outside(first: int, last: int, allowed: list[tuple[int, int]]) -> int | None:
    """The first of the numbers that no range holds."""
    at = first
    for begin, end in allowed:
        if begin <= at <= end:
            at = end + 1
    return at if at <= last else None
