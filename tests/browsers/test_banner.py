"""The banner before a running gate, in three engines, under a strict policy of content."""

from pathlib import Path

import pytest

from gatekeeper.audit.read import files, parse
from gatekeeper.audit.segments import lines
from gatekeeper.browser import texts
from tests.banner.prominence import FAULTS
from tests.browsers.site import NONCE, page, site
from tests.shells.consent.test_migrations import OLD

BANNER = '<script src="/gk/banner.js" defer></script>'
FOOTER = '<p><a href="/gk/consent?next=/" data-gatekeeper-show="preferences">Privacy</a></p>'
LONG = "<p>" + "Sentences that are longer than the window. " * 900 + "</p>"
WORDS = texts()["en"]
DOCS = Path(__file__).parents[2] / "docs"
# The banner's button with this text, whatever layer it is on.
PRESSED = """([text, layer]) => {
  const root = document.querySelector("gatekeeper-banner").shadowRoot;
  const buttons = [...root.querySelectorAll(layer + " button")];
  const found = buttons.find((one) => one.textContent === text || one.ariaLabel === text);
  for (const one of root.querySelectorAll("button")) one.toggleAttribute("data-found", one === found);
  return Boolean(found);
}"""
FOCUS = """() => {
  const host = document.activeElement, found = host.shadowRoot?.activeElement ?? host;
  return found === document.body ? "body" : (found.ariaLabel ?? found.textContent.trim());
}"""


class Shown:
    """A visitor's page with the banner."""

    def __init__(self, tab):
        self.tab = tab

    def until(self, name):
        """Wait for a state of the banner."""
        self.tab.wait("(name) => document.querySelector('gatekeeper-banner')?.getAttribute('state') === name", name)
        return self

    def click(self, name, layer="section", words=WORDS):
        """The visitor's own click on the button with this text."""
        self.tab.wait(PRESSED, [words[name], layer])
        self.tab.click("[data-found]")
        return self

    def by_script(self, name):
        """A click of a script on the first layer."""
        self.tab.wait(PRESSED, [WORDS[name], "section"])
        self.inside("(root) => root.querySelector('[data-found]').click()")
        return self

    def inside(self, function, *args):
        """What a function of the shadow root returns."""
        return self.tab.evaluate(
            f"(...args) => ({function})(document.querySelector('gatekeeper-banner').shadowRoot, ...args)", *args
        )

    def status(self):
        """What is read out."""
        return self.inside("(root) => root.querySelector('output').textContent.trim()")


@pytest.fixture
def shop(shop):
    """The site with a banner, and without a link of its own."""
    shop.html = page(BANNER, LONG)
    return shop


@pytest.fixture
def shown(visitor, shop):
    """The first page of a fresh visitor."""
    return Shown(visitor.open(shop.url)).until("ask")


def rows(shop):
    """The ledger's lines in the log, in order."""
    found = [line for one in files(shop.runtime.policy.audit_folder) for line in parse(lines(one))]
    return [line for line in found if line["kind"] == "consent"]


CLICKS = {
    "accept": (["accept_all"], "a+.m+.", "accept_all", "banner"),
    "reject": (["reject_all"], "a-.m-.", "reject_all", "banner"),
    "close": (["close"], "a-.m-.", "close", "banner"),
    "save": (["choose", "save"], "a-.m-.", "save", "preferences"),
    "accept-in-preferences": (["choose", "accept_all"], "a+.m+.", "accept_all", "preferences"),
}


@pytest.mark.parametrize("way", CLICKS)
def test_page_cookie_ledger_and_gate_agree_about_a_choice(visitor, shop, shown, way):
    """In each engine the words have the notice's hash, and the click counts as the visitor's own."""
    names, signs, method, surface = CLICKS[way]
    count = len(rows(shop))
    for name, layer in zip(names, ["section", "dialog"], strict=False):
        shown.click(name, layer)
    shown.until("saved")
    assert shown.status() == WORDS["saved"]
    assert visitor.cookies()["gatekeeper_choice"].startswith("2." + signs)
    granted = "+" in signs
    assert shown.tab.evaluate("() => Object.values(gatekeeper.consent().effective)") == [granted, granted]
    row = shop.until(lambda: rows(shop)[count:])[0]
    assert (row["method"], row["surface"]) == (method, surface)
    shop.asked.clear()
    shown.tab.goto(shop.url + "next")
    shown.until("link")
    assert shown.tab.evaluate("() => Object.values(gatekeeper.consent().effective)") == [granted, granted]


@pytest.mark.parametrize("language", ["ar", "pl"])
def test_the_page_s_language_is_the_notice_s(visitor, shop, language):
    """Also from right to left: its words are put as they were hashed."""
    shop.html = page(BANNER, LONG, language)
    shown = Shown(visitor.open(shop.url)).until("ask")
    shown.click("accept_all", words=texts()[language]).until("saved")
    assert visitor.cookies()["gatekeeper_choice"].startswith("2.a+.m+.")


def test_a_click_by_script_refuses_and_never_grants(visitor, shop, shown):
    """As a page's script or an extension clicks."""
    shown.by_script("accept_all").until("error")
    assert visitor.cookies() == {} and not shown.tab.evaluate("() => gatekeeper.allows('analytics')")
    shown.by_script("reject_all").until("saved")
    assert visitor.cookies()["gatekeeper_choice"].startswith("2.a-.m-.")


@pytest.mark.parametrize(("name", "sent"), [("accept_all", ["page_view", "purchase"]), ("reject_all", [])])
def test_what_was_held_leaves_after_a_grant_and_never_after_a_refusal(shop, shown, name, sent):
    """Events of the page before the click."""
    shown.tab.evaluate("() => { gatekeeper.page(); gatekeeper.track('purchase', { order_value: 5 }); }")
    shown.tab.evaluate("() => new Promise((done) => setTimeout(done, 300))")
    assert shop.posted() == []
    shown.click(name).until("saved")
    if sent:
        assert [one["event"] for one in shop.until(shop.posted)] == sent
    else:
        shown.tab.evaluate("() => new Promise((done) => setTimeout(done, 2500))")
        assert shop.posted() == []


def test_a_hidden_banner_is_a_refusal_and_a_page_that_scrolls(visitor, shop):
    """As filter lists hide it."""
    shop.headers = {}
    shop.html = page(BANNER + "<style>gatekeeper-banner { display: none !important }</style>", LONG)
    tab = visitor.open(shop.url)
    tab.wait("() => document.querySelector('gatekeeper-banner')?.getAttribute('state') === 'ask'")
    assert tab.evaluate("() => { scrollTo(0, 900); return scrollY }") == 900
    assert tab.evaluate("() => gatekeeper.allows('analytics') || gatekeeper.allows('marketing')") is False
    assert visitor.cookies() == {}


def test_undo_withdraws_and_asks_again(visitor, shop, shown):
    """And the next answer has a token of its own."""
    shown.click("accept_all").until("saved").click("undo").until("ask")
    shown.tab.wait("() => gatekeeper.consent().state?.purposes.every(({ choice }) => choice === 'refused')")
    assert visitor.cookies()["gatekeeper_choice"].startswith("2.a-.m-.")
    shown.click("accept_all").until("saved")
    assert visitor.cookies()["gatekeeper_choice"].startswith("2.a+.m+.")


def test_withdrawing_takes_one_click_on_every_page(visitor, shop, shown):
    """As accepting did."""
    shown.click("accept_all").until("saved")
    shown.tab.goto(shop.url + "next")
    shown.until("link").click("withdraw").until("saved")
    assert visitor.cookies()["gatekeeper_choice"].startswith("2.a-.m-.")


def test_words_that_a_script_changed_grant_nothing(visitor, shop, shown):
    """The gate refuses the grant, and the banner shows its words again."""
    shown.inside("(root) => { root.querySelector('section p').textContent = 'We value your privacy.' }")
    shown.click("accept_all").until("error")
    assert shown.status() == WORDS["not_saved"] and visitor.cookies() == {}
    shown.tab.wait("() => !document.querySelector('gatekeeper-banner').shadowRoot.textContent.includes('We value')")
    shown.click("accept_all").until("saved")
    assert visitor.cookies()["gatekeeper_choice"].startswith("2.a+.m+.")


def test_the_browser_s_signal_is_shown_and_goes_before_a_grant(visitors, shop):
    """In words, and as a box that cannot be ticked."""
    if visitors.engine.name == "webkit":
        pytest.skip("WebKitGTK has no Global Privacy Control")
    visitor = visitors(gpc=True)
    shown = Shown(visitor.open(shop.url)).until("ask")
    assert WORDS["gpc"] in shown.inside("(root) => root.querySelector('section').textContent")
    assert shown.inside("(root) => root.querySelector('[name=marketing]').disabled") is True
    shown.click("accept_all").until("saved")
    assert shown.status() == f"{WORDS['saved']} {WORDS['gpc']}"
    assert shown.tab.evaluate("() => gatekeeper.consent().effective") == {"analytics": True, "marketing": False}


def test_the_banner_takes_no_focus_and_tab_reaches_refusing_first(shop, shown):
    """In the order of the document; WebKit's Tab passes links by."""
    assert shown.tab.evaluate(FOCUS) == "body"
    found = []
    for _ in range(6):
        shown.tab.press("Tab")
        found.append(shown.tab.evaluate(FOCUS))
    order = [WORDS[name] for name in ("close", "reject_all", "accept_all", "choose")]
    assert [one for one in found if one in order][:4] == order


def test_the_preferences_are_modal_and_give_the_focus_back(visitor, shop):
    """To the link of the site that opened them; Escape changes nothing."""
    shop.html = page(BANNER, FOOTER)
    shown = Shown(visitor.open(shop.url)).until("ask")
    shown.tab.evaluate("() => document.querySelector('[data-gatekeeper-show]').focus()")
    shown.tab.press("Enter")
    shown.until("preferences")
    assert shown.tab.evaluate(FOCUS) == WORDS["title"]
    shown.tab.press("Escape")
    shown.until("ask")
    assert shown.tab.evaluate(FOCUS) == "Privacy" and visitor.cookies() == {}


@pytest.mark.parametrize("layer", ["section", "dialog"])
def test_refusing_is_as_prominent_as_accepting_in_every_engine(shown, layer):
    """By the same measure as in `tests/banner`."""
    if layer == "dialog":
        shown.click("choose").until("preferences")
    third = "choose" if layer == "section" else "save"
    names = [WORDS[name] for name in ("reject_all", "accept_all", third)]
    assert shown.inside(FAULTS, [layer, names]) == []


@pytest.fixture
def california(tmp_path):
    """The site under an opt-out law."""
    with site(tmp_path, jurisdiction={"default": "ccpa"}) as one:
        one.html = page(BANNER, LONG)
        yield one


def test_an_opt_out_law_has_a_link_and_no_question(visitor, california):
    """Everything goes on until the visitor opts out, on the preferences; the link stays."""
    shown = Shown(visitor.open(california.url)).until("link")
    assert shown.tab.evaluate("() => gatekeeper.consent().effective") == {"analytics": True, "marketing": True}
    shown.click("opt_out_link").until("preferences")
    assert shown.inside("(root) => [...root.querySelectorAll('input')].map((one) => one.checked)") == [True, True]
    shown.click("reject_all", "dialog").until("saved").click("dismiss").until("link")
    assert visitor.cookies()["gatekeeper_choice"].startswith("2.a-.m-.")
    assert california.until(lambda: rows(california))[-1]["method"] == "opt_out"


def test_an_opt_out_signal_is_said_to_be_honoured(visitors, california):
    """On the first page of a visit (11 CCR 7025(c)(6)), and in the preferences."""
    if visitors.engine.name == "webkit":
        pytest.skip("WebKitGTK has no Global Privacy Control")
    shown = Shown(visitors(gpc=True).open(california.url)).until("gpc")
    assert shown.status() == WORDS["gpc"]
    shown.click("opt_out_link").until("preferences")
    assert shown.inside("(root) => root.querySelector('[name=marketing]').checked") is False


@pytest.mark.parametrize("name", ["cookiebot", "onetrust", "klaro"])
def test_the_snippet_of_a_migration_lets_a_new_grant_hold(visitor, shop, name):
    """As the page gives it: the old refusal's cookie goes with the answer to the banner."""
    snippet = (DOCS / f"from-{name}.md").read_text("utf-8").partition("```js\n")[2].partition("```")[0]
    first, value = OLD[name](False).partition("; ")[0].split("=", 1)
    shop.html = page(BANNER, f'{FOOTER}<script nonce="{NONCE}">{snippet}</script>')
    tab = visitor.open(shop.url)
    tab.evaluate("(cookie) => { document.cookie = cookie }", f"{first}={value}; Path=/")
    tab.goto(shop.url + "again")
    tab.click("[data-gatekeeper-show]")
    Shown(tab).until("preferences").click("accept_all", "dialog").until("saved")
    tab.wait("(name) => !document.cookie.includes(name)", first + "=")
    tab.goto(shop.url + "next")
    tab.wait("() => gatekeeper.allows('analytics') && gatekeeper.allows('marketing')")
