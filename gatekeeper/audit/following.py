"""What is written behind the end of the log, as a reader that goes on sees it: each line once. Only reads.

A segment that is closed and compressed between two looks is read to its end in its other form.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gatekeeper.audit import read
from gatekeeper.audit.segments import Segment
from gatekeeper.errors import AuditError


class Following:
    """A place in each segment of a log: at first, where it ends now. Raises AuditError."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        found = read.files(folder)
        self._ended = {segment.plain for segment in found if segment.path == segment.packed}
        self._places = {segment.plain: segment.size for segment in found if segment.path == segment.plain}

    def new(self) -> Iterator[dict[str, Any]]:
        """The records that were written since. Raises AuditError."""
        try:
            for segment in read.files(self._folder):
                if segment.plain not in self._ended:
                    yield from self._rest(segment)
        except (OSError, EOFError, zlib.error) as error:
            raise AuditError(f"{self._folder}: the audit log cannot be read ({type(error).__name__})") from None

    def _rest(self, segment: Segment) -> Iterator[dict[str, Any]]:
        with segment.open() as file:
            file.seek(self._places.get(segment.plain, 0))
            for line in iter(file.readline, b""):
                if not line.endswith(b"\n"):
                    break
                self._places[segment.plain] = file.tell()
                yield from read.parse([line])
        if segment.path == segment.packed:  # it was compressed before it was opened: nothing is written to it any more
            self._ended.add(segment.plain)
