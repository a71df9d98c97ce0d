"""The page around the banner: it scrolls, does not move, stays quick, and keeps its own policy of content."""

import gzip

import pytest

from gatekeeper.browser import template
from tests.banner.stand import STRICT, served, state

LIMIT = 4_000  # bytes, gzip
LONG = "<h1>A shop of socks</h1>" + "<p>" + "Sentences of a page that is longer than the window. " * 400
HIDINGS = {
    "display": "gatekeeper-banner { display: none !important }",
    "visibility": "gatekeeper-banner { visibility: hidden !important }",
    "clip": "gatekeeper-banner { position: fixed !important; clip-path: inset(50%) !important }",
}


def test_the_banner_is_small():
    """As it is served, which is how it is run in every test here."""
    assert len(gzip.compress(served().encode(), 9, mtime=0)) <= LIMIT


def test_the_banner_asks_for_nothing_and_stores_nothing(stood):
    """No request, cookie or storage of its own, before and after a choice."""
    stand, sent = stood(), []
    stand.page.on("request", lambda request: sent.append(request.url.rpartition("/")[2]))
    stand.open(state()).click("choose").is_shown("preferences").click("accept_all", "dialog").is_shown("saved")
    assert sent == ["", "state.js", "sdk.js", "banner.js"]
    storage = stand.page.evaluate("[document.cookie, localStorage.length, sessionStorage.length]")
    assert storage == ["", 0, 0] and stand.page.context.cookies() == []


def test_the_page_scrolls_under_the_banner(stood):
    """No scroll lock on either layer; what is beside the banner can be clicked."""
    stand = stood().open(state(), body=LONG, policy=None)
    stand.page.mouse.move(640, 100)
    stand.page.mouse.wheel(0, 400)
    stand.page.wait_for_function("scrollY > 300")
    assert stand.page.evaluate("document.elementFromPoint(640, 50).localName") in ("p", "h1", "main")
    stand.click("choose").is_shown("preferences")
    for name in ("body", "html"):
        assert stand.page.locator(name).evaluate("e => getComputedStyle(e).overflow") == "visible"


@pytest.mark.parametrize("hiding", HIDINGS)
def test_a_hidden_banner_is_a_refusal_and_a_page_that_scrolls(stood, hiding):
    """As filter lists hide it: nothing is granted, nothing is in the way."""
    stand = stood().open(state(), body=LONG, head=f"<style>{HIDINGS[hiding]}</style>", policy=None)
    stand.page.mouse.move(640, 700)
    stand.page.mouse.wheel(0, 400)
    stand.page.wait_for_function("scrollY > 300")
    assert stand.calls() == []


@pytest.mark.parametrize("name", ["accept_all", "reject_all", "close"])
def test_a_click_by_script_is_handed_on_as_one(stood, name):
    """gatekeeper.js takes a refusal from it, and no grant."""
    stand = stood().open(state(), policy=None)
    label = stand.text(name)
    stand.inside(
        "(root, label) => [...root.querySelectorAll('section button')]"
        ".find((one) => one.textContent === label || one.ariaLabel === label).click()",
        label,
    )
    stand.page.wait_for_function("calls.length")
    assert stand.calls()[0]["trusted"] is False


@pytest.mark.parametrize(
    "policy", [STRICT, STRICT + "; sandbox allow-scripts allow-same-origin"], ids=["strict", "sandbox"]
)
def test_the_strictest_policy_of_content_lets_the_banner_work(stood, policy):
    """`default-src 'none'`, Trusted Types required and no policy of them allowed; styled all the same."""
    stand = stood().open(state(), policy=policy)
    look = (
        "(root) => { const s = getComputedStyle(root.querySelector('section')); return [s.position, s.borderTopWidth] }"
    )
    assert stand.inside(look) == ["fixed", "2px"]
    stand.click("choose").is_shown("preferences").click("save", "dialog").is_shown("saved")


def test_nothing_moves_and_the_headline_stays_the_largest_thing(stood):
    """CLS 0 over all states; the LCP element is the page's own."""
    watch = """
      window.shifts = [];
      window.largest = [];
      const moved = (one) => [one.value, ...one.sources.map(({ node }) => node?.nodeName)];
      const shift = (one) => one.hadRecentInput || shifts.push(moved(one));
      const observe = (type, each) =>
        new PerformanceObserver((list) => list.getEntries().forEach(each)).observe({ type, buffered: true });
      observe("layout-shift", shift);
      observe("largest-contentful-paint", (one) => largest.push(one.element?.localName ?? "?"));
    """
    stand = stood(viewport={"width": 390, "height": 844})
    stand.page.add_init_script(watch)
    headline = "<h1 style='font-size: 60px'>A shop of woollen socks in all sizes</h1><p>Text.</p>"
    stand.open(state(), body=headline, policy=None)
    stand.page.evaluate("outcomes.push(new Promise((r) => setTimeout(r, 700, { ok: true, status: 201 })))")
    stand.page.evaluate("() => new Promise((r) => requestAnimationFrame(() => setTimeout(r, 200)))")
    stand.click("choose").is_shown("preferences").click("dismiss", "dialog").is_shown("ask")
    stand.click("accept_all").is_shown("saved").click("dismiss").is_shown("link")
    assert stand.page.evaluate("[shifts, largest.at(-1)]") == [[], "h1"]


WATCH = """
  window.slowest = 0;
  const observe = (list) => list.getEntries().forEach((one) => {
    if (one.interactionId) slowest = Math.max(slowest, one.duration);
  });
  new PerformanceObserver(observe).observe({ type: "event", durationThreshold: 16, buffered: true });
"""
BUSY = """() => {
  const { consent } = gatekeeper;
  gatekeeper.consent = (choices, more) => {
    const end = performance.now() + (choices ? 300 : 0);
    while (performance.now() < end);
    return consent(choices, more);
  };
}"""
SETTLED = "() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 300)))"


def slowest(stood, name, attempts, banner=None):
    """The best interaction of some visitors, in milliseconds: what else the machine does makes it only longer."""
    found = []
    for _ in range(attempts):
        stand = stood()
        stand.page.add_init_script(WATCH)
        stand.open(state(), policy=None, banner=banner)
        stand.page.evaluate(BUSY)
        session = stand.page.context.new_cdp_session(stand.page)
        session.send("Emulation.setCPUThrottlingRate", {"rate": 6})
        stand.click(name).is_shown("saved")
        session.send("Emulation.setCPUThrottlingRate", {"rate": 1})
        stand.page.evaluate(SETTLED)
        found.append(stand.page.evaluate("slowest"))
        stand.page.context.close()
        if found[-1] < 200:
            break
    return min(found)


@pytest.mark.parametrize("name", ["accept_all", "reject_all"])
def test_a_slow_listener_does_not_slow_the_click(stood, name):
    """INP below 200 ms with a processor six times slower and 300 ms of the site's own work after the choice."""
    assert 0 < slowest(stood, name, 8) < 200


def test_the_measure_sees_work_before_the_paint(stood):
    """Without the wait for it the same click takes longer than 300 ms."""
    source, wait = template("banner.js"), "requestAnimationFrame(() => setTimeout(done))"
    assert wait in source
    assert slowest(stood, "accept_all", 2, source.replace(wait, "done()")) > 300


def test_a_site_may_place_the_banner_itself(stood):
    """An element that is there is taken; otherwise one is put first in the body. Printed, there is none."""
    stand = stood().open(state(), body="<gatekeeper-banner></gatekeeper-banner>")
    assert stand.page.locator("gatekeeper-banner").count() == 1
    assert stand.page.evaluate("document.querySelector('main > gatekeeper-banner') !== null")
    stand = stood().open(state())
    assert stand.page.evaluate("document.body.firstElementChild.localName") == "gatekeeper-banner"
    stand.page.emulate_media(media="print")
    assert not stand.page.locator("gatekeeper-banner section").is_visible()
