"""Every way a value could still be in bytes that were sent. Value in, needles out."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import quote


@lru_cache(maxsize=256)
def needles(value: str) -> tuple[tuple[str, bytes], ...]:
    """Name of each encoding, and what to look for (base64 as it is, everything else without regard to case)."""
    return tuple((name, raw if "base64" in name else raw.lower()) for name, raw in _needles(value))


def _needles(value: str) -> Iterator[tuple[str, bytes]]:
    raw = value.encode()
    yield "raw", raw
    yield "upper", value.upper().encode()
    yield "lower", value.lower().encode()
    once = "".join(f"%{byte:02x}" for byte in raw)
    yield "percent, every byte", once.encode()
    yield "percent", quote(value, safe="").encode()
    yield "percent twice", quote(quote(value, safe=""), safe="").encode()
    yield "json", json.dumps(value)[1:-1].encode()
    yield "json, every character", "".join(f"\\u{ord(c):04x}" for c in value).encode()
    yield "html", "".join(f"&#{ord(c)};" for c in value).encode()
    yield "hex", raw.hex().encode()
    yield "utf-16", value.encode("utf-16-le")
    for shift in range(3):  # base64 as it looks when 0, 1 or 2 bytes stand before; its edges depend on neighbours
        encoded = base64.b64encode(b"\0" * shift + raw)
        inner = encoded[(0, 2, 3)[shift] :].rstrip(b"=")
        inner = inner[: len(inner) // 4 * 4 - 4]
        yield f"base64 +{shift}", inner
        yield f"base64url +{shift}", inner.replace(b"+", b"-").replace(b"/", b"_")
    for normal in {value, value.strip().lower(), value.strip().lower().lstrip("+"), value.strip().upper()}:
        for name in ("sha256", "sha1", "md5"):
            digest = hashlib.new(name, normal.encode(), usedforsecurity=False).digest()
            yield f"{name} hex", digest.hex().encode()
            yield f"{name} base64", base64.b64encode(digest).rstrip(b"=")[:-1]


def found_in(haystack: bytes, value: str) -> str | None:
    """The first encoding in which a value is found, or `None`."""
    folded = haystack.lower()
    for name, needle in needles(value):
        if needle in (haystack if "base64" in name else folded):
            return name
    return None
