"""Events that a browser held for the visitor's answer: their times are believed, within what the token vouches for."""

import time

import pytest

from gatekeeper.consent import token
from tests.running import running

GRANTED = {"event": "page_view", "consent": {"analytics": True}, "data": {"session_id": "s_1"}}


@pytest.fixture(scope="module")
def up(tmp_path_factory):
    """A sidecar for visitors under the GDPR."""
    with running("sidecar", tmp_path_factory.mktemp("held"), jurisdiction={"default": "gdpr"}) as started:
        yield started


def issued(up, ago, sign=None):
    """The token of a notice that was shown so many seconds ago."""
    claims = token.Claims("d1", time.time() - ago, "sha256-x", "en", ("analytics",), ("gdpr",), "p", token.NOBODY)
    return token.write(claims, sign or up.runtime.gate.keys.sign)


def inputs(up, held, ago):
    """What the log says of an event that happened so many seconds ago; and how old it is taken to be."""
    record = up.record(up.post({**GRANTED, "held": held, "event_time": time.time() - ago}))
    told = record["inputs"]
    age = None if "event_time" not in told else time.time() - told["event_time"]
    return record, told, age


def test_a_held_event_keeps_its_time_and_has_the_consent_of_its_arrival(up):
    """The grant is newer than the event, and counts."""
    record, told, age = inputs(up, issued(up, ago=60), ago=20)
    assert told["held"] is True and 20 <= age < 30
    assert up.statuses(record)["ga4"] == "delivered"


AGES = {
    "as-it-was": (60, 20, 20),
    "not-before-the-notice": (60, 300, 60),
    "not-before-half-an-hour": (7200, 7000, 1800),
}


@pytest.mark.parametrize(("shown", "happened", "taken"), AGES.values(), ids=AGES)
def test_a_held_event_is_no_older_than_its_notice(up, shown, happened, taken):
    """And than half an hour."""
    _, _, age = inputs(up, issued(up, ago=shown), ago=happened)
    assert taken <= age < taken + 10


@pytest.mark.parametrize("fault", ["forged", "too-old", "empty", "in-the-future"])
def test_without_a_good_token_an_event_happened_when_it_arrived(up, fault):
    """As every other event of a browser."""
    held = {
        "forged": lambda: issued(up, 60, sign=lambda label, payload: ("k", b"\0" * 32)),
        "too-old": lambda: issued(up, ago=90_000),
        "empty": lambda: "",
        "in-the-future": lambda: issued(up, ago=-600),
    }[fault]()
    _, told, age = inputs(up, held, ago=20)
    assert "held" not in told and age is None


def test_a_held_event_of_a_visitor_who_refuses_is_blocked(up):
    """A token permits nothing."""
    event = {**GRANTED, "consent": {"analytics": False}, "held": issued(up, 60), "event_time": time.time() - 20}
    told = up.statuses(up.record(up.post(event)))
    assert (told["ga4"], told["own"]) == ("no_analytics_consent", "no_analytics_consent")


@pytest.mark.parametrize("held", [7, ["x"], "x" * 3_000], ids=["number", "array", "too-long"])
def test_what_is_no_token_at_all_is_told(up, held):
    """With the field."""
    answer = up.post({**GRANTED, "held": held})
    assert (answer.status_code, answer.json()["field"]) == (422, "held")
