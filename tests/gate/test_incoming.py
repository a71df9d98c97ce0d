"""Every way in which a body is no event, with the words and the place that its sender reads."""

from __future__ import annotations

import gzip
import zlib

import orjson
import pytest

from gatekeeper.consent.token import MAX as MAX_TOKEN
from gatekeeper.errors import EventError
from gatekeeper.fields.strict import MAX_EVENTS, MAX_KEYS
from gatekeeper.gate.incoming import Posted, check_type, inflate, parse
from gatekeeper.model import Purpose
from tests.builders import NOW

HINT = "letters, digits and _ . : -, beginning with a letter, 100 at most"
OBJECT = "must be an object"
KNOWN = "is not a known key"
ONE = "must be a string of 1 to 256 characters"
COUNTRY = "must be an ISO 3166-1 code of two capital letters"
REGION = "must be the part of an ISO 3166-2 code after the dash"
PLACE = 'must be an object such as {"country": "US", "region": "CA"}'
ID = "must be a string of 1 to 128 printable ASCII characters"
TIME = "must be Unix seconds or an RFC 3339 time with offset"
TOKEN = f"must be the token of a notice, {MAX_TOKEN} characters at most"
LISTED = "must be an array of necessary, analytics, marketing"
SOFTWARE = "one of google, rudderstack, segment, shopify, walkeros"

# What is wrong with an event, where, in which words, and the hint.
WRONG = [
    ({"event": None}, "event", "missing", HINT),
    ({"event": ""}, "event", "is not an event name", HINT),
    ({"event": 7}, "event", "is not an event name", HINT),
    ({"event": "1st"}, "event", "is not an event name", HINT),
    ({"event": "x" * 101}, "event", "is not an event name", HINT),
    ({"event": "jane@example.com"}, "event", "is not an event name", HINT),
    ({"event": "phone_00493012345678"}, "event", "is not an event name", HINT),
    ({"colour": 1}, "colour", KNOWN, None),
    ({"jane doe": 1}, "(unprintable key)", KNOWN, None),
    ({"data": None}, "data", OBJECT, None),
    ({"data": []}, "data", OBJECT, None),
    ({"data": {f"k{n}": 1 for n in range(MAX_KEYS + 1)}}, "data", f"has more than {MAX_KEYS} keys", None),
    ({"consent": True}, "consent", "must be an object of booleans", None),
    ({"consent": {"ads": True}}, "consent.ads", "is not a purpose", None),
    ({"consent": {"jane doe": True}}, "consent.(unprintable key)", "is not a purpose", None),
    ({"consent": {"marketing": 1}}, "consent.marketing", "must be true or false", None),
    ({"consent": {"ads": True}, "event_id": "1"}, "consent.ads", "is not a purpose", None),
    ({"event_id": ""}, "event_id", ID, None),
    ({"event_id": 7}, "event_id", ID, None),
    ({"event_id": "x" * 129}, "event_id", ID, None),
    ({"event_id": "a b"}, "event_id", ID, None),
    ({"data": {"event_id": "ü"}}, "data.event_id", ID, None),
    ({"event_time": "now"}, "event_time", TIME, None),
    ({"event_time": True}, "event_time", TIME, None),
    ({"data": {"event_time": "now"}}, "data.event_time", TIME, None),
    ({"event_id": "1", "data": {"event_id": "2"}}, "data.event_id", "differs from event_id", None),
    ({"event_time": NOW, "data": {"event_time": NOW + 1}}, "data.event_time", "differs from event_time", None),
    ({"purposes": "marketing"}, "purposes", LISTED, None),
    ({"purposes": ["ads"]}, "purposes", LISTED, None),
    ({"purposes": ["marketing", 1]}, "purposes", LISTED, None),
    ({"subject": "U-7"}, "subject", OBJECT, None),
    ({"subject": {"email": "x"}}, "subject.email", KNOWN, None),
    ({"subject": {"jane doe": "x"}}, "subject.(unprintable key)", KNOWN, None),
    ({"subject": {"user_id": 7}}, "subject.user_id", ONE, None),
    ({"subject": {"user_id": ""}}, "subject.user_id", ONE, None),
    ({"subject": {"client_id": "x" * 257}}, "subject.client_id", ONE, None),
    ({"place": "DE"}, "place", PLACE, None),
    ({"place": {}}, "place", PLACE, None),
    ({"place": {"region": "CA"}}, "place", PLACE, None),
    ({"place": {"country": "US", "city": "x"}}, "place", PLACE, None),
    ({"place": {"country": "us"}}, "place.country", COUNTRY, None),
    ({"place": {"country": "USA"}}, "place.country", COUNTRY, None),
    ({"place": {"country": 1}}, "place.country", COUNTRY, None),
    ({"place": {"country": "US", "region": "ca"}}, "place.region", REGION, None),
    ({"place": {"country": "US", "region": "LONG"}}, "place.region", REGION, None),
    ({"place": {"country": "US", "region": ""}}, "place.region", REGION, None),
    ({"place": {"country": "US", "region": 6}}, "place.region", REGION, None),
    ({"held": 7}, "held", TOKEN, None),
    ({"held": "x" * (MAX_TOKEN + 1)}, "held", TOKEN, None),
    ({"flags": []}, "flags", OBJECT, None),
    ({"flags": {"matomo": {}}}, "flags", "is not software whose consent object is read", SOFTWARE),
]
GOOD = {"event": "page_view", "data": {"page_url": "/"}}


def refusal(body: object) -> tuple[int, str, str | None, str | None]:
    """Everything that the sender is told."""
    with pytest.raises(EventError) as caught:
        parse(body if isinstance(body, bytes) else orjson.dumps(body))
    return caught.value.status, caught.value.title, caught.value.field, caught.value.detail


@pytest.mark.parametrize(("wrong", "field", "title", "hint"), WRONG, ids=[f"{n}-{w[1]}" for n, w in enumerate(WRONG)])
def test_what_is_no_event_is_named_by_its_place(wrong: dict, field: str, title: str, hint: str | None) -> None:
    """Alone, in an array, and in an object of events: the path begins with where it stands."""
    event = GOOD | wrong
    assert refusal(event) == (422, title, field, hint)
    assert refusal([GOOD, event]) == (422, title, f"[1].{field}", hint)
    assert refusal({"events": [GOOD, GOOD, event]}) == (422, title, f"events[2].{field}", hint)


EMPTY = "there is no event in it"
MANY = f"too many events: at most {MAX_EVENTS} at once"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"{", (400, "the body is not JSON", None, None)),
        (7, (422, "the body must be an event, an array of events, or an object with `events`", None, None)),
        (None, (422, "the body must be an event, an array of events, or an object with `events`", None, None)),
        ([], (422, EMPTY, None, None)),
        ({"events": []}, (422, EMPTY, "events", None)),
        ({"events": GOOD}, (422, "must be an array of events", "events", None)),
        ({"events": None}, (422, "must be an array of events", "events", None)),
        ({"events": [GOOD], "more": 1, "less": 1}, (422, KNOWN, "less", None)),
        ({"events": [GOOD], "jane doe": 1}, (422, KNOWN, "(unprintable key)", None)),
        ([GOOD, 7], (422, OBJECT, "[1]", None)),
        ({"events": [7]}, (422, OBJECT, "events[0]", None)),
        ([GOOD] * (MAX_EVENTS + 1), (422, MANY, None, None)),
        ({"events": [GOOD] * (MAX_EVENTS + 1)}, (422, MANY, "events", None)),
    ],
)
def test_a_body_is_an_event_or_several(body: object, told: tuple) -> None:
    """And nothing else; all of them are good, or none is taken."""
    assert refusal(body) == told


def test_as_many_events_and_keys_as_are_allowed_are_taken() -> None:
    """The bounds belong to what is good."""
    assert len(parse(orjson.dumps([GOOD] * MAX_EVENTS))) == MAX_EVENTS
    (event,) = parse(orjson.dumps({"event": "a" * 100, "data": {f"k{n}": 1 for n in range(MAX_KEYS)}}))
    assert len(event.name) == 100 and len(event.data) == MAX_KEYS


def test_everything_that_an_event_may_say_is_read() -> None:
    """Id and time may stand in the data, and leave it; with the same values they may stand in both."""
    whole = {
        "event": "purchase", "consent": {"marketing": False}, "data": {"order_value": 7, "event_id": "e-1"},
        "event_time": NOW, "purposes": ["analytics"], "subject": {"user_id": "U" * 256, "client_id": "1"},
        "place": {"country": "US", "region": "CA"}, "held": "x" * MAX_TOKEN, "flags": {"segment": {"a": True}},
    }  # fmt: skip
    told = Posted(
        "purchase", {"order_value": 7}, {"marketing": False}, "e-1", NOW, frozenset({Purpose.ANALYTICS}),
        {"user_id": "U" * 256, "client_id": "1"}, ("US", "CA"), {"segment": {"a": True}}, "x" * MAX_TOKEN,
    )  # fmt: skip
    assert parse(orjson.dumps(whole)) == (told,)
    assert parse(orjson.dumps(whole | {"event_id": "e-1"})) == (told,)
    assert parse(orjson.dumps({"events": [whole]})) == (told,)
    assert parse(b'{"event":"a"}') == (Posted("a", {}),)
    assert parse(b'{"event":"a","data":{"event_time":1795478400}}') == (Posted("a", {}, time=NOW),)
    (place,) = parse(b'{"event":"a","place":{"country":"DE"}}')
    assert place.place == ("DE", None)
    nothing = dict.fromkeys(("consent", "event_id", "event_time", "purposes", "subject", "place", "held", "flags"))
    assert parse(orjson.dumps({"event": "a", **nothing})) == (Posted("a", {}),)


@pytest.mark.parametrize(
    ("content_type", "title", "detail"),
    [
        ("application/json", None, None),
        ("Text/Plain; charset=UTF-8", None, None),
        (' text/plain ; charset="utf8"', None, None),
        ("text/plain;charset=us-ascii", None, None),
        ("application/x-www-form-urlencoded", None, None),
        ("multipart/form-data; boundary=x", None, None),
        ("", None, None),
        ("text/html", "the content type is not supported", "send application/json or text/plain"),
        ("application/xml; charset=utf-8", "the content type is not supported", "send application/json or text/plain"),
        ("text/plain; charset=latin-1", "the charset is not supported", "send UTF-8"),
        ("text/plain; CHARSET = 'utf-8'", "the charset is not supported", "send UTF-8"),
    ],
)
def test_a_content_type_is_what_a_beacon_or_a_server_sends(content_type: str, title: str | None, detail: str) -> None:
    """In any letter case; another charset than UTF-8 would be read as another text."""
    if title is None:
        check_type(content_type)
        return
    with pytest.raises(EventError) as caught:
        check_type(content_type)
    assert (caught.value.status, caught.value.title, caught.value.detail) == (415, title, detail)


BODY = b'{"event":"page_view"}'
PACKED = gzip.compress(BODY)
LIMIT = "at most 40 bytes"
CODING, ONCE = "the content encoding is not supported", "send gzip, once, or nothing"


@pytest.mark.parametrize("coding", ["", "identity", " Identity "])
def test_a_body_without_a_coding_comes_through(coding: str) -> None:
    """Up to the limit itself."""
    assert inflate(BODY, coding, len(BODY)) == BODY


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", " GZip "])
def test_a_body_in_gzip_is_inflated(coding: str) -> None:
    """One layer of it, up to the limit itself."""
    assert inflate(PACKED, coding, len(PACKED)) == BODY
    assert inflate(gzip.compress(b"x" * 40), "gzip", 40) == b"x" * 40


@pytest.mark.parametrize(
    ("body", "coding", "status", "title", "detail"),
    [
        (b"x" * 41, "", 413, "the body is too large", LIMIT),
        (b"x" * 41, "gzip", 413, "the body is too large", LIMIT),
        (gzip.compress(b"x" * 41), "gzip", 413, "the body is too large when decompressed", LIMIT),
        (BODY, "br", 415, CODING, ONCE),
        (gzip.compress(b"x"), "gzip, gzip", 415, CODING, ONCE),
        (BODY, "gzip", 400, "the body is not gzip", None),
        (zlib.compress(BODY), "gzip", 400, "the body is not gzip", None),
        (gzip.compress(b"x")[:-1], "gzip", 400, "the gzip body is cut off or has something after its end", None),
        (gzip.compress(b"x") + b"y", "gzip", 400, "the gzip body is cut off or has something after its end", None),
        (b"", "gzip", 400, "the gzip body is cut off or has something after its end", None),
    ],
    ids=["large", "large-packed", "bomb", "brotli", "twice", "plain", "zlib", "cut-off", "more", "nothing"],
)
def test_a_body_that_cannot_be_inflated_is_refused(
    body: bytes, coding: str, status: int, title: str, detail: str | None
) -> None:
    """With its status: 413 for its size, 415 for its coding, 400 for what is broken."""
    with pytest.raises(EventError) as caught:
        inflate(body, coding, 40)
    assert (caught.value.status, caught.value.title, caught.value.detail) == (status, title, detail)
