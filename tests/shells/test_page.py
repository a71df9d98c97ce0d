"""A site's own gtag-like page in a real browser, pointed at the site's own domain: what reaches GA4 is what may."""

import json
from pathlib import Path
from urllib.parse import parse_qs

import pytest

import gatekeeper
from gatekeeper.audit.read import records
from gatekeeper.policy import load_policy
from gatekeeper.testing import Simulators
from tests.shells.app_behind import app_behind
from tests.shells.serving import serving

GA4 = """
[destinations.ga4]
kind = "ga4"
measurement_id = "G-TEST"
api_secret = "s3cret"
endpoint = "{url}"
"""
# What gtag.js sends with `server_container_url` set to the site itself: a hit by fetch, one by beacon, one as an image.
PAGE = """<!doctype html><title>Thanks</title><script>
const common = {v: 2, tid: "G-TEST", cid: "123.456", sid: "17", gcs: "G111", npa: "0", dma: "1", pscdl: "noapi",
  dl: location.href, dt: document.title, ul: navigator.language, sr: "1x1", uid: "u-77", em: "tv.1~em.AAAA",
  "ep.user_data.email": "jane.doe@example.com", "up.plan": "gold", "ep.gclid": "CLICK-1"};
const hit = (name, more) => "/gk/to/ga4/g/collect?" + new URLSearchParams({...common, en: name, ...more});
window.hits = async () => {
  const scroll = {method: "POST", keepalive: true, body: "en=scroll&epn.percent_scrolled=90"};
  const fetched = await fetch(hit("page_view", {}), scroll);
  navigator.sendBeacon(hit("purchase", {"ep.currency": "EUR", "epn.value": "12.5"}));
  const image = new Image();
  await new Promise(done => { image.onload = image.onerror = done; image.src = hit("view_item", {}); });
  return [fetched.status, fetched.headers.get("gatekeeper-decision")];
};
</script>"""


@pytest.fixture
def shop(tmp_path, chromium):
    """The shop's app behind the sidecar; a function that opens its page and lets it send its hits."""
    with Simulators(only=("ga4", "first_party")) as sims, app_behind() as app:
        app.page = PAGE.encode()
        options = ("--app-upstream", app.url)
        with serving(tmp_path, sims, more=GA4.format(url=sims.ga4.url), options=options) as up:

            def visit(headers=None, **choice):
                context = chromium.new_context(extra_http_headers=headers or {})
                if choice:
                    policy = load_policy(up.folder / "gatekeeper.toml")
                    name, _, value = gatekeeper.issue_consent(config=policy, **choice).partition(";")[0].partition("=")
                    context.add_cookies([{"name": name, "value": value, "url": up.url}])
                page = context.new_page()
                page.goto(up.url + "/page?email=jane.doe@example.com&utm_source=news")
                status = page.evaluate("hits()")
                up.wait(lambda: len(decisions(up.folder)) >= 3)
                up.wait(lambda: not pending(up.folder))
                context.close()
                return status

            yield visit, sims.ga4, up


def decisions(folder):
    return [line for line in records(Path(folder) / "audit") if line["kind"] == "decision"]


def pending(folder):
    """Calls that were decided for sending and have no outcome yet."""
    lines = list(records(Path(folder) / "audit"))
    ended = {one for line in lines if line["kind"] == "outcome" for one in line["request_ids"]}
    return {
        line["request_id"]
        for line in lines
        if line["kind"] == "decision" and line["deliveries"][0]["status"] == "pending"
    } - ended


def test_without_a_choice_nothing_arrives_and_the_page_is_none_the_wiser(shop):
    """Every kind of hit gets gtag's 204."""
    visit, ga4, up = shop
    assert visit() == [204, "blocked; reason=no_analytics_consent"]
    assert ga4.received == ()
    assert {line["deliveries"][0]["reason"] for line in decisions(up.folder)} == {"no_analytics_consent"}


def test_with_consent_to_analytics_it_arrives_filtered(shop):
    """By fetch, beacon and image: the fields of analytics, clean, and nothing of the person."""
    visit, ga4, up = shop
    assert visit(analytics=True)[0] == 204
    events = {name for request in ga4.received for name in names(request)}
    assert events == {"scroll", "purchase", "view_item"}
    for request in ga4.received:
        raw = request.raw.decode("latin-1")
        for personal in ("jane", "u-77", "gold", "CLICK-1", "tv.1~", "gatekeeper_consent", "Cookie"):
            assert personal.lower() not in raw.lower(), personal
        query = request.query
        assert query["dl"] == [up.url + "/page?utm_source=news"] and query["cid"] == ["123.456"]
        assert (query["gcs"], query["npa"]) == (["G101"], ["1"])
    stripped = {name for line in decisions(up.folder) for name in line["deliveries"][0]["fields_stripped"]}
    assert "user_id" in stripped
    native = [line["deliveries"][0]["native_stripped"] for line in decisions(up.folder)]
    assert any(one.get("user_id") == ["uid"] for one in native)
    assert "jane" not in json.dumps(decisions(up.folder))


def test_with_gpc_advertising_is_stripped_whatever_was_chosen(shop):
    """The browser's signal on every request; the vendor's own flags say so."""
    visit, ga4, up = shop
    visit(headers={"Sec-GPC": "1"}, analytics=True, marketing=True)
    assert ga4.received
    for request in ga4.received:
        assert (request.query["gcs"], request.query["npa"]) == (["G101"], ["1"])
        assert b"CLICK-1" not in request.raw and b"tv.1~" not in request.raw
    assert all(line["gpc"] == {"detected": True, "honoured": True} for line in decisions(up.folder))


def names(request):
    """The events of a hit: in its query, or one a line of its body."""
    lines = [parse_qs(line) for line in request.body.decode().splitlines()]
    return {name for one in (request.query, *lines) for name in one.get("en", ())}
