"""How values are wrapped on their way into a cookie or parameter: percent signs, JSON, base64, dates.

Contract: every function takes text from outside, returns plain values or raises `UnreadableError`, whose
message is fixed text that never repeats the input. Percent signs are undone at most twice (some platforms
encode twice); what is still wrapped then is unreadable. Linear time, values over `LONGEST` characters are
refused.
"""

from __future__ import annotations

import binascii
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import unquote_to_bytes

import orjson

LONGEST = 8192  # characters; browsers stop at 4096 bytes a cookie, chunked ones and parameters get more
_UNWRAPPINGS = 2
_LATEST = 1 << 33  # Unix seconds, the year 2242: anything later is no date of a choice
_TOKEN = re.compile(r"[A-Za-z0-9_=+/-]{1,128}")
_DIGITS = re.compile(r"[0-9]{1,17}(\.[0-9]{1,9})?")


class UnreadableError(ValueError):
    """A value that is not what its format says. The message is a note for the trail, without values."""


class ForeignError(UnreadableError):
    """A value that another software wrote under the same name."""


_COMMON = (("%22", '"'), ("%2C", ","), ("%3A", ":"), ("%7B", "{"), ("%7D", "}"), ("%5B", "["), ("%5D", "]"))


def unquote(value: str) -> str:
    """Percent-decode once, as UTF-8; `UnreadableError` if the bytes are not UTF-8. A `+` stays a `+`."""
    # The punctuation of JSON by plain replacement, five times faster. None of it is a percent sign or a hex
    # digit, so no replacement can make a new escape.
    for escape, character in _COMMON:
        value = value.replace(escape, character)
    if "%" not in value:
        return value
    try:
        return unquote_to_bytes(value).decode()
    except UnicodeError:
        raise UnreadableError("not UTF-8") from None


def plain(value: str) -> str:
    """Percent-decode as often as there are percent signs, at most twice."""
    for _ in range(_UNWRAPPINGS):
        if "%" not in value:
            break
        value = unquote(value)
    return value


def json_object(value: str) -> Mapping[str, object]:
    """A JSON object, raw or percent-encoded once or twice.

    Text that does not even begin like an object is `ForeignError`; one that does and is broken is
    `UnreadableError`.
    """
    for unwrapped in range(_UNWRAPPINGS + 1):
        if value[:1] == "{":
            try:
                found = orjson.loads(value)
            except orjson.JSONDecodeError:
                found = None
            if isinstance(found, dict):
                return found
        if "%" not in value or unwrapped == _UNWRAPPINGS:
            break
        value = unquote(value)
    if value[:1] in ("{", "["):
        raise UnreadableError("broken JSON")
    raise UnreadableError("encoded more than twice") if "%" in value[:1] else ForeignError("no JSON object")


def base64_json(value: str) -> Mapping[str, object]:
    """A JSON object in base64 of either alphabet, with or without padding, percent-encoded or not."""
    text = plain(value).rstrip("=").replace("-", "+").replace("_", "/")
    try:
        found = orjson.loads(binascii.a2b_base64(text + "=" * (-len(text) % 4), strict_mode=True))
    except (ValueError, UnicodeEncodeError):
        raise UnreadableError("broken base64 or JSON") from None
    if not isinstance(found, dict):
        raise UnreadableError("no JSON object")
    return found


def mapping(value: object) -> Mapping[str, object]:
    """`value` if it is a JSON object, else `UnreadableError`."""
    if not isinstance(value, dict):
        raise UnreadableError("a part that should be an object is none")
    return value


def strings(value: object) -> tuple[str, ...]:
    """`value` if it is a JSON array of strings, else `UnreadableError`."""
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise UnreadableError("a part that should be a list of names is none")
    return tuple(value)


def when(value: object) -> float | None:
    """A date of a choice as Unix seconds: ISO 8601, seconds or milliseconds; anything else is `None`.

    A date without a zone is taken as UTC. Numbers above 1e11 are milliseconds.
    """
    if isinstance(value, str):
        if _DIGITS.fullmatch(value):
            value = float(value)
        else:
            return _iso(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    seconds = value / 1000 if value > 1e11 else float(value)
    return seconds if 0 < seconds < _LATEST else None


def _iso(value: str) -> float | None:
    if not value.isascii() or len(value) > 40:
        return None
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        seconds = moment.timestamp()
    except (ValueError, OverflowError):
        return None
    return seconds if 0 < seconds < _LATEST else None


def token(value: object) -> str | None:
    """An id that can be shown as evidence, short and opaque; what could be an e-mail or IP is `None`."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    text = str(value)[:256]
    return text if _TOKEN.fullmatch(text) else None
