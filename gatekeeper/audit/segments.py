"""The log's files: which streams there are, in which segments, and how far each goes.

<stream>.<000001…>.jsonl      a segment: open, or closed and not compressed yet
<stream>.<000001…>.jsonl.gz   a closed segment
<stream>.head                 locked by the stream's process while it lives; its last durable line
<stream>.torn                 what a crash left behind the last whole line
set-aside/                    streams that this installation did not begin, as they were found
columns/                      what queries made of the lines; see columns.py
*.lock, begun, turn, retention.json   see alone.py, others.py, begun.py, turning.py, retention.py
"""

from __future__ import annotations

import contextlib
import gzip
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import IO, Final, NamedTuple, cast

from gatekeeper.errors import AuditError, ConfigError
from gatekeeper.installation import disk, forks
from gatekeeper.installation.locks import Lock
from gatekeeper.installation.owners import hindrance

_NAME: Final = re.compile(r"(\d{8}T\d{6}\.\d{6}Z-\d+-[0-9a-f]{8})\.(\d{6})\.jsonl(?:\.gz)?")
FORMS: Final = (".jsonl", ".jsonl.gz")
"""The ends of a segment's names, in the order in which it has them: who looks for it in the other order may miss it."""
_BUFFER: Final = 2**20
_PIECE: Final = 2**16
_HEAD: Final = re.compile(rb"(\d{20}) ([0-9a-f]{64})\n")


class Head(NamedTuple):
    """A place in the log: the n-th line of a stream and its hash in hexadecimal digits."""

    stream: str
    n: int
    hash: str


@dataclass(frozen=True, slots=True)
class Segment:
    """One file of a stream. The open form and the `.gz` are the same segment."""

    stream: str
    number: int
    path: Path

    @property
    def plain(self) -> Path:
        """Its path before compression."""
        return self.path.with_name(f"{self.stream}.{self.number:06}.jsonl")

    @property
    def packed(self) -> Path:
        """Its path after compression."""
        return self.path.with_name(f"{self.stream}.{self.number:06}.jsonl.gz")

    def open(self) -> IO[bytes]:
        """Its lines, whichever form it has by now. Raises OSError."""
        if self.path == self.plain:
            with contextlib.suppress(FileNotFoundError):
                return self.plain.open("rb")
        return cast(
            IO[bytes], BufferedReader(gzip.GzipFile(self.packed), _BUFFER)
        )  # by 8 KiB it takes half as long again

    def first(self) -> bytes:
        """Its first line, empty if it has none. Raises OSError, EOFError or zlib.error."""
        if self.path == self.plain:
            with contextlib.suppress(FileNotFoundError), self.plain.open("rb") as plain:
                return plain.readline()
        with gzip.GzipFile(self.packed) as packed:  # fast: a few kilobytes of it instead of a whole buffer, a tenth
            return packed.readline()

    @property
    def size(self) -> int:
        """Bytes on the disk; 0 if it is gone."""
        for path in (self.path, self.packed):
            with contextlib.suppress(FileNotFoundError):
                return path.stat().st_size
        return 0

    @property
    def mark(self) -> str:
        """What changes whenever its file does; empty if it is gone."""
        try:
            stat = self.path.stat()
        except OSError:
            return ""
        return f"{self.path.name}:{stat.st_size}:{stat.st_mtime_ns}"

    def read(self) -> bytes:
        """All of it. Raises OSError, EOFError or zlib.error."""
        with self.open() as file:
            return file.read()


def parse(path: Path) -> Segment | None:
    """The segment a path is; None if its name is not a segment's."""
    found = _NAME.fullmatch(path.name)
    return None if found is None else Segment(found[1], int(found[2]), path)


def holds_log(folder: Path) -> bool:
    """Whether there is a log in a folder. Raises AuditError if this process may not look: "none" would not be true."""
    try:
        with os.scandir(folder) as entries:
            return any(".jsonl" in entry.name for entry in entries)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise AuditError(f"audit.path: {hindrance(folder, error, 'read the log')}") from None


def streams(folder: Path, only: str = "") -> dict[str, list[Segment]]:
    """Every stream's segments in order, streams by their start. The compressed form counts where there are both.

    `only` is the beginning of the names that are wanted. Two looks, at the open forms first: a segment that is
    compressed meanwhile is in one of them. Raises AuditError if this process may not look.
    """
    if not holds_log(folder):
        return {}
    found: dict[str, dict[int, Segment]] = {}
    for form in FORMS:
        for path in paths(folder, only, form):
            segment = parse(path)
            if segment is not None:
                found.setdefault(segment.stream, {})[segment.number] = segment
    return {stream: [numbers[n] for n in sorted(numbers)] for stream, numbers in sorted(found.items())}


def paths(folder: Path, only: str, form: str) -> list[Path]:
    """The files of one of the `FORMS` whose names begin with `only`: one look at the folder."""
    return list(folder.glob(f"{only}*{form}"))


def head_file(folder: Path, stream: str) -> Path:
    """Where a live stream says how far it is."""
    return folder / f"{stream}.head"


def write_head(descriptor: int, n: int, digest: bytes) -> None:
    """Say how far a stream is; in one write, so that a reader sees all of it or nothing of it."""
    os.pwrite(descriptor, b"%020d %s\n" % (n, digest.hex().encode()), 0)


def live_head(folder: Path, stream: str) -> Head | None:
    """The last durable line that a live stream told of."""
    try:
        found = _HEAD.fullmatch(head_file(folder, stream).read_bytes())
    except FileNotFoundError:
        return None
    return None if found is None else Head(stream, int(found[1]), found[2].decode())


def alive(folder: Path, stream: str) -> bool:
    """Whether the process that writes a stream is there."""
    path = head_file(folder, stream)
    if not path.exists():
        return False
    lock = Lock(path)
    taken = lock.take()
    lock.release()
    return not taken


def sync_folder(folder: Path) -> None:
    """Make names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file(path: Path) -> None:
    """Make what is in a file durable, whichever process wrote it. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        disk.sync(descriptor)
    finally:
        os.close(descriptor)


def write_whole(path: Path, data: bytes) -> None:
    """Put a file in a file's place: after a crash there is the old one or the new one. Raises OSError."""
    with _whole(path) as file:
        file.write(data)


@contextlib.contextmanager
def _whole(path: Path) -> Iterator[IO[bytes]]:
    temporary = path.with_name(path.name + ".tmp")

    def begin() -> IO[bytes]:
        return os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640), "wb")

    with forks.opened(begin) as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


def pack(segment: Segment) -> None:
    """Compress a closed segment, a piece at a time. May be interrupted at any point and done again. Raises OSError."""
    if not segment.packed.exists():
        if not segment.plain.exists():
            return
        with (
            forks.opened(lambda: segment.plain.open("rb")) as source,
            _whole(segment.packed) as file,
            gzip.GzipFile("", "wb", 6, file, mtime=0) as packer,
        ):
            shutil.copyfileobj(source, packer, _PIECE)
    segment.plain.unlink(missing_ok=True)


def lines(segment: Segment) -> Iterator[bytes]:
    """A segment's lines. Raises OSError, EOFError or zlib.error."""
    with segment.open() as file:
        yield from file


def usable(folder: Path) -> None:
    """Make the log's folder; raises ConfigError if lines could not be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        probe = folder / f".probe-{secrets.token_hex(4)}"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise ConfigError(f"audit.path: {hindrance(folder, error, 'write the log')}") from None
