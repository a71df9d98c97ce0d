"""The other streams, as a new line sees them: how far each is, and what crashed ones left behind.

A process that begins a stream takes crashed ones over: the genesis names their last whole line, and what is behind it
(a torn line, as a crash leaves it; nothing of it was ever acted upon) is set aside.

Only streams that this installation began are named, and so signed for. Others that are found are moved into the folder
`set-aside`, as they are, and an alarm is raised.
"""

from __future__ import annotations

import contextlib
import logging
import os
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from gatekeeper.audit import begun, ends
from gatekeeper.audit.begun import Begun
from gatekeeper.audit.heads import Heads
from gatekeeper.audit.segments import (
    Head,
    Segment,
    alive,
    head_file,
    live_head,
    streams,
    sync_file,
    sync_folder,
)
from gatekeeper.audit.signing import Own
from gatekeeper.errors import ConfigError

Known = dict[tuple[Path, int, int], tuple[Head, bool, int]]  # what was read before: by path, size and time
ASIDE: Final = "set-aside"
_log = logging.getLogger("gatekeeper")


@dataclass(slots=True)
class Others:
    """What a genesis says of the other streams."""

    begun: Begun = field(default_factory=Begun)
    heads: list[list[Any]] = field(default_factory=list)  # [stream, n, hash]: alive, or closed and not told of yet
    adopted: list[dict[str, Any]] = field(default_factory=list)  # crashed
    format_1: list[list[Any]] | None = None  # [stream, n, hash] of all streams of format 1; only in the first genesis
    ended: list[Segment] = field(default_factory=list)  # segments that no process writes any more
    done: list[str] = field(default_factory=list)

    def told(self, folder: Path) -> None:
        """The line is durable: ends that are in it need not be told again."""
        for stream in self.done:
            head_file(folder, stream).unlink(missing_ok=True)


def heads(folder: Path, me: str, own: Own, genuine: set[str]) -> list[list[Any]]:
    """[stream, n, hash] of every other stream whose end no genesis has told of yet; only what is durable.

    `genuine` are the streams that are known to be this installation's.
    """
    found = []
    for name in sorted(path.name.removesuffix(".head") for path in folder.glob("*.head")):
        head = live_head(folder, name) if name != me else None
        if head is None:
            continue
        if name not in genuine:
            parts = streams(folder, f"{name}.000001.").get(name, [])
            with contextlib.suppress(FileNotFoundError):  # compressed meanwhile: the next time
                if parts and ends.genesis(parts, own.signed) is not None:
                    genuine.add(name)
        if name in genuine:
            found.append(list(head))
    return found


def look(folder: Path, me: str, known: Known, own: Own, *, heads: Heads | None) -> Others:
    """All streams besides `me`; crashed ones are taken over. Needs the folder's lock.

    Streams of format 1 are taken over if none of format 2 was ever begun here, by what `heads` know, too. Raises
    OSError, ConfigError, StorageError.
    """
    for _ in range(5):
        with contextlib.suppress(FileNotFoundError):  # another process compresses at the same time
            return _look(folder, me, known, own, heads)
    return _look(folder, me, known, own, heads)


def refuse_old_writers(folder: Path) -> None:
    """Raises ConfigError beside a living process that writes format 1: it would not see what this one writes."""
    for path in folder.glob("*.head"):
        name = path.name.removesuffix(".head")
        parts = streams(folder, name).get(name)
        if parts and ends.version_of(parts) == 1 and alive(folder, name):
            raise ConfigError(
                f"audit.path: a process of an older Gatekeeper still writes the stream {name}; "
                "stop it before this version starts"
            )


def set_aside(folder: Path) -> int:
    """How many streams were found that this installation did not begin, and are still there."""
    return len(streams(folder / ASIDE))


def _look(folder: Path, me: str, known: Known, own: Own, heads: Heads | None) -> Others:
    found = Others()
    all_streams = streams(folder)
    untold = {path.name.removesuffix(".head") for path in folder.glob("*.head")}
    state = begun.read(folder, own)
    geneses = {
        name: ends.genesis(parts, own.signed)
        for name, parts in all_streams.items()
        if name != me and (state is None or name in untold or any(one.plain.exists() for one in parts))
    }
    found.begun = begun.after(state, filter(None, geneses.values()))
    if found.begun.number == 0 and any(
        ends.version_of(parts) == 2 for name, parts in all_streams.items() if name != me
    ):
        found.begun = begun.read(folder, None) or found.begun  # the key was lost: the streams are counted on
    if found.begun.number == 0 and (heads is None or not heads.read()):
        refuse_old_writers(folder)
        found.format_1 = []
    old: dict[str, list[Any]] | None = None
    for stream, segments in all_streams.items():
        if stream == me:
            continue
        plain = [segment for segment in segments if segment.plain.exists()]
        taken_over = found.format_1 is not None and ends.version_of(segments) == 1
        if stream not in untold and not plain and not taken_over:
            continue  # its end was told and its segments are compressed: nothing is left to do
        if not taken_over and geneses.get(stream) is None:
            version = ends.version_of(segments)
            if version == 1 and old is None:
                old = listed(all_streams, own) or {}
            if version is not None and not (version == 1 and old is not None and stream in old):
                _put_aside(folder, stream, segments)
                continue
        elif alive(folder, stream):
            head = live_head(folder, stream)
            if head is not None:
                found.heads.append(list(head))
            continue
        segments = streams(folder, stream).get(
            stream, segments
        )  # it may have gone on after they were listed, and then ended
        plain = [segment for segment in segments if segment.plain.exists()]
        head, closed, torn = _end(folder, stream, segments, known, own)
        if taken_over and found.format_1 is not None:
            if head.n:
                found.format_1.append(list(head))
        elif old is not None and stream in old:
            pass  # the first genesis told of its end
        elif not closed:
            found.adopted.append({"stream": stream, "n": head.n, "hash": head.hash, "torn": torn})
        elif stream in untold:
            found.heads.append(list(head))
        found.done.append(stream)
        found.ended += [segment for segment in plain if segment.plain.exists()]
    return found


def listed(all_streams: dict[str, list[Segment]], own: Own) -> dict[str, list[Any]] | None:
    """The streams of format 1 that the first genesis of format 2 names; None if there is no genesis of format 2."""
    found: dict[str, list[Any]] | None = None
    for parts in all_streams.values():
        genesis = ends.genesis(parts, own.signed)
        if genesis is not None:
            found = {} if found is None else found
            if genesis.ordinal == 1:
                return {one[0]: one for one in genesis.record["format_1"]}
    return found


def _end(folder: Path, stream: str, segments: Sequence[Segment], known: Known, own: Own) -> tuple[Head, bool, int]:
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
        end = ends.end_of(data, own.written)
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
    return Head(stream, 0, bytes(32).hex()), False, torn


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


def _put_aside(folder: Path, stream: str, segments: Sequence[Segment]) -> None:
    """Move a stream away that this installation did not begin; one that a process writes is left, and not named."""
    living = alive(folder, stream)
    _log.error(
        "the stream %s of the audit log was not begun with a key of this installation: it is %s",
        stream,
        "not signed for, and a process writes it" if living else f"moved to {ASIDE}",
    )
    if living:
        return
    (folder / ASIDE).mkdir(exist_ok=True, mode=0o750)
    for path in (one for segment in segments for one in (segment.plain, segment.packed)):
        with contextlib.suppress(FileNotFoundError):
            path.rename(folder / ASIDE / path.name)
    head_file(folder, stream).unlink(missing_ok=True)
    sync_folder(folder)
