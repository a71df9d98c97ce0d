"""GA4 as documented: Measurement Protocol, its validation server, and web hits."""

from __future__ import annotations

import json

import httpx
import pytest

from gatekeeper.testing import Simulators, ga4

from .builders import DAY, GONE, HASH, NOW, changed, received, summary

TARGET = "/mp/collect?measurement_id=G-ABC1234567&api_secret=SECRET"
BODY = {
    "client_id": "1234567890.1700000000",
    "timestamp_micros": int((NOW - 60) * 1e6),
    "consent": {"ad_user_data": "DENIED"},
    "user_properties": {"plan": {"value": "gold"}},
    "user_data": {"sha256_email_address": [HASH], "address": [{"sha256_first_name": HASH, "city": "Berlin"}]},
    "events": [
        {
            "name": "purchase",
            "params": {
                "currency": "EUR",
                "value": 12.5,
                "page_location": "https://shop.example/thanks",
                "items": [{"item_id": "sku1", "price": 12.5}],
            },
        }
    ],
}

VIOLATIONS = {
    "no-client-id": ({"client_id": GONE}, "client_id", "client_id is needed"),
    "empty-client-id": ({"client_id": " "}, "client_id", "client_id is needed"),
    "unknown-top-level-key": ({"email": "x"}, "email", "not a documented field"),
    "unknown-key-that-is-data": ({"a@b.co": 1}, "<key>", "not a documented field"),
    "user-id-too-long": ({"user_id": "u" * 257}, "user_id", "256 characters"),
    "ip-override": ({"ip_override": "example"}, "ip_override", "not an IP address"),
    "behaviour": ({"validation_behavior": "STRICT"}, "validation_behavior", "neither RELAXED"),
    "consent-value": (
        {"consent__ad_user_data": "granted"},
        "consent.ad_user_data",
        "neither GRANTED nor DENIED",
    ),
    "consent-key": ({"consent__analytics": "GRANTED"}, "consent.analytics", "not a documented field"),
    "consent-kind": ({"consent": []}, "consent", "not an object"),
    "location-key": ({"user_location": {"town": "x"}}, "user_location.town", "not a documented field"),
    "device-value": ({"device": {"brand": 1}}, "device.brand", "not a string"),
    "time-73-hours": (
        {"timestamp_micros": int((NOW - 73 * 3600) * 1e6)},
        "timestamp_micros",
        "older than 72 hours",
    ),
    "time-in-seconds": ({"timestamp_micros": int(NOW)}, "timestamp_micros", "older than 72 hours"),
    "time-as-text": ({"timestamp_micros": "yesterday"}, "timestamp_micros", "not a whole number"),
    "event-time": (
        {"events__0__timestamp_micros": int((NOW - 4 * DAY) * 1e6)},
        "events[0].timestamp_micros",
        "older than 72 hours",
    ),
    "too-many-user-properties": (
        {"user_properties": {f"p{n}": {"value": n} for n in range(26)}},
        "user_properties",
        "more than 25",
    ),
    "user-property-name": ({"user_properties": {"p" * 25: {"value": 1}}}, None, "longer than 24 characters"),
    "user-property-value": (
        {"user_properties__plan__value": "x" * 37},
        "user_properties.plan.value",
        "longer than 36 characters",
    ),
    "user-property-without-value": (
        {"user_properties__plan": "gold"},
        "user_properties.plan",
        "value is needed",
    ),
    "clear-email": (
        {"user_data__sha256_email_address": ["jane@example.com"]},
        "user_data.sha256_email_address[0]",
        "64 lower-case hex digits",
    ),
    "upper-case-hash": (
        {"user_data__sha256_email_address": HASH.upper()},
        "user_data.sha256_email_address",
        "64 lower-case hex digits",
    ),
    "clear-name": (
        {"user_data__address__0__sha256_first_name": "Jane"},
        "user_data.address[0].sha256_first_name",
        "64 lower-case hex digits",
    ),
    "unhashed-field": ({"user_data__email": "x"}, "user_data.email", "not a documented field"),
    "user-properties-kind": ({"user_properties": []}, "user_properties", "not an object"),
    "user-data-kind": ({"user_data": "x"}, "user_data", "not an object"),
    "no-events": ({"events": []}, "events", "events is needed"),
    "events-kind": ({"events": {}}, "events", "events is needed"),
    "event-kind": ({"events": ["purchase"]}, "events[0]", "not an object"),
    "26-events": ({"events": [{"name": "x"}] * 26}, "events", "more than 25 events"),
    "event-key": ({"events__0__time": 1}, "events[0].time", "not a documented field"),
    "no-event-name": ({"events__0__name": GONE}, "events[0].name", "not a name"),
    "event-name-kind": ({"events__0__name": ["x"]}, "events[0].name", "not a name"),
    "event-name-dash": ({"events__0__name": "add-to-cart"}, "events[0].name", "not a name"),
    "event-name-digit": ({"events__0__name": "1st"}, "events[0].name", "not a name"),
    "event-name-long": ({"events__0__name": "n" * 41}, "events[0].name", "longer than 40 characters"),
    "event-name-reserved": ({"events__0__name": "session_start"}, "events[0].name", "a reserved event name"),
    "params-kind": ({"events__0__params": []}, "events[0].params", "not an object"),
    "26-params": (
        {"events__0__params": {f"p{n}": n for n in range(26)}},
        "events[0].params",
        "more than 25 parameters",
    ),
    "param-name": ({"events__0__params__a b": 1}, "events[0].params.<key>", "not a name"),
    "param-name-long": ({"events__0__params": {"p" * 41: 1}}, None, "longer than 40 characters"),
    "param-prefix": ({"events__0__params__ga_x": 1}, "events[0].params.ga_x", "a reserved prefix"),
    "null": ({"events__0__params__value": None}, "events[0].params.value", "null is not a parameter value"),
    "array": (
        {"events__0__params__tags": ["a"]},
        "events[0].params.tags",
        "an array is not a parameter value",
    ),
    "object": (
        {"events__0__params__tags": {}},
        "events[0].params.tags",
        "an object is not a parameter value",
    ),
    "long-value": ({"events__0__params__plan": "x" * 101}, "events[0].params.plan", "longer than 100"),
    "long-page-location": (
        {"events__0__params__page_location": "x" * 1001},
        "events[0].params.page_location",
        "longer than 1000",
    ),
    "long-page-referrer": (
        {"events__0__params__page_referrer": "x" * 421},
        "events[0].params.page_referrer",
        "longer than 420",
    ),
    "long-page-title": (
        {"events__0__params__page_title": "x" * 301},
        "events[0].params.page_title",
        "longer than 300",
    ),
    "value-kind": ({"events__0__params__value": "12.5"}, "events[0].params.value", "not a number"),
    "items-kind": ({"events__0__params__items": {}}, "events[0].params.items", "not a list of objects"),
    "item-kind": ({"events__0__params__items": ["a"]}, "events[0].params.items[0]", "not an object"),
    "item-without-id": (
        {"events__0__params__items": [{"price": 1}]},
        "events[0].params.items[0]",
        "item_id or item_name is needed",
    ),
    "item-value": (
        {"events__0__params__items__0__tags": []},
        "events[0].params.items[0].tags",
        "an array is not a parameter value",
    ),
    "201-items": (
        {"events__0__params__items": [{"item_id": "a"}] * 201},
        "events[0].params.items",
        "more than 200 items",
    ),
}

WARNINGS = {
    "value-without-currency": (
        {"events__0__params__currency": GONE},
        "events[0].params.currency",
        "currency is needed with value, or revenue is not computed",
    ),
    "currency-in-small-letters": (
        {"events__0__params__currency": "eur"},
        "events[0].params.currency",
        "not three capital letters of ISO 4217",
    ),
    "time-in-the-future": (
        {"timestamp_micros": int((NOW + 3600) * 1e6)},
        "timestamp_micros",
        "in the future",
    ),
}


def test_a_valid_request_has_no_problems() -> None:
    """The request that the tables below change is right before it is changed."""
    assert ga4.check(received(TARGET, BODY)) == ()


@pytest.mark.parametrize(("changes", "path", "rule"), VIOLATIONS.values(), ids=VIOLATIONS)
def test_a_documented_violation_is_an_error(changes: dict, path: str | None, rule: str) -> None:
    """Each limit of the reference is reported where it is broken, once."""
    [problem] = [p for p in ga4.check(received(TARGET, changed(BODY, **changes))) if p.severity == "error"]
    assert rule in problem.rule
    assert path in (None, problem.path)
    assert problem.source


@pytest.mark.parametrize(("changes", "path", "rule"), WARNINGS.values(), ids=WARNINGS)
def test_advice_is_a_warning(changes: dict, path: str, rule: str) -> None:
    """What Google only advises does not make a request invalid."""
    assert summary(ga4.check(received(TARGET, changed(BODY, **changes)))) == [("warning", path, rule)]


@pytest.mark.parametrize(
    ("target", "path"),
    [
        pytest.param("/mp/collect?api_secret=S", "query:measurement_id", id="no-measurement-id"),
        pytest.param("/mp/collect?measurement_id=UA-1&api_secret=S", "query:measurement_id", id="universal"),
        pytest.param("/mp/collect?measurement_id=G-ABC123", "query:api_secret", id="no-secret"),
        pytest.param("/mp/collect?measurement_id=G-ABC123&api_secret=", "query:api_secret", id="empty-secret"),
    ],
)
def test_stream_and_secret_are_needed(target: str, path: str) -> None:
    """Both stand in the query."""
    assert [problem.path for problem in ga4.check(received(target, BODY))] == [path]


def test_an_app_stream_needs_an_app_instance() -> None:
    """With firebase_app_id, app_instance_id takes the place of client_id."""
    target = "/mp/collect?firebase_app_id=1:2:ios:3&api_secret=S"
    assert [problem.path for problem in ga4.check(received(target, BODY))] == ["app_instance_id"]
    app = changed(BODY, client_id=GONE, app_instance_id="a" * 32)
    assert ga4.check(received(target, app)) == ()


@pytest.mark.parametrize(
    ("size", "problems"), [pytest.param(129_999, 0, id="just-fits"), pytest.param(130_000, 1, id="too-large")]
)
def test_the_body_is_smaller_than_130_kb(size: int, problems: int) -> None:
    """Spaces count: the limit is on the body as posted."""
    body = json.dumps(BODY).encode()
    assert len(ga4.check(received(TARGET, body + b" " * (size - len(body))))) == problems


def test_collect_answers_204_even_to_nonsense(sims: Simulators) -> None:
    """As Google does; what was wrong is in the problems."""
    response = httpx.post(sims.ga4.url + TARGET, content=b"{not json")
    assert (response.status_code, response.content) == (204, b"")
    assert summary(sims.ga4.received[0].errors) == [("error", "body", "not a JSON object")]


def test_the_validation_server_lists_what_is_wrong(sims: Simulators) -> None:
    """The debug endpoint answers 200 with a message per error, with none for a valid request."""
    url = sims.ga4.url + "/debug" + TARGET
    assert httpx.post(url, json=BODY).json() == {"validationMessages": []}
    wrong = changed(BODY, client_id=GONE, events__0__name="9", timestamp_micros=1)
    assert httpx.post(url, json=wrong).json() == {
        "validationMessages": [
            {
                "fieldPath": "client_id",
                "description": "client_id is needed",
                "validationCode": "VALUE_REQUIRED",
            },
            {
                "fieldPath": "timestamp_micros",
                "description": "older than 72 hours",
                "validationCode": "VALUE_INVALID",
            },
            {
                "fieldPath": "events[0].name",
                "description": "not a name: a letter, then letters, digits and underscores",
                "validationCode": "NAME_INVALID",
            },
        ]
    }


def test_collect_takes_nothing_but_post(sims: Simulators) -> None:
    """A GET is answered 405 and reported."""
    assert httpx.get(sims.ga4.url + TARGET).status_code == 405
    assert sims.ga4.received[0].errors[0].path == "method"


def test_a_web_hit_with_a_body_is_one_event_per_line(sims: Simulators) -> None:
    """Keys on a line override the query; the browser gets its origin back."""
    response = httpx.post(
        sims.ga4.url + "/g/collect?v=2&tid=G-ABC123&cid=1.2&en=page_view",
        content="en=click&ep.text=Back\r\nen=scroll",
        headers={"Origin": "https://shop.example", "Content-Type": "text/plain"},
    )
    [hit] = sims.ga4.received
    assert response.status_code == 204
    assert response.headers["access-control-allow-origin"] == "https://shop.example"
    assert [event["en"] for event in hit.events] == ["click", "scroll"]
    assert [event["cid"] for event in hit.events] == ["1.2", "1.2"]
    assert hit.problems == ()


def test_microseconds_may_be_a_string() -> None:
    """Protocol buffers write 64-bit integers so."""
    body = changed(BODY, timestamp_micros=str(int(NOW * 1e6)))
    assert ga4.check(received(TARGET, body)) == ()


def test_a_web_hit_is_got_or_posted() -> None:
    """Nothing else."""
    request = received("/g/collect?v=2&tid=G-ABC123&en=x", method="DELETE")
    assert [problem.path for problem in ga4.check(request)] == ["method"]


def test_a_web_hit_needs_version_stream_and_event() -> None:
    """v=2, tid and en are what makes a hit."""
    paths = [problem.path for problem in ga4.check(received("/g/collect?cid=1", method="GET"))]
    assert paths == ["hits[0].v", "hits[0].tid", "hits[0].en"]
