"""What proves one line: its place in the chain, the first signature behind it, and what was put outside. Reads files.

The chain is followed from the line to the first signature behind it, which covers the line with all that its hash says
of what was before it: what follows within a minute or so, however long the log is. `verify.py` looks at everything;
this says what stands for one record.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gatekeeper.audit import authority, chain, stamp
from gatekeeper.audit.facts import UNREADABLE
from gatekeeper.audit.segments import Segment, lines, streams
from gatekeeper.audit.signing import Own
from gatekeeper.audit.statements import SIGNED
from gatekeeper.errors import AuditError

STAMPS: Final = 500  # files of time stamps that are looked at, the newest
TAIL: Final = 2**20  # bytes of a file of anchors that are looked at
_PLACE: Final = re.compile(rb'\{"stream":"([^"]+)","n":(\d+),')
_KIND: Final = re.compile(rb'"kind":"([a-z]+)"')


@dataclass(slots=True)
class Proof:
    """What stands for a line. `fault` says where the chain breaks, up to the signature."""

    stream: str
    n: int
    segment: str = ""
    hash: str | None = None
    fault: str | None = None
    signed_by: str | None = None  # the id of the key
    signed_in: int | None = None  # the line that has the signature
    signed_at: str | None = None
    is_ours: bool = False  # the signature is good, and by a key of this installation
    stamps: tuple[str, ...] = ()  # times of checkpoints outside that name the line or one behind it

    @property
    def sound(self) -> bool:
        """Whether the chain holds up to a good signature."""
        return self.fault is None and self.is_ours


def prove(folder: Path, stream: str, n: int, own: Own, outside: Iterable[bytes] = ()) -> Proof:
    """The proof of the n-th line of a stream. Raises AuditError."""
    found = Proof(stream, n)
    try:
        _follow(folder, found, own)
        found.stamps = tuple(sorted({at for raw in outside if (at := _names(raw, stream, n))}))
    except (OSError, EOFError, zlib.error) as error:
        raise AuditError(f"the audit log cannot be read ({type(error).__name__})") from None
    return found


def outside(stamps: Path | None, anchors: Path | None) -> Iterator[bytes]:
    """Checkpoints that were kept outside of the log: of a folder of time stamps, and the end of a file of anchors."""
    if stamps is not None:
        for path in authority.files(stamps)[-STAMPS:]:
            yield from path.read_bytes().splitlines()
    if anchors is not None and anchors.is_file():
        with anchors.open("rb") as file:
            file.seek(max(0, anchors.stat().st_size - TAIL))
            yield from file.read().splitlines()[-10_000:]


def _follow(folder: Path, found: Proof, own: Own) -> None:
    """Follow the chain over the line to the first signature behind it."""
    parts = streams(folder, found.stream).get(found.stream, [])
    begins = [(segment, _first(segment)) for segment in parts]
    there = [number for number, (_, first) in enumerate(begins) if 0 < first <= found.n]
    found.fault = "the stream or the line is not in the log"
    if not there:
        return
    found.segment = begins[there[-1]][0].path.name
    begin, previous = chain.begin(found.stream, found.n), b""
    version = chain.FORMAT if b'"format":' in parts[0].first() else 1
    for segment, _ in begins[there[-1] :]:
        before = b""
        for raw in lines(segment):
            if not previous and not raw.startswith(begin):  # fast: 0.3 µs a line instead of 6
                before = raw
                continue
            sealed = chain.split(raw)
            place = None if sealed is None else _PLACE.match(sealed.head)
            if sealed is None or place is None:
                found.fault = found.fault or (None if not raw.endswith(b"\n") else "a line behind it is not whole")
                return
            at = int(place[2])
            if not previous:
                found.fault, previous = None, _before(before, sealed, at)
            kind = _KIND.search(sealed.head, 0, 200)
            if kind is not None and kind[1] == b"gap":
                previous = sealed.hash
                continue
            if chain.link(previous, sealed.head, version) != sealed.hash or not sealed.kept:
                found.fault = f"line {at} was altered: its hash does not follow from it and the line before"
                return
            if at == found.n:
                found.hash = sealed.hash.hex()
            if at >= found.n and kind is not None and kind[1].decode() in SIGNED and chain.signature_of(sealed.head):
                record = sealed.record
                found.signed_by, found.signed_in, found.signed_at = record["key"], at, record["timestamp"]
                found.is_ours = own.signed(previous, sealed.head)
                return
            previous = sealed.hash
        if not previous:
            return


def _first(segment: Segment) -> int:
    """The number of a segment's first line; 0 of one that has none."""
    found = _PLACE.match(segment.first())
    return 0 if found is None else int(found[2])


def _before(raw: bytes, sealed: chain.Sealed, n: int) -> bytes:
    """The hash of the line before the n-th one, as that says it: of a segment's first line, as the line itself does."""
    if raw:
        before = chain.split(raw)
        return chain.FIRST if before is None else before.hash
    return chain.FIRST if n == 1 else bytes.fromhex(sealed.record["previous"])


def _names(raw: bytes, stream: str, n: int) -> str | None:
    """The time of a checkpoint, if it names the line or one behind it in its stream."""
    try:
        line = stamp.parse(raw).line if stamp.is_stamp(raw) else raw.rstrip(b"\r\n")
        sealed = chain.split(line + b"\n")
        if sealed is None:
            return None
        record = sealed.record
        named = [(record["stream"], record["n"]), *[(other, m) for other, m, _ in record.get("heads", ())]]
        ends = [(one["stream"], one["n"]) for one in record.get("adopted", ())]
        covers = any(other == stream and int(m) >= n for other, m in (*named, *ends))
        return str(record["timestamp"]) if covers else None
    except UNREADABLE:
        return None
