"""How many streams were begun in a folder, the digest of their names, and the latest time that was signed.

A small file beside the log. A genesis takes the next number, under the folder's lock; checkpoints and anchors repeat
number and digest, so that a stream that was inserted or removed later is missed. The file is written after a genesis
is durable; the genesis that a crash left in between is counted by the next one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

from gatekeeper.audit import chain
from gatekeeper.audit.ends import Genesis

FILE: Final = "begun"
_STATE: Final = re.compile(rb"(\d{20}) ([0-9a-f]{64}) (\d{20})\n")


class Begun(NamedTuple):
    """All streams that were begun so far."""

    number: int = 0
    digest: bytes = chain.FIRST
    at: int = 0  # Unix seconds; the latest time in a signed line

    @property
    def claim(self) -> list[object]:
        """As lines state it."""
        return [self.number, self.digest.hex()]


def read(folder: Path) -> Begun | None:
    """The state; None if there is none, or a power cut spoiled it. Raises OSError."""
    try:
        found = _STATE.fullmatch((folder / FILE).read_bytes())
    except FileNotFoundError:
        return None
    return None if found is None else Begun(int(found[1]), bytes.fromhex(found[2].decode()), int(found[3]))


def write(folder: Path, state: Begun, *, sync: bool) -> None:
    """Keep the state. Raises OSError."""
    descriptor = os.open(folder / FILE, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        os.pwrite(descriptor, b"%020d %s %020d\n" % (state.number, state.digest.hex().encode(), state.at), 0)
        if sync:
            os.fdatasync(descriptor)
    finally:
        os.close(descriptor)


def after(state: Begun | None, found: Iterable[Genesis]) -> Begun:
    """The state with those geneses counted that a crash kept out of it; without a state, from the geneses alone."""
    by_number = {one.ordinal: one for one in found}
    if state is None:
        last = by_number[max(by_number)] if by_number else None
        return Begun() if last is None else Begun(last.ordinal, last.digest)
    while (one := by_number.get(state.number + 1)) and chain.begun([one.stream], state.digest) == one.digest:
        state = state._replace(number=one.ordinal, digest=one.digest)
    return state
