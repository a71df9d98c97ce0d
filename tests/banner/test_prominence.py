"""Refuse and accept are equal: in every language, theme and width, on both layers, and whatever the site styles."""

import pytest

from gatekeeper.browser import texts
from tests.banner.prominence import FAULTS
from tests.banner.stand import state

WIDTHS = (320, 344, 375, 414, 480, 600, 768, 1024, 1280, 1600, 1920)
THEMES = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "forced": {"forced_colors": "active"},
}


def faults(stand, widths=WIDTHS):
    """Those of both layers, by layer and width."""
    found = {}
    for layer in ("section", "dialog"):
        if layer == "dialog":
            stand.click("choose").is_shown("preferences")
        for width in widths:
            stand.page.set_viewport_size({"width": width, "height": 640 if width < 600 else 800})
            found[layer, width] = measured(stand, layer)
    return {where: some for where, some in found.items() if some}


def measured(stand, layer="section"):
    """The faults of one layer as it is now."""
    words = ("object", "allow") if stand.state["ask"] == "object" else ("reject_all", "accept_all")
    third = "choose" if layer == "section" else "save"
    return stand.inside(FAULTS, [layer, [stand.text(name) for name in (*words, third)]])


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("language", texts())
def test_refusing_is_as_prominent_as_accepting(stood, language, theme):
    """Every computed style is the same, and size, parent and place; both can be seen without scrolling."""
    assert faults(stood(**THEMES[theme]).open(state("ask", language))) == {}


@pytest.mark.parametrize("kind", ["object", "ask-gpc"])
def test_an_objection_is_as_prominent_as_going_on(stood, kind):
    """Also where the law asks for an objection only, and beside the browser's own signal."""
    assert faults(stood().open(state(kind)), (320, 1280)) == {}


SITES = {
    "variables": ":root { --gatekeeper-accent: #0a0; --gatekeeper-accent-text: #fff; --gatekeeper-radius: 0 }",
    "more-variables": ":root { --gatekeeper-width: 20em; --gatekeeper-font: serif; --gatekeeper-background: #eee }",
    "part": "gatekeeper-banner::part(panel) { font-size: 20px; text-align: center; line-height: 1 }",
    "buttons": "button { background: green; display: none } button:first-child { opacity: 0.2 }",
    "everything": "* { color: red; font-size: 9px; padding: 0 !important; border: 0 !important }",
    "host": "gatekeeper-banner { font-size: 8px; color: grey; text-transform: uppercase; letter-spacing: 2px }",
    "nth": "gatekeeper-banner .buttons > :nth-child(2), gatekeeper-banner::part(accept) { background: #0a0 }",
    "root": "html { font-size: 62.5% } body { line-height: 3; direction: rtl }",
}


@pytest.mark.parametrize("site", SITES)
def test_no_style_of_a_site_favours_a_button(stood, site):
    """Variables and the part hold for all three; every other rule ends at the shadow root."""
    stand = stood().open(state(), head=f"<style>{SITES[site]}</style>", policy=None)
    assert faults(stand, (320, 1280)) == {}


PLANTS = {
    "green-accept": (".buttons > :nth-child(2) { background: green !important }", ""),
    "link-refuse": (".buttons > :first-child { background: none; color: inherit; text-decoration: underline }", ""),
    "wider-accept": (".buttons { grid-template-columns: 1fr 2fr 1fr !important }", ""),
    "pale-refuse": (".buttons > :first-child { opacity: 0.6 }", ""),
    "small-refuse": (".buttons > :first-child { font-size: 12px }", ""),
    "hover-like-focus": (".buttons > :nth-child(2):focus { outline-color: red }", ""),
    "sign-on-accept": (".buttons > :nth-child(2)::before { content: '!' }", ""),
    "refuse-below": (".buttons > :first-child { transform: translateY(400px) }", ""),
    "accept-first": ("", "const row = root.querySelector('.buttons'); row.prepend(row.children[1])"),
    "refuse-elsewhere": ("", "root.querySelector('.words').append(root.querySelector('.buttons > *'))"),
    "refuse-skipped": ("", "root.querySelector('.buttons > *').tabIndex = -1"),
    "refuse-covered": ("section::after { content: ''; position: fixed; inset: 50% 66% 0 0; background: #fff }", ""),
}


@pytest.mark.parametrize("plant", PLANTS)
def test_the_measure_sees_a_banner_that_favours_accepting(stood, plant):
    """Each trick of a dark pattern is a fault by this measure."""
    style, script = PLANTS[plant]
    stand = stood().open(state())
    assert measured(stand) == []
    stand.inside(
        "(root, style) => { const sheet = new CSSStyleSheet(); sheet.replaceSync(style);"
        " root.adoptedStyleSheets.push(sheet); " + script + " }",
        style,
    )
    assert measured(stand) != []
