"""Open segments are closed on request: what is to be forgotten in them need not wait for midnight.

A file in the log's folder is the request. The writer of every living stream, in whichever process, looks at it twice a
second and begins its next segment when the file has changed.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Collection
from pathlib import Path
from typing import Final

from gatekeeper.audit.segments import Segment, alive, streams, write_whole

FILE: Final = "turn"
LOOK: Final = 0.5  # seconds between two looks of a writer
PATIENCE: Final = 3.0  # seconds for all writers


def asked(folder: Path) -> tuple[int, int]:
    """What changes with every request."""
    try:
        stat = (folder / FILE).stat()
    except OSError:
        return 0, 0
    return stat.st_ino, stat.st_mtime_ns


def turn(folder: Path, waiting: Collection[Segment], patience: float = PATIENCE) -> list[str]:
    """Have the open segments in `waiting` closed; the streams whose writers did not do it in time. Raises OSError."""
    if not waiting:
        return []
    write_whole(folder / FILE, secrets.token_hex(8).encode() + b"\n")
    deadline = time.monotonic() + patience
    left = list(waiting)
    while True:
        now = streams(folder)
        left = [one for one in left if _last(now, one) and alive(folder, one.stream)]
        if not left or time.monotonic() > deadline:
            return [one.stream for one in left]
        time.sleep(0.02)


def _last(now: dict[str, list[Segment]], segment: Segment) -> bool:
    parts = now.get(segment.stream)
    return parts is not None and parts[-1].number == segment.number
