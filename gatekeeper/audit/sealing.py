"""A batch of lines, sealed: each with its place in the stream, and the time of writing where its own is another."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Final

from gatekeeper.audit import chain
from gatekeeper.audit.lines import Line, timestamp

TOLERANCE: Final = 60.0  # seconds by which a line's own time may differ from that at which it is written
_AT: Final = b'"timestamp":"'


def seal(
    lines: Sequence[Line], stream: str, n: int, digest: bytes, *, now: float, mark: Callable[[bytes], bytes] | None
) -> tuple[bytes, bytes]:
    """The bytes of `lines` behind the n-th line of a stream, whose hash is `digest`; and the hash of the last one.

    `mark` is put on the last one: they become durable together.
    """
    low, high = timestamp(now - TOLERANCE).encode(), timestamp(now + TOLERANCE).encode()
    salts = os.urandom(16 * len(lines))
    sealed = []
    last = n + len(lines)
    for i, line in enumerate(lines):
        n += 1
        at = line.core.find(_AT, 0, 40) + 13
        late = at > 13 and not low <= line.core[at : at + 20] <= high
        written, digest = chain.seal(
            line,
            stream,
            n,
            digest,
            salts[16 * i : 16 * i + 16],
            more=b',"written":"%s"' % timestamp(now).encode() if late else b"",
            mac=mark if n == last else None,
        )
        sealed.append(written)
    return b"".join(sealed), digest
