"""GA4 as documented: Measurement Protocol, its validation server, and web hits."""

from __future__ import annotations

import json

import httpx
import pytest

from gatekeeper.testing import Simulators, ga4

from .builders import GONE, HASH, NOW, changed, received, summary, violations

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

VIOLATIONS = violations("ga4", "violations")

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
