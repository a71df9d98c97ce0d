"""The event that is decided about, from the one that was posted: its addresses, time, and what is offered beside."""

from __future__ import annotations

import pytest

from gatekeeper.gate.event import canonical
from gatekeeper.gate.incoming import Posted
from gatekeeper.model import Caller, Purpose
from tests.builders import DESTINATIONS, NOW, make_policy

SHOP = {"version": "1", "controller": "Shop", "site": "https://shop.example/", "currency": "EUR"}
POLICY, PLAIN = make_policy(policy=SHOP), make_policy()
AGENT = ((b"user-agent", b"Mozilla/5.0"),)


def event(posted=None, *, policy=PLAIN, caller=None, since=None, **data):
    """What becomes of it."""
    given = posted or Posted("purchase", data)
    return canonical(policy, given, caller or Caller(), at=NOW, request_id="r-1", since=since)


@pytest.mark.parametrize(
    ("policy", "url", "clean", "lifted"),
    [
        (POLICY, "/p?q=1", "https://shop.example/p?q=1", {}),
        (POLICY, "//cdn.example/p", "//cdn.example/p", {}),
        (POLICY, "https://other.example/p", "https://other.example/p", {}),
        (PLAIN, "/p?q=1", "/p?q=1", {}),
        (POLICY, "/p?gclid=Cj0-abc&q=1#fbclid=xy", "https://shop.example/p?q=1", {"gclid": "Cj0-abc", "fbclid": "xy"}),
        (PLAIN, "/p?gclid=Cj0-abc", "/p", {"gclid": "Cj0-abc"}),
    ],
    ids=["relative", "protocol-relative", "absolute", "no-site", "click-ids", "one-click-id"],
)
def test_an_address_is_the_sites_and_loses_its_click_ids(policy, url, clean, lifted) -> None:
    """Which become fields of their own; the names tell all of it."""
    made = event(policy=policy, page_url=url)
    assert dict(made.data) == {"page_url": clean.removesuffix("#")} | lifted
    assert set(made.names) == {"page_url", *lifted} and made.unusable == {}


def test_a_click_id_that_was_posted_counts_before_one_in_an_address() -> None:
    """And one that is not valid is named, unless another is."""
    made = event(page_url="/p?gclid=from-the-url", gclid="Cj0-posted")
    assert dict(made.data) == {"page_url": "/p", "gclid": "Cj0-posted"} and made.unusable == {}
    made = event(page_url="/p?gclid=%00")
    assert dict(made.data) == {"page_url": "/p"} and made.unusable == {"gclid": "invalid"}
    made = event(page_url="/p?gclid=%00", gclid="Cj0-posted")
    assert dict(made.data) == {"page_url": "/p", "gclid": "Cj0-posted"} and made.unusable == {}


@pytest.mark.parametrize(
    ("policy", "data", "caller", "offered"),
    [
        (POLICY, {"order_value": 7}, Caller(), {"currency": "EUR"}),
        (POLICY, {}, Caller(), {}),
        (PLAIN, {"order_value": 7}, Caller(), {}),
        (PLAIN, {}, Caller(address="203.0.113.9", headers=AGENT), {"ip": "203.0.113.9", "user_agent": "Mozilla/5.0"}),
        (PLAIN, {}, Caller(address="203.0.113.9", headers=AGENT, trusted=True), {}),
        (PLAIN, {}, Caller(address="no address"), {}),
        (PLAIN, {}, Caller(headers=((b"user-agent", b"M\xfcller/1"),)), {"user_agent": "Müller/1"}),
    ],
    ids=["currency", "no-value", "no-currency", "browser", "server", "invalid", "latin-1"],
)
def test_what_the_request_knows_is_offered_beside_the_event(policy, data, caller, offered) -> None:
    """A browser's address and name, not those of the server that a trusted caller is; a value's currency."""
    assert dict(event(policy=policy, caller=caller, **data).offered) == offered


TRUSTED = Caller(trusted=True)


@pytest.mark.parametrize(
    ("posted", "caller", "since", "time"),
    [
        (None, TRUSTED, None, NOW),
        (NOW - 50, TRUSTED, None, NOW - 50),
        (NOW - 50, TRUSTED, NOW - 9, NOW - 50),
        (NOW + 50, TRUSTED, None, NOW),
        (NOW - 50, Caller(), None, NOW),
        (NOW - 50, Caller(), NOW - 90, NOW - 50),
        (NOW - 50, Caller(), NOW - 9, NOW - 9),
        (NOW + 50, Caller(), NOW - 9, NOW),
        (None, Caller(), NOW - 9, NOW),
    ],
)
def test_when_an_event_happened(posted, caller, since, time) -> None:
    """Is for a trusted caller to say, and for a browser that held it, not before that; never later than now."""
    assert event(Posted("a", {}, time=posted), caller=caller, since=since).time == time


@pytest.mark.parametrize(
    ("posted", "name", "purposes"),
    [
        (None, "purchase", {Purpose.ANALYTICS, Purpose.NECESSARY}),
        (None, "page_view", set(Purpose)),
        (frozenset({Purpose.MARKETING}), "purchase", {Purpose.MARKETING}),
    ],
    ids=["the-policys", "every", "its-own"],
)
def test_what_an_event_may_be_used_for(posted, name, purposes) -> None:
    """What it says itself, else what the policy says of its name, else everything."""
    policy = make_policy(destinations=DESTINATIONS, events={"purchase": {"purposes": ["analytics"]}})
    assert event(Posted(name, {}, purposes=posted), policy=policy).purposes == purposes


def test_an_event_without_an_id_has_the_requests() -> None:
    """And keeps its own name; what is no field is named with its cause."""
    assert (event().id, event(Posted("a", {}, id="e-1")).id, event(Posted("a", {})).name) == ("r-1", "e-1", "a")
    made = event(colour="red", order_value="much", page_url="/")
    assert (dict(made.data), made.unusable) == (
        {"page_url": "/"},
        {"colour": "unknown_field", "order_value": "invalid"},
    )
    assert made.names == ("colour", "order_value", "page_url")
