"""Strict JSON. Pure. Bytes in, a JSON value out that no two parsers could read differently, or an EventError.

Duplicate keys, NaN, lone surrogates and deep nesting are refused: parsers that disagree about them are how personal
data slips past a gate.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

import orjson

from gatekeeper.errors import EventError

MAX_DEPTH: Final = 32
MAX_KEYS: Final = 2_000  # of one event
MAX_EVENTS: Final = 1_000
MAX_VALUES: Final = 100_000  # of one body, told by its commas and brackets: those in texts count, too
_HOLDING: Final = frozenset({dict, list})  # exactly these: orjson makes no others


def strict_json(body: bytes) -> Any:
    """The JSON value of a body, without anything two parsers could read differently."""
    # Before they are read: a value takes up a hundred times the bytes it is written with.
    if len(body) > MAX_VALUES and sum(map(body.count, (b",", b"[", b"{"))) > MAX_VALUES:
        raise EventError(422, "the body has too many values")
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise EventError(400, "the body is not JSON") from None
    # fast: without an escape no text holds `":`, and few brackets are no depth; a call's body takes half the time
    few = b"\\" not in body and body.count(b"{") + body.count(b"[") <= MAX_DEPTH
    keys = orjson.dumps(value).count(b'":') if few else _count_keys(value)
    # Every key in the text is followed by a colon, so a text never has fewer `":` than keys, white space apart: equal
    # numbers mean that none was swallowed as a duplicate. Strings can hold `":` too; then every object is looked at.
    if body.translate(None, b" \t\r\n").count(b'":') != keys:
        json.loads(body, object_pairs_hook=_no_duplicates)
    return value


def _no_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise EventError(422, "the key is given twice", field=shown(key))
            seen.add(key)
    return found


def _count_keys(value: Any) -> int:
    """The number of keys in what orjson read, one level after the other."""
    count = 0
    level: list[Any] = [value] if value.__class__ in _HOLDING else []
    for _ in range(MAX_DEPTH):
        below: list[Any] = []
        for inner in level:
            if inner.__class__ is dict:
                count += len(inner)
                inner = inner.values()
            below += [child for child in inner if child.__class__ in _HOLDING]
        if not below:
            return count
        level = below
    raise EventError(422, f"the body is nested deeper than {MAX_DEPTH}")


def shown(key: str) -> str:
    """A key as it may stand in an error: a sender can put anything into one."""
    return key if re.fullmatch(r"[A-Za-z_][\w.-]{0,63}", key, re.ASCII) else "(unprintable key)"
