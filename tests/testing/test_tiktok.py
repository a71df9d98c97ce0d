"""TikTok's Events API 2.0: field rules, and errors inside HTTP 200."""

from __future__ import annotations

import httpx
import pytest

from gatekeeper.testing import Simulators, tiktok

from .builders import HASH, NOW, changed, received, summary, violations

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

VIOLATIONS = violations("tiktok", "violations")

WARNINGS = violations("tiktok", "warnings")


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
