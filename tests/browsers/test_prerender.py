"""A page that the browser prepares before the visitor goes there: it asks and sends nothing until it is shown.

Browsers that a driver holds do not show prepared pages, so the page is told that it is one.
"""

from tests.browsers.site import NONCE, SDK, page
from tests.browsers.test_choices import outcome

PREPARED = f"""<script nonce="{NONCE}">
window.prepared = true;
Object.defineProperty(document, "prerendering", {{ get: () => window.prepared }});
</script>"""
SHOWN = "() => { window.prepared = false; document.dispatchEvent(new Event('prerenderingchange')); }"


def prepared(shop):
    """The questions of the prepared page, which is in another language than the one before it."""
    return [path for _, path, _ in shop.asked if path.startswith("/gk/consent") and "language=de" in path]


def test_a_prepared_page_asks_and_sends_nothing_before_it_is_shown(visitor, shop):
    """Then it does, with the answer that was given meanwhile on the page before it."""
    before = visitor.open(shop.url)
    shop.html = page(language="de").replace(SDK, PREPARED + SDK)
    opened = visitor.tab(shop.url + "prepared")
    opened.evaluate("() => { gatekeeper.page(); dispatchEvent(new Event('pagehide')); gatekeeper.refresh(); }")
    before.click("#accept")
    outcome(before)
    opened.evaluate("() => new Promise((done) => setTimeout(done, 1500))")
    assert (shop.posted(), prepared(shop)) == ([], [])
    assert opened.evaluate("() => gatekeeper.allows('analytics')") is False
    opened.evaluate(SHOWN)
    opened.wait("() => gatekeeper.allows('analytics')")
    (event,) = shop.until(shop.posted)
    assert event["event"] == "page_view"
    opened.evaluate("() => gatekeeper.refresh()")
    assert len(prepared(shop)) == 1
