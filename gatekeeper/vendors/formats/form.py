"""Form bodies. Pure. `a=1&b=2` or multipart/form-data in, (name, value) pairs in their order out, and back.

Which of the two it is says the Content-Type, as at the vendors. A part that is a file is no pair: such a body is
refused. Source: RFC 7578; the WHATWG URL standard, section 5 (urlencoded).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from gatekeeper.model import Call
from gatekeeper.vendors.dialect import Unreadable
from gatekeeper.vendors.formats import pairs

URLENCODED: Final = "application/x-www-form-urlencoded"
MULTIPART: Final = "multipart/form-data"

Pairs = list[tuple[str, str]]


def content_type(call: Call) -> str:
    """The call's Content-Type with its parameters; empty without one. Raises Unreadable for several."""
    found = [value.decode("latin-1") for name, value in call.headers if name == b"content-type"]
    if len(found) > 1:
        raise Unreadable("there is more than one Content-Type")
    return found[0] if found else ""


def read(body: bytes, kind: str) -> tuple[str, Pairs]:
    """URLENCODED or MULTIPART, and the pairs of the body; `kind` is its Content-Type. Raises Unreadable."""
    name, options = parse_options_header(kind)
    if name == MULTIPART:
        return MULTIPART, _parts(body, options.get("boundary", ""))
    try:
        return URLENCODED, pairs.read_pairs(body.decode("ascii"))
    except UnicodeDecodeError:
        raise Unreadable("the body is not a form") from None


def write(kind: str, rows: Sequence[tuple[str, object]]) -> tuple[str, bytes]:
    """The Content-Type and the body of some pairs; their names are those of a table, and need no escapes."""
    if kind != MULTIPART:
        return URLENCODED, pairs.write_pairs(rows).encode()
    values = [(name, pairs.text(value).encode()) for name, value in rows]
    # Of the contents, so that it can stand in none of them, and tells nothing of the caller.
    boundary = hashlib.sha256(b"".join(value for _, value in values)).hexdigest()[:40].encode()
    parts = [
        b'--%b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % (boundary, name.encode(), value)
        for name, value in values
    ]
    return f"{MULTIPART}; boundary={boundary.decode()}", b"".join(parts) + b"--%b--\r\n" % boundary


def _parts(body: bytes, boundary: str) -> Pairs:
    found: Pairs = []
    value = bytearray()
    name = ""
    try:
        with PushMultipartParser(boundary, max_segment_count=pairs.MAX_PAIRS, strict=True) as parser:
            for event in parser.parse(body):
                if isinstance(event, MultipartSegment):
                    if event.filename is not None:
                        raise Unreadable("a part of the body is a file")
                    name, value = event.name, bytearray()
                elif event is None:
                    found.append((name, value.decode("utf-8")))
                else:
                    value += event
    except (MultipartError, ValueError):
        raise Unreadable("the body is not multipart/form-data") from None
    return found
