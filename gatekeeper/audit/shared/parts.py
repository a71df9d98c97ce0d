"""A segment divided and put together again. Pure. Its bytes in, its lines without references and the references out.

    <log>/<stream>.<number>.heads.gz   lines without subjects, names and salts: they hold nothing of a person, for ever
    <log>/<stream>.<number>.refs.gz    "<place of the line> <what was cut out of it>", a line each: it can be deleted

A line's hash covers a commitment to what is cut out, so the first part can be checked without the second.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterable
from typing import Final

from gatekeeper.audit import chain
from gatekeeper.errors import AuditError

HEADS: Final = ".heads.gz"
REFERENCES: Final = ".refs.gz"
_BEGIN: Final = re.compile(rb'\{"stream":"[^"]+","n":(\d+),(?:"kind":"gap","last":(\d+),)?')


def divide(data: bytes) -> tuple[bytes, bytes]:
    """A segment's lines without references, and the references; both compressed. Raises AuditError."""
    heads, references = [], []
    for place, raw in enumerate(data.splitlines(keepends=True)):
        sealed = chain.split(raw)
        if sealed is None:
            raise AuditError("the segment holds something that is not a line of the log; run `gatekeeper audit verify`")
        bare = sealed.without_refs()
        heads.append(bare)
        if sealed.tail is not None:
            references.append(b"%d %s\n" % (place, raw[len(bare) - 2 : -2]))
    return _packed(heads), _packed(references)


def together(heads: bytes, references: bytes) -> bytes:
    """The segment's lines, with the references that are left. Raises AuditError."""
    try:
        lines = gzip.decompress(heads).splitlines(keepends=True)
        for one in gzip.decompress(references).splitlines():
            place, _, tail = one.partition(b" ")
            lines[int(place)] = lines[int(place)][:-2] + tail + b"}\n"
    except (OSError, EOFError, ValueError, IndexError, zlib.error):
        raise AuditError("a segment in the archive cannot be read") from None
    return b"".join(lines)


def same(one: bytes, other: bytes) -> bool:
    """Whether two objects hold the same, by whichever version of zlib they were compressed."""
    try:
        return one == other or gzip.decompress(one) == gzip.decompress(other)
    except (OSError, EOFError, zlib.error):
        return False


def last(data: bytes) -> int:
    """The number of a segment's last line in its stream; 0 of an empty one."""
    end = data.rfind(b"\n", 0, len(data) - 1) + 1
    found = _BEGIN.match(data, end)
    return 0 if found is None else int(found[2] or found[1])


def _packed(lines: Iterable[bytes]) -> bytes:
    return gzip.compress(b"".join(lines), 6, mtime=0)
