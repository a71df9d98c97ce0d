"""The console in a real browser, on a desktop and a phone, light and dark, with and without script."""

import pytest
from axe_playwright_python.base import AXE_FILE_PATH

from tests.console.stand import SIZES, addresses, logged_in, served
from tests.rights.people import send

pytestmark = pytest.mark.browser
expect = pytest.importorskip("playwright.sync_api").expect
RUN = """async () => {
  const found = await axe.run(document, { resultTypes: ["violations"], rules: { "target-size": { enabled: true } } });
  return found.violations.map(({ id, nodes }) => [id, nodes.map((one) => [one.target, one.failureSummary])]);
}"""


@pytest.fixture(autouse=True)
def brief():
    """Streams last as they do in life."""


@pytest.fixture(scope="module", params=["full", "empty"])
def stand(request, tmp_path_factory):
    """A console with an hour's visitors, and one without any visitor."""
    with served(tmp_path_factory.mktemp(request.param), full=request.param == "full") as (url, app):
        yield url, app, request.param


@pytest.fixture(scope="module")
def busy(tmp_path_factory):
    """One that is full."""
    with served(tmp_path_factory.mktemp("busy")) as (url, app):
        yield url, app


@pytest.fixture
def opened(chromium):
    """A way to open a page; every complaint of the browser, and every request that leaves, fails the test."""
    complaints, contexts = [], []

    def go(url, size="desktop", **options):
        width, height = SIZES[size]
        context = chromium.new_context(viewport={"width": width, "height": height}, bypass_csp=False, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
        page.on("request", lambda sent: sent.url.startswith(url) or complaints.append(f"left: {sent.url}"))
        return page

    yield go
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_every_page_keeps_the_rules_of_access(stand, opened, size, scheme):
    """axe finds nothing, nothing is wider than the screen, each page has one heading of its own and its title."""
    url, app, _ = stand
    page = opened(url, size, color_scheme=scheme, reduced_motion="reduce")
    found = {}
    page.goto(f"{url}/gk/admin/login")
    titles = set()
    for path in ("login", *addresses(app)):
        if path == "now":
            logged_in(page, url)
        page.goto(f"{url}/gk/admin/{path}")
        for one in page.locator("details").all():
            one.evaluate("(one) => { one.open = true }")
        page.evaluate(AXE_FILE_PATH.read_text("utf-8"))
        found[path] = page.evaluate(RUN)
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, (path, wide)
        assert page.locator("h1").count() == 1
        titles.add(page.title())
    assert {path: faults for path, faults in found.items() if faults} == {}
    assert len(titles) >= 5


def test_what_flows_is_shown_as_it_comes(busy, opened):
    """The numbers and the picture change without a click; what is open stays open."""
    url, app = busy
    page = opened(url)
    logged_in(page, url)
    card = page.locator(".card", has_text="Deliveries sent").locator("dd")
    before = card.inner_text()
    expect(page.locator("[data-live-state]")).to_have_text("Live", timeout=15_000)
    page.get_by_text("The numbers").click()
    widths = page.locator("svg.flow .band").first.get_attribute("stroke-width")
    for _ in range(30):
        send(app.runtime.gate, {"session_id": "s_2"}, event="newsletter")
    expect(card).not_to_have_text(before, timeout=15_000)
    expect(page.locator("svg.flow")).to_contain_text("newsletter")
    assert page.locator("svg.flow .band").first.get_attribute("stroke-width") != widths
    assert page.locator("figure details").first.evaluate("(one) => one.open")


def test_a_page_is_whole_without_script(busy, opened):
    """Login, picture, question, record, retry: nothing waits for a module."""
    url, _ = busy
    page = opened(url, java_script_enabled=False)
    logged_in(page, url)
    expect(page.locator("svg.flow")).to_be_visible()
    page.get_by_role("navigation").get_by_role("link", name="Audit").click()
    page.get_by_label("Destination", exact=True).select_option("ads")
    page.get_by_label("Status", exact=True).select_option("blocked")
    page.get_by_role("button", name="Look", exact=True).click()
    assert page.url.endswith("/gk/admin/audit")
    page.locator("tbody th a").first.click()
    expect(page.get_by_role("heading", name="Proof")).to_be_visible()
    page.get_by_role("navigation").get_by_role("link", name="Destinations").click()
    page.get_by_role("link", name="own", exact=True).click()
    count = page.get_by_role("button", name="Send req").count()
    page.get_by_role("button", name="Send req").first.click()
    expect(page.get_by_role("button", name="Send req")).to_have_count(count - 1)
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_label("Admin token")).to_be_visible()


def test_a_verification_shows_how_far_it_is(busy, opened):
    """Begun by a button; what it found appears without another click."""
    url, _ = busy
    page = opened(url, "phone")
    logged_in(page, url)
    page.goto(f"{url}/gk/admin/audit")
    page.get_by_role("button", name="Verify the whole log").click()
    expect(page.locator("#verification")).to_contain_text("Nothing was changed", timeout=20_000)


def test_a_person_is_in_no_address(busy, opened):
    """After a search the address is the page's own; Back does not bring it into one."""
    url, _ = busy
    page = opened(url)
    asked = []
    page.on("request", lambda sent: asked.append(sent.url))
    logged_in(page, url)
    page.goto(f"{url}/gk/admin/audit")
    page.get_by_text("About a person").click()
    page.get_by_label("email", exact=True).fill("jane.doe@example.com")
    page.get_by_role("button", name="Look", exact=True).click()
    expect(page.get_by_role("heading", name="deliver")).to_be_visible()
    assert page.locator("tbody tr").count() > 0
    assert [one for one in asked if "jane" in one or "%40" in one] == [] and "jane" not in page.title()


def test_a_planted_fault_is_found(busy, opened):
    """axe is not blind: a field without a name."""
    url, _ = busy
    page = opened(url)
    page.goto(f"{url}/gk/admin/login")
    page.evaluate("document.querySelector('label').remove()")
    page.evaluate(AXE_FILE_PATH.read_text("utf-8"))
    assert "label" in [name for name, _ in page.evaluate(RUN)]
