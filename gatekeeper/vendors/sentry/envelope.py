"""Sentry's envelopes, as bytes. Pure. A header line, then items of a header line and a payload each; and back.

    {"event_id": …}\n{"type": "event", "length": 12}\n{…12 bytes…}\n…

`length` counts bytes; without it the payload ends at the line's end. The gate always writes it.
Source: develop.sentry.dev/sdk/foundations/transport/envelopes, read 2026-11-23.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from gatekeeper.vendors.dialect import Unreadable
from gatekeeper.vendors.formats import json_body

MAX_ITEMS: Final = 200
_LINE_FEEDS: Final = re.compile(rb"\n*")


@dataclass(frozen=True, slots=True)
class Item:
    """One item; `payload` is as it stood, without the line feed after it."""

    header: Mapping[str, Any] = field(repr=False)
    payload: bytes = field(repr=False)


def read(body: bytes) -> tuple[dict[str, Any], tuple[Item, ...]]:
    """The envelope's header and its items. Raises Unreadable for a wrong length, a bad header, too many items."""
    line, _, _ = body.partition(b"\n")
    header = json_body.read_object(line)
    items: list[Item] = []
    position = min(len(line) + 1, len(body))
    while (position := _past_empty_lines(body, position)) < len(body):
        if len(items) == MAX_ITEMS:
            raise Unreadable("the envelope has too many items")
        end = _line_end(body, position)
        item = json_body.read_object(body[position:end])
        start = min(end + 1, len(body))
        stop = _stop(item.get("length"), body, start)
        items.append(Item(item, body[start:stop]))
        position = stop
    return header, tuple(items)


def write(header: Mapping[str, Any], items: Iterable[tuple[Mapping[str, Any], bytes]]) -> bytes:
    """The envelope of these items, each with its own length."""
    lines = [orjson.dumps(header)]
    for item, payload in items:
        lines += [orjson.dumps({**item, "length": len(payload)}), payload]
    return b"\n".join((*lines, b""))


def _stop(length: object, body: bytes, start: int) -> int:
    if length is None:
        return _line_end(body, start)
    if isinstance(length, bool) or not isinstance(length, int) or not 0 <= length <= len(body) - start:
        raise Unreadable("the length of an item is wrong")
    stop = start + length
    if body[stop : stop + 1] not in (b"", b"\n"):
        raise Unreadable("an item is longer than its length")
    return stop


def _past_empty_lines(body: bytes, position: int) -> int:
    match = _LINE_FEEDS.match(body, position)
    return position if match is None else match.end()


def _line_end(body: bytes, position: int) -> int:
    found = body.find(b"\n", position)
    return len(body) if found < 0 else found
