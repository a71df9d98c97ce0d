"""The console in Firefox: every page at both sizes, the picture that lives, and what is done by a form."""

import pytest
from axe_playwright_python.base import AXE_FILE_PATH

from tests.console.stand import SIZES, addresses, served
from tests.console.visiting import TOKENS
from tests.rights.people import send

AXE = """async () => {
  %s
  const found = await axe.run(document, { resultTypes: ["violations"], rules: { "target-size": { enabled: true } } });
  return found.violations.map(({ id, nodes }) => [id, nodes.map((one) => [one.target, one.failureSummary])]);
}"""
FILL = "(selector, value) => { document.querySelector(selector).value = value; }"
WIDE = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
SAYS = "(selector, words) => document.querySelector(selector)?.textContent.includes(words)"
AT = "(path) => location.pathname === path && document.readyState === 'complete'"


@pytest.fixture(autouse=True)
def brief():
    """Streams last as they do in life."""


@pytest.fixture(scope="module", params=["full", "empty"])
def stand(request, tmp_path_factory):
    """A console with an hour's visitors, and one without any visitor."""
    with served(tmp_path_factory.mktemp(request.param), full=request.param == "full") as (url, app):
        yield url, app, request.param


@pytest.fixture
def page(stand, firefox):
    """A page of a fresh visitor who has logged in by the form."""
    visitor = firefox.visitor()
    made = visitor.open(f"{stand[0]}/gk/admin/login")
    made.evaluate(FILL, "input[name=token]", TOKENS["DPO"])
    made.button("Log in")
    made.wait(AT, "/gk/admin/now")
    yield made
    visitor.close()


@pytest.mark.parametrize("size", SIZES)
def test_every_page_keeps_the_rules_of_access(stand, page, size):
    """axe finds nothing, nothing is wider than the screen, each page has one heading of its own."""
    url, app, _ = stand
    page.resize(*SIZES[size])
    found, axe = {}, AXE % AXE_FILE_PATH.read_text("utf-8")
    for path in addresses(app):
        page.goto(f"{url}/gk/admin/{path}")
        page.evaluate("() => { for (const one of document.querySelectorAll('details')) one.open = true; }")
        found[path] = page.evaluate(axe)
        assert page.evaluate(WIDE) <= 0, path
        assert page.evaluate("() => document.querySelectorAll('h1').length") == 1
    assert {path: faults for path, faults in found.items() if faults} == {}


@pytest.mark.parametrize("stand", ["full"], indirect=True)
def test_what_flows_is_shown_as_it_comes(stand, page):
    """The picture is replaced without a reload, and what is open stays open."""
    url, app, _ = stand
    page.goto(f"{url}/gk/admin/now")
    page.wait(SAYS, "[data-live-state]", "Live", seconds=15.0)
    page.evaluate("() => { for (const one of document.querySelectorAll('#live details')) one.open = true; }")
    for _ in range(3):
        send(app.runtime.gate, {"session_id": "s_2"}, event="newsletter")
    page.wait(SAYS, "svg.flow", "newsletter", seconds=15.0)
    assert page.evaluate("() => [...document.querySelectorAll('#live details')].every((one) => one.open)")


@pytest.mark.parametrize("stand", ["full"], indirect=True)
def test_a_question_is_sent_by_its_form(stand, page):
    """The rows come in the answer, and the address is the page's own."""
    url, _, _ = stand
    page.goto(f"{url}/gk/admin/audit")
    page.evaluate(FILL, "#destination", "ads")
    page.button("Look")
    page.wait(SAYS, "main", "deliveries")
    assert page.evaluate("() => location.pathname + location.search") == "/gk/admin/audit"
