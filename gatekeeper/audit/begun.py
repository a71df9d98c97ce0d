"""How many streams were begun in a folder, the digest of their names, and the latest time that was signed.

A small file beside the log, with a mark of the installation. A genesis takes the next number, under the folder's lock;
checkpoints and anchors repeat number and digest, so that a stream that was inserted or removed later is missed. The
file is written after a genesis is durable; the genesis that a crash left in between is counted by the next one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from gatekeeper.audit import chain
from gatekeeper.audit.ends import Genesis
from gatekeeper.audit.lines import TIME
from gatekeeper.audit.signing import Own
from gatekeeper.installation import disk

FILE: Final = "begun"
_STATE: Final = re.compile(rb"((\d{20}) ([0-9a-f]{64}) (\d{20})) ([0-9a-f]{16})\n")
_LABEL: Final = b"gatekeeper-begun-2\0"


class Begun(NamedTuple):
    """All streams that were begun so far."""

    number: int = 0
    digest: bytes = chain.FIRST
    at: int = 0  # Unix seconds; the latest time in a signed line

    @property
    def claim(self) -> list[object]:
        """As lines state it."""
        return [self.number, self.digest.hex()]


def read(folder: Path, own: Own | None) -> Begun | None:
    """The state; None if there is none, a power cut spoiled it, or another hand wrote it. Raises OSError.

    Without `own` it is believed, whichever installation wrote it.
    """
    try:
        found = _STATE.fullmatch((folder / FILE).read_bytes())
    except FileNotFoundError:
        return None
    if found is None or (own and not own.marked(_LABEL + found[1], bytes.fromhex(found[5].decode()))):
        return None
    return Begun(int(found[2]), bytes.fromhex(found[3].decode()), int(found[4]))


def write(folder: Path, state: Begun, mark: chain.Mac, *, sync: bool) -> None:
    """Keep the state. Raises OSError."""
    text = b"%020d %s %020d" % (state.number, state.digest.hex().encode(), state.at)
    descriptor = os.open(folder / FILE, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        os.pwrite(descriptor, b"%s %s\n" % (text, mark(_LABEL + text).hex().encode()), 0)
        if sync:
            disk.sync(descriptor)
    finally:
        os.close(descriptor)


def after(state: Begun | None, found: Iterable[Genesis]) -> Begun:
    """The state with those geneses counted that a crash kept out of it; without a state, from the geneses alone."""
    by_number = {one.ordinal: one for one in found}
    if state is None:
        if not by_number:
            return Begun()
        last = by_number[max(by_number)]
        return Begun(last.ordinal, last.digest, max(_seconds(one) for one in by_number.values()))
    while (one := by_number.get(state.number + 1)) and chain.begun([one.stream], state.digest) == one.digest:
        state = state._replace(number=one.ordinal, digest=one.digest)
    return state


def _seconds(genesis: Genesis) -> int:
    at: str = genesis.record["timestamp"]
    return int(datetime.strptime(at, TIME).replace(tzinfo=UTC).timestamp())
