"""How a stream began and how far it goes, as its own installation sees it. Bytes in, places out.

Only what this installation wrote counts: a genesis has its signature, and the last good line bears its mark or its
signature. The chain alone says nothing about who wrote it, because everybody can calculate a hash.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any, Final, NamedTuple

from gatekeeper.audit import chain
from gatekeeper.audit.segments import Segment

_BEGIN: Final = re.compile(rb'\{"stream":"([^"]+)","n":(\d+),"kind":"(?:genesis|segment","previous":"([0-9a-f]{64}))",')
_GENESIS: Final = re.compile(rb'\{"stream":"([^"]+)","n":1,"kind":"genesis",')
_LONGEST: Final = 2**26  # bytes of a line


class End(NamedTuple):
    """How far the whole, chained lines of a file go."""

    n: int
    hash: bytes
    offset: int  # in the file: what follows is torn
    closed: bool
    version: int  # the format of the lines


NOTHING: Final = End(0, chain.FIRST, 0, False, chain.FORMAT)
Written = Callable[[bytes, bytes], bool]  # the hash before a line and its head: whether it was written here


def end_of(data: bytes, written: Written) -> End:
    """The last good line of a segment's content; n is 0 if there is none.

    A line of format 2 is good if it, or one after it, bears a mark or a signature of this installation (`written`):
    with all others of its group it was durable, and no other hand put it there.
    """
    ends: list[tuple[End, bytes, bytes]] = []
    n, previous, offset, stream, version = 0, chain.FIRST, 0, "", chain.FORMAT
    for raw in BytesIO(data):
        sealed = chain.split(raw)
        if sealed is None:
            break
        if offset == 0:
            start = _BEGIN.match(sealed.head)
            if start is None:
                break
            stream, n, previous = start[1].decode(), int(start[2]) - 1, bytes.fromhex((start[3] or b"00" * 32).decode())
            version = chain.FORMAT if chain.link(previous, sealed.head) == sealed.hash else 1
        if not sealed.head.startswith(chain.begin(stream, n + 1)):
            break
        if chain.link(previous, sealed.head, version) != sealed.hash:
            break
        before, n, previous, offset = previous, n + 1, sealed.hash, offset + len(raw)
        end = End(n, previous, offset, b'"kind":"close"' in sealed.head[:120], version)
        if version == 1:
            ends = [(end, b"", b"")]
        elif sealed.head[-1:] == b'"' and (chain.mac_of(sealed.head) or chain.signature_of(sealed.head)):
            ends.append((end, before, sealed.head))
    for end, before, head in reversed(ends):
        if end.version == 1 or written(before, head):
            return end
    return NOTHING


class Genesis(NamedTuple):
    """How a stream of format 2 begins."""

    stream: str
    ordinal: int  # among all streams that were begun here
    digest: bytes  # of their names
    record: dict[str, Any]


def genesis(parts: Sequence[Segment], signed: Written) -> Genesis | None:
    """The beginning of a stream that this installation began; None of any other, or of a torn one. Raises OSError."""
    if parts[0].number != 1:
        return None
    try:
        with parts[0].open() as file:
            raw = file.readline(_LONGEST)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        return None
    sealed = chain.split(raw)
    if sealed is None or chain.link(chain.FIRST, sealed.head) != sealed.hash:
        return None
    start = _GENESIS.match(sealed.head)
    if start is None or start[1].decode() != parts[0].stream or not signed(chain.FIRST, sealed.head):
        return None
    record = sealed.record
    return Genesis(parts[0].stream, record["begun"][0], bytes.fromhex(record["begun"][1]), record)


def version_of(parts: Sequence[Segment]) -> int | None:
    """The format that a stream's first line claims; None if there is no whole line. Raises OSError."""
    try:
        with parts[0].open() as file:
            sealed = chain.split(file.readline(_LONGEST))
    except (EOFError, zlib.error, gzip.BadGzipFile):
        return None
    if sealed is None:
        return None
    return 1 if _GENESIS.match(sealed.head) and b'"format":' not in sealed.head else chain.FORMAT
