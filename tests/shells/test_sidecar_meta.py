"""facebook-business with the sidecar as its Graph API: a process of its own, and a simulator behind it."""

from __future__ import annotations

import math
import time

import pytest
from facebook_business.adobjects.serverside.action_source import ActionSource
from facebook_business.adobjects.serverside.custom_data import CustomData
from facebook_business.adobjects.serverside.event import Event
from facebook_business.adobjects.serverside.event_request import EventRequest
from facebook_business.adobjects.serverside.user_data import UserData
from facebook_business.api import FacebookAdsApi
from facebook_business.session import FacebookSession

from gatekeeper.testing import Simulators
from tests.shells.serving import records_of, serving
from tests.shells.test_sidecar_sdks import token

META = """
[destinations.meta]
kind = "meta_capi"
pixel_id = "123456789"
access_token = "EAATOKEN"
endpoint = "{url}"
"""


@pytest.fixture
def sims():
    with Simulators(only=("meta_capi", "ga4", "first_party")) as running:
        yield running


@pytest.fixture
def up(tmp_path, sims, monkeypatch):
    with serving(tmp_path, sims, more=META.format(url=sims.meta_capi.url)) as running:
        monkeypatch.setattr(FacebookSession, "GRAPH", f"{running.url}/gk/to/meta")
        FacebookAdsApi.init(access_token="EAATOKEN", crash_log=False)
        yield running


def bought(name: str, mark: str | None = None) -> Event:
    """A purchase as the SDK's own documentation has it, marked with the visitor it belongs to."""
    marked = {} if mark is None else {"gatekeeper_context": mark}
    return Event(
        event_name="Purchase",
        event_time=math.ceil(time.time()),  # not before the choice, which is as new
        event_id=name,
        action_source=ActionSource.WEBSITE,
        event_source_url="https://shop.example/thanks?email=jane.doe%40example.com",
        user_data=UserData(email="jane.doe@example.com", client_user_agent="Mozilla/5.0", fbc="fb.1.1554763741205.Iw"),
        custom_data=CustomData(value=12.5, currency="eur", custom_properties=marked | {"note": "for jane.doe"}),
    )


def test_of_a_batch_only_the_marked_visitors_event_goes_on(up, sims):
    """The unmarked one is an unknown visitor's; the SDK counts both, and Meta finds nothing to object to."""
    response = EventRequest(
        pixel_id="123456789", events=[bought("nobody"), bought("jane", token(up, analytics=True, marketing=True))]
    ).execute()
    assert response.events_received == 2 and response.messages == []
    (request,) = sims.meta_capi.wait(1)
    assert request.errors == ()
    assert b"jane.doe" not in request.raw and b"gatekeeper_context" not in request.raw and b"nobody" not in request.raw
    up.wait(lambda: any(one["kind"] == "outcome" for one in records_of(up)))
    told = [one["deliveries"][0].get("reason") for one in records_of(up) if one["kind"] == "decision"]
    assert told == ["no_marketing_consent", None]
