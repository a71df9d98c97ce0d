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
            expect(page.get_by_text("You have not chosen yet")).to_be_visible()
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
    page.get_by_role("button", name="Buy for").click()
    expect(page.locator("#news")).to_contain_text(f"Purchase {number}:")


@pytest.mark.parametrize("name", ["desktop", "phone"])
def test_clicking_through_the_demo(opened, name):
    """Four purchases and an error, and what each destination shows for it."""
    page = opened(viewport=size(name))
    expect(page.get_by_text("Nothing yet.")).to_be_visible()

    buy(page, 1)
    for title in ("Google Analytics 4", "Meta Conversions API", "First-party analytics"):
        expect(card(page, title)).to_contain_text("Blocked")
    expect(card(page, "Meta")).to_contain_text("no_marketing_consent")
    expect(card(page, "Error monitoring")).to_contain_text("Not asked")

    page.get_by_role("switch", name="Analytics").check()
    page.get_by_role("button", name="Save choice").click()
    expect(page.get_by_text("Recorded: analytics yes, marketing no.")).to_be_visible()
    buy(page, 2)
    expect(card(page, "Google")).to_contain_text("Delivered")
    expect(card(page, "Google").locator("dt", has_text="email_hash")).to_be_visible()
    expect(card(page, "Meta")).to_contain_text("Nothing. No request was made.")

    page.get_by_role("button", name="Accept all").click()
    expect(page.get_by_text("Recorded: analytics yes, marketing yes.")).to_be_visible()
    page.get_by_label("E-mail address").fill("someone.else@example.org")
    buy(page, 3)
    meta = card(page, "Meta")
    expect(meta).to_contain_text("Delivered")
    expect(meta).to_contain_text('"em"')
    assert "someone" not in page.locator("#events").inner_text()

    page.get_by_label("Simulate Sec-GPC: 1").check()
    buy(page, 4)
    expect(card(page, "Meta")).to_contain_text("gpc_opt_out")
    expect(page.locator(".event").first.locator(".audit pre")).to_contain_text('"detected": true')

    page.get_by_role("button", name="Cause an error").click()
    expect(page.locator("#news")).to_contain_text("Error 5: Error monitor delivered")
    expect(card(page, "Error monitoring")).to_contain_text("The payment service did not answer")

    page.get_by_role("button", name="Forget").click()
    expect(page.get_by_text("You have not chosen yet")).to_be_visible()
    assert page.locator(".event").count() == 5


def test_by_keyboard_alone(opened):
    """Everything is reached in reading order, and done with Tab, Space and Enter."""
    page = opened(viewport=size("desktop"))
    reached = []
    for _ in range(10):
        page.keyboard.press("Tab")
        focused = page.locator(":focus")
        reached.append(focused.get_attribute("id") or focused.inner_text())
        assert focused.evaluate("e => getComputedStyle(e).outlineStyle") == "solid", reached[-1]
        if reached[-1] == "analytics":
            page.keyboard.press("Space")
    assert reached == [
        "Skip to what arrived", "email", "gpc", "Buy for € 149.00", "fail",
        "analytics", "marketing", "reject", "Save choice", "accept",
    ]  # fmt: skip
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Recorded: analytics yes, marketing no.")).to_be_visible()
    page.get_by_label("E-mail address").press("Enter")
    expect(page.locator("#news")).to_contain_text("Purchase 1: GA4 delivered, Meta blocked")
    page.locator(".event > summary").press("Enter")
    expect(card(page, "Google")).to_be_hidden()


@pytest.mark.parametrize("name", SIZES)
def test_nothing_scrolls_sideways(opened, name):
    """On any screen, with all there is to show open."""
    page = opened(viewport=size(name))
    page.get_by_role("button", name="Accept all").click()
    expect(page.get_by_text("Recorded: analytics yes, marketing yes.")).to_be_visible()
    buy(page, 1)
    page.evaluate("document.querySelectorAll('details').forEach(details => { details.open = true })")
    assert page.evaluate("document.documentElement.scrollWidth") == SIZES[name][0]


def test_refusing_is_as_easy_as_accepting(opened):
    """The three buttons look the same, and nothing is chosen beforehand."""
    page = opened(viewport=size("desktop"))
    looks = [
        page.get_by_role("button", name=name).evaluate(
            "e => { const s = getComputedStyle(e), r = e.getBoundingClientRect();"
            " return [s.color, s.backgroundColor, s.borderColor, s.fontSize, s.fontWeight,"
            " Math.round(r.width), Math.round(r.height)] }"
        )
        for name in ("Reject all", "Save choice", "Accept all")
    ]
    assert looks[0] == looks[1] == looks[2]
    assert [box.is_checked() for box in page.get_by_role("switch").all()] == [True, False, False]
    expect(page.get_by_role("switch", name="Necessary")).to_be_disabled()


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
    buy(page, 1)
    page.get_by_role("switch", name="Analytics").check()
    page.get_by_role("button", name="Save choice").click()
    expect(page.get_by_text("Recorded: analytics yes")).to_be_visible()
    buy(page, 2)
    assert page.evaluate(CONTRAST) == []
    dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    assert dark is (scheme == "dark")


def test_structure_for_those_who_hear_it(opened):
    """One main, one h1, headings without gaps, unique ids, named regions and controls."""
    page = opened(viewport=size("desktop"))
    buy(page, 1)
    assert page.locator("main").count() == page.locator("h1").count() == 1
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].map(h => +h.tagName[1])")
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))
    regions = ["The shop", "Your choice", "What the page posts", "What arrived"]
    assert all(page.get_by_role("region", name=name).count() == 1 for name in regions)
    assert page.get_by_role("status").count() == 2
    assert all(page.get_by_role("group", name="Purposes").get_by_role("switch", name=name).count() == 1
               for name in ("Necessary", "Analytics", "Marketing"))  # fmt: skip


def test_without_motion_nothing_moves(opened):
    """prefers-reduced-motion."""
    page = opened(viewport=size("desktop"), reduced_motion="reduce")
    assert page.get_by_role("switch", name="Analytics").evaluate("e => getComputedStyle(e).transitionDuration") == "0s"


def test_an_open_event_stays_as_the_visitor_left_it(opened):
    """The board asks every second; what was folded stays folded."""
    page = opened(viewport=size("desktop"))
    buy(page, 1)
    page.locator(".event > summary").click()
    with page.expect_response("**/demo/board"):
        pass
    with page.expect_response("**/demo/board"):
        pass
    expect(card(page, "Google")).to_be_hidden()
