"""A person's story: choices and events as sentences, in the order of time."""

import pytest

from gatekeeper.model.choice import Method, Surface
from gatekeeper.rights.story import Moment, chosen, story, told

CHOICE = {
    "at": "2026-11-30T10:00:00Z", "choices": {"analytics": "granted", "marketing": "refused"}, "method": "save",
    "surface": "banner", "country": "DE", "region": None, "notice": {"version": "2026-11"}, "conflicts": {},
    "trusted": False,
}  # fmt: skip
ROW = {
    "at": "2026-11-30T10:00:05Z", "event": "purchase", "recipient": "ga4", "status": "sent", "why": None,
    "fields": ["order_value", "session_id"], "country": "DE", "request_id": "req_1",
}  # fmt: skip
BLOCKED = ROW | {"status": "not sent", "fields": [], "why": "The visitor did not consent to marketing."}
NAMES = {"ga4": "Google Analytics"}


def test_a_choice_is_a_sentence():
    """Who did what where, with which words, under which notice."""
    assert chosen(CHOICE) == (
        "The person saved a choice in the banner from DE: analytics granted, marketing refused; the notice was 2026-11."
    )


@pytest.mark.parametrize("method", Method)
@pytest.mark.parametrize("surface", [Surface.BANNER, Surface.PHONE])
def test_every_way_of_choosing_has_words(method, surface):
    """A new method or surface needs some."""
    sentence = chosen(CHOICE | {"method": method.value, "surface": surface.value, "notice": None, "country": None})
    assert sentence.startswith("The person ") and sentence.endswith("marketing refused.")


@pytest.mark.parametrize("surface", Surface)
def test_every_place_of_choosing_has_words(surface):
    """In a sentence of their own."""
    assert chosen(CHOICE | {"surface": surface.value}).count(";") == 1


def test_what_a_signal_denies_and_who_said_it_is_told():
    """A grant that an opt-out beats, and a choice that a server reported."""
    made = chosen(CHOICE | {"conflicts": {"marketing": "sec-gpc"}, "trusted": True})
    assert made.endswith("; marketing stays denied by sec-gpc; your own server said so.")


def test_an_event_says_who_got_it_and_who_did_not():
    """Recipients that were refused for one reason stand together; names are those of companies where known."""
    rows = [ROW, BLOCKED | {"recipient": "meta"}, BLOCKED | {"recipient": "tiktok"}]
    assert told(rows, NAMES) == (
        "The event purchase came from DE; to Google Analytics: sent with order_value, session_id; "
        "not to meta and tiktok: the visitor did not consent to marketing."
    )


def test_an_event_without_a_destination_says_so():
    """And one that failed says why."""
    assert "no destination takes such an event" in told([ROW | {"recipient": None, "status": None}], NAMES)
    failed = ROW | {"status": "not delivered", "why": "http_400"}
    assert "not delivered with order_value, session_id (http_400)" in told([failed], NAMES)


def test_a_story_is_in_the_order_of_time():
    """Of one second the choice comes first; an event of several recipients is one moment."""
    copy = {
        "recipients": [{"destination": "ga4", "name": "Google Analytics"}],
        "choices": [CHOICE | {"at": ROW["at"]}], "events": [ROW, BLOCKED | {"recipient": "meta"}],
    }  # fmt: skip
    found = story(copy)
    assert [type(one) for one in found] == [Moment, Moment] and [one.is_choice for one in found] == [True, False]
    assert story({"recipients": [], "choices": [], "events": []}) == []
