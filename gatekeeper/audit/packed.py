"""Lines as bytes: how what keeps them for the log keeps them, and which requests they decide. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence

import orjson

from gatekeeper.audit.lines import Line


def pack(batch: Sequence[Line]) -> bytes:
    """Lines as bytes, to be kept until the log has them: each as it is, then one with its pseudonyms and names.

    Compressed: lines of one moment are much alike, and what they are kept in is written to disk page by page.
    """
    parts = [part for line in batch for part in (line.core, orjson.dumps([line.refs, line.names]))]
    return zlib.compress(b"\n".join(parts), 1)


def unpack(data: bytes) -> list[Line]:
    """The lines of `pack`."""
    parts = zlib.decompress(data).split(b"\n")
    return [Line(core, *map(tuple, orjson.loads(behind))) for core, behind in zip(parts[::2], parts[1::2], strict=True)]


def decided(batch: Iterable[Line]) -> frozenset[str]:
    """The ids of the requests that lines decide; other lines have none."""
    records = [orjson.loads(line.core) for line in batch]
    return frozenset([one["request_id"] for one in records if one.get("kind") == "decision"])
