"""Events of gatekeeper.js in three engines: held, minimised, sent in batches, kept while there is no network."""

import time
from urllib.parse import quote

import pytest

from tests.browsers.site import NONCE, SDK, page
from tests.browsers.test_choices import outcome

EVERYTHING = {
    "page_url": "https://shop.example/a", "session_id": "s_1", "page_title": "A", "order_value": 5, "currency": "EUR",
    "email": "jane@example.com", "email_hash": "0" * 64, "fbp": "fb.1.1", "made_up": 1,
}  # fmt: skip
NECESSARY = {"page_url", "session_id"}
COVERED = {
    "accept": {*EVERYTHING} - {"made_up"},
    "statistics": {*NECESSARY, "page_title", "order_value", "currency"},
    "reject": NECESSARY,
}
CONSENT = {
    "accept": {"analytics": True, "marketing": True},
    "statistics": {"analytics": True, "marketing": False},
    "reject": {"analytics": False, "marketing": False},
}
TRACK = "(name, data, options) => gatekeeper.track(name, data, options)"


@pytest.mark.parametrize("button", COVERED)
def test_fields_that_no_granted_purpose_covers_stay_in_the_page(visitor, shop, button):
    """And the event says what was chosen, and for what it was collected."""
    page = visitor.open(shop.url)
    page.click(f"#{button}")
    outcome(page)
    page.evaluate(TRACK, "purchase", EVERYTHING)
    (event,) = shop.until(shop.posted)
    assert set(event["data"]) == COVERED[button]
    assert event["consent"] == CONSENT[button]
    assert event["purposes"] == ["necessary", *[name for name, yes in CONSENT[button].items() if yes]]


def test_held_events_leave_after_a_grant_with_their_times(visitor, shop):
    """In their order; the gate believes the times, because they come with the token of the notice."""
    page = visitor.open(shop.url)
    page.evaluate("() => gatekeeper.ready")
    page.evaluate(TRACK, "first", EVERYTHING)
    page.evaluate("() => new Promise((done) => setTimeout(done, 1200))")
    page.evaluate(TRACK, "second", EVERYTHING)
    page.click("#accept")
    outcome(page)
    events = shop.until(lambda: len(shop.posted()) == 2 and shop.posted())
    assert [event["event"] for event in events] == ["first", "second"]
    assert events[1]["event_time"] - events[0]["event_time"] == pytest.approx(1.2, abs=0.8)
    assert abs(events[1]["event_time"] - time.time()) < 30
    told = shop.until(lambda: [line for line in shop.decisions() if line["event_type"] in ("first", "second")][-2:])
    shop.until(lambda: len([line for line in shop.decisions() if line["event_type"] in ("first", "second")]) >= 2)
    assert all(line["inputs"]["held"] for line in told)


def test_held_events_end_with_a_refusal(visitor, shop):
    """None leaves, then or later; one that is necessary did not wait."""
    page = visitor.open(shop.url)
    page.evaluate(TRACK, "waiting", EVERYTHING)
    page.evaluate(TRACK, "error", {"error_type": "E"}, {"purposes": ["necessary"]})
    assert [event["event"] for event in shop.until(shop.posted)] == ["error"]
    page.click("#reject")
    outcome(page)
    page.click("#accept")
    outcome(page, 2)
    page.evaluate(TRACK, "after", EVERYTHING)
    shop.until(lambda: len(shop.posted()) > 1)
    assert [event["event"] for event in shop.posted()] == ["error", "after"]


def test_what_was_tracked_before_the_script_came_is_tracked_then(visitor, shop):
    """The queue of a script that is loaded late."""
    calls = 'gatekeeper = []; gatekeeper.push(["track", "early", { page_url: "/a" }]);'
    shop.html = page().replace(SDK, f'<script nonce="{NONCE}">window.{calls}</script>{SDK}')
    opened = visitor.open(shop.url)
    opened.evaluate('() => gatekeeper.push(["track", "late", {}])')
    opened.click("#accept")
    outcome(opened)
    assert [event["event"] for event in shop.until(shop.posted)] == ["early", "late"]


def test_events_are_sent_ten_at_a_time_and_each_once(visitor, shop):
    """And the rest when the page is left."""
    page = visitor.open(shop.url)
    page.click("#accept")
    outcome(page)
    page.evaluate("() => { for (let n = 0; n < 23; n++) gatekeeper.track('step', { scroll_depth: n }); }")
    shop.until(lambda: len(shop.posted()) >= 20)
    page.goto(shop.url + "next")
    shop.until(lambda: len(shop.posted()) == 23)
    bodies = [body for method, path, body in shop.asked if (method, path) == ("POST", "/gk/collect")]
    assert all(len(body) < 60_000 for body in bodies) and len(bodies) <= 4
    assert sorted(event["data"]["scroll_depth"] for event in shop.posted()) == list(range(23))
    assert len({event["event_id"] for event in shop.posted()}) == 23


def test_large_events_go_in_bodies_that_browsers_take(visitor, shop):
    """64 KiB are the end of what a beacon and a request that outlives its page may have."""
    page = visitor.open(shop.url)
    page.click("#accept")
    outcome(page)
    large = """() => {
      const items = Array.from({ length: 60 }, (_, n) => ({ item_id: "SKU" + n, item_name: "Ü".repeat(90) }));
      for (let n = 0; n < 8; n++) gatekeeper.track("purchase", { items, order_value: n });
      dispatchEvent(new Event("pagehide"));
    }"""
    page.evaluate(large)
    shop.until(lambda: len(shop.posted()) == 8)
    assert all(len(body) <= 60_000 for method, path, body in shop.asked if path == "/gk/collect")


def test_a_bad_event_takes_no_other_with_it(visitor, shop):
    """A body is taken whole or not at all: the rest is sent again without it."""
    page = visitor.open(shop.url)
    page.click("#accept")
    outcome(page)
    names = ["good_1", "not an event's name", "good_2"]
    page.evaluate("(names) => names.forEach((name) => gatekeeper.track(name, {}))", names)
    wanted = {"good_1", "good_2"}
    shop.until(lambda: wanted <= {line["event_type"] for line in shop.decisions()})


def test_without_a_network_events_wait_in_memory(visitor, shop):
    """Those that were allowed; they leave, once, when there is one again."""
    page = visitor.open(shop.url)
    page.click("#accept")
    outcome(page)
    page.evaluate("() => { window.real = fetch; window.fetch = () => Promise.reject(new TypeError('offline')); }")
    page.evaluate("() => { for (let n = 0; n < 12; n++) gatekeeper.track('offline', { scroll_depth: n }); }")
    page.evaluate("() => new Promise((done) => setTimeout(done, 300))")
    assert shop.posted() == []
    page.evaluate("() => { window.fetch = window.real; dispatchEvent(new Event('online')); }")
    shop.until(lambda: len(shop.posted()) == 12)
    assert page.evaluate("() => localStorage.length + sessionStorage.length") == 0


def test_what_waits_for_a_network_ends_with_a_refusal(visitor, shop):
    """An event is no longer wanted then."""
    page = visitor.open(shop.url)
    page.click("#accept")
    outcome(page)
    page.evaluate("() => { window.real = fetch; window.fetch = () => Promise.reject(new TypeError('offline')); }")
    page.evaluate(TRACK, "unwanted", EVERYTHING)
    page.click("#reject")
    outcome(page, 2)
    page.evaluate("() => { window.fetch = window.real; dispatchEvent(new Event('online')); }")
    page.wait("() => document.cookie.includes('2.a-.m-.')")
    page.evaluate(TRACK, "last", {}, {"purposes": ["necessary"]})
    shop.until(lambda: "last" in [event["event"] for event in shop.posted()])
    assert "unwanted" not in [event["event"] for event in shop.posted()]


def test_page_tells_where_the_visitor_is_and_came_from(visitor, shop):
    """Also within a single-page app."""
    page = visitor.open(shop.url + "one")
    page.click("#accept")
    outcome(page)
    page.evaluate(
        "() => { gatekeeper.page(); history.pushState({}, '', '/two'); gatekeeper.page({ scroll_depth: 5 }); }"
    )
    first, second = shop.until(lambda: len(shop.posted()) == 2 and shop.posted())
    assert (first["event"], first["data"]) == ("page_view", {"page_url": shop.url + "one", "page_title": "Shop"})
    assert second["data"] == {
        "page_url": shop.url + "two", "page_title": "Shop", "referrer": shop.url + "one", "scroll_depth": 5,
    }  # fmt: skip


def test_beside_another_platform_events_leave_when_it_says_so(visitor, shop):
    """Its cookie is read by the gate; the page asks again when cookies change."""
    page = visitor.open(shop.url)
    page.evaluate("() => gatekeeper.ready")
    page.evaluate(TRACK, "waiting", EVERYTHING)
    value = "{stamp:'x',necessary:true,preferences:true,statistics:true,marketing:false,method:'explicit',ver:1,utc:%d}"
    page.evaluate("(value) => { document.cookie = 'CookieConsent=' + value; }", quote(value % (time.time() * 1000)))
    page.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
    events = shop.until(shop.posted)
    assert events[0]["event"] == "waiting" and set(events[0]["data"]) == COVERED["statistics"]
