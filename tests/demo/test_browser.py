"""The page in a real browser: Debian's Chromium, headless, driven by Playwright."""

import itertools

import pytest

from gatekeeper.demo.stage import stage

expect = pytest.importorskip("playwright.sync_api").expect
SIZES = {"desktop": (1280, 900), "tablet": (768, 1024), "phone": (390, 844), "small-phone": (360, 640)}


@pytest.fixture
def opened(chromium, tmp_path):
    """A fresh demo and a way to open its page; every complaint of the browser fails the test."""
    complaints, contexts = [], []
    with stage(tmp_path) as up:

        def go(**options):
            context = chromium.new_context(**options)
            contexts.append(context)
            page = context.new_page()
            page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
            page.on("request", lambda sent: sent.url.startswith(up.shop) or complaints.append(f"left: {sent.url}"))
            page.goto(up.shop)
            expect(page.locator("#law")).to_contain_text("GDPR")
            return page

        yield go
        for context in contexts:
            context.close()
    assert complaints == []


def size(name):
    """A viewport."""
    width, height = SIZES[name]
    return {"width": width, "height": height}


def card(page, title):
    """A destination's card in the newest event."""
    return page.locator(".event").first.locator(".card").filter(has=page.get_by_role("heading", name=title))


def buy(page, number):
    """Buy, and wait until the board has announced it."""
    page.get_by_role("button", name="Buy").click()
    expect(page.locator("#news")).to_contain_text(f"Purchase {number}:")


def answer(page, name):
    """Press a button of the banner, and wait until it has gone."""
    page.get_by_role("button", name=name, exact=True).click()
    expect(page.locator("#choice")).to_contain_text("Chosen")


@pytest.mark.parametrize("name", ["desktop", "phone"])
def test_clicking_through_the_demo(opened, name):
    """Held, refused, allowed; a withdrawal, an error; and what each destination shows for it."""
    page = opened(viewport=size(name))
    page.get_by_role("button", name="Buy").click()
    expect(page.locator("#news")).to_contain_text("Held in this page")
    expect(page.get_by_text("No event has reached the gate.")).to_be_visible()

    answer(page, "Reject all")
    expect(page.locator("#news")).to_contain_text("never left")
    buy(page, 1)
    for title in ("Google Analytics 4", "Meta Conversions API", "First-party analytics"):
        expect(card(page, title)).to_contain_text("Blocked")
    expect(card(page, "Meta")).to_contain_text("no_marketing_consent")
    expect(card(page, "Error monitoring")).to_contain_text("Not asked")
    expect(page.locator("#stayed")).to_contain_text("order_value")

    page.get_by_role("link", name="Privacy choices").click()
    page.get_by_role("group", name="Statistics").get_by_role("checkbox").check()
    page.get_by_role("button", name="Save choice").click()
    expect(page.locator("#choice")).to_contain_text("Statistics on · Advertising off")
    buy(page, 2)
    expect(card(page, "Google")).to_contain_text("Delivered")
    expect(page.locator("#stayed")).to_contain_text("email")
    expect(card(page, "Meta")).to_contain_text("Nothing. No request was made.")

    page.get_by_role("button", name="New visitor").click()
    page.get_by_label("E-mail address").fill("someone.else@example.org")
    answer(page, "Accept all")
    buy(page, 3)
    meta = card(page, "Meta")
    expect(meta).to_contain_text("Delivered")
    expect(meta).to_contain_text('"em"')
    assert "someone" not in page.locator("#events").inner_text()

    page.get_by_role("checkbox", name="Sec-GPC: 1").check()
    expect(page.locator("#choice")).to_contain_text("GPC honoured")
    buy(page, 4)
    expect(card(page, "Meta")).to_contain_text("gpc_opt_out")
    audit = page.locator(".event").first.locator(".audit")
    expect(audit).to_contain_text("The browser sent Sec-GPC: 1, which was honoured.")
    expect(audit.locator("pre")).to_be_hidden()
    audit.get_by_text("The record as JSON").click()
    expect(audit.locator("pre")).to_contain_text('"detected": true')

    page.get_by_role("button", name="Cause an error").click()
    expect(page.locator("#news")).to_contain_text("Error 5: Error monitor delivered")
    expect(card(page, "Error monitoring")).to_contain_text("The payment service did not answer")


PLACES = {"California": "CCPA", "Texas": "TDPSA", "Brazil": "LGPD", "Germany": "GDPR"}


def test_the_place_decides_what_the_banner_is(opened):
    """A question, or a link: and what that means for a visitor who says nothing."""
    page = opened(viewport=size("desktop"))
    for count, (place, law) in enumerate(PLACES.items()):
        page.get_by_label("is in").select_option(place)
        expect(page.locator("#law")).to_contain_text(law)
        banner = page.get_by_role("button", name="Accept all")
        if place in ("California", "Texas"):
            expect(banner).to_be_hidden()
            expect(page.locator("#law")).to_contain_text("no banner but a link")
            buy(page, count + 1)
            expect(card(page, "Meta")).to_contain_text("Delivered")
            expect(page.locator(".event").first.locator(".audit")).to_contain_text(f"a visitor in {place}")
        else:
            expect(banner).to_be_visible()
            expect(page.locator("#choice")).to_contain_text("Statistics off · Advertising off")


@pytest.mark.parametrize("viewport", [(1280, 800), (390, 844)], ids=["desktop", "phone"])
@pytest.mark.parametrize("button", ["Accept all", "Reject all"])
def test_the_answer_is_seen_without_scrolling(opened, viewport, button):
    """After the banner and a purchase: what each destination got, and why."""
    page = opened(viewport={"width": viewport[0], "height": viewport[1]})
    answer(page, button)
    page.get_by_role("button", name="Close").click()
    page.evaluate("document.getElementById('order').requestSubmit()")
    expect(page.locator("#news")).to_contain_text("Purchase 1:")
    assert page.evaluate("scrollY") == 0
    assert page.locator("#answer li").count() == 4
    box = page.locator("#answer").bounding_box()
    assert box["y"] + box["height"] <= viewport[1]


def test_by_keyboard_alone(opened):
    """Everything is reached in reading order, and done with Tab, Space and Enter; the banner comes first."""
    page = opened(viewport=size("desktop"))
    page.get_by_role("button", name="Reject all").press("Enter")
    expect(page.locator("#choice")).to_contain_text("Chosen")
    page.get_by_role("button", name="Close").press("Enter")
    page.reload()
    expect(page.locator("#law")).to_contain_text("GDPR")
    reached = []
    for _ in range(8):
        page.keyboard.press("Tab")
        focused = page.locator(":focus")
        reached.append(focused.get_attribute("id") or focused.inner_text())
        assert focused.evaluate("e => getComputedStyle(e).outlineStyle") == "solid", reached[-1]
    assert reached == ["Skip to what arrived", "place", "gpc", "Privacy choices", "forget", "email", "Buy", "fail"]
    page.get_by_label("E-mail address").press("Enter")
    expect(page.locator("#news")).to_contain_text("Purchase 1: GA4 blocked, Meta blocked")
    page.locator(".event > summary").press("Enter")
    expect(card(page, "Google")).to_be_hidden()


@pytest.mark.parametrize("name", SIZES)
def test_nothing_scrolls_sideways(opened, name):
    """On any screen, with all there is to show open."""
    page = opened(viewport=size(name))
    answer(page, "Accept all")
    buy(page, 1)
    page.evaluate("document.querySelectorAll('details').forEach(details => { details.open = true })")
    assert page.evaluate("document.documentElement.scrollWidth") == SIZES[name][0]


CONTRAST = """
() => {
  const luminance = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const numbers = colour => colour.match(/[\\d.]+/g).map(Number);
  const paper = element => {
    for (; element; element = element.parentElement) {
      const colour = numbers(getComputedStyle(element).backgroundColor);
      if (colour.length < 4 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const weak = [];
  for (const element of document.querySelectorAll("body *")) {
    const text = [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
    if (!text || !element.checkVisibility() || element.tagName === "NOSCRIPT") continue;
    const [light, dark] = [luminance(numbers(getComputedStyle(element).color)), luminance(paper(element))]
      .sort((a, b) => b - a);
    const ratio = (light + .05) / (dark + .05);
    if (ratio < 4.5) weak.push(`${element.tagName}.${element.className} ${ratio.toFixed(2)}`);
  }
  return weak;
}
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read(opened, scheme):
    """WCAG AA, 4.5 to 1, for delivered, blocked and not asked alike."""
    page = opened(viewport=size("desktop"), color_scheme=scheme)
    answer(page, "Reject all")
    buy(page, 1)
    page.get_by_role("button", name="New visitor").click()
    answer(page, "Accept all")
    buy(page, 2)
    assert page.evaluate(CONTRAST) == []
    dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    assert dark is (scheme == "dark")


def test_structure_for_those_who_hear_it(opened):
    """One main, one h1, headings without gaps, unique ids, named regions and controls."""
    page = opened(viewport=size("desktop"))
    answer(page, "Accept all")
    buy(page, 1)
    assert page.locator("main").count() == page.locator("h1").count() == 1
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].map(h => +h.tagName[1])")
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))
    regions = ["The visitor", "The shop", "What arrived", "What left the page", "Event by event"]
    assert all(page.get_by_role("region", name=name, exact=True).count() == 1 for name in regions)
    assert page.locator("main").get_by_role("status").count() == 2


def test_an_open_event_stays_as_the_visitor_left_it(opened):
    """The board asks every second; what was folded stays folded."""
    page = opened(viewport=size("desktop"))
    answer(page, "Accept all")
    buy(page, 1)
    page.locator(".event > summary").click()
    with page.expect_response("**/demo/board"):
        pass
    with page.expect_response("**/demo/board"):
        pass
    expect(card(page, "Google")).to_be_hidden()
