"""A page with the snippets of gtag, Meta's pixel and TikTok's: nothing before the choice, all with it, nothing after.

The snippets are the vendors' own, as `text/plain`, with the site's address in the place of theirs; the scripts that
they load are stand-ins, which send what is in the snippet's queue. GA4's hits go through the gate to its simulator, as
with `server_container_url`; Meta and TikTok get the purchase from the gate's servers besides.
"""

from contextlib import contextmanager

import pytest

from tests.browsers.site import BUTTONS, CSP, page, site
from tests.browsers.test_choices import outcome

GTAG = """<script type="text/plain" data-purpose="analytics" data-src="/vendor/gtag.js?id=G-TEST" async></script>
<script type="text/plain" data-purpose="analytics" nonce="tests-nonce">
  window.dataLayer = window.dataLayer || [];
  function gtag(){dataLayer.push(arguments);}
  gtag('js', new Date());
  gtag('config', 'G-TEST', { server_container_url: location.origin });
</script>"""
META = """<script type="text/plain" data-purpose="marketing" nonce="tests-nonce">
!function(f,b,e,v,n,t,s)
{if(f.fbq)return;n=f.fbq=function(){n.callMethod?
n.callMethod.apply(n,arguments):n.queue.push(arguments)};
if(!f._fbq)f._fbq=n;n.push=n;n.loaded=!0;n.version='2.0';
n.queue=[];t=b.createElement(e);t.async=!0;
t.src=v;s=b.getElementsByTagName(e)[0];
s.parentNode.insertBefore(t,s)}(window, document,'script',
'/vendor/fbevents.js');
fbq('init', '123');
fbq('track', 'PageView');
</script>"""
TIKTOK = """<script type="text/plain" data-purpose="marketing" nonce="tests-nonce">
!function (w, d, t) {
  w.TiktokAnalyticsObject=t;var ttq=w[t]=w[t]||[];ttq.methods=["page","track","identify","instances","debug","on","off",
  "once","ready","alias","group","enableCookie","disableCookie","holdConsent","revokeConsent","grantConsent"],
  ttq.setAndDefer=function(t,e){t[e]=function(){t.push([e].concat(Array.prototype.slice.call(arguments,0)))}};
  for(var i=0;i<ttq.methods.length;i++)ttq.setAndDefer(ttq,ttq.methods[i]);
  ttq.load=function(e,n){var i="/vendor/events.js";ttq._i=ttq._i||{},ttq._i[e]=[],ttq._i[e]._u=i;
  var o=document.createElement("script");o.type="text/javascript",o.async=!0,o.src=i+"?sdkid="+e+"&lib="+t;
  var a=document.getElementsByTagName("script")[0];a.parentNode.insertBefore(o,a)};
  ttq.load('PIXEL');
  ttq.page();
}(window, document, 'ttq');
</script>"""
PURCHASE = """<script nonce="tests-nonce">
gatekeeper.track("purchase", { order_value: 5, currency: "EUR", transaction_id: "T-1", session_id: "s_1",
  client_id: "1.2", email: "jane@example.com", page_url: location.href });
</script>"""
STAND_INS = {
    # Sends a page_view for each `config`, to the container that it names.
    "/vendor/gtag.js": """
      const hit = (id) => "/gk/to/ga4/g/collect?" +
        new URLSearchParams({ v: 2, tid: id, cid: "1.2", en: "page_view", dl: location.href });
      const send = () => dataLayer.filter((one) => one[0] === "config")
        .forEach((one) => fetch(hit(one[1]), { method: "POST", keepalive: true }));
      setTimeout(send, 50);""",
    "/vendor/fbevents.js": """
      fbq.callMethod = (name, event) => name === "track" && fetch("/pixel/meta/" + event);
      fbq.queue.forEach((one) => fbq.callMethod(...one));""",
    "/vendor/events.js": """for (const [name] of ttq) fetch("/pixel/tiktok/" + name);""",
}


@contextmanager
def shop(folder):
    """A shop with everything on it."""

    def more(sims):
        return {"tiktok": {"kind": "tiktok", "pixel_code": "PIXEL", "access_token": "t", "endpoint": sims.tiktok.url}}

    with site(folder, destinations=more) as one:
        one.headers = {"content-security-policy": CSP.partition("; trusted-types")[0]}
        one.html = page(GTAG + META + TIKTOK, BUTTONS + PURCHASE)
        one.files = STAND_INS
        yield one


@pytest.fixture
def up(tmp_path):
    """Such a shop, with nothing asked of it yet."""
    with shop(tmp_path) as one:
        yield one


def received(up):
    """How many requests each simulator has."""
    return {name: len(up.sims[name].received) for name in ("ga4", "meta_capi", "tiktok", "first_party")}


def loaded(up):
    """The vendors' scripts that were asked for."""
    return up.requests("/vendor/")


def test_nothing_before_all_with_nothing_after(visitor, up):
    """By what the browser asked for and what arrived at the vendors."""
    before = received(up)
    page = visitor.open(up.url)
    page.evaluate("() => gatekeeper.ready")
    page.evaluate("() => new Promise((done) => setTimeout(done, 500))")
    assert (loaded(up), up.pixels, received(up), up.posted()) == ([], [], before, [])
    assert page.evaluate("() => [typeof fbq, typeof ttq, typeof gtag]") == ["undefined"] * 3

    page.click("#accept")
    outcome(page)
    up.until(lambda: {"meta/PageView", "tiktok/page"} <= set(up.pixels))
    assert sorted(loaded(up)) == ["GET /vendor/events.js", "GET /vendor/fbevents.js", "GET /vendor/gtag.js"]
    up.until(lambda: received(up)["ga4"] >= before["ga4"] + 2)  # the page's hit, and the purchase
    up.until(lambda: all(count > before[name] for name, count in received(up).items()))

    page.click("#withdraw")
    page.wait("() => typeof fbq === 'undefined' && document.readyState === 'complete'")
    up.asked.clear()
    up.pixels.clear()
    after = received(up)
    page.goto(up.url + "next")
    page.evaluate("() => gatekeeper.ready")
    up.until(lambda: "purchase" in [event["event"] for event in up.posted()])
    up.until(lambda: up.decisions()[-1]["event_type"] == "purchase")
    assert {one["status"] for one in up.decisions()[-1]["deliveries"]} == {"blocked"}
    assert (loaded(up), up.pixels, received(up)) == ([], [], after)
