"""A record in words: one sentence for each fact, in the order in which it was decided."""

import pytest

from gatekeeper.audit import trail

RECORD = {
    "timestamp": "2026-11-24T08:00:00Z",
    "request_id": "req_1",
    "jurisdiction": {"country": "US", "region": "CA", "laws": ["ccpa"]},
    "signals": [],
    "gpc": {"detected": False, "honoured": False},
    "consent_state": {"necessary": True, "analytics": False, "marketing": False},
    "deliveries": [],
}
SAID = {"source": "own-cookie", "standing": "decided", "says": {}, "overruled": []}
SENT = {"destination": "ga4", "status": "delivered", "fields_sent": ["page_url"], "fields_stripped": []}
NOTHING = "Nothing that came with it spoke about consent."
PLACES = [
    ({"country": "US", "region": "CA", "laws": ["ccpa"]}, "US-CA, under ccpa"),
    ({"country": "DE", "region": None, "laws": ["gdpr", "ttdsg"]}, "DE, under gdpr and ttdsg"),
    ({"country": None, "region": None, "laws": ["a", "b", "c"]}, "an unknown place, under a, b and c"),
]


@pytest.mark.parametrize(("place", "said"), PLACES, ids=[said for _, said in PLACES])
def test_the_first_sentence_says_when_where_and_under_which_laws(place, said):
    """A place that is not known is called that."""
    first, *_ = trail.words(RECORD | {"jurisdiction": place})
    assert first == f"Decided at 2026-11-24T08:00:00Z for a visitor from {said}."


SIGNALS = [
    ({"says": {"analytics": "granted"}}, "own-cookie said: analytics granted."),
    (
        {"says": {"analytics": "granted", "marketing": "denied"}, "overruled": ["analytics"]},
        "own-cookie said: analytics granted and marketing denied; it lost for analytics.",
    ),
    ({"standing": "unreadable"}, "own-cookie said: unreadable."),
]


@pytest.mark.parametrize(("more", "said"), SIGNALS, ids=["one", "lost", "no-word"])
def test_each_signal_is_told_with_what_it_lost(more, said):
    """One that speaks about no purpose is told by its standing."""
    _, *sentences = trail.words(RECORD | {"signals": [SAID | more]})
    assert sentences == [said, "That allowed necessary."]


GPC = [
    ({"detected": True, "honoured": True}, ["The browser sent Sec-GPC: 1, which was honoured."]),
    ({"detected": True, "honoured": False}, ["The browser sent Sec-GPC: 1, which was not required here."]),
    ({"detected": False, "honoured": False}, []),
]


@pytest.mark.parametrize(("gpc", "said"), GPC, ids=["honoured", "not-required", "not-sent"])
def test_sec_gpc_is_told_where_it_was_sent(gpc, said):
    """And whether it counted."""
    _, *sentences = trail.words(RECORD | {"gpc": gpc, "consent_state": {"necessary": False}})
    assert sentences == [NOTHING, *said, "That allowed nothing."]


BLOCKED = {"destination": "ga4", "status": "blocked"}
DELIVERIES = [
    (BLOCKED | {"reason": "gpc_opt_out"}, "ga4 got nothing: the browser asked not to be tracked (Sec-GPC)."),
    (BLOCKED | {"reason": "x_1"}, "ga4 got nothing: x_1."),
    (SENT, "ga4 was to get page_url; it was delivered."),
    (SENT | {"fields_sent": []}, "ga4 was to get only the event itself; it was delivered."),
    (SENT | {"status": "pending"}, "ga4 was to get page_url; it has not ended yet."),
    (SENT | {"status": "cancelled"}, "ga4 was to get page_url; it was cancelled before it was sent."),
    (
        SENT | {"status": "failed", "reason": "http_500", "attempts": 3},
        "ga4 was to get page_url; it failed (http_500) at attempt 3.",
    ),
    (
        SENT | {"consent_basis": "analytics", "fields_stripped": ["ip"], "attempts": 1},
        "ga4 was to get page_url on the basis of analytics; ip stayed here; it was delivered at attempt 1.",
    ),
    (
        SENT | {"consent_basis": None, "fields_sent": ["a", "b"], "fields_stripped": ["c", "d"]},
        "ga4 was to get a and b; c and d stayed here; it was delivered.",
    ),
]


@pytest.mark.parametrize(("delivery", "said"), DELIVERIES, ids=[said[:40] for _, said in DELIVERIES])
def test_each_delivery_is_told_with_its_end(delivery, said):
    """What was to be sent, on which basis, what stayed, how it ended and at which attempt."""
    *_, last = trail.words(RECORD | {"deliveries": [delivery]})
    assert last == said


PLACED = [
    ({"count": 2}, ["The line stands for 2 events of one request that were alike, req_1.0 and so on."]),
    (
        {"count": 3, "element": 1},
        ["The line stands for 3 events of one request that were alike; this is number 2."],
    ),
    ({"element": 0}, ["The line stands for 1 event of one request that were alike; this is number 1."]),
    ({"n": 7, "stream": "s"}, ["This is line 7 of the stream s; `gatekeeper audit verify` checks it."]),
    ({}, []),
]


@pytest.mark.parametrize(("more", "said"), PLACED, ids=["group", "element", "element-alone", "line", "alone"])
def test_a_line_of_several_events_says_so_and_where_it_stands(more, said):
    """Both come last."""
    assert list(trail.words(RECORD | more))[1:] == [NOTHING, "That allowed necessary.", *said]
