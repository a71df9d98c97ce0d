"""Files in the log's folder that are not the log's, and bytes in its files that are no line."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from io import RawIOBase
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gatekeeper.audit.segments import parse

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_BESIDE: Final = re.compile(
    r"\d{8}T\d{6}\.\d{6}Z-\d+-[0-9a-f]{8}\.(?:head|torn|\d{6}\.jsonl\.gz\.tmp)"
    r"|(?:checkpoint|files|columns|retention)\.lock|begun|turn|retention\.json|(?:begun|turn|retention\.json)\.tmp"
    r"|\.probe-[0-9a-f]{8}"
)
_FOLDERS: Final = ("columns", "set-aside")
_PIECE: Final = 2**18
_HEADER: Final = b"\x1f\x8b\x08" + bytes(5)  # gzip (RFC 1952) without name, comment and time


class Unpacked(RawIOBase):
    """What a compressed segment holds, as a raw stream; anything besides the one member of gzip is an error."""

    def __init__(self, path: Path, progress: Callable[[int], None] = lambda size: None) -> None:
        self._file = path.open("rb")
        self._progress = progress  # is told how many compressed bytes were read
        self._inflate = zlib.decompressobj(31)
        self._begun = False

    def readable(self) -> bool:
        """Whether it can be read: always, as `io.RawIOBase` asks."""
        return True

    def close(self) -> None:
        """Close the file below, too."""
        self._file.close()
        super().close()

    def readinto(self, buffer: WriteableBuffer) -> int:
        """The next bytes. Raises EOFError, zlib.error, and ValueError for bytes that are no part of the segment."""
        view = memoryview(buffer).cast("B")
        while not self._inflate.eof:
            piece = self._inflate.unconsumed_tail
            if not piece:
                piece = self._file.read(_PIECE)
                self._progress(len(piece))
            if not piece:
                raise EOFError("it ends in the middle")
            if not self._begun and piece[:8] != _HEADER:
                raise ValueError("has more in its gzip header than a segment")
            self._begun = True
            data = self._inflate.decompress(piece, len(view))
            if data:
                view[: len(data)] = data
                return len(data)
        if self._inflate.unused_data or self._file.read(1):
            raise ValueError("has bytes behind its end")
        return 0


def strangers(folder: Path) -> list[str]:
    """Names in the folder that are not the log's. Raises OSError."""
    return sorted(
        path.name
        for path in folder.iterdir()
        if not (path.name in _FOLDERS and path.is_dir()) and not (parse(path) or _BESIDE.fullmatch(path.name))
    )
