"""The other machines' logs as folders of this one, for questions and for proofs: what changed is fetched, no more.

    <log>/                      its segments, as that machine wrote them, from the archive
    <log>.kept/                 its lines that the archive lacks, from the engine: for questions only, without a chain
    unwritten.kept/             lines that are in no machine's log yet, the same

A line moves on while it is looked for: from the engine into a log, and into the archive; there its references come
before its head. So the engine is asked first and the references last: what moves meanwhile is found twice, and never
not at all. What is found twice counts once, by its request id.

Acts. References of persons are in these files: what forgets a person drops them (`drop`). No process changes a file
here while another one reads it.
"""

from __future__ import annotations

import gzip
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

from gatekeeper.audit import segments
from gatekeeper.audit.facts import UNREADABLE
from gatekeeper.audit.lines import Line
from gatekeeper.audit.segments import Head
from gatekeeper.audit.shared import parts
from gatekeeper.audit.shared.objects import Archive, Stored
from gatekeeper.audit.shared.trail import Kept, Peer, Trail
from gatekeeper.errors import AuditError
from gatekeeper.installation.locks import Lock

_STATE: Final = "mirror.json"
USING: Final = 600.0  # seconds for another process that fetches or reads
_LOOK: Final = 0.02  # seconds between two looks at whether it has ended
_UNKNOWN: Final = "unknown"
KEPT: Final = ".kept"  # ends the names of folders with lines of the engine
_UNWRITTEN: Final = f"unwritten{KEPT}"
_NO_STREAM: Final = "00000000T000000.000000Z-0-00000000"  # under which name lines are read that are in no stream


class Fetched(NamedTuple):
    """What there is of the other machines' logs. `unwritten` has the lines that are in no log yet, whosesoever."""

    others: tuple[Other, ...]
    unwritten: Path

    @property
    def folders(self) -> list[Path]:
        """All of it, as folders that questions are asked of."""
        return [*(path for one in self.others for path in (one.folder, one.kept)), self.unwritten]


class Other(NamedTuple):
    """Another machine's log: `folder` is what the archive has of it, `kept` what the engine has besides."""

    peer: Peer
    folder: Path
    kept: Path
    heads: tuple[Head, ...]  # its ends, as far as the engine knows them


class Mirror:
    """The folders under `here`. Without an archive there is what the engine keeps, which is little."""

    def __init__(self, here: Path, archive: Archive | None, trail: Trail) -> None:
        self._here, self._archive, self._trail = here, archive, trail

    @contextmanager
    def fetched(self, patience: float = USING) -> Iterator[Fetched]:
        """Every other machine's log, as it is now; it stays so until the block ends. Raises AuditError, StorageError.

        A thread that is in such a block must not begin another one.
        """
        with ExitStack() as reading:
            with self._taken("lock", patience):
                with self._taken("readers", patience):
                    found = self._fetched()
                # None who changes something comes in between: for that the lock is needed, too.
                reading.enter_context(self._taken("readers", patience, shared=True))
            yield found

    def drop(self) -> None:
        """Delete all of it, once it is not read any more: what is asked next is fetched again. Raises AuditError."""
        if self._here.is_dir():
            with self._taken("lock"), self._taken("readers"):
                for path in self._here.iterdir():
                    if path.is_dir():
                        shutil.rmtree(path, ignore_errors=True)

    @contextmanager
    def _taken(self, name: str, patience: float = USING, *, shared: bool = False) -> Iterator[None]:
        try:
            self._here.mkdir(parents=True, exist_ok=True, mode=0o750)
        except OSError as error:
            raise AuditError(f"{self._here}: cannot be made ({error.strerror})") from None
        lock = Lock(self._here / name, shared=shared)
        if not lock.wait(patience, _LOOK):
            raise AuditError("another process uses the copies of the other machines' logs; try again later")
        try:
            yield
        finally:
            lock.release()

    def _fetched(self) -> Fetched:
        heads = self._trail.heads()  # before who lives: of a machine that has gone meanwhile no later end is demanded
        peers = {one.log: one for one in self._trail.peers()}
        kept = self._trail.kept()
        listed = self._listed()
        for log in listed:
            peers.setdefault(log, Peer(log, _UNKNOWN, False, None, 0.0, ()))
        found = []
        for log, peer in sorted(peers.items()):
            if log == self._trail.log:
                continue
            other = Other(peer, self._here / log, self._here / f"{log}{KEPT}", tuple(heads.get(log, ())))
            ends = self._fetch(other.folder, log, listed.get(log, {}))
            lacking = [one for one in kept if one.log == log and one.stream and one.n > ends.get(one.stream, 0)]
            _write_kept(other.kept, lacking)
            found.append(other)
        unwritten = self._here / _UNWRITTEN
        _write_kept(unwritten, [one._replace(stream=_NO_STREAM) for one in kept if not one.stream])
        return Fetched(tuple(found), unwritten)

    def _listed(self) -> dict[str, dict[str, tuple[Stored, Stored | None]]]:
        """By log and segment: its two objects."""
        if self._archive is None:
            return {}
        found: dict[str, dict[str, tuple[Stored, Stored | None]]] = {}
        there = self._archive.heads.list()
        references = self._archive.references.list()  # behind the heads: they are put before them
        for key, heads in there.items():
            log, _, name = key.rpartition("/")
            if log and name.endswith(parts.HEADS) and "/" not in log:
                stem = name.removesuffix(parts.HEADS)
                found.setdefault(log, {})[stem] = heads, references.get(f"{log}/{stem}{parts.REFERENCES}")
        return found

    def _fetch(self, folder: Path, log: str, listed: dict[str, tuple[Stored, Stored | None]]) -> dict[str, int]:
        """Bring a folder up to date; how far each stream goes in it."""
        folder.mkdir(exist_ok=True, mode=0o750)
        state = _read(folder.with_name(f"{log}.{_STATE}"))
        ends: dict[str, int] = {}
        now: dict[str, Any] = {}
        for stem, (heads, references) in sorted(listed.items()):
            path = folder / f"{stem}.jsonl.gz"
            segment = segments.parse(path)
            if segment is None:
                continue
            tags = [heads.tag, "" if references is None else references.tag]
            known = state.get(stem)
            if known is not None and known[:2] == tags and path.exists():
                last = int(known[2])
            else:
                last = self._get(path, f"{log}/{stem}", heads, references)
            now[stem] = [*tags, last]
            ends[segment.stream] = max(last, ends.get(segment.stream, 0))
        for path in folder.glob("*.jsonl.gz"):
            if path.name.removesuffix(".jsonl.gz") not in now:
                path.unlink(missing_ok=True)
        segments.write_whole(folder.with_name(f"{log}.{_STATE}"), orjson.dumps(now))
        return ends

    def _get(self, path: Path, key: str, heads: Stored, references: Stored | None) -> int:
        if self._archive is None:
            return 0
        first = self._archive.heads.get(key + parts.HEADS, heads.version)
        tails = gzip.compress(b"")
        if references is not None:
            tails = self._archive.references.get(key + parts.REFERENCES)
        data = parts.together(first, tails)
        segments.write_whole(path, gzip.compress(data, 6, mtime=0))
        _date(path, data)
        return parts.last(data)


def _date(path: Path, data: bytes) -> None:
    """Date a segment by its last line, as it is where it was written: what looks for the newest lines goes by that.

    The fraction is that of the fetch: what was made of other contents, with another fraction, is not taken for it.
    """
    try:
        last = orjson.loads(data[data.rfind(b"\n", 0, -1) + 1 :])["timestamp"]
        at = int(datetime.fromisoformat(last).timestamp())
    except UNREADABLE:
        return  # its proof says that it is no line of a log
    moment = at * 1_000_000_000 + time.time_ns() % 1_000_000_000
    os.utime(path, ns=(moment, moment))


def _read(path: Path) -> dict[str, Any]:
    try:
        found = orjson.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write_kept(folder: Path, kept: list[Kept]) -> None:
    """Lines as questions read them, a file for each stream."""
    folder.mkdir(exist_ok=True, mode=0o750)
    by_stream: dict[str, list[bytes]] = {}
    for one in kept:
        by_stream.setdefault(one.stream, []).extend([_written(line) for line in one.lines])
    wanted = {f"{stream}.000001.jsonl": b"".join(lines) for stream, lines in by_stream.items()}
    for path in folder.glob("*.jsonl"):
        if path.name not in wanted:
            path.unlink(missing_ok=True)
    for name, data in wanted.items():
        segments.write_whole(folder / name, data)


def _written(line: Line) -> bytes:
    tail = b""
    if line.refs:
        tail += b',"subjects":' + orjson.dumps(line.refs)
    if line.names:
        tail += b',"names":' + orjson.dumps(line.names)
    return line.core[:-1] + tail + b"}\n"
