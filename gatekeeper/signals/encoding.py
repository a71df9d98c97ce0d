"""How values are wrapped on their way into a cookie or parameter: percent signs, quotes, JSON, base64, dates.

Contract: every function takes text from outside, returns plain values or raises `UnreadableError`, whose
message is fixed text that never repeats the input. Percent signs are undone at most three times (some
platforms encode twice, and servers that set a cookie again add a layer); what is still wrapped then is
unreadable. Form-encoding servers write blanks as `+`, and Python, Java and others put a value into double quotes with
backslashes before what they escape: both are undone where the value cannot be read otherwise. Express writes
`j:` before JSON. Linear time, values over `LONGEST` characters are refused.
"""

from __future__ import annotations

import binascii
import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from urllib.parse import unquote_to_bytes

import orjson

LONGEST = 8192  # characters; browsers stop at 4096 bytes a cookie, chunked ones and parameters get more
_UNWRAPPINGS = 3  # a platform's own, at most two, and one of a server that sets the cookie again
_LATEST = 1 << 33  # Unix seconds, the year 2242: anything later is no date of a choice
_EXPRESS = "j:"  # what Express (Node.js) puts before JSON in a cookie
_TOKEN = re.compile(r"[A-Za-z0-9_=+/-]{1,128}")
_DIGITS = re.compile(r"[0-9]{1,17}(\.[0-9]{1,9})?")
_QUOTED = re.compile(r'(?:[^"\\]|\\.)*', re.DOTALL)
_ESCAPE = re.compile(r"\\(?:([0-3][0-7]{2})|(.))", re.DOTALL)


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
    """The value without its wrappings: percent signs at most three times, double quotes around it."""
    for inner in _layers(value):
        value = inner
    return value


def word(value: str) -> str:
    """A value that should be one plain word, in lower case; empty where it cannot be read."""
    try:
        return plain(value).strip().lower()
    except UnreadableError:
        return ""


def _layers(value: str) -> Iterator[str]:
    """The value, then what is left after each wrapping is taken off."""
    yield value
    for _ in range(_UNWRAPPINGS):
        if len(value) > 1 and value[0] == value[-1] == '"':
            value = unescape(value[1:-1])
        elif "%" in value:
            value = unquote(value)
        else:
            return
        yield value


def unescape(value: str) -> str:
    """The inside of a quoted string without its backslashes, as Python, Java and others write cookie values.

    `\\"` is a quotation mark and `\\054` a comma. A value with a bare quotation mark in it is no such string
    and stays as it is.
    """
    if "\\" not in value or _QUOTED.fullmatch(value) is None:
        return value
    plain_text = _ESCAPE.sub(lambda match: match[2] or chr(int(match[1], 8)), value)
    try:  # bytes beyond ASCII are escaped one by one
        return plain_text.encode("latin-1").decode()
    except UnicodeError:
        return plain_text


def json_object(value: str) -> Mapping[str, object]:
    """A JSON object, raw or wrapped, with blanks as they are or as `+`.

    Text that does not even begin like an object is `ForeignError`; one that does and is broken is
    `UnreadableError`.
    """
    found = _json(value, "{")
    if isinstance(found, dict):
        return found
    raise ForeignError("no JSON object")


def json_array(value: str) -> list[object]:
    """A JSON array, raw or wrapped, with blanks as they are or as `+`; anything else is `UnreadableError`."""
    found = _json(value, "[")
    if isinstance(found, list):
        return found
    raise UnreadableError("no JSON array")


def _json(value: str, opening: str) -> object:
    """The JSON that begins with `opening`, `None` for text that does not look like JSON."""
    if "+" in value and value[:1] == "%":  # who encodes the bracket writes a bare plus for a blank only
        value = value.replace("+", " ")
    for inner in _layers(value):
        value = inner.removeprefix(_EXPRESS)
        if value[:1] == opening:
            for text in (value, value.replace("+", " ")):
                try:
                    return orjson.loads(text)
                except orjson.JSONDecodeError:
                    continue
    if value[:1] in ("{", "["):
        raise UnreadableError("broken JSON")
    if "%" in value[:1]:
        raise UnreadableError("encoded too often")
    return None


def base64_json(value: str) -> Mapping[str, object]:
    """A JSON object in base64 of either alphabet, with or without padding, percent-encoded or not."""
    # A server that takes a plus for a blank spoils base64 in a way that can be undone.
    text = plain(value).rstrip("=").replace("-", "+").replace("_", "/").replace(" ", "+")
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
    if len(value) > 20 and value[-6:-5] == " ":  # a server took the plus before the zone for a blank
        value = f"{value[:-6]}+{value[-5:]}"
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
