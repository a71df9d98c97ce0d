"""Real requests over real sockets: what vendors document as right passes, and gets their answer."""

from __future__ import annotations

import json

import httpx
import pytest

from gatekeeper.testing import Simulators

from .builders import vectors

KIND_OF_DESTINATION = {
    "ga4": "ga4",
    "meta": "meta_capi",
    "google_ads_click": "google_ads",
    "google_data_manager": "google_ads",
    "tiktok": "tiktok",
}
FORMATTED = [vector for vector in vectors("formatted_events.json") if vector["request"]]

NATIVE = {vector["id"]: vector for vector in vectors("native_requests.json")}
SERVED = [
    ("ga4-web-userdata", "ga4", 204, 1),
    ("ga4-web-batch", "ga4", 204, 3),
    ("ga4-web-sgtm-plain-user-data", "ga4", 204, 1),
    ("ga4-mp-purchase", "ga4", 204, 1),
    ("meta-capi-python-sdk", "meta_capi", 200, 1),
    ("meta-capi-json-token-in-body", "meta_capi", 200, 1),
    ("gads-uploadClickConversions", "google_ads", 200, 1),
    ("gads-uploadConversionAdjustments", "google_ads", 200, 1),
    ("tiktok-v1-pixel-track", "tiktok", 200, 1),
    ("sentry-envelope-event", "sentry", 200, 1),
    ("plausible-event-long", "first_party", 204, 1),
    ("segment-js-t", "http_json", 200, 1),
]


@pytest.mark.parametrize("vector", FORMATTED, ids=lambda vector: vector["id"])
def test_a_request_formatted_by_the_book_is_accepted(sims: Simulators, vector: dict) -> None:
    """Each formatted request of the vectors reaches its vendor without an error, and is kept as sent."""
    sim, request = sims[KIND_OF_DESTINATION[vector["destination"]]], vector["request"]
    body = json.dumps(request["body"]).encode()
    response = httpx.request("POST", sim.url + request["path"], headers=request["headers"], content=body)
    [received] = sim.wait(1)
    assert response.status_code in {200, 204}
    assert received.problems == ()
    assert received.target == request["path"]
    assert received.body == body
    assert len(received.events) == 1


@pytest.mark.parametrize(("vector", "kind", "status", "events"), SERVED, ids=[row[0] for row in SERVED])
def test_a_native_request_of_a_vendors_own_client_is_understood(
    sims: Simulators, vector: str, kind: str, status: int, events: int
) -> None:
    """What the vendors' own tags and SDKs send is decoded and answered."""
    request, sim = NATIVE[vector], sims[kind]
    response = httpx.request(
        request["method"],
        sim.url + request["path_and_query"],
        headers=request["headers"],
        content=request["body"].encode(),
    )
    [received] = sim.wait(1)
    assert response.status_code == status
    assert received.errors == ()
    assert len(received.events) == events


def test_the_data_manager_client_is_understood_once_it_has_a_token(sims: Simulators) -> None:
    """Its captured request has enums as integers and, being anonymous, no bearer token."""
    request = NATIVE["gdm-ingest-python-client"]
    url = sims.google_ads.url + request["path_and_query"]
    headers = request["headers"] | {"Authorization": "Bearer TOKEN"}
    assert httpx.post(url, headers=request["headers"], content=request["body"]).status_code == 401
    assert httpx.post(url, headers=headers, content=request["body"]).status_code == 200
    assert sims.google_ads.received[1].errors == ()


@pytest.mark.parametrize("kind", ["ga4", "meta_capi", "google_ads", "tiktok", "sentry"])
def test_an_unknown_path_is_404_and_a_problem(sims: Simulators, kind: str) -> None:
    """A destination that calls an endpoint its vendor does not have is found out."""
    response = httpx.post(sims[kind].url + "/nowhere", json={"data": [{}], "events": [{}]})
    [received] = sims[kind].received
    assert response.status_code == 404
    assert [problem.path for problem in received.problems] == ["path"]
    assert received.events == ()
