"""What a developer is told in the process log and in the answer: each cause once, each decision at DEBUG."""

import logging

import httpx
import pytest

from gatekeeper import context, notices
from tests.outbound.clients import CLIENTS
from tests.outbound.test_clients import BODY, MEASUREMENT

SEGMENT = "https://api.segment.io/v1/track"


@pytest.fixture
def said(shop, caplog):
    """What the log said since the test began, by level; every cause is new."""
    notices.forget()
    caplog.set_level(logging.DEBUG, "gatekeeper")

    def found(level=logging.WARNING):
        return [one.getMessage() for one in caplog.records if one.name == "gatekeeper" and one.levelno == level]

    return found


@pytest.mark.parametrize("times", [1, 3])
def test_a_call_that_no_destination_takes_is_warned_of_once(said, times):
    """With the remedy; the answer says it each time."""
    for _ in range(times):
        answer = httpx.post(SEGMENT, json={"event": "x", "userId": "secret-visitor"})
        assert answer.headers["Gatekeeper-Decision"] == "blocked; reason=unlisted_destination"
    assert said() == [
        "api.segment.io is blocked: the policy has no destination for it; add one, or name it in [outbound] allow"
    ]


def test_a_call_that_consent_blocks_is_warned_of_once(said, shop):
    """For each cause and destination."""
    for _ in range(2):
        CLIENTS["httpx"]("POST", shop.sims.ga4.url + MEASUREMENT, BODY)
    CLIENTS["httpx"]("GET", shop.sims.meta_capi.url + "/tr?id=123&ev=PageView")
    assert [line.partition(":")[0] for line in said()] == [
        "a call to ga4 was blocked (no_analytics_consent)",
        "a call to meta_capi was blocked (no_marketing_consent)",
    ]


def test_each_decision_is_said_at_debug_with_its_request_id(said, shop):
    """The id by which `audit show` finds it; no value of the visitor."""
    with shop.visitor("analytics"):
        CLIENTS["httpx"]("POST", shop.sims.ga4.url + MEASUREMENT, BODY)
    CLIENTS["httpx"]("POST", shop.sims.ga4.url + MEASUREMENT, BODY)
    first, second = [line["request_id"] for line in shop.lines()]
    lines = said(logging.DEBUG)
    assert f"{second}: ga4: block (no_analytics_consent)" in lines
    assert [line for line in lines if line.startswith(f"{first}: ga4: ")] and "jane" not in str(lines)


def test_a_call_that_is_sent_says_so_in_its_answer(said, shop):
    """As behind the sidecar."""
    with shop.visitor("analytics"):
        answer = httpx.post(shop.sims.ga4.url + MEASUREMENT, content=BODY)
    assert answer.headers["Gatekeeper-Decision"] == "sent; elements=1/1" and said() == []


def test_a_field_that_the_catalogue_lacks_is_warned_of_once_by_name(said, shop):
    """A misspelt one and one with a value of another type; without the value."""
    for _ in range(2):
        assert context.track("purchase", currncy="EUR-secret", order_value="no number")
    assert said() == [
        'the field "currncy" of the event "purchase" is not in the catalogue, and is not sent; add it to [fields], or '
        "correct its name",
        'the field "order_value" of the event "purchase" has a value that is not valid for it, and is not sent',
    ]


def test_a_name_that_is_a_value_in_disguise_is_not_written(said, shop):
    """The name of a field may hold an address."""
    assert context.track("purchase", **{"jane.doe@example.com": 1})
    assert len(said()) == 1 and "jane" not in str(said())


def test_the_memory_of_causes_is_bounded(said):
    """Further causes are not warned of."""
    for number in range(notices.MOST + 10):
        notices.once(number, "cause %d", number)
    assert len(said()) == notices.MOST
    notices.forget()
