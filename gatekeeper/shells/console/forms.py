"""Queries and forms of the console. Bytes in, fields and files out; a name that is given twice is refused."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final
from urllib.parse import parse_qsl

from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from gatekeeper.console.page import Upload
from gatekeeper.errors import EventError
from gatekeeper.shells.asgi import Headers
from gatekeeper.signals import header_values

FORM: Final = "application/x-www-form-urlencoded"
MULTIPART: Final = "multipart/form-data"
MOST: Final = 300  # fields of one form
Form = tuple[Mapping[str, str], Mapping[str, Upload]]


def query(raw: bytes, names: Collection[str]) -> Mapping[str, str]:
    """The parameters of a page, without those that are empty. Raises EventError for one that the page does not take."""
    found: dict[str, str] = {}
    for name, value in _pairs(raw):
        if name not in names or name in found:
            detail = "what is looked for stands in a form, never in an address"
            raise EventError(422, "the address has a parameter that this page does not take", detail=detail)
        if value:
            found[name] = value
    return found


def form(body: bytes, headers: Headers) -> Form:
    """The fields and files of a form. Raises EventError."""
    kinds = header_values(headers, b"content-type")
    kind = kinds[0].decode("latin-1") if len(kinds) == 1 else ""
    media, options = parse_options_header(kind)
    if media == FORM:
        return _once(_pairs(body)), {}
    if media == MULTIPART and options.get("boundary"):
        return _parts(body, options["boundary"])
    raise EventError(415, "the body is not a form", detail=f"send {FORM} or {MULTIPART}")


def _pairs(raw: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(raw.decode("utf-8"), keep_blank_values=True, max_num_fields=MOST, errors="strict")
    except ValueError:
        raise EventError(400, "what was sent is not a form") from None


def _parts(body: bytes, boundary: str) -> Form:
    pairs: list[tuple[str, str]] = []
    files: dict[str, Upload] = {}
    segment: MultipartSegment | None = None
    data = bytearray()
    try:
        with PushMultipartParser(boundary, max_segment_count=MOST, strict=True) as parser:
            for event in parser.parse(body):
                if isinstance(event, MultipartSegment):
                    segment, data = event, bytearray()
                elif event is not None:
                    data += event
                elif segment is not None and segment.filename is None:
                    pairs.append((segment.name, data.decode("utf-8")))
                elif segment is not None and segment.name not in files:
                    files[segment.name] = Upload(segment.filename or "", bytes(data))
    except (MultipartError, ValueError):
        raise EventError(400, "what was sent is not a form") from None
    return _once(pairs), files


def _once(pairs: list[tuple[str, str]]) -> Mapping[str, str]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise EventError(422, "a field of the form is given twice")
    return found
