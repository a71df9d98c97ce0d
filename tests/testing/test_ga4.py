"""GA4 as documented: Measurement Protocol, its validation server, and web hits."""

from __future__ import annotations

import json

import httpx
import pytest

from gatekeeper.testing import Simulators, ga4

from .builders import GONE, HASH, NOW, changed, received, summary

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


def test_a_web_hit_needs_version_stream_and_event() -> None:
    """v=2, tid and en are what makes a hit."""
    paths = [problem.path for problem in ga4.check(received("/g/collect?cid=1", method="GET"))]
    assert paths == ["hits[0].v", "hits[0].tid", "hits[0].en"]
