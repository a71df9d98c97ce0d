"""axe-core finds nothing on either layer, in any language and theme."""

import pytest
from axe_playwright_python.base import AXE_FILE_PATH

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
