"""axe-core finds nothing on either layer, in any language and theme."""

import io

import pytest
from axe_playwright_python.base import AXE_FILE_PATH
from PIL import Image

from gatekeeper.browser import texts
from tests.banner.stand import changed, state
from tests.banner.test_prominence import THEMES
from tests.banner.test_states import decided

RUN = """async () => {
  const found = await axe.run(document, { resultTypes: ["violations"], rules: { "target-size": { enabled: true } } });
  return found.violations.map(({ id, nodes }) => [id, nodes.map((one) => [one.target, one.failureSummary])]);
}"""


def violations(stand):
    """All that axe says of the page as it is now, by rule."""
    if not stand.page.evaluate("'axe' in window"):
        stand.page.evaluate(AXE_FILE_PATH.read_text("utf-8"))
    return stand.page.evaluate(RUN)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("language", texts())
def test_no_layer_breaks_a_rule_of_access(stood, language, theme):
    """WCAG 2.2 A and AA, and best practice: contrast, names, roles, sizes of targets, order."""
    stand = stood(**THEMES[theme]).open(state("ask", language), policy=None)
    assert violations(stand) == []
    stand.click("choose").is_shown("preferences")
    assert violations(stand) == []


SMALL = {"width": 320, "height": 640}


@pytest.mark.parametrize(
    "shown",
    [
        pytest.param(state("object"), id="object"),
        pytest.param(state("opt-out"), id="link"),
        pytest.param(state("gpc"), id="gpc"),
        pytest.param(changed(why="notice_changed"), id="ask-again"),
        pytest.param(decided("account"), id="toast"),
        pytest.param(decided(analytics="granted"), id="withdraw"),
    ],
)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_other_state_breaks_a_rule_of_access(stood, shown, theme):
    """On a phone of the smallest size."""
    stand = stood(viewport=SMALL, **THEMES[theme]).open(shown, policy=None)
    assert violations(stand) == []


@pytest.mark.parametrize("outcome", ["saved", "error"])
def test_what_comes_of_a_choice_breaks_no_rule_of_access(stood, outcome):
    """Saved, and not."""
    stand = stood(viewport=SMALL).open(state(), policy=None)
    stand.page.evaluate(
        f"outcomes.push({{ok: {'true' if outcome == 'saved' else 'false'}, status: 201, conflicts: []}})"
    )
    stand.click("accept_all").is_shown(outcome)
    assert violations(stand) == []


@pytest.mark.parametrize(
    ("plant", "rule"),
    [
        ("root.querySelector('section .buttons > *').textContent = ''", "button-name"),
        ("root.querySelector('section p').style.color = '#ccc'", "color-contrast"),
        ("root.querySelector('section .buttons').setAttribute('role', 'listbox')", "aria-required-children"),
    ],
)
def test_axe_sees_into_the_banner(stood, plant, rule):
    """A planted fault is found: the check is not blind to the shadow root."""
    stand = stood().open(state(), policy=None)
    stand.inside("(root) => { " + plant + " }")
    assert rule in [name for name, _ in violations(stand)]


# Where the text of each button, heading and paragraph of the first layer is.
TEXTS = """(root) => [...root.querySelectorAll("section button, section h2, section p")].flatMap((element) => {
  const range = document.createRange();
  range.selectNodeContents(element);
  const room = root.querySelector("section .words").getBoundingClientRect();
  const seen = ({ width, top, bottom }) => width > 9 && (bottom < room.bottom || top > room.bottom);
  const inner = ({ left, top, right, bottom }) => [element.textContent, left + 3, top + 3, right - 3, bottom - 3];
  return [...range.getClientRects()].filter(seen).map(inner);
})"""


def unreadable(stand):
    """The texts of the first layer that cannot be told from what is behind them."""
    return unreadable_in(stand, stand.inside(TEXTS))


def unreadable_in(stand, texts):
    """Those of some texts with their places on the page whose pixels are all alike."""
    pixels = Image.open(io.BytesIO(stand.page.screenshot())).convert("L")
    found = []
    for text, *box in texts:
        darkest, lightest = pixels.crop(tuple(map(int, box))).getextrema()
        if lightest - darkest < 110:
            found.append(text)
    return found


@pytest.mark.parametrize("theme", THEMES)
def test_all_words_can_be_seen(stood, theme):
    """As pixels: forced colours put a plate behind each text, which no computed style tells."""
    assert unreadable(stood(**THEMES[theme]).open(state())) == []


def test_the_measure_sees_text_on_a_plate_of_its_colour(stood):
    """The button's text in the colour of the plate."""
    stand = stood(**THEMES["forced"]).open(state())
    stand.inside(
        "(root) => { for (const one of root.querySelectorAll('.buttons > *'))"
        " one.style = 'color: Canvas; background: CanvasText' }"
    )
    assert unreadable(stand) == [stand.text(name) for name in ("reject_all", "accept_all", "choose")]
