"""The coats that analytics SDKs put around JSON. Pure. A body out of its coat, and back into the same one.

plain         the JSON itself, under any content type
gzip          compressed without a Content-Encoding (PostHog's `compression=gzip-js`)
lines         one JSON object per line
form          `data=<JSON>` among other pairs, in the body or the query
base64        the same with the JSON in base64
pairs         no JSON at all: one event as the pairs of a query or form
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from gatekeeper.model import Call
from gatekeeper.vendors.dialect import Unreadable
from gatekeeper.vendors.formats import coding, json_body, pairs

LARGEST: Final = 2**20  # bytes of what a body holds that brings its own compression: `max_body` as it is by default


@dataclass(frozen=True, slots=True)
class Coat:
    """How the JSON was wrapped; `place` of a form is `form` (the body) or `query`, `text` all of its pairs."""

    kind: str
    place: str = ""
    text: str = field(default="", repr=False)


def unwrap(call: Call, body: bytes, *, alone: bool = False, lines: bool = False) -> tuple[Any, Coat]:
    """The JSON value and its coat. Raises Unreadable.

    `alone`: pairs without `data` are an event themselves. `lines`: several lines may be as many events.
    """
    rows = [row for row in body.splitlines() if row.strip()] if lines and body.lstrip()[:1] == b"{" else []
    if len(rows) > 1 and all(row.lstrip()[:1] == b"{" and row.rstrip()[-1:] == b"}" for row in rows):
        if len(rows) > json_body.MAX_ELEMENTS:
            raise Unreadable("there are too many events")
        return [json_body.read(row) for row in rows], Coat("lines")
    if body[:2] == b"\x1f\x8b":
        return json_body.read(coding.decode(body, "gzip", LARGEST)), Coat("gzip")
    if body.lstrip()[:1] in (b"{", b"["):
        return json_body.read(body), Coat("plain")
    text, place = (_text(body), "form") if body else (call.query, "query")
    found = [value for name, value in pairs.read_pairs(text) if name == "data"]
    if alone and not found:
        both = pairs.read_pairs(call.query) + (pairs.read_pairs(text.removeprefix("?")) if body else [])
        return dict(both), Coat("pairs", place)
    if len(found) != 1:
        raise Unreadable("the body is neither JSON nor one form field with JSON")
    if found[0].lstrip()[:1] in ("{", "["):
        return json_body.read(found[0].encode()), Coat("form", place, text)
    return json_body.read(unbase64(found[0])), Coat("base64", place, text)


def wrap(data: object, coat: Coat) -> tuple[bytes, tuple[str, str] | None]:
    """The bytes of a plain or compressed body, or the pair that belongs into the form."""
    if coat.kind == "lines" and isinstance(data, list):
        return b"\n".join(map(orjson.dumps, data)), None
    text = orjson.dumps(data)
    if coat.kind == "gzip":
        return coding.encode(text, "gzip"), None
    if coat.kind == "plain":
        return text, None
    return b"", ("data", base64.b64encode(text).decode() if coat.kind == "base64" else text.decode())


def form(rows: Iterable[tuple[str, object]]) -> str:
    """A form, or a query, of some pairs, as a browser's script writes it."""
    return pairs.write_pairs(rows, plus=False)


def unbase64(text: str) -> bytes:
    """Base64 of either alphabet, with or without padding, as it comes out of a form. Raises Unreadable."""
    plain = text.replace(" ", "+").replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise Unreadable("what should be base64 is not valid base64") from None


def _text(body: bytes) -> str:
    try:
        return body.decode("ascii")
    except UnicodeDecodeError:
        raise Unreadable("the body is not a form") from None
