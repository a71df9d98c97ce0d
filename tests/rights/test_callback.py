"""Endpoints of the operator's that call back: signed, about this request, and expected."""

import json
import time

import httpx
import pytest
from starlette.applications import Starlette

from gatekeeper import GatekeeperMiddleware
from gatekeeper.vendors.deletion.endpoint import signature
from tests.rights import people
from tests.rights.erasing import POLICY, STRONG, Office

CALLBACK = POLICY + '\n[rights]\ncallback = "https://shop.example/gk/erased"\n'


def said(erasure, word="completed", **more):
    return json.dumps({"subject_request_id": erasure, "request_status": word, **more}).encode()


@pytest.fixture
def asked(tmp_path):
    """A request of which the endpoint was asked, at a gate with its own app."""
    with people.running(tmp_path, CALLBACK) as runtime:
        office = Office(runtime)
        erasure = office.approved(user_id="u-1")
        office.run(erasure)
        yield runtime, office, erasure


def post(runtime, erasure, body, *, key=STRONG, at=None, method="POST", to="own"):
    """What an endpoint is answered."""
    import asyncio

    app = GatekeeperMiddleware(Starlette(), config=runtime.policy)
    app.runtime.close(0.0)
    app.runtime.store = runtime.store
    app.runtime.erasing = runtime.erasing
    headers = {"gatekeeper-signature": signature(key, body, time.time() if at is None else at)}

    async def ask():
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://shop.example") as client:
            return await client.request(method, f"/gk/erased/{erasure}/{to}", content=body, headers=headers)

    return asyncio.run(ask())


def test_the_endpoint_is_told_where_to_call_back(asked):
    """With the request's id and its own name."""
    _, office, erasure = asked
    (body,) = [json.loads(one.body) for one in office.sent if one.url.endswith("/dsr")]
    assert body["status_callback_urls"] == [f"https://shop.example/gk/erased/{erasure}/own"]


def test_completed_is_believed_of_the_endpoint_itself(asked):
    """At once, without another look; pending changes nothing."""
    runtime, office, erasure = asked
    assert post(runtime, erasure, said(erasure, "in_progress")).status_code == 200
    assert office.states(erasure)["own"] == "asked"
    answer = post(runtime, erasure, said(erasure))
    assert (answer.status_code, answer.json()["erasure"]) == (200, erasure)
    assert office.states(erasure)["own"] == "confirmed"
    assert post(runtime, erasure, said(erasure)).status_code == 409


@pytest.mark.parametrize(
    ("options", "status"),
    [
        pytest.param({"key": "x" * 32}, 401, id="another-key"),
        pytest.param({"at": 1.0}, 401, id="too-old"),
        pytest.param({"to": "ga4"}, 401, id="another-kind"),
        pytest.param({"to": "none"}, 401, id="unknown-destination"),
        pytest.param({"method": "GET"}, 405, id="not-posted"),
        pytest.param({"body": said("er_other")}, 422, id="about-another"),
        pytest.param({"body": b"[]"}, 422, id="not-an-object"),
        pytest.param({"body": said("er_none"), "erasure": "er_none"}, 404, id="no-such-request"),
    ],
)
def test_what_is_not_signed_by_the_endpoint_about_this_request_changes_nothing(asked, options, status):
    """Who has no key does not learn which requests there are."""
    runtime, office, erasure = asked
    options = {"erasure": erasure, "body": said(erasure)} | options
    assert post(runtime, **options).status_code == status
    assert office.states(erasure)["own"] == "asked"
