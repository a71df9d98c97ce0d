"""The coats that analytics SDKs put around JSON. Pure. A body out of its coat, and back into the same one.

    plain         the JSON itself, under any content type
    gzip          compressed without a Content-Encoding (PostHog's `compression=gzip-js`)
    form          `data=<JSON>` among other pairs, in the body or the query
    base64        the same with the JSON in base64
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import orjson

from gatekeeper.model import Call
from gatekeeper.native import coding, json_body, pairs
from gatekeeper.native.dialect import Unreadable

LARGEST: Final = 2**23  # bytes of what a body holds that brings its own compression


@dataclass(frozen=True, slots=True)
class Coat:
    """How the JSON was wrapped; `place` of a form is `form` (the body) or `query`, `text` all of its pairs."""

    kind: str
    place: str = ""
    text: str = ""


def unwrap(call: Call, body: bytes) -> tuple[Any, Coat]:
    """The JSON value and its coat. Raises Unreadable."""
    if body[:2] == b"\x1f\x8b":
        return json_body.read(coding.decode(body, "gzip", LARGEST)), Coat("gzip")
    if body.lstrip()[:1] in (b"{", b"["):
        return json_body.read(body), Coat("plain")
    text, place = (_text(body), "form") if body else (call.query, "query")
    found = [value for name, value in pairs.read_pairs(text) if name == "data"]
    if len(found) != 1:
        raise Unreadable("the body is neither JSON nor one form field with JSON")
    if found[0].lstrip()[:1] in ("{", "["):
        return json_body.read(found[0].encode()), Coat("form", place, text)
    try:
        inner = base64.b64decode(found[0].replace(" ", "+").replace("-", "+").replace("_", "/") + "==")
    except (binascii.Error, ValueError):
        raise Unreadable("the form field is neither JSON nor base64") from None
    return json_body.read(inner), Coat("base64", place, text)


def wrap(data: object, coat: Coat) -> tuple[bytes, tuple[str, str] | None]:
    """The bytes of a plain or compressed body, or the pair that belongs into the form."""
    text = orjson.dumps(data)
    if coat.kind == "gzip":
        return coding.encode(text, "gzip"), None
    if coat.kind == "plain":
        return text, None
    return b"", ("data", base64.b64encode(text).decode() if coat.kind == "base64" else text.decode())


def form(rows: list[tuple[str, object]]) -> str:
    """A form, or a query, of some pairs."""
    return "&".join(f"{quote(name, safe='')}={quote(pairs.text(value), safe='')}" for name, value in rows)


def _text(body: bytes) -> str:
    try:
        return body.decode("ascii")
    except UnicodeDecodeError:
        raise Unreadable("the body is not a form") from None
