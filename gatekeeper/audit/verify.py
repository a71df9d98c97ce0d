"""Whether the log is as it was written. Files in, a `Report` out; nothing is changed.

Looks at every byte: the chain and the numbers of each stream, its segments, genesis and close; that every stream, line
and end that another line (genesis, checkpoint, close, key, an anchor) names is there; signatures and the keys they were
made with; and that subjects which are missing were removed by a redaction line. docs/audit.md says what follows from
it and what does not; docs/verify_audit.py does the same without this package.
"""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

from gatekeeper.audit import chain, signing
from gatekeeper.audit.segments import Segment, parse, streams

_ORDINARY: Final = (b'"decision"', b'"outcome",')  # lines that say nothing about the log itself
_KINDS: Final = {"genesis", "segment", "decision", "outcome", "checkpoint", "key", "redaction", "close"}


class Problem(NamedTuple):
    """One thing that is not as it was written."""

    file: str
    line: int  # in the file, from 1; 0 for the file as a whole
    why: str


class _Mention(NamedTuple):
    """A line that another one names."""

    stream: str
    n: int
    hash: bytes
    whole: bool  # nothing may follow it
    where: tuple[str, int]


class _Signature(NamedTuple):
    stream: str
    n: int
    key: str
    message: bytes
    signature: bytes
    where: tuple[str, int]


@dataclass(slots=True)
class _Walk:
    """What is known of one stream after it was read."""

    lines: int = 0
    base: int = 0  # its first hash's place among all hashes
    head: bytes = chain.FIRST
    closed: bool = False
    broken: bool = False
    partial: bool = False  # the last line has no end yet
    bare: list[list[int]] = field(default_factory=list)  # ranges of lines whose subjects are gone


@dataclass(slots=True)
class Report:
    """What was found. `problems` is empty if the log is sound."""

    lines: int = 0
    streams: int = 0
    segments: int = 0
    checkpoints: int = 0
    anchors: int = 0
    redacted: int = 0  # lines whose subjects were removed
    crashed: int = 0  # streams that ended in a crash and were taken over
    open: list[str] = field(default_factory=list)  # streams that have no end yet
    keys: list[str] = field(default_factory=list)  # keys that no other key introduced
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
    progress: Callable[[int], None] = lambda size: None,
) -> Report:
    """Read the whole log. `anchors` are checkpoint lines kept elsewhere, `trusted` ids of keys known from elsewhere.

    `progress` is told the bytes of each segment file once it is read. Raises OSError if the folder cannot be read.
    """
    with tempfile.TemporaryFile() as hashes:
        return _Verification(folder, hashes, progress).run(anchors, frozenset(trusted))


class _Verification:
    def __init__(self, folder: Path, hashes: Any, progress: Callable[[int], None]) -> None:
        self._folder = folder
        self._hashes = hashes  # 32 bytes a line, in the order of reading
        self._progress = progress
        self._report = Report()
        self._walks: dict[str, _Walk] = {}
        self._mentions: list[_Mention] = []
        self._adopted: set[str] = set()
        self._signatures: list[_Signature] = []
        self._publics: dict[str, bytes] = {}
        self._introduced: dict[str, str] = {}  # key -> the key that signed its introduction
        self._removed: dict[str, list[tuple[int, int]]] = {}
        self._retired: list[tuple[str, str, str, int]] = []  # key, successor, and the line that introduced it
        self._introductions: dict[tuple[str, int], str] = {}  # where -> the successor
        self._aware: list[tuple[str, int, str, int]] = []  # a line, and a line that it names

    def run(self, anchors: Iterable[bytes], trusted: frozenset[str]) -> Report:
        report = self._report
        self._strangers()
        found = streams(self._folder)
        for stream, segments in found.items():
            self._walks[stream] = self._walk(stream, segments)
        for n, raw in enumerate(anchors, 1):
            self._anchor(raw, n)
        self._compare()
        self._ends()
        self._redactions()
        self._keys(trusted)
        report.streams = len(found)
        report.lines = sum(walk.lines for walk in self._walks.values())
        report.problems.sort(key=lambda problem: problem[:2])
        return report

    def _bad(self, where: tuple[str, int], why: str) -> None:
        self._report.problems.append(Problem(*where, why))

    def _strangers(self) -> None:
        """Files that look like the log's and are none."""
        for path in sorted(self._folder.glob("*.jsonl*")):
            segment = parse(path)
            if segment is None:
                if not path.name.endswith(".tmp"):
                    self._bad((path.name, 0), "is no segment of the log")
            elif path == segment.packed and segment.plain.exists():
                try:
                    if segment.plain.read_bytes() != segment.read():
                        self._bad((path.name, 0), f"does not hold what {segment.plain.name} holds")
                except (OSError, EOFError, zlib.error):
                    pass  # said when it is walked

    def _walk(self, stream: str, segments: list[Segment]) -> _Walk:
        walk = _Walk(base=self._hashes.tell() // 32)
        for expected, segment in enumerate(segments, 1):
            self._report.segments += 1
            name = segment.path.name
            if segment.number != expected:
                self._bad((name, 0), f"segment {expected:06} of the stream is missing before it")
                walk.broken = True
                break
            try:
                self._segment(stream, segment, walk, last=segment is segments[-1])
                self._progress(segment.size)
            except (OSError, EOFError, zlib.error) as error:
                self._bad((name, 0), f"cannot be read ({type(error).__name__})")
                walk.broken = True
            if walk.broken:
                break
        return walk

    def _segment(self, stream: str, segment: Segment, walk: _Walk, *, last: bool) -> None:
        """The inner loop: about 5 µs a line."""
        name, link, split = segment.path.name, chain.link, chain.split
        n, previous = walk.lines, walk.head
        store = self._hashes.write
        at = 0
        why = None
        with segment.open() as file:
            for at, raw in enumerate(file, 1):
                sealed = split(raw)
                if sealed is None:
                    if last and not raw.endswith(b"\n") and segment.path == segment.plain:
                        walk.partial = True  # it is being written, or a crash left it and nobody took over yet
                    else:
                        why = "is not a whole line of the log"
                    break
                head = sealed.head
                begin = chain.begin(stream, n + 1)
                if not head.startswith(begin):
                    why = _misplaced(head, stream, n + 1)
                    break
                digest = link(previous, head)
                if digest != sealed.hash:
                    why = "was altered: its hash does not follow from it and the line before"
                    break
                if walk.closed:
                    why = "stands after the stream was closed"
                    break
                if sealed.refs is None:
                    if sealed.promised is not None:
                        self._bare(walk, n + 1)
                elif not sealed.kept:
                    why = "has other subjects than it was written with"
                    break
                after = len(begin) + 7
                if at == 1 or head[after : after + 10] not in _ORDINARY:
                    why = self._special(stream, segment, at, sealed, previous, n + 1, walk)
                    if why is not None:
                        break
                n, previous = n + 1, digest
                store(digest)
        walk.lines, walk.head = n, previous
        if why is not None:
            self._bad((name, at), why)
            walk.broken = True
        elif at == 0 and not (last and segment.path == segment.plain):
            self._bad((name, 0), "is empty")
            walk.broken = True

    def _special(
        self, stream: str, segment: Segment, at: int, sealed: chain.Sealed, previous: bytes, n: int, walk: _Walk
    ) -> str | None:
        """A line about the log itself. Why it is wrong, if it is."""
        try:
            record = sealed.record
            kind = record["kind"]
            if kind not in _KINDS:
                return f"is of no kind there is ({kind})"
            if (at == 1) != (kind in ("genesis", "segment")) or (kind == "genesis") != (n == 1):
                return f"a line of kind {kind} cannot stand here"
            if kind == "segment" and (record["previous"] != previous.hex() or record["number"] != segment.number):
                return "begins another segment than this one"
            where = (segment.path.name, at)
            for other, m, digest in record.get("heads", ()):
                self._mentions.append(_Mention(str(other), int(m), bytes.fromhex(digest), False, where))
                self._aware.append((stream, n, other, m))
            for one in record.get("adopted", ()):
                digest = bytes.fromhex(one["hash"])
                self._mentions.append(_Mention(str(one["stream"]), int(one["n"]), digest, True, where))
                self._adopted.add(one["stream"])
            for other, first, last in record.get("ranges", ()):
                self._removed.setdefault(str(other), []).append((int(first), int(last)))
            if kind in ("genesis", "key") and record["public"] is not None:
                self._publics[signing.key_id(bytes.fromhex(record["public"]))] = bytes.fromhex(record["public"])
            if kind == "key":
                successor = signing.key_id(bytes.fromhex(record["public"]))
                if self._introduced.setdefault(successor, record["key"]) != record["key"]:
                    return "introduces a key that another one had introduced"
                self._retired.append((record["key"], successor, stream, n))
                self._introductions[where] = successor
            if kind in ("checkpoint", "close", "key"):
                self._report.checkpoints += 1
                walk.closed = kind == "close"
                if record.get("key") is not None:
                    parts = chain.signature_of(sealed.head)
                    if parts is None:
                        return "has no signature"
                    message = chain.to_sign(previous, parts[0])
                    self._signatures.append(_Signature(stream, n, record["key"], message, parts[1], where))
        except (ValueError, KeyError, TypeError):
            return "cannot be understood"
        return None

    def _bare(self, walk: _Walk, n: int) -> None:
        self._report.redacted += 1
        if walk.bare and walk.bare[-1][1] == n - 1:
            walk.bare[-1][1] = n
        else:
            walk.bare.append([n, n])

    def _anchor(self, raw: bytes, n: int) -> None:
        where = ("anchor", n)
        sealed = chain.split(raw.rstrip(b"\r\n") + b"\n")
        if not raw.rstrip(b"\r\n").endswith(b"}"):
            return  # torn by a crash: it says nothing
        try:
            if sealed is None:
                raise ValueError
            record = sealed.record
            self._mentions.append(_Mention(str(record["stream"]), int(record["n"]), sealed.hash, False, where))
            self._report.anchors += 1
        except (ValueError, KeyError, TypeError):
            self._bad(where, "is no line of a log")

    def _compare(self) -> None:
        """Everything that is named is there, and is what was named."""
        again: set[str] = set()
        for one in self._mentions:
            walk = self._walks.get(one.stream)
            if walk is None:
                if one.n:
                    self._bad(one.where, f"names the stream {one.stream}, which is missing")
                continue
            if walk.broken:
                continue  # said already
            if one.n > walk.lines and not walk.closed and one.stream not in self._adopted and one.stream not in again:
                again.add(one.stream)  # a live log: it may have grown since it was read
                walk = self._walks[one.stream] = self._grown(one.stream)
            if one.n > walk.lines:
                self._bad(one.where, f"names line {one.n} of {one.stream}, which ends at {walk.lines}")
            elif self._hash(walk, one.n) != one.hash:
                self._bad(one.where, f"names another line {one.n} of {one.stream} than the one there is")
            elif one.whole and one.n != walk.lines:
                self._bad(one.where, f"took {one.stream} over at line {one.n}, but it goes on to {walk.lines}")

    def _grown(self, stream: str) -> _Walk:
        before, report = len(self._mentions), self._report
        counts = report.segments, report.checkpoints, report.redacted
        self._hashes.seek(0, 2)
        walk = self._walk(stream, streams(self._folder)[stream])
        del self._mentions[before:]  # the next time
        report.segments, report.checkpoints, report.redacted = counts
        return walk

    def _hash(self, walk: _Walk, n: int) -> bytes:
        if n == 0:
            return chain.FIRST
        self._hashes.seek((walk.base + n - 1) * 32)
        found: bytes = self._hashes.read(32)
        return found

    def _ends(self) -> None:
        for stream, walk in self._walks.items():
            if stream in self._adopted:
                self._report.crashed += 1
                if walk.partial:
                    self._bad((stream, 0), "goes on after it was taken over")
            elif not walk.closed and not walk.broken:
                self._report.open.append(stream)

    def _redactions(self) -> None:
        for stream, walk in self._walks.items():
            allowed = _merged(self._removed.get(stream, []))
            for first, last in walk.bare:
                missing = next(_outside(first, last, allowed), None)
                if missing is not None:
                    self._bad((stream, 0), f"line {missing} has lost its subjects, and no redaction says so")
                    break

    def _keys(self, trusted: frozenset[str]) -> None:
        """Every signature is good, and by a key that the one before it introduced."""
        roots: dict[str, tuple[str, int]] = {}
        too_late = self._successors()
        for one in self._signatures:
            public = self._publics.get(one.key)
            if public is None:
                self._bad(one.where, f"is signed with the key {one.key}, which no line holds")
            elif not signing.good(public, one.signature, one.message):
                self._bad(one.where, f"is not signed with the key {one.key}")
            elif one.n >= too_late.get((one.key, one.stream), one.n + 1) and one.where not in self._introductions:
                self._bad(one.where, f"is signed with the key {one.key} after its successor was introduced")
            elif one.key not in self._introduced:
                roots.setdefault(one.key, one.where)
        self._report.keys = list(roots)
        for key, where in list(roots.items()) if trusted else list(roots.items())[1:]:
            if key not in trusted:
                self._bad(
                    where, f"is signed with the key {key}, which no earlier key introduced and nobody vouched for"
                )

    def _successors(self) -> dict[tuple[str, str], int]:
        """By key and stream: the first line that knows of the key's successor."""
        found: dict[tuple[str, str], int] = {}
        for key, _, other, m in self._retired:
            found[key, other] = min(m + 1, found.get((key, other), m + 1))
            for stream, n, named, at in self._aware:
                if named == other and at >= m:
                    found[key, stream] = min(n, found.get((key, stream), n))
        return found


def _misplaced(head: bytes, stream: str, n: int) -> str:
    try:
        record = orjson.loads(head + b"}")
        return f"is line {record['n']} of {record['stream']}, where line {n} of {stream} should be"
    except (ValueError, KeyError, TypeError):
        return f"is not line {n} of {stream}"


def _merged(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    out: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if out and first <= out[-1][1] + 1:
            out[-1] = (out[-1][0], max(last, out[-1][1]))
        else:
            out.append((first, last))
    return out


def _outside(first: int, last: int, allowed: list[tuple[int, int]]) -> Iterator[int]:
    """The first of the numbers that no range holds."""
    at = first
    for begin, end in allowed:
        if begin <= at <= end:
            at = end + 1
    if at <= last:
        yield at
