"""A page with the banner. States are the endpoint's own; `stand_in.js` takes the place of gatekeeper.js."""

import json
from functools import cache
from pathlib import Path

from gatekeeper.browser.page import script
from tests.shells.consent.direct import Browser, Site

ADDRESS = "http://localhost/"
STAND_IN = Path(__file__).with_name("stand_in.js").read_text("utf-8")
STRICT = (
    "default-src 'none'; script-src 'self'; style-src 'self'; trusted-types 'none'; require-trusted-types-for 'script'"
)
BODY = "<h1>Shop</h1><p>Two sentences of a page. They are about socks.</p><a href=#end>End</a><p id=end>End</p>"
STATISTICS = {
    "own": {"kind": "first_party", "endpoint": "https://s.example/e", "statistics_only": True, "retention": "14d"}
}
TABLES = {
    "ask": ({}, "85.10.1.1", {}),
    "opt-out": ({"jurisdiction": {}}, "73.1.2.3", {}),
    "gpc": ({"jurisdiction": {}}, "73.1.2.3", {"sec_gpc": "1"}),
    "ask-gpc": ({}, "85.10.1.1", {"sec_gpc": "1"}),
    "object": ({"jurisdiction": {}, "destinations": STATISTICS}, "81.2.69.142", {}),
    "account": ({"consent": {"notice": {"scope": "account", "url": "/privacy"}}}, "85.10.1.1", {}),
}


@cache
def state(kind="ask", language="en"):
    """The state of a visitor where `kind` says, who has said nothing."""
    tables, client, headers = TABLES[kind]
    site = Site(**{"consent": {"notice": {"url": "/privacy"}}, **tables})
    return json.loads(of(Browser(site, client=client).ask(query=f"language={language}", **headers)))


def answered(query, **headers):
    """The body of another answer of the endpoint, to a visitor who has said nothing."""
    return of(Browser(Site(), client=TABLES["ask"][1]).ask(query=query, **headers)).decode()


def of(asking):
    """The body of the answer. A GET waits for nothing; playwright's own loop runs in this thread."""
    try:
        asking.send(None)
    except StopIteration as end:
        return end.value.raw
    raise AssertionError("a GET waited for something")


def changed(kind="ask", language="en", **fields):
    """A copy of such a state, with other fields."""
    return {**json.loads(json.dumps(state(kind, language))), **fields}


def served():
    """The banner as it is served."""
    return script("banner.js").decode()


class Stand:
    """One page; `page` is playwright's. Texts are found by the name they have in `texts/en.json`."""

    def __init__(self, page):
        self.page = page
        self.complaints = []
        page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def open(self, shown, *, body=BODY, decided=False, head="", policy=STRICT, referrer=None, banner=None):
        """Go to a page whose visitor has this state."""
        self.state = shown
        texts = f"window.state = {json.dumps(shown)}; window.decided = {json.dumps(decided)};"
        page = (
            f"<!doctype html><html lang={shown['notice']['language']}><title>Shop</title>"
            f"<meta name=viewport content='width=device-width, initial-scale=1'>{head}"
            f"<script src=/state.js></script><script src=/sdk.js></script><script type=module src=/banner.js></script>"
            f"<body><main>{body}</main>"
        )
        files = {"/state.js": texts, "/sdk.js": STAND_IN, "/banner.js": banner or served()}

        def answer(route):
            path = "/" + route.request.url.removeprefix(ADDRESS).partition("#")[0]
            if path in files:
                return route.fulfill(body=files[path], content_type="text/javascript; charset=utf-8")
            headers = {"content-security-policy": policy} if policy else {}
            return route.fulfill(body=page, content_type="text/html; charset=utf-8", headers=headers)

        self.page.unroute_all()
        self.page.route("**/*", answer)
        self.page.goto(ADDRESS, referer=referrer)
        self.page.locator("gatekeeper-banner[state]").wait_for(state="attached")
        return self

    @property
    def shown(self):
        """What the banner says that it is."""
        return self.page.locator("gatekeeper-banner").get_attribute("state")

    def is_shown(self, name):
        """Wait for a state of the banner."""
        self.page.locator(f"gatekeeper-banner[state={name}]").wait_for(state="attached", timeout=5_000)
        return self

    def text(self, name):
        """A text of the notice."""
        return self.state["notice"]["texts"][name]

    def button(self, name, layer="section"):
        """The button with this text."""
        return self.page.locator(f"gatekeeper-banner {layer}").get_by_role("button", name=self.text(name), exact=True)

    def click(self, name, layer="section"):
        """A click as a visitor makes it."""
        self.button(name, layer).click()
        return self

    def calls(self):
        """What was asked of gatekeeper.js."""
        return self.page.evaluate("window.calls")

    def status(self):
        """What is read out."""
        return self.page.locator("gatekeeper-banner section output").inner_text().strip()

    def inside(self, function, argument=None):
        """What a function of the shadow root and the argument returns."""
        given = {"argument": argument}
        return self.page.evaluate(
            f"({{argument}}) => ({function})(document.querySelector('gatekeeper-banner').shadowRoot, argument)", given
        )
