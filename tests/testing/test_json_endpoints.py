"""First-party analytics and generic HTTP endpoints: any JSON by POST."""

from __future__ import annotations

import httpx
import pytest

from gatekeeper.testing import Simulators

ENDPOINTS = [
    pytest.param("first_party", 204, b"", id="first-party"),
    pytest.param("http_json", 200, b"{}", id="json"),
]


@pytest.mark.parametrize(("kind", "status", "body"), ENDPOINTS)
def test_json_on_any_path_is_taken(sims: Simulators, kind: str, status: int, body: bytes) -> None:
    """204 for an analytics collector, 200 with an empty object for an endpoint in general."""
    response = httpx.post(sims[kind].url + "/any/path?x=1", json={"event": "page_view"})
    assert (response.status_code, response.content) == (status, body)
    assert sims[kind].received[0].events == ({"event": "page_view"},)
    assert sims[kind].received[0].problems == ()


@pytest.mark.parametrize("kind", ["first_party", "http_json"])
@pytest.mark.parametrize(
    ("body", "events"),
    [
        pytest.param({"events": [{"a": 1}, {"b": 2}]}, ({"a": 1}, {"b": 2}), id="envelope"),
        pytest.param([{"a": 1}], ({"a": 1},), id="list"),
        pytest.param({"a": 1}, ({"a": 1},), id="object"),
        pytest.param({"events": []}, (), id="empty"),
        pytest.param("text", (), id="text"),
    ],
)
def test_events_are_found_in_each_shape(sims: Simulators, kind: str, body: object, events: tuple) -> None:
    """An `events` list, a bare list, or one object."""
    httpx.post(sims[kind].url, json=body)
    assert sims[kind].received[0].events == events


@pytest.mark.parametrize("kind", ["first_party", "http_json"])
def test_what_is_not_json_or_not_posted_is_refused(sims: Simulators, kind: str) -> None:
    """400 and 405, and reported."""
    assert httpx.post(sims[kind].url, content=b"a=1").status_code == 400
    assert httpx.get(sims[kind].url).status_code == 405
    assert [request.errors[0].path for request in sims[kind].received] == ["body", "method"]
