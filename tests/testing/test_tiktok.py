"""TikTok's Events API 2.0: field rules, and errors inside HTTP 200."""

from __future__ import annotations

import httpx
import pytest

from gatekeeper.testing import Simulators, tiktok

from .builders import DAY, GONE, HASH, NOW, changed, received, summary

TARGET = "/open_api/v1.3/event/track/"
TOKEN = ("Access-Token", "TTTOKEN")
EVENT = {
    "event": "Purchase",
    "event_time": int(NOW) - 60,
    "event_id": "evt-1",
    "user": {"email": HASH, "phone": [HASH], "ttclid": "E.C.P.abc", "ip": "203.0.113.9", "user_agent": "M"},
    "properties": {"currency": "EUR", "value": 12.5, "contents": [{"content_id": "sku1"}]},
    "page": {"url": "https://shop.example/thanks"},
    "limited_data_use": False,
}
BODY = {"event_source": "web", "event_source_id": "COQDA8RC77U2TMR44LI0", "data": [EVENT]}

VIOLATIONS = {
    "no-source": ({"event_source": GONE}, "event_source", "event_source is needed"),
    "source-unknown": ({"event_source": "website"}, "event_source", "event_source is needed"),
    "no-pixel": ({"event_source_id": ""}, "event_source_id", "event_source_id is needed"),
    "no-data": ({"data": GONE}, "data", "data is needed"),
    "1001-events": ({"data": [EVENT] * 1001}, "data", "more than 1000 events"),
    "event-kind": ({"data__0": "Purchase"}, "data[0]", "not an object"),
    "event-key": ({"data__0__context": {}}, "data[0].context", "not a documented field"),
    "no-event": ({"data__0__event": GONE}, "data[0].event", "event is needed"),
    "no-time": ({"data__0__event_time": GONE}, "data[0].event_time", "event_time is needed"),
    "time-text": ({"data__0__event_time": "2026-11-20"}, "data[0].event_time", "event_time is needed"),
    "time-milliseconds": ({"data__0__event_time": int(NOW) * 1000}, "data[0].event_time", "in milliseconds"),
    "limited-kind": ({"data__0__limited_data_use": 1}, "data[0].limited_data_use", "not true or false"),
    "page-url": ({"data__0__page__url": "/thanks"}, "data[0].page.url", "not a URL"),
    "page-kind": ({"data__0__page": "x"}, "data[0].page.url", "not a URL"),
    "no-user": ({"data__0__user": GONE}, "data[0].user", "user is needed"),
    "empty-user": ({"data__0__user": {"email": ""}}, "data[0].user", "user is needed"),
    "user-key": ({"data__0__user__name": "x"}, "data[0].user.name", "not a documented field"),
    "clear-email": ({"data__0__user__email": "a@b.co"}, "data[0].user.email", "64 lower-case hex digits"),
    "clear-phone": ({"data__0__user__phone": ["+1415"]}, "data[0].user.phone[0]", "64 lower-case hex digits"),
    "hashed-ip": ({"data__0__user__ip": HASH}, "data[0].user.ip", "not an IP address in the clear"),
    "hashed-city": ({"data__0__user__city": HASH}, "data[0].user.city", "not a string in the clear"),
    "click-id-kind": ({"data__0__user__ttclid": 7}, "data[0].user.ttclid", "not a string in the clear"),
    "properties-kind": (
        {"data__0__properties": [], "data__0__event": "Lead"},
        "data[0].properties",
        "not an object",
    ),
    "currency": ({"data__0__properties__currency": "Euro"}, "data[0].properties.currency", "ISO 4217"),
    "value": ({"data__0__properties__value": "12"}, "data[0].properties.value", "not a number"),
    "contents": ({"data__0__properties__contents": ["a"]}, "data[0].properties.contents", "list of objects"),
}

WARNINGS = {
    "29-days": ({"data__0__event_time": int(NOW) - 29 * DAY}, "data[0].event_time"),
    "future": ({"data__0__event_time": int(NOW) + 3600}, "data[0].event_time"),
    "no-event-id": ({"data__0__event_id": GONE}, "data[0].event_id"),
    "no-page": ({"data__0__page": GONE}, "data[0].page"),
    "purchase-without-value": ({"data__0__properties__value": GONE}, "data[0].properties"),
    "unknown-field": ({"pixel": 1}, "pixel"),
}


def test_a_valid_request_has_no_problems() -> None:
    """The request that the tables below change is right before it is changed."""
    assert tiktok.check(received(TARGET, BODY, headers=[TOKEN])) == ()


@pytest.mark.parametrize(("changes", "path", "rule"), VIOLATIONS.values(), ids=VIOLATIONS)
def test_a_documented_violation_is_an_error(sims: Simulators, changes: dict, path: str, rule: str) -> None:
    """The answer is 200 with code 40002, and its message names the event as Batch.N."""
    response = httpx.post(sims.tiktok.url + TARGET, json=changed(BODY, **changes), headers={"Access-Token": "TTTOKEN"})
    [problem] = sims.tiktok.received[0].errors
    assert problem.path == path
    assert rule in problem.rule
    assert response.status_code == 200
    assert response.json()["code"] == 40002
    assert response.json()["message"].startswith(path.replace("data[0]", "Batch.0"))


@pytest.mark.parametrize(("changes", "path"), WARNINGS.values(), ids=WARNINGS)
def test_advice_is_a_warning(changes: dict, path: str) -> None:
    """What TikTok takes but cannot use well does not fail the request."""
    problems = tiktok.check(received(TARGET, changed(BODY, **changes), headers=[TOKEN]))
    assert [(p.severity, p.path) for p in problems] == [("warning", path)]


def test_success_is_code_zero(sims: Simulators) -> None:
    """With a request id, as the clients read it."""
    answer = httpx.post(sims.tiktok.url + TARGET, json=BODY, headers=dict([TOKEN])).json()
    assert {name: answer[name] for name in ("code", "message", "data")} == {
        "code": 0,
        "message": "OK",
        "data": {},
    }
    assert answer["request_id"]
    assert sims.tiktok.received[0].events == (EVENT,)


def test_a_token_is_needed(sims: Simulators) -> None:
    """Even this error comes with HTTP 200."""
    response = httpx.post(sims.tiktok.url + TARGET, json=BODY)
    assert (response.status_code, response.json()["code"]) == (200, 40105)


def test_a_body_that_is_no_object_is_an_error() -> None:
    """Reported, not raised."""
    problems = tiktok.check(received(TARGET, [BODY], headers=[TOKEN]))
    assert summary(problems) == [("error", "body", "not a JSON object")]


def test_events_are_posted(sims: Simulators) -> None:
    """Another method is 405."""
    assert httpx.get(sims.tiktok.url + TARGET, headers=dict([TOKEN])).status_code == 405


OLD = {"event": "CompletePayment", "context": {"user": {"email": HASH}}}


@pytest.mark.parametrize(
    ("target", "body", "paths", "events"),
    [
        pytest.param("track", OLD | {"pixel_code": "A1"}, [], 1, id="single"),
        pytest.param("batch", {"pixel_code": "A1", "batch": [OLD, OLD]}, [], 2, id="batch"),
        pytest.param("track", OLD, ["pixel_code"], 1, id="no-pixel"),
        pytest.param("batch", {"pixel_code": "A1", "batch": [OLD] * 51}, ["batch"], 51, id="51-events"),
        pytest.param(
            "batch",
            {"pixel_code": "A1", "batch": [{"context": {"user": {"email": "a@b.co"}}}, {"event": "X"}]},
            ["batch[0].event", "batch[0].context.user.email", "batch[1].context"],
            2,
            id="fields",
        ),
    ],
)
def test_the_older_shape_is_served_too(target: str, body: dict, paths: list[str], events: int) -> None:
    """Events API 1.0 at pixel/track and pixel/batch."""
    request = received(f"/open_api/v1.3/pixel/{target}/", body, headers=[TOKEN])
    assert [problem.path for problem in tiktok.check(request)] == paths
    assert len(tiktok.events(request)) == events
