"""Whether the log is as it was written. Files in, a `Report` out; nothing is changed.

Looks at every byte: the chain and the numbers of each stream, its segments, genesis and close (walk.py); that every
stream, line and end that another line, an anchor or the database names is there; that no stream was inserted or left
out (numbering.py); signatures, the keys they were made with, and that subjects which are missing were removed by a
redaction (vouched.py); that no request was decided twice (twice.py); and that nothing else is in the folder
(strangers.py). docs/audit.md says what follows from it and what does not; docs/verify_audit.py does the same without
this package.
"""

from __future__ import annotations

import os
import tempfile
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from gatekeeper.audit import chain, numbering, stamp, twice, vouched
from gatekeeper.audit.authority import claimed
from gatekeeper.audit.facts import TOLERANCE, UNREADABLE, Claim, Facts, Mention, Walk, Where
from gatekeeper.audit.lines import timestamp_of
from gatekeeper.audit.segments import Head, parse, streams
from gatekeeper.audit.strangers import strangers
from gatekeeper.audit.twice import Twice
from gatekeeper.audit.walk import Walker
from gatekeeper.counting import counted
from gatekeeper.errors import AuditError

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_NAMED: Final = 3  # places of other lines that a finding names


class Problem(NamedTuple):
    """One thing that is not as it was written."""

    file: str
    line: int  # in the file, from 1; 0 for the file as a whole
    why: str


@dataclass(slots=True)
class Report:
    """What was found. `problems` is empty if the log is sound."""

    lines: int = 0
    streams: int = 0
    segments: int = 0
    checkpoints: int = 0
    anchors: int = 0
    stamps: int = 0  # anchors with a good time stamp
    stamped: str | None = None  # the latest time that one gives, RFC 3339
    unchecked: int = 0  # time stamps whose signatures could not be checked
    heads: int = 0  # ends of streams that the database holds
    redacted: int = 0  # lines whose subjects were removed
    pruned: int = 0  # lines that are gone, as retention wants
    crashed: int = 0  # streams that ended in a crash and were taken over
    format_1: int = 0  # streams of the old format
    waiting: int = 0  # ends of streams that are not here yet, of a log that is not whole
    elsewhere: list[tuple[str, str, int, int]] = field(default_factory=list, repr=False)  # removed in other logs
    open: list[str] = field(default_factory=list)  # streams that have no end yet
    keys: list[str] = field(default_factory=list)  # keys that no other key introduced
    not_vouched: dict[str, int] = field(default_factory=dict)  # by stream: lines that no signature covers yet
    clock: list[str] = field(default_factory=list)  # when the clock went back
    problems: list[Problem] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether nothing was found."""
        return not self.problems


def verify(
    folder: Path,
    *,
    anchors: Iterable[bytes] = (),
    trusted: Iterable[str] = (),
    heads: Iterable[Head] = (),
    roots: Sequence[Certificate] = (),
    partial: bool = False,
    allowed: Iterable[tuple[str, int, int]] = (),
    progress: Callable[[int], None] = lambda size: None,
) -> Report:
    """Read the whole log. `anchors` are checkpoint lines kept elsewhere, `trusted` ids of keys known from elsewhere.

    Time stamps on anchors are checked if there are `roots`, certificates that are believed. `heads` are ends of streams
    as the database knew them before. A `partial` log may lack ends of its streams, as a copy of one that goes on does.
    `allowed` are ranges of lines whose subjects were removed, as the log of another machine says. `progress` is told
    the bytes that were read. Raises OSError if the folder cannot be read, ConfigError if time stamps cannot be checked.
    """
    anchors, heads, allowed = list(anchors), list(heads), list(allowed)
    for _ in range(3):
        before = _state(folder)
        with tempfile.TemporaryFile() as hashes, Twice() as decided:
            verification = _Verification(folder, hashes, decided, progress, list(roots), partial=partial)
            report = verification.run(anchors, heads, frozenset(trusted), allowed)
        if report.sound or _state(folder) == before:  # what was removed from lines meanwhile was perhaps read too early
            break
    return report


def _state(folder: Path) -> list[tuple[str, int, int]]:
    """What changes when a segment is closed, compressed or rewritten."""
    with os.scandir(folder) as found:
        packed = [(one.name, one.stat()) for one in found if one.name.endswith(".gz")]
    return sorted((name, stat.st_size, stat.st_mtime_ns) for name, stat in packed)


class _Verification:
    def __init__(
        self, folder: Path, hashes: Any, decided: Twice, progress: Callable[[int], None], roots: list[Certificate],
        *, partial: bool,
    ) -> None:  # fmt: skip
        self._folder = folder
        self._partial = partial
        self._roots = roots
        self._hashes = hashes  # 32 bytes a line, in the order of reading
        self._decided = decided
        self._progress = progress
        self._report = Report()
        self._facts = Facts(self._bad)
        self._walker = Walker(self._facts, hashes.write, decided.add)
        self._walks: dict[str, Walk] = {}

    def run(
        self, anchors: Iterable[bytes], heads: Iterable[Head], trusted: frozenset[str],
        allowed: Iterable[tuple[str, int, int]],
    ) -> Report:  # fmt: skip
        report, facts, walks = self._report, self._facts, self._walks
        self._strangers()
        while new := {stream: parts for stream, parts in streams(self._folder).items() if stream not in walks}:
            for stream, segments in new.items():  # those of a log that is being written, too
                walks[stream] = self._walk(stream, segments)
        for n, raw in enumerate(anchors, 1):
            self._anchor(raw, n)
        for n, head in enumerate(heads, 1):
            facts.mentions.append(Mention(head.stream, head.n, bytes.fromhex(head.hash), False, ("the database", n)))
            report.heads += 1
        self._compare()
        numbering.numbers(facts, partial=self._partial)
        report.format_1 = numbering.formats(facts, walks)
        report.keys, covered = vouched.keys(facts, trusted)
        vouched.redactions(facts, walks, covered, allowed)
        report.elsewhere = [one[:4] for one in facts.elsewhere if covered.get(one.by[0], 0) > one.by[1]]
        vouched.gaps(facts, walks, covered)
        self._ends(covered)
        self._twice()
        report.streams = len(walks)
        report.lines = sum(walk.lines for walk in walks.values())
        report.pruned = sum(one.last - one.first + 1 for one in facts.missing)
        report.redacted = sum(last - first + 1 for walk in walks.values() for first, last in walk.bare)
        report.segments, report.checkpoints = facts.segments, facts.checkpoints
        report.clock = [f"{name}:{line}: from {at}" for at, (name, line) in sorted(facts.clocks.items())]
        report.problems.sort(key=lambda problem: problem[:2])
        return report

    def _bad(self, where: Where, why: str) -> None:
        self._report.problems.append(Problem(*where, why))

    def _strangers(self) -> None:
        """Files that are none of the log's, and two forms of a segment that differ."""
        for name in strangers(self._folder):
            self._bad((name, 0), "is not a file of the log")
        for path in sorted(self._folder.glob("*.jsonl.gz")):
            segment = parse(path)
            if segment is not None and segment.plain.exists():
                try:
                    if segment.plain.read_bytes() != segment.read():
                        self._bad((path.name, 0), f"does not hold what {segment.plain.name} holds")
                except (OSError, EOFError, zlib.error):
                    pass  # said when it is walked

    def _walk(self, stream: str, segments: Any) -> Walk:
        self._hashes.seek(0, 2)
        return self._walker.walk(stream, segments, self._hashes.tell() // 32, self._progress)

    def _anchor(self, raw: bytes, n: int) -> None:
        where = ("anchor", n)
        line = raw.rstrip(b"\r\n")
        if not line.endswith(b"}"):
            return  # torn by a crash: it says nothing
        try:
            if stamp.is_stamp(line):
                line = self._stamped(stamp.parse(line), where)
            sealed = chain.split(line + b"\n")
            if sealed is None:
                raise ValueError
            record = sealed.record
            self._facts.mentions.append(Mention(str(record["stream"]), int(record["n"]), sealed.hash, False, where))
            if "begun" in record:
                claim = Claim(int(record["begun"][0]), bytes.fromhex(record["begun"][1]), where)
                self._facts.claims.append(claim)
            self._report.anchors += 1
        except UNREADABLE:
            self._bad(where, "is not a line of a log")

    def _stamped(self, one: stamp.Stamp, where: Where) -> bytes:
        """The line that an authority stamped, which was there then."""
        report = self._report
        if not self._roots:
            report.unchecked += 1
            return one.line
        try:
            at = stamp.time_of(one, self._roots)
        except AuditError as error:
            self._bad(where, str(error))
            return one.line
        if claimed(one.line) > at.timestamp() + TOLERANCE:
            self._bad(where, f"is of {timestamp_of(at)}, and its line says that it is younger")
        report.stamps += 1
        report.stamped = max(timestamp_of(at), report.stamped or "")
        return one.line

    def _compare(self) -> None:
        """Everything that is named is there, is what was named, and is not younger than the line that names it."""
        again: set[str] = set()
        for one in self._facts.mentions.copy():
            walk = self._walks.get(one.stream)
            if self._partial and (walk is None or one.n > walk.lines):
                self._report.waiting += 1
                continue
            if walk is None:
                if one.n:
                    self._bad(one.where, f"names the stream {one.stream}, which is missing")
                continue
            if walk.broken:
                continue  # said already
            live = one.n > walk.lines and not walk.closed and one.stream not in self._facts.adopted
            if live and one.stream not in again:
                again.add(one.stream)  # a live log: it may have grown since it was read
                walk = self._walks[one.stream] = self._grown(one.stream)
            if one.n > walk.lines:
                self._bad(one.where, f"names line {one.n} of {one.stream}, which ends at {walk.lines}")
            elif not walk.gone(one.n) and self._hash(walk, one.n) != one.hash:
                self._bad(one.where, f"names another line {one.n} of {one.stream} than the one there is")
            elif one.whole and one.n != walk.lines:
                self._bad(one.where, f"took {one.stream} over at line {one.n}, but it goes on to {walk.lines}")
            elif one.at is not None and walk.at(one.n) > one.at + TOLERANCE:
                self._bad(one.where, f"names line {one.n} of {one.stream}, which says that it is younger")

    def _grown(self, stream: str) -> Walk:
        facts = self._facts
        kept = facts.segments, facts.checkpoints
        lists: tuple[list[Any], ...] = (
            facts.mentions,
            facts.signatures,
            facts.retired,
            facts.redactions,
            facts.elsewhere,
            facts.claims,
            facts.missing,
            facts.pruned,
        )
        before = [len(one) for one in lists]
        walk = self._walk(stream, streams(self._folder)[stream])
        for one, length in zip(lists, before, strict=True):
            del one[length:]  # the next time
        facts.segments, facts.checkpoints = kept
        return walk

    def _hash(self, walk: Walk, n: int) -> bytes:
        if n == 0:
            return chain.FIRST
        self._hashes.seek((walk.base + n - 1) * 32)
        found: bytes = self._hashes.read(32)
        return found

    def _ends(self, covered: dict[str, int]) -> None:
        report = self._report
        for stream, walk in self._walks.items():
            if stream in self._facts.adopted:
                report.crashed += 1
                if walk.partial:
                    self._bad((stream, 0), "goes on after it was taken over")
            elif not walk.closed and not walk.broken:
                report.open.append(stream)
            left = walk.lines - covered.get(stream, 0)
            if left > 0 and not walk.broken:
                report.not_vouched[stream] = left

    def _twice(self) -> None:
        suspects = self._decided.suspects()
        try:
            parts = [segment for one in streams(self._folder).values() for segment in one]
            for request_id, places in twice.found(parts, suspects).items():
                named = ", ".join([f"{name}:{line}" for name, line in places[:-1][:_NAMED]])
                more = len(places) - 1 - _NAMED
                others = f" and {counted(more, 'other line')}" if more > 0 else ""
                self._bad(places[-1], f"decides the request {request_id.decode()}, which {named}{others} decided")
        except (OSError, EOFError, ValueError, zlib.error):
            pass  # said when it was walked
