"""The console on the demo's own data, in Chromium: each page of consents, people and the policy, large and small."""

import re

import pytest

from gatekeeper.demo.stage import stage
from tests.demo.seeing import at, compare, explain, log_in, look, past

pytestmark = pytest.mark.browser
expect = pytest.importorskip("playwright.sync_api").expect
axe = pytest.importorskip("axe_playwright_python.base")
SIZES = {"desktop": (1280, 800), "phone": (390, 844)}
RUN = """async () => {
  const found = await axe.run(document, { resultTypes: ["violations"], rules: { "target-size": { enabled: true } } });
  return found.violations.map(({ id, nodes }) => [id, nodes.map((one) => [one.target, one.failureSummary])]);
}"""


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """A demo with a past, and somebody who bought something in it."""
    with past(tmp_path_factory.mktemp("full"), 20) as both:
        yield both


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """A demo without a past."""
    with stage(tmp_path_factory.mktemp("empty")) as up:
        yield up, None


@pytest.fixture
def opened(chromium):
    """A way to log in; every complaint of the browser, and every request that leaves, fails the test."""
    complaints, contexts = [], []

    def go(up, size="desktop", **options):
        width, height = SIZES[size]
        context = chromium.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
        page.on("request", lambda sent: sent.url.startswith(up.shop) or complaints.append(f"left: {sent.url}"))
        log_in(page, up)
        return page

    yield go
    for context in contexts:
        context.close()
    assert complaints == []


def erasure(page, up, who):
    """Go to the first request for erasure, where there is one."""
    page.goto(f"{up.console}people")
    if who is not None:
        page.locator("tbody th a").first.click()


WAYS = {
    "consent": at("consent?period=hour"), "people": at("people"), "person": look, "erasure": erasure,
    "policy": at("policy"), "explain": explain, "replay": compare, "reports": at("documents"),
}  # fmt: skip


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("state", ["full", "empty"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_keeps_the_rules_of_access(request, opened, state, size, scheme):
    """axe finds nothing, and nothing is wider than the screen, with everything open that can be."""
    up, who = request.getfixturevalue(state)
    page = opened(up, size, color_scheme=scheme, reduced_motion="reduce")
    found = {}
    for name, go in WAYS.items():
        go(page, up, who)
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")
        page.evaluate(axe.AXE_FILE_PATH.read_text("utf-8"))
        found[name] = page.evaluate(RUN)
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, (name, wide)
        assert page.locator("h1").count() == 1
    assert {name: faults for name, faults in found.items() if faults} == {}


def test_a_person_is_looked_for_suppressed_and_erased(full, opened):
    """By forms alone: their address is in no address of a page, and in no title."""
    up, who = full
    page = opened(up)
    asked = []
    page.on("request", lambda sent: asked.append(sent.url))
    look(page, up, who)
    expect(page.locator("ol.story")).to_contain_text("The event purchase came")
    page.get_by_role("button", name="Suppress").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Suppressed")
    look(page, up, who)
    page.get_by_label("How you know that they ask").fill("login")
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Enter the request").click()
    expect(page.get_by_role("button", name="Approve")).to_be_visible()
    page.once("dialog", lambda dialog: dialog.dismiss())
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("button", name="Approve")).to_be_visible()
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Approve").click()
    expect(page.locator("[aria-current=step]")).not_to_have_text(re.compile("^found"))
    name = who.email.partition("@")[0]
    assert [one for one in asked if name in one or who.user_id in one] == [] and name not in page.title()


def test_it_all_works_without_script(full, opened):
    """Consents narrowed, an event explained, a report saved."""
    up, who = full
    page = opened(up, "phone", java_script_enabled=False)
    page.get_by_role("navigation").get_by_role("link", name="Consent").click()
    page.get_by_label("Period").select_option("hour")
    page.get_by_label("Place", exact=True).select_option("DE")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("svg.plot").first).to_be_visible()
    explain(page, up, who)
    expect(page.locator(".pill").first).to_be_visible()
    page.goto(f"{up.console}documents")
    with page.expect_download() as saved:
        page.get_by_role("link", name=re.compile("article 30.*as csv")).click()
    assert saved.value.suggested_filename == "ropa.csv"
