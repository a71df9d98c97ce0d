"""Meta's Conversions API as documented: encodings, event rules, Limited Data Use, answers."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import httpx
import pytest

from gatekeeper.testing import Simulators
from gatekeeper.testing import meta as meta_capi

from .builders import DAY, HASH, NOW, changed, received, summary

TARGET = "/v26.0/123456789/events?access_token=EAATOKEN"
EVENT = {
    "event_name": "Purchase",
    "event_time": int(NOW) - 60,
    "event_id": "evt-1",
    "action_source": "website",
    "event_source_url": "https://shop.example/thanks",
    "user_data": {
        "em": [HASH],
        "ph": HASH,
        "external_id": [HASH],
        "client_ip_address": "203.0.113.9",
        "client_user_agent": "Mozilla/5.0",
        "fbc": "fb.1.1795168800000.IwAR2F4-dbP0l7Mn",
        "fbp": "fb.1.1596403881668.1116446470",
    },
    "custom_data": {"currency": "EUR", "value": 12.5},
}
BODY = {"data": [EVENT]}

LDU = [
    pytest.param(1, 1000, True, [], id="california"),
    pytest.param(1, 1014, True, [], id="last-state"),
    pytest.param(0, 0, True, [], id="meta-finds-out"),
    pytest.param(None, None, True, [], id="nothing-said"),
    pytest.param(1, 1000, False, [], id="california-without-ip"),
    pytest.param(0, 0, False, [("warning", "")], id="nothing-to-find-out-from"),
    pytest.param(1, None, True, [("error", "_state")], id="country-without-state"),
    pytest.param(None, 1000, True, [("error", "_country")], id="state-without-country"),
    pytest.param(0, 1000, True, [("error", "_country")], id="state-of-no-country"),
    pytest.param(2, 0, True, [("error", "_country")], id="unknown-country"),
    pytest.param(1, 1015, True, [("error", "_state")], id="unknown-state"),
    pytest.param("US", "CA", True, [("error", "_country"), ("error", "_state")], id="names"),
]


@pytest.mark.parametrize(("country", "state", "ip", "expected"), LDU)
def test_limited_data_use_needs_a_pair_of_country_and_state(
    country: object, state: object, ip: bool, expected: list[tuple[str, str]]
) -> None:
    """Both or neither, from the documented lists; without them Meta needs the IP address."""
    event = changed(
        EVENT,
        data_processing_options=["LDU"],
        data_processing_options_country=country,
        data_processing_options_state=state,
    )
    event = {name: value for name, value in event.items() if value is not None}
    if not ip:
        del event["user_data"]["client_ip_address"]
    problems = meta_capi.check(received(TARGET, {"data": [event]}))
    prefix = "data[0].data_processing_options"
    assert [(p.severity, p.path.removeprefix(prefix)) for p in problems] == expected


MULTIPART = (
    '--XX\r\nContent-Disposition: form-data; name="data"\r\n\r\n'
    + json.dumps([EVENT])
    + '\r\n--XX\r\nContent-Disposition: form-data; name="test_event_code"\r\n\r\nTEST1\r\n--XX--\r\n'
)
FORM = "application/x-www-form-urlencoded"
ENCODINGS = [
    pytest.param("application/json", json.dumps(BODY), id="json"),
    pytest.param("application/json", json.dumps({"data": json.dumps([EVENT])}), id="json-in-json"),
    pytest.param(FORM, urlencode({"data": json.dumps([EVENT])}), id="form"),
    pytest.param(FORM, urlencode({"data": json.dumps([json.dumps(EVENT)])}), id="form-of-strings"),
    pytest.param("multipart/form-data; boundary=XX", MULTIPART, id="multipart"),
    pytest.param('multipart/form-data; boundary="XX"', MULTIPART, id="multipart-quoted"),
]


@pytest.mark.parametrize(("content_type", "body"), ENCODINGS)
def test_every_encoding_gives_the_same_events(sims: Simulators, content_type: str, body: str) -> None:
    """Meta's clients send four encodings; the rules see through all of them."""
    response = httpx.post(sims.meta_capi.url + TARGET, content=body.encode(), headers={"Content-Type": content_type})
    [request] = sims.meta_capi.received
    assert response.json()["events_received"] == 1
    assert request.events == (EVENT,)
    assert request.problems == ()


def test_a_multipart_body_without_a_boundary_has_no_fields() -> None:
    """Reported as missing data, not raised."""
    request = received(TARGET, MULTIPART.encode(), headers=[("content-type", "multipart/form-data")])
    assert summary(meta_capi.check(request)) == [("error", "data", "data is needed: a list of events")]


def test_a_problem_in_a_form_is_found_like_one_in_json() -> None:
    """An unhashed address does not hide in a doubly encoded form."""
    event = changed(EVENT, user_data__em="jane@example.com")
    request = received(
        TARGET,
        urlencode({"data": json.dumps([json.dumps(event)])}).encode(),
        headers=[("content-type", FORM)],
    )
    assert [problem.path for problem in meta_capi.check(request)] == ["data[0].user_data.em"]


@pytest.mark.parametrize(
    ("target", "body", "headers", "accepted"),
    [
        pytest.param("/v26.0/1/events?access_token=T", BODY, {}, True, id="query"),
        pytest.param("/v26.0/1/events", BODY | {"access_token": "T"}, {}, True, id="body"),
        pytest.param("/v26.0/1/events", BODY, {"Authorization": "Bearer T"}, True, id="bearer"),
        pytest.param("/v26.0/1/events", BODY, {}, False, id="nowhere"),
        pytest.param("/v26.0/1/events?access_token=", BODY, {}, False, id="empty"),
    ],
)
def test_a_token_is_needed(sims: Simulators, target: str, body: dict, headers: dict, accepted: bool) -> None:
    """In the query, in the body or as a bearer token; without it Meta's error is 104."""
    response = httpx.post(sims.meta_capi.url + target, json=body, headers=headers)
    assert response.status_code == (200 if accepted else 400)
    if not accepted:
        assert response.json()["error"]["code"] == 104


def test_one_old_event_fails_the_whole_request(sims: Simulators) -> None:
    """All or nothing: error 100, subcode 2804003, and nothing of the good event counts."""
    body = {"data": [EVENT, changed(EVENT, event_time=int(NOW) - 8 * DAY)]}
    response = httpx.post(sims.meta_capi.url + TARGET, json=body)
    error = response.json()["error"]
    assert response.status_code == 400
    assert (error["code"], error["error_subcode"], error["is_transient"]) == (100, 2804003, False)
    assert error["fbtrace_id"]
