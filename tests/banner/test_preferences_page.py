"""The page without script, in every language: axe finds nothing, and nothing scrolls sideways on the smallest phone."""

import pytest

from gatekeeper.browser import texts
from tests.banner.stand import ADDRESS, answered
from tests.banner.test_axe import SMALL, unreadable_in, violations
from tests.banner.test_prominence import THEMES


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("language", texts())
def test_the_page_breaks_no_rule_of_access(stood, language, theme):
    """Contrast, names, roles, sizes of targets, direction; all three answers look the same."""
    html = answered(f"language={language}", accept="text/html")
    stand = stood(viewport=SMALL, **THEMES[theme])
    stand.page.route("**/*", lambda route: route.fulfill(body=html, content_type="text/html; charset=utf-8"))
    stand.page.goto(ADDRESS)
    assert stand.page.locator("html").get_attribute("dir") == ("rtl" if language == "ar" else "ltr")
    assert stand.page.evaluate("document.documentElement.scrollWidth") <= 320
    assert violations(stand) == []
    assert unreadable_in(stand, stand.page.evaluate(TEXTS)) == []
    looks = stand.page.evaluate(LOOKS)
    assert len(looks) == 3 and looks[0] == looks[1] == looks[2]


TEXTS = """() => [...document.querySelectorAll("button, h1, legend")].flatMap((element) => {
  const range = document.createRange();
  range.selectNodeContents(element);
  return [...range.getClientRects()].filter(({ bottom, width }) => bottom < innerHeight && width > 9)
    .map(({ left, top, right, bottom }) => [element.textContent, left + 3, top + 3, right - 3, bottom - 3]);
})"""
LOOKS = """() => [...document.querySelectorAll("button")].map((button) => {
  const style = getComputedStyle(button);
  return ["color", "backgroundColor", "border", "font", "opacity", "width"].map((name) => style[name]);
})"""
