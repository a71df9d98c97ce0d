"""Content codings of calls. Pure. What a client may put around a body: taken off to look inside, and put back on.

identity, gzip, deflate, br and zstd, one layer; RFC 9110 section 8.4. What grows over the limit is refused. A byte
order mark before a text is taken off with the coding: JSON has none (RFC 8259), and senders on Windows write one.
"""

from __future__ import annotations

import gzip
import sys
import zlib
from typing import Final

import brotli

from gatekeeper.vendors.dialect import Unreadable

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

CODINGS: Final = ("", "identity", "gzip", "x-gzip", "deflate", "br", "zstd")
_MARK: Final = b"\xef\xbb\xbf"
# What RFC 9659 lets a content coding ask for: eight mebibytes of window.
_WINDOW: Final = {int(zstd.DecompressionParameter.window_log_max): 23}


def decode(body: bytes, coding: str, limit: int) -> bytes:
    """The plain body, `limit` bytes at most. Raises Unreadable for another coding, damage, a rest or too much."""
    return _decoded(body, coding.strip().lower(), limit).removeprefix(_MARK)


def _decoded(body: bytes, coding: str, limit: int) -> bytes:
    if coding in ("", "identity"):
        return body
    try:
        match coding:
            case "gzip" | "x-gzip":
                return _inflate(body, 31, limit)
            case "deflate":  # RFC 9110 says zlib; some clients send the bare stream
                try:
                    return _inflate(body, 15, limit)
                except zlib.error:
                    return _inflate(body, -15, limit)
            case "br":
                return _unbrotli(body, limit)
            case "zstd":
                return _unzstd(body, limit)
    except (zlib.error, brotli.error, zstd.ZstdError):
        raise Unreadable(f"the body is not {coding}") from None
    raise Unreadable("the content encoding is not supported")


def encode(body: bytes, coding: str) -> bytes:
    """The body in the client's own coding."""
    match coding.strip().lower():
        case "gzip" | "x-gzip":
            return gzip.compress(body, 6, mtime=0)
        case "deflate":
            return zlib.compress(body)
        case "br":
            return bytes(brotli.compress(body, quality=4))
        case "zstd":
            return zstd.compress(body)
    return body


def _inflate(body: bytes, wbits: int, limit: int) -> bytes:
    stream = zlib.decompressobj(wbits=wbits)
    plain = stream.decompress(body, limit + 1)
    if len(plain) > limit:
        raise Unreadable("the body is too large when decompressed")
    if not stream.eof or stream.unused_data:
        raise Unreadable("the body is cut off or has something after its end")
    return plain


def _unzstd(body: bytes, limit: int) -> bytes:
    stream = zstd.ZstdDecompressor(options=_WINDOW)
    plain = stream.decompress(body, limit + 1)
    if len(plain) > limit:
        raise Unreadable("the body is too large when decompressed")
    if not stream.eof or stream.unused_data:
        raise Unreadable("the body is cut off or has something after its end")
    return plain


def _unbrotli(body: bytes, limit: int) -> bytes:
    stream = brotli.Decompressor()
    plain = bytes(stream.process(body, output_buffer_limit=limit + 1))
    if len(plain) > limit:
        raise Unreadable("the body is too large when decompressed")
    if not stream.is_finished():
        raise Unreadable("the body is cut off")
    return plain
