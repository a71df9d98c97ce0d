"""What a 202 promises, checked. Pure: evidence in, broken promises out, one sentence each; none is what is hoped for.

lost        an accepted event without a decision line, or without an outcome once the queue is empty
unrecorded  an event that left before its decision line was in the log
repeated    an event that the vendor got twice though it was not under way at a fault, or with another content
altered     a log that does not verify
miscounted  books that do not add up, or say something else than the log
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from tests.torture.vendor import Receipt

STATES = ("delivered", "dead", "expired", "cancelled")
UNCERTAIN = ("unknown", "no_answer", "timeout", "http_503")
TERMINAL = ("delivered", "failed", "cancelled", "blocked")


@dataclass(slots=True)
class Evidence:
    """Of one round. Event ids are the sender's, or the request id where the sender gave none."""

    posted: set[str]
    accepted: dict[str, str]  # event id -> request id of its 202
    receipts: Sequence[Receipt]
    order: Mapping[str, int]  # request id -> how many decision lines the log had before its own
    records: Sequence[Mapping[str, Any]]  # the log
    books: Sequence[Mapping[str, int]]  # as they were said; the last ones when nothing was queued any more
    faults: Sequence[float] = ()  # when, on the receipts' clock
    problems: Sequence[object] = ()  # of `audit verify`
    before: frozenset[str] = frozenset()  # events that the vendor had already


def broken(evidence: Evidence) -> list[str]:
    """Every promise that was broken."""
    decided = {
        one["request_id"]: any(to["status"] == "pending" for to in one["deliveries"])
        for one in evidence.records
        if one.get("kind") == "decision"
    }
    ended = outcomes(evidence.records)
    return [
        *_lost(evidence, decided, ended),
        *_unrecorded(evidence),
        *_repeated(evidence),
        *_miscounted(evidence, decided, ended),
        *(f"altered: {problem}" for problem in evidence.problems),
    ]


def outcomes(records: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Request id -> its terminal status."""
    return {
        request_id: one["status"]
        for one in records
        if one.get("kind") == "outcome" and one["status"] in TERMINAL
        for request_id in one["request_ids"]
    }


def _lost(evidence: Evidence, decided: Mapping[str, bool], ended: Mapping[str, str]) -> Iterable[str]:
    got = {receipt.id for receipt in evidence.receipts} | evidence.before
    answered = Counter(evidence.accepted.values())
    for event_id, request_id in evidence.accepted.items():
        if request_id not in decided:
            yield f"lost: {event_id} was accepted and has no decision line"
        elif decided[request_id] and request_id not in ended:
            yield f"lost: {event_id} was accepted and has no outcome"
        elif ended.get(request_id) == "delivered" and event_id not in got:
            yield f"lost: {event_id} is said to be delivered, the vendor never got it"
        if answered[request_id] > 1:
            yield f"lost: {event_id} was answered with another event's request id"


def _unrecorded(evidence: Evidence) -> Iterable[str]:
    for receipt in evidence.receipts:
        request_id = receipt.id if receipt.id.startswith("req_") else evidence.accepted.get(receipt.id)
        if request_id is not None and evidence.order.get(request_id, 2**62) >= receipt.logged:
            yield f"unrecorded: {receipt.id} left before its decision line was written"
        if not receipt.id.startswith("req_") and receipt.id not in evidence.posted:
            yield f"repeated: {receipt.id} was never posted"


def _repeated(evidence: Evidence) -> Iterable[str]:
    uncertain = {
        request_id
        for one in evidence.records
        if one.get("kind") == "outcome" and one.get("reason") in UNCERTAIN
        for request_id in one["request_ids"]
    }
    times: dict[str, list[Receipt]] = {}
    for receipt in evidence.receipts:
        times.setdefault(receipt.id, []).append(receipt)
    for event_id, copies in times.items():
        if len(copies) == 1:
            continue
        if len({copy.body for copy in copies}) > 1:
            yield f"repeated: {event_id} was sent with different contents"
        if evidence.accepted.get(event_id, event_id) not in uncertain and event_id in evidence.accepted:
            yield f"repeated: {event_id} was sent {len(copies)} times, and the log knows no uncertainty"
        for first, second in pairwise(copies):
            if not any(first.at - 0.05 <= fault <= second.at and fault - first.at < 5 for fault in evidence.faults):
                yield f"repeated: {event_id} was sent twice, and was not under way at a fault"


def _miscounted(evidence: Evidence, decided: Mapping[str, bool], ended: Mapping[str, str]) -> Iterable[str]:
    for books in evidence.books:
        if books["accepted"] != sum(books[name] for name in ("queued", *STATES)):
            yield f"miscounted: {dict(books)} does not add up"
        if books["queued"] != 0:
            yield f"miscounted: {books['queued']} queued, and nothing is"
    books = evidence.books[-1]
    if books["accepted"] != sum(decided.values()):
        yield f"miscounted: {books['accepted']} accepted, {sum(decided.values())} decision lines with a delivery"
    delivered = sum(status == "delivered" for status in ended.values())
    if books["delivered"] != delivered:
        yield f"miscounted: {books['delivered']} delivered, {delivered} by the log"
