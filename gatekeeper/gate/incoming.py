"""What was posted, as events. Pure. Body bytes and headers in, checked event objects out, or an EventError.

    400 not JSON · 413 too large · 415 not what a beacon or server sends · 422 JSON, but no event

Strict on purpose: duplicate keys, NaN, lone surrogates and deep nesting are refused, because two parsers that
disagree about them are how personal data slips past a gate.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from gatekeeper.consent.token import MAX as MAX_TOKEN
from gatekeeper.errors import EventError
from gatekeeper.fields.accept import unix_time
from gatekeeper.fields.strict import MAX_EVENTS, MAX_KEYS, shown, strict_json
from gatekeeper.model import EVENT_KEYS, Purpose
from gatekeeper.scrub.identifier import is_mechanical

# What navigator.sendBeacon can send without a preflight (fetch standard, "CORS-safelisted"), and JSON itself.
TYPES: Final = frozenset(
    {"application/json", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""}
)
_PURPOSES: Final = frozenset(str(purpose) for purpose in Purpose)
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]{0,99}")
_ID: Final = re.compile(r"[\x21-\x7e]{1,128}")
_USUAL: Final = frozenset({"event", "consent", "data"})
_ENVELOPE: Final = ("event_id", "event_time")
_SOFTWARE: Final = frozenset({"google", "rudderstack", "segment", "shopify", "walkeros"})


class Posted(Struct, frozen=True):
    """One event as it was posted: types checked, values not yet."""

    name: str
    data: Mapping[str, object]
    consent: Mapping[str, bool] | None = None
    id: str | None = None
    time: float | None = None
    purposes: frozenset[Purpose] | None = None
    subject: Mapping[str, str] | None = None
    place: tuple[str | None, str | None] | None = None
    flags: Mapping[str, Any] | None = None  # other software's consent objects: they only narrow
    held: str | None = None  # the token of the notice whose answer the browser waited for


def inflate(body: bytes, encoding: str, limit: int) -> bytes:
    """The body without its Content-Encoding: nothing or one layer of gzip, `limit` bytes at most."""
    if len(body) > limit:
        raise EventError(413, "the body is too large", detail=f"at most {limit} bytes")
    coding = encoding.strip().lower()
    if coding in ("", "identity"):
        return body
    if coding not in ("gzip", "x-gzip"):
        raise EventError(415, "the content encoding is not supported", detail="send gzip, once, or nothing")
    try:
        stream = zlib.decompressobj(wbits=31)
        plain = stream.decompress(body, limit + 1)
    except zlib.error:
        raise EventError(400, "the body is not gzip") from None
    if len(plain) > limit:
        raise EventError(413, "the body is too large when decompressed", detail=f"at most {limit} bytes")
    if not stream.eof or stream.unused_data:
        raise EventError(400, "the gzip body is cut off or has something after its end")
    return plain


def check_type(content_type: str) -> None:
    """Refuse a content type that neither a beacon nor a server sends JSON under."""
    media, _, parameters = content_type.partition(";")
    if media.strip().lower() not in TYPES:
        raise EventError(415, "the content type is not supported", detail="send application/json or text/plain")
    charset = re.search(r"charset\s*=\s*\"?([^\s;\"]+)", parameters, re.IGNORECASE)
    if charset and charset[1].lower() not in ("utf-8", "utf8", "us-ascii"):
        raise EventError(415, "the charset is not supported", detail="send UTF-8")


def parse(body: bytes) -> tuple[Posted, ...]:
    """Every event of a body: one object, an array, or `{"events": […]}`. All are good, or none is taken."""
    value = strict_json(body)
    if isinstance(value, dict) and "events" in value:
        extra = value.keys() - {"events"}
        if extra:
            raise EventError(422, "is not a known key", field=shown(min(extra)))
        value, prefix = value["events"], "events"
        if not isinstance(value, list):
            raise EventError(422, "must be an array of events", field="events")
    else:
        prefix = ""
    if isinstance(value, dict):
        return (_event(value, ""),)
    if not isinstance(value, list):
        raise EventError(422, "the body must be an event, an array of events, or an object with `events`")
    if not value:
        raise EventError(422, "there is no event in it", field=prefix or None)
    if len(value) > MAX_EVENTS:
        raise EventError(422, f"too many events: at most {MAX_EVENTS} at once", field=prefix or None)
    return tuple(_event(event, f"{prefix}[{n}].") for n, event in enumerate(value))


def _event(value: object, at: str) -> Posted:
    if not isinstance(value, dict):
        raise EventError(422, "must be an object", field=at.rstrip(".") or None)
    if not EVENT_KEYS.issuperset(value):
        unknown = next(key for key in value if key not in EVENT_KEYS)
        raise EventError(422, "is not a known key", field=at + shown(unknown))
    name = value.get("event")
    if not isinstance(name, str) or not _NAME.fullmatch(name) or not is_mechanical(name):
        hint = "letters, digits and _ . : -, beginning with a letter, 100 at most"
        raise EventError(422, "missing" if name is None else "is not an event name", field=at + "event", detail=hint)
    data = value.get("data", {})
    if not isinstance(data, dict):
        raise EventError(422, "must be an object", field=at + "data")
    if len(data) > MAX_KEYS:
        raise EventError(422, f"has more than {MAX_KEYS} keys", field=at + "data")
    bare = data.keys().isdisjoint(_ENVELOPE)
    if bare and _USUAL.issuperset(value):
        return Posted(name, data, _consent(value.get("consent"), at + "consent"))
    event_id, event_time = _envelope(value, data, at)
    return Posted(
        name=name,
        data=data if bare else {key: inner for key, inner in data.items() if key not in _ENVELOPE},
        consent=_consent(value.get("consent"), at + "consent"),
        id=event_id,
        time=event_time,
        purposes=_purposes(value.get("purposes"), at + "purposes"),
        subject=_subject(value.get("subject"), at + "subject"),
        place=_place(value.get("place"), at + "place"),
        flags=_flags(value.get("flags"), at + "flags"),
        held=_held(value.get("held"), at + "held"),
    )


def _envelope(value: dict[str, Any], data: dict[str, Any], at: str) -> tuple[str | None, float | None]:
    """`event_id` and `event_time`, which may stand in the envelope or in the data, but not differ."""
    found: list[Any] = []
    for key in _ENVELOPE:
        outer, inner = value.get(key), data.get(key)
        if outer is not None and inner is not None and outer != inner:
            raise EventError(422, f"differs from {key}", field=f"{at}data.{key}")
        found.append((outer, at + key) if outer is not None else (inner, f"{at}data.{key}"))
    (event_id, id_at), (event_time, time_at) = found
    if event_id is not None and not (isinstance(event_id, str) and _ID.fullmatch(event_id)):
        raise EventError(422, "must be a string of 1 to 128 printable ASCII characters", field=id_at)
    time = unix_time(event_time)
    if event_time is not None and time is None:
        raise EventError(422, "must be Unix seconds or an RFC 3339 time with offset", field=time_at)
    return event_id, time


def _consent(value: object, at: str) -> Mapping[str, bool] | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise EventError(422, "must be an object of booleans", field=at)
    for key, answer in value.items():
        if key not in _PURPOSES:
            raise EventError(422, "is not a purpose", field=f"{at}.{shown(key)}")
        if not isinstance(answer, bool):
            raise EventError(422, "must be true or false", field=f"{at}.{key}")
    return value


def _purposes(value: object, at: str) -> frozenset[Purpose] | None:
    if value is None:
        return None
    if not isinstance(value, list) or any(not isinstance(one, str) or one not in _PURPOSES for one in value):
        raise EventError(422, "must be an array of necessary, analytics, marketing", field=at)
    return frozenset(Purpose(one) for one in value)


def _subject(value: object, at: str) -> Mapping[str, str] | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise EventError(422, "must be an object", field=at)
    for key, one in value.items():
        if key not in ("user_id", "client_id"):
            raise EventError(422, "is not a known key", field=f"{at}.{shown(key)}")
        if not isinstance(one, str) or not 0 < len(one) <= 256:
            raise EventError(422, "must be a string of 1 to 256 characters", field=f"{at}.{key}")
    return value


def _place(value: object, at: str) -> tuple[str | None, str | None] | None:
    if value is None:
        return None
    if not isinstance(value, dict) or not value.keys() <= {"country", "region"} or "country" not in value:
        raise EventError(422, 'must be an object such as {"country": "US", "region": "CA"}', field=at)
    country, region = value["country"], value.get("region")
    if not isinstance(country, str) or not re.fullmatch(r"[A-Z]{2}", country):
        raise EventError(422, "must be an ISO 3166-1 code of two capital letters", field=at + ".country")
    if region is not None and not (isinstance(region, str) and re.fullmatch(r"[A-Z0-9]{1,3}", region)):
        raise EventError(422, "must be the part of an ISO 3166-2 code after the dash", field=at + ".region")
    return country, region


def _held(value: object, at: str) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > MAX_TOKEN:
        raise EventError(422, f"must be the token of a notice, {MAX_TOKEN} characters at most", field=at)
    return value


def _flags(value: object, at: str) -> Mapping[str, Any] | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise EventError(422, "must be an object", field=at)
    for software in value:
        if software not in _SOFTWARE:
            hint = "one of " + ", ".join(sorted(_SOFTWARE))
            raise EventError(422, "is not software whose consent object is read", field=at, detail=hint)
    return value
