"""What lines say of the log itself: beginnings, signatures, keys, ends, and the lines of other streams that they name.

Lines in, `Facts` out. Whether the facts agree is judged by verify.py.
"""

from __future__ import annotations

from typing import Any, Final

from gatekeeper.audit import chain, signing
from gatekeeper.audit.facts import (
    UNREADABLE,
    Claim,
    Elsewhere,
    Facts,
    Mention,
    Pruning,
    Redaction,
    Signature,
    Walk,
    Where,
    seconds,
)
from gatekeeper.audit.segments import Segment

SIGNED: Final = {"genesis", "checkpoint", "clock", "key", "close"}  # in format 2, always
_KINDS_1: Final = {"genesis", "segment", "decision", "outcome", "checkpoint", "key", "redaction", "close"}


class Statements:
    """Reads them into facts."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def read(
        self, stream: str, segment: Segment, at: int, sealed: chain.Sealed, previous: bytes, n: int, walk: Walk
    ) -> str | None:
        """Read a line about the log itself, the n-th of its stream. Why it is wrong, if it is."""
        facts = self._facts
        try:
            record = sealed.record
            kind = record["kind"]
            where = (segment.path.name, at)
            if walk.version == 1 and kind not in _KINDS_1:
                return f"is of no kind there is ({kind})"
            if (at == 1) != (kind in ("genesis", "segment")) or (kind == "genesis") != (n == 1):
                return f"a line of kind {kind} cannot stand here"
            if kind == "genesis" and record.get("format", 1) != walk.version:
                return f"begins a stream of format {record['format']}, which this version does not know"
            if kind == "segment" and (record["previous"] != previous.hex() or record["number"] != segment.number):
                return "begins another segment than this one"
            if kind in SIGNED and (walk.version > 1 or record.get("key") is not None):
                self._signed(stream, sealed.head, previous, n, record, where, walk)
                if chain.signature_of(sealed.head) is None and (walk.version > 1 or kind != "genesis"):
                    return "has no signature"
            self._names(stream, n, record, where, walk)
            if kind in ("genesis", "key") and record["public"] is not None:
                public = bytes.fromhex(record["public"])
                facts.publics[signing.key_id(public)] = public
            if kind == "key":
                successor = signing.key_id(bytes.fromhex(record["public"]))
                if facts.introduced.setdefault(successor, record["key"]) != record["key"]:
                    return "introduces a key that another one had introduced"
                facts.retired.append((record["key"], stream, n))
                facts.introductions.add(where)
            if kind in SIGNED and kind != "genesis":
                facts.checkpoints += 1
                walk.closed = kind == "close"
        except UNREADABLE:
            return "cannot be understood"
        return None

    def _signed(
        self, stream: str, head: bytes, previous: bytes, n: int, record: dict[str, Any], where: Where, walk: Walk
    ) -> None:
        parts = chain.signature_of(head)
        if parts is not None:
            message = chain.to_sign(previous, parts[0], walk.version)
            self._facts.signatures.append(Signature(stream, n, record["key"], message, parts[1], where))
        if walk.version > 1:
            walk.marks.append(n)
            walk.times.append(seconds(record["timestamp"].encode()))
            claim = Claim(int(record["begun"][0]), bytes.fromhex(record["begun"][1]), where)
            self._facts.claims.append(claim)
            if record["kind"] == "genesis":
                self._facts.geneses[stream] = claim
            if "back_from" in record:
                self._facts.clocks.setdefault(record["back_from"], where)

    def _names(self, stream: str, n: int, record: dict[str, Any], where: Where, walk: Walk) -> None:
        """The other lines that a line names."""
        facts, by = self._facts, (stream, n)
        at = walk.high if walk.version > 1 else None
        for other, m, digest in record.get("heads", ()):
            facts.mentions.append(Mention(str(other), int(m), bytes.fromhex(digest), False, where, by, at))
        ends = [(one["stream"], one["n"], one["hash"]) for one in record.get("adopted", ())]
        for other, m, digest in [*ends, *record.get("format_1", ())]:
            facts.mentions.append(Mention(str(other), int(m), bytes.fromhex(digest), True, where, by, at))
            facts.adopted.add(str(other))
        for other, first, last, before, digest in record.get("gaps", ()):
            ends_with = bytes.fromhex(before), bytes.fromhex(digest)
            facts.pruned.append(Pruning(str(other), int(first), int(last), *ends_with, by, walk.high))
        if "log" in record:
            for other, first, last in record["ranges"]:
                facts.elsewhere.append(Elsewhere(str(record["log"]), str(other), int(first), int(last), by))
            return
        for other, first, last in record.get("ranges", ()):
            facts.redactions.append(Redaction(str(other), int(first), int(last), by, walk.high))
