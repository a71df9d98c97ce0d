"""gatekeeper.js in three engines, under a strict policy of content: before a choice, with it, and after it."""

import pytest

from tests.browsers import site

STORED = """async () => [document.cookie, localStorage.length, sessionStorage.length,
  (await indexedDB.databases()).length, (await caches.keys()).length]"""


def effective(page):
    """What the page may do."""
    return page.evaluate("() => gatekeeper.consent().effective")


def outcome(page, number=1):
    """What came of the number-th click."""
    return page.wait("(n) => window.outcomes.length >= n && window.outcomes[n - 1]", number)


def test_before_the_choice_nothing_is_stored_and_nothing_is_sent(visitor, shop):
    """A fresh profile: the script, the question to the gate, and nothing else, although the page tracks."""
    page = visitor.open(shop.url)
    page.evaluate("() => { gatekeeper.page(); gatekeeper.track('purchase', { order_value: 5 }); }")
    page.evaluate("() => gatekeeper.ready")
    page.evaluate("() => new Promise((done) => setTimeout(done, 2500))")
    assert page.evaluate(STORED) == ["", 0, 0, 0, 0]
    assert visitor.cookies() == {}
    assert shop.requests() == ["GET /gk/gatekeeper.js", "GET /gk/consent"]
    assert page.evaluate("() => gatekeeper.consent().decided") is False
    assert effective(page) == {"analytics": False, "marketing": False}


CHOICES = {
    "accept": {"analytics": True, "marketing": True},
    "reject": {"analytics": False, "marketing": False},
    "statistics": {"analytics": True, "marketing": False},
}


@pytest.mark.parametrize("button", CHOICES)
def test_page_cookie_and_gate_agree_about_a_choice(visitor, shop, button):
    """In the page at once, in the cookie, in the state, and on the next page before anything was asked."""
    page = visitor.open(shop.url)
    page.click(f"#{button}")
    told = outcome(page)
    wanted = CHOICES[button]
    assert (told["ok"], told["status"]) == (True, 201) and told["receipt"].startswith("con_")
    assert effective(page) == wanted
    signs = "".join(letter + ("+" if wanted[name] else "-") + "." for letter, name in zip("am", wanted, strict=True))
    assert visitor.cookies()["gatekeeper_choice"].startswith("2." + signs)
    shown = page.evaluate("async () => (await (await fetch('/gk/consent')).json()).purposes.map((p) => p.effective)")
    assert shown == list(wanted.values())
    shop.asked.clear()
    page.goto(shop.url + "next")
    assert effective(page) == wanted
    assert page.evaluate("async () => (await gatekeeper.ready).decided") is True
    assert "GET /gk/consent" not in shop.requests()


def test_a_withdrawal_is_in_force_before_its_answer(visitor, shop):
    """And the gate's afterwards."""
    page = visitor.open(shop.url)
    page.click("#accept")
    outcome(page)
    after = page.evaluate("() => { gatekeeper.withdraw('marketing'); return gatekeeper.consent().effective; }")
    assert after == {"analytics": True, "marketing": False}
    page.wait("() => document.cookie.includes('2.a+.m-.')")
    page.click("#withdraw")
    assert outcome(page, 2)["ok"] is True
    assert effective(page) == {"analytics": False, "marketing": False}
    assert visitor.cookies()["gatekeeper_choice"].startswith("2.a-.m-.")


def test_a_click_by_script_grants_nothing_and_may_refuse(visitor, shop):
    """What extensions that click banners do."""
    early = "gatekeeper.consent({ analytics: true }).then((outcome) => { window.early = outcome; });"
    shop.html = site.page(f'<script nonce="{site.NONCE}">{early}</script>')
    page = visitor.open(shop.url)
    assert page.wait("() => window.early") == {"ok": False, "status": 0, "code": "no_gesture"}
    page.evaluate("() => document.getElementById('accept').click()")
    assert outcome(page) == {"ok": False, "status": 0, "code": "no_gesture"}
    assert "POST /gk/consent" not in shop.requests()
    page.evaluate("() => document.getElementById('reject').click()")
    assert outcome(page, 2)["ok"] is True
    assert visitor.cookies()["gatekeeper_choice"].startswith("2.a-.m-.")


def test_a_choice_without_a_network_refuses_at_once_and_grants_nothing(visitor, shop):
    """A grant needs the gate's answer; a refusal is told when there is a network again."""
    page = visitor.open(shop.url)
    page.click("#accept")
    outcome(page)
    page.evaluate("() => { window.real = fetch; window.fetch = () => Promise.reject(new TypeError('offline')); }")
    page.click("#reject")
    assert outcome(page, 2) == {"ok": False, "status": 0, "code": "offline"}
    assert effective(page) == {"analytics": False, "marketing": False}
    page.click("#accept")
    assert outcome(page, 3)["code"] == "offline"
    assert effective(page) == {"analytics": False, "marketing": False}
    page.evaluate("() => { window.fetch = window.real; dispatchEvent(new Event('online')); }")
    page.wait("() => document.cookie.includes('2.a-.m-.')")


def test_a_page_that_tells_no_referrer_is_heard(visitor, shop):
    """Its requests have `Origin: null` in some engines."""
    shop.headers["referrer-policy"] = "no-referrer"
    page = visitor.open(shop.url)
    page.evaluate("() => gatekeeper.track('page_view', { page_url: '/a', session_id: 's_1' })")
    page.click("#accept")
    assert outcome(page)["ok"] is True
    assert shop.until(shop.posted)[0]["event"] == "page_view"
    page.evaluate("() => { gatekeeper.track('purchase', { order_value: 5 }); dispatchEvent(new Event('pagehide')); }")
    shop.until(lambda: len(shop.decisions()) and [one for one in shop.posted() if one["event"] == "purchase"])


def test_the_choice_is_there_on_the_page_after_it(visitor, shop):
    """Of a choice that was awaited, as `consent` does it: five times, each time another one."""
    page = visitor.open(shop.url)
    for number in range(5):
        button, value = ("accept", "2.a+.m+.") if number % 2 == 0 else ("reject", "2.a-.m-.")
        page.click(f"#{button}")
        assert outcome(page)["ok"] is True
        page.goto(shop.url + f"page-{number}")
        assert page.evaluate("() => document.cookie").startswith("gatekeeper_choice=" + value)


def test_another_tab_follows(visitor, shop):
    """Without a request of its own for what the cookie says."""
    page = visitor.open(shop.url)
    other = visitor.tab(shop.url)
    other.evaluate("() => gatekeeper.ready")
    page.click("#accept")
    outcome(page)
    other.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
    other.wait("() => gatekeeper.allows('marketing')")
    other.evaluate("() => { gatekeeper.withdraw(); }")
    page.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
    page.wait("() => !gatekeeper.allows('marketing') || document.dispatchEvent(new Event('visibilitychange')) && false")


def test_a_page_that_comes_back_knows_what_was_chosen_meanwhile(visitor, shop):
    """Back from the page on which the choice was made, from the back/forward cache or not."""
    page = visitor.open(shop.url + "one")
    page.evaluate("() => gatekeeper.ready")
    page.goto(shop.url + "two")
    page.click("#accept")
    outcome(page)
    page.back()
    page.wait("() => location.pathname === '/one' && gatekeeper.allows('analytics')")


def test_the_signal_denies_marketing_whatever_was_chosen(visitors, shop):
    """Global Privacy Control: the choice is recorded, the conflict named, and nothing comes of it."""
    if visitors.engine.name == "webkit":
        pytest.skip("WebKitGTK has no Global Privacy Control")
    page = visitors(gpc=True).open(shop.url)
    page.click("#accept")
    assert outcome(page)["conflicts"] == [{"purpose": "marketing", "signal": "sec-gpc"}]
    assert effective(page) == {"analytics": True, "marketing": False}
    page.goto(shop.url + "next")
    assert effective(page) == {"analytics": True, "marketing": False}
    assert page.evaluate("() => gatekeeper.consent().gpc") is True
