"""TikTok's Events API 2.0: field rules, and errors inside HTTP 200."""

from __future__ import annotations

import httpx
import pytest

from gatekeeper.testing import Simulators, tiktok

from .builders import HASH, NOW, received

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
