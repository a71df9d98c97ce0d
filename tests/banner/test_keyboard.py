"""By keyboard alone, by zoom, by large text: everything can be reached, seen and left."""

import pytest

from gatekeeper.browser import texts
from tests.banner.stand import state

FOCUS = """() => {
  let found = document.activeElement;
  while (found.shadowRoot?.activeElement) found = found.shadowRoot.activeElement;
  if (found === document.body) return "body";
  return found.ariaLabel ?? (found.textContent.trim() || found.name || found.localName);
}"""


def focus(stand):
    """The name of what has the focus."""
    return stand.page.evaluate(FOCUS)


def tabs(stand, count, key="Tab"):
    """What has the focus after each press."""
    found = []
    for _ in range(count):
        stand.page.keyboard.press(key)
        found.append(focus(stand))
    return found


def test_the_banner_is_the_first_thing_that_tab_reaches_and_takes_no_focus(stood):
    """Leaving without accepting first, refusing before accepting; then the page."""
    stand = stood().open(state())
    assert focus(stand) == "body"
    names = ["close", "partners", "privacy", "reject_all", "accept_all", "choose"]
    expected = [stand.text(name) for name in names]
    expected[1] += " (3)"
    assert tabs(stand, 7) == [*expected, "End"]
    assert stand.page.evaluate("scrollY") == 0


@pytest.mark.parametrize(("presses", "choices"), [(4, False), (5, True)])
@pytest.mark.parametrize("key", ["Enter", " "])
def test_a_key_chooses(stood, presses, choices, key):
    """It is the visitor's own event; the focus stays in the banner, on what says that it is saved."""
    stand = stood().open(state())
    tabs(stand, presses)
    stand.page.keyboard.press(key)
    stand.is_shown("saved")
    call = stand.calls()[0]
    assert set(call["choices"].values()) == {choices} and call["trusted"] is True
    assert focus(stand) == stand.text("title")
    assert tabs(stand, 2) == [stand.text("undo"), stand.text("dismiss")]


def test_the_preferences_keep_the_focus_until_they_close(stood):
    """From the heading around; Escape changes nothing and gives the focus back to what opened them."""
    stand = stood().open(state())
    tabs(stand, 6)
    stand.page.keyboard.press("Enter")
    stand.is_shown("preferences")
    assert focus(stand) == stand.text("title")
    around = tabs(stand, 12)
    assert stand.text("accept_all") in around and stand.text("dismiss") in around and "End" not in around
    stand.page.keyboard.press("Escape")
    stand.is_shown("ask")
    assert focus(stand) == stand.text("choose") and stand.calls() == []


def test_escape_on_the_first_layer_is_nothing(stood):
    """It is no dialog, and dismissal is no consent."""
    stand = stood().open(state())
    tabs(stand, 2)
    stand.page.keyboard.press("Escape")
    assert (stand.shown, stand.calls()) == ("ask", [])


def test_purposes_are_ticked_and_saved_by_keyboard(stood):
    """Space ticks, Enter saves."""
    stand = stood().open(state())
    tabs(stand, 6)
    stand.page.keyboard.press("Enter")
    stand.is_shown("preferences")
    while focus(stand) != "marketing":
        stand.page.keyboard.press("Tab")
    stand.page.keyboard.press(" ")
    while focus(stand) != stand.text("save"):
        stand.page.keyboard.press("Tab")
    stand.page.keyboard.press("Enter")
    stand.is_shown("saved")
    assert stand.calls()[0]["choices"] == {"analytics": False, "marketing": True}


def test_what_has_the_focus_can_be_seen(stood):
    """A ring of three pixels, inside the layer that shows it."""
    stand = stood().open(state())
    for _ in range(6):
        stand.page.keyboard.press("Tab")
        style, width, seen = stand.inside(
            "(root) => { const e = root.activeElement, s = getComputedStyle(e), b = e.getBoundingClientRect();"
            " return [s.outlineStyle, s.outlineWidth,"
            " b.top >= 0 && b.bottom <= innerHeight && b.left >= 0 && b.right <= innerWidth] }"
        )
        assert (style, width, seen) == ("solid", "3px", True)


def test_a_link_of_the_page_is_not_covered_when_it_gets_the_focus(stood):
    """WCAG 2.4.11: the page scrolls further by the height of the banner, which ends with it."""
    body = "<p>" + "text<br>" * 60 + "<a href=#a>last</a>" + "<br>text" * 3
    stand = stood(viewport={"width": 390, "height": 700}).open(state(), body=body, policy=None)
    tabs(stand, 7)
    assert focus(stand) == "last"
    covered = "document.activeElement.getBoundingClientRect().bottom > document.querySelector('gatekeeper-banner')"
    assert not stand.page.evaluate(f"{covered}.shadowRoot.querySelector('section').getBoundingClientRect().top")
    stand.click("reject_all").is_shown("saved").click("dismiss").is_shown("link")
    stand.page.wait_for_function("parseFloat(document.documentElement.style.scrollPaddingBlockEnd) < 120")


@pytest.mark.parametrize("layer", ["section", "dialog"])
@pytest.mark.parametrize("language", texts())
def test_at_400_percent_nothing_is_lost(stood, language, layer):
    """320 by 256 CSS pixels: no scrolling in two directions, all three answers in sight, all words within reach."""
    stand = stood(viewport={"width": 320, "height": 256}).open(state("ask", language))
    if layer == "dialog":
        stand.click("choose").is_shown("preferences")
    reads = """(root, layer) => {
      const words = root.querySelector(layer + " .words"), last = words.lastElementChild;
      const all = [words, root.querySelector(layer), document.documentElement];
      const sideways = all.map((e) => e.scrollWidth - e.clientWidth);
      const seen = [...root.querySelectorAll(layer + " .buttons > *")].map((e) => e.getBoundingClientRect())
        .every((b) => b.top >= 0 && b.bottom <= innerHeight && b.left >= 0 && b.right <= innerWidth);
      last.scrollIntoView();
      const box = last.getBoundingClientRect(), room = words.getBoundingClientRect();
      return [Math.max(...sideways), seen, words.clientHeight >= 32, box.bottom <= room.bottom + 1];
    }"""
    assert stand.inside(reads, layer) == [0, True, True, True]


SPACING = """
p, li, button, label, legend, h2 { line-height: 1.5 !important; letter-spacing: .12em !important }
p, li, button, label, legend, h2 { word-spacing: .16em !important }
p { margin-bottom: 2em !important }
"""


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("change", ["text-twice-as-large", "text-spacing"])
def test_large_or_spaced_text_cuts_nothing_off(stood, change, width):
    """WCAG 1.4.4 and 1.4.12, by rules inside the shadow root."""
    stand = stood(viewport={"width": width, "height": 800}).open(state("ask", "de"))
    rules = SPACING if change == "text-spacing" else "section, dialog { font-size: 200% !important }"
    found = stand.inside(
        "(root, rules) => { const sheet = new CSSStyleSheet(); sheet.replaceSync(rules);"
        " root.adoptedStyleSheets.push(sheet); return [...root.querySelectorAll('section, section *')]"
        ".filter((e) => e.scrollWidth > e.clientWidth + 1 && e.clientWidth).map((e) => e.localName + e.className) }",
        rules,
    )
    assert found == []
    assert stand.inside("(root) => root.querySelector('section').getBoundingClientRect().height <= innerHeight")
