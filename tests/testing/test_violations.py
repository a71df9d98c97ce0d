"""Every violation of every vendor: a right request, what is changed in it, what the simulator objects to and answers.

A file of `violations/` has the `requests` that are right and `tables` of rows that change one:

    a row       `[changes, path, rule]`: exactly one problem, of this path (null: any; it may end in `*`), whose rule
                has this. A change is a field's path and its new value (`{gone}` takes it away), or one of `{target}`,
                `{method}`, `{headers}`, `{body}`, `{text}` of the request
    severity    `error`, `warning`, or `none` where all is right; `more`: other problems may follow the first;
                `warnings`: an error may have warnings beside it
    status      of the answer, and in `answer` what it has in it: of a list its `{first}`, a text that `{begins}` so
    events      the only ones that may be read
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from gatekeeper.testing import Simulators
from gatekeeper.testing.simulator import Simulator

from .builders import HERE, NOW, changed, repeated

FILES = {path.stem: json.loads(path.read_text("utf-8")) for path in sorted((HERE / "violations").glob("*.json"))}
ROWS = [
    pytest.param(vendor, file["requests"][table["request"]], table, row, id=f"{vendor}-{title}-{name}")
    for vendor, file in FILES.items()
    for title, table in file["tables"].items()
    for name, row in table["rows"].items()
]
REQUESTS = [
    pytest.param(vendor, request, id=f"{vendor}-{name}")
    for vendor, file in FILES.items()
    for name, request in file["requests"].items()
]
PARTS = ("{target}", "{method}", "{headers}", "{body}", "{text}")


@pytest.fixture(scope="module")
def vendors() -> Iterator[Simulators]:
    """All simulators, for the whole module."""
    with Simulators(clock=lambda: NOW) as running:
        yield running


def asked(sim: Simulator, request: dict[str, Any]) -> httpx.Response:
    """Send a request of a file to its simulator."""
    sim.clear()
    content = (
        "".join(request["text"]) if "text" in request else json.dumps(request["body"]) if "body" in request else ""
    )
    method, headers = request.get("method", "POST"), request.get("headers", {})
    return httpx.request(method, sim.url + request["target"], headers=headers, content=content)


def altered(request: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """The request with these changes."""
    parts = {name.strip("{}"): value for name, value in changes.items() if name in PARTS}
    fields = {path: value for path, value in changes.items() if path not in PARTS}
    return request | ({"body": changed(request["body"], **fields)} if fields else {}) | parts


def said(answer: Any, expected: Any, path: str) -> bool:
    """Whether an answer has everything in it that is expected."""
    if isinstance(expected, dict):
        if expected.keys() == {"{first}"}:
            return said(answer[0], expected["{first}"], path)
        if expected.keys() == {"{begins}"}:
            return isinstance(answer, str) and answer.startswith(expected["{begins}"].replace("{path}", path))
        return all(name in answer and said(answer[name], value, path) for name, value in expected.items())
    if isinstance(expected, list):
        return len(answer) == len(expected) and all(
            one == value if isinstance(value, dict) and not value else said(one, value, path)
            for one, value in zip(answer, expected, strict=True)
        )
    return bool(answer == (path if expected == "{path}" else expected))


@pytest.mark.parametrize(("vendor", "request_"), REQUESTS)
def test_a_valid_request_has_no_problems(vendors: Simulators, vendor: str, request_: dict[str, Any]) -> None:
    """The requests that the rows change are right before they are changed."""
    sim = vendors[FILES[vendor]["simulator"]]
    assert asked(sim, request_).status_code in (200, 204)
    assert sim.received[0].problems == ()


@pytest.mark.parametrize(("vendor", "request_", "table", "row"), ROWS)
def test_a_violation_is_told_as_the_vendor_would(
    vendors: Simulators, vendor: str, request_: dict[str, Any], table: dict[str, Any], row: list[Any]
) -> None:
    """Each rule of the vendor's pages is reported where it is broken, with its source, and answered in its way."""
    sim = vendors[FILES[vendor]["simulator"]]
    changes, path, rule = row
    response = asked(sim, altered(request_, repeated(changes)))
    [received] = sim.received
    severity = table.get("severity", "error")
    problems = received.errors if table.get("warnings") else received.problems
    if severity == "none":
        assert problems == ()
    else:
        problem, *more = problems
        assert bool(more) <= table.get("more", False)
        assert problem.severity == severity and rule in problem.rule and problem.source
        assert path is None or problem.path == path or (path[-1] == "*" and problem.path.startswith(path[:-1]))
        shown = problem.path.replace("data[0]", "Batch.0") if vendor == "tiktok" else problem.path
        assert "answer" not in table or said(response.json(), table["answer"], shown), response.text
    assert response.status_code == table.get("status", response.status_code)
    assert all(event in table.get("events", received.events) for event in received.events)
