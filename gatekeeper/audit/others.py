"""The other streams, as a new line sees them: how far each is, and what crashed ones left behind.

Whoever begins a stream takes crashed ones over: their last whole line is named in the genesis, and what is behind it
(a torn line, as a crash leaves it; nothing of it was ever acted upon) is set aside.
"""

from __future__ import annotations

import contextlib
import os
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gatekeeper.audit import chain
from gatekeeper.audit.segments import Head, Segment, alive, end_of, head_file, live_head, streams, sync_file

Known = dict[tuple[Path, int, int], tuple[Head, bool, int]]  # what was read before: by path, size and time


@dataclass(slots=True)
class Others:
    """What a genesis says of the other streams."""

    heads: list[list[Any]] = field(default_factory=list)  # [stream, n, hash]: alive, or closed and not told of yet
    adopted: list[dict[str, Any]] = field(default_factory=list)  # crashed
    ended: list[Segment] = field(default_factory=list)  # segments that nobody writes any more
    done: list[str] = field(default_factory=list)

    def told(self, folder: Path) -> None:
        """The line is durable: ends that are in it need not be told again."""
        for stream in self.done:
            head_file(folder, stream).unlink(missing_ok=True)


def heads(folder: Path, own: str) -> list[list[Any]]:
    """[stream, n, hash] of every other stream whose end no genesis has told of yet; only what is durable."""
    names = sorted(path.name.removesuffix(".head") for path in folder.glob("*.head"))
    found = [live_head(folder, name) for name in names if name != own]
    return [list(head) for head in found if head is not None]


def look(folder: Path, own: str, known: Known) -> Others:
    """All streams besides `own`; crashed ones are taken over. Raises OSError."""
    for _ in range(5):
        with contextlib.suppress(FileNotFoundError):  # another process takes over, or compresses, at the same time
            return _look(folder, own, known)
    return _look(folder, own, known)


def _look(folder: Path, own: str, known: Known) -> Others:
    found = Others()
    untold = {path.name.removesuffix(".head") for path in folder.glob("*.head")}
    for stream, segments in streams(folder).items():
        plain = [segment for segment in segments if segment.plain.exists()]
        if stream == own or (stream not in untold and not plain):
            continue  # its end was told and its segments are compressed: nothing is left to do
        if alive(folder, stream):
            head = live_head(folder, stream)
            if head is not None:
                found.heads.append(list(head))
            continue
        head, closed, torn = _end(folder, stream, segments, known)
        if not closed:
            found.adopted.append({"stream": stream, "n": head.n, "hash": head.hash, "torn": torn})
        elif stream in untold:
            found.heads.append(list(head))
        found.done.append(stream)
        found.ended += [segment for segment in plain if segment.plain.exists()]
    return found


def _end(folder: Path, stream: str, segments: list[Segment], known: Known) -> tuple[Head, bool, int]:
    """A stream's last whole line, whether it closed the stream, and how many bytes were behind it."""
    torn = 0
    for segment in reversed(segments):
        key = _key(segment.path)
        if key in known:
            return known[key]
        try:
            data = segment.read()
        except (EOFError, zlib.error):
            data = b""
        end = end_of(data)
        behind = data[end.offset :]
        torn += len(behind)
        plain = segment.path == segment.plain
        if plain:  # it may have been killed before it synced what is named now
            sync_file(segment.path)
        if plain and behind:
            _set_aside(folder / f"{stream}.torn", segment.path, behind, end.offset)
        if end.n:
            found = known[_key(segment.path)] = (Head(stream, end.n, end.hash.hex()), end.closed, torn)
            return found
        if plain:
            segment.path.unlink(missing_ok=True)
    return Head(stream, 0, chain.FIRST.hex()), False, torn


def _key(path: Path) -> tuple[Path, int, int]:
    stat = path.stat()
    return path, stat.st_size, stat.st_mtime_ns


def _set_aside(to: Path, path: Path, behind: bytes, offset: int) -> None:
    with os.fdopen(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640), "wb") as file:
        file.write(behind)
        file.flush()
        os.fsync(file.fileno())
    with path.open("r+b") as file:
        file.truncate(offset)
        os.fsync(file.fileno())
