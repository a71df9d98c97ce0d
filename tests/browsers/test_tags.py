"""Tags of others: blocked until their purpose is granted, then run once and in order; what their scripts are told."""

import pytest

from tests.browsers.site import BUTTONS, CSP, NONCE, page
from tests.browsers.test_choices import outcome

RAN = "() => window.ran || []"


def inline(name, purpose):
    """An inline tag."""
    text = f"(window.ran = window.ran || []).push('{name}')"
    return f'<script type="text/plain" nonce="{NONCE}" data-purpose="{purpose}">{text}</script>\n'


def external(name, purpose, more=""):
    """A tag with an address."""
    return f'<script type="text/plain" data-purpose="{purpose}" data-src="/tag.js?name={name}" {more}></script>\n'


TAGS = inline("1", "analytics") + external("2", "marketing") + inline("3", "marketing") + external("4", "analytics")


@pytest.fixture
def tagged(shop):
    """The site with four tags in its head and one that needs both purposes."""
    shop.html = page(TAGS, inline("both", "analytics marketing") + BUTTONS)
    return shop


def test_tags_run_once_and_in_the_order_of_the_document(visitor, tagged):
    """An inline one behind an external one waits for it, under a policy with a nonce and Trusted Types."""
    page = visitor.open(tagged.url)
    page.evaluate("() => gatekeeper.ready")
    assert page.evaluate(RAN) == []
    page.click("#accept")
    page.wait("() => window.ran?.length === 5")
    assert page.evaluate(RAN) == ["1", "2", "3", "4", "both"]
    page.evaluate("async () => { await gatekeeper.refresh(); document.body.append('more'); }")
    page.evaluate("() => new Promise((done) => setTimeout(done, 200))")
    assert page.evaluate(RAN) == ["1", "2", "3", "4", "both"]
    page.goto(tagged.url + "next")
    page.wait("() => window.ran?.length === 5")
    assert page.evaluate(RAN) == ["1", "2", "3", "4", "both"]


def test_a_tag_runs_for_its_own_purposes_only(visitor, tagged):
    """All of them, where it has several; the others are told as blocked."""
    page = visitor.open(tagged.url)
    script = """() => { window.blocked = [];
      gatekeeper.on("blocked", ({ purposes }) => window.blocked.push(purposes.join())); }"""
    page.evaluate(script)
    page.evaluate("() => gatekeeper.ready")
    page.click("#statistics")
    outcome(page)
    page.wait("() => window.ran?.length === 2")
    assert page.evaluate(RAN) == ["1", "4"]


def test_a_tag_that_comes_later_is_found(visitor, tagged):
    """A page of a single-page app; also one that the visitor allowed before."""
    page = visitor.open(tagged.url)
    page.click("#accept")
    page.wait("() => window.ran?.length === 5")
    add = """(purpose, name) => {
      const tag = document.createElement("script");
      tag.type = "text/plain";
      tag.dataset.purpose = purpose;
      tag.dataset.src = "/tag.js?name=" + name;
      document.body.append(tag);
    }"""
    page.evaluate(add, "analytics", "late")
    page.wait("() => window.ran?.at(-1) === 'late'")


def test_a_frame_waits_and_can_be_loaded_once(visitor, shop):
    """By a click on its placeholder, for itself alone; its words are the site's."""
    frame = '<iframe data-purpose="marketing" data-src="/pixel/map" data-placeholder="Load the map"></iframe>'
    shop.html = page("", frame + BUTTONS)
    opened = visitor.open(shop.url)
    opened.wait("() => [...document.querySelectorAll('button')].some((one) => one.textContent === 'Load the map')")
    assert shop.pixels == []
    opened.click("button")
    shop.until(lambda: shop.pixels == ["map"])
    assert opened.evaluate("() => gatekeeper.allows('marketing')") is False


def test_withdrawing_deletes_the_cookies_and_reloads_once(visitor, tagged):
    """What a tag has begun cannot be undone; after the reload nothing runs."""
    page = visitor.open(tagged.url)
    page.click("#accept")
    page.wait("() => window.ran?.length === 5")
    page.evaluate(
        "() => { document.cookie = '_ga=GA1.1.1'; document.cookie = '_fbp=fb.1.1'; document.cookie = 'cart=7'; }"
    )
    tagged.asked.clear()
    page.click("#withdraw")
    page.wait("() => !window.ran && document.readyState === 'complete'")
    cart, choice = sorted(page.evaluate("() => document.cookie").split("; "))
    assert cart == "cart=7" and choice.startswith("gatekeeper_choice=2.a-.m-.")
    page.evaluate("() => new Promise((done) => setTimeout(done, 500))")
    assert page.evaluate(RAN) == []
    assert tagged.requests("/").count("GET /") == 1


def test_withdrawing_without_a_tag_that_ran_does_not_reload(visitor, shop):
    """There is nothing to be undone."""
    page = visitor.open(shop.url)
    page.click("#accept")
    outcome(page)
    page.evaluate("() => { window.same = true; }")
    page.click("#withdraw")
    outcome(page, 2)
    page.evaluate("() => new Promise((done) => setTimeout(done, 300))")
    assert page.evaluate("() => window.same") is True


def test_a_withdrawal_in_another_tab_ends_the_tags_of_this_one(visitors, tagged):
    """What ran there cannot be undone either."""
    if visitors.engine.name == "webkit":
        pytest.skip("WebKitWebDriver does not answer any more when a tab that is not in front loads itself again")
    visitor = visitors()
    page = visitor.open(tagged.url)
    page.click("#accept")
    page.wait("() => window.ran?.length === 5")
    other = visitor.tab(tagged.url)
    other.click("#withdraw")
    other.wait("() => document.cookie.includes('2.a-.m-.')")
    page.evaluate("() => { document.dispatchEvent(new Event('visibilitychange')); }")
    page.wait("() => !window.ran && document.readyState === 'complete'")


def test_a_withdrawal_that_the_gate_has_not_heard_does_not_reload_the_page(visitor, tagged):
    """The page after it would begin with the old cookie; it is loaded again when the gate has heard."""
    page = visitor.open(tagged.url)
    page.click("#accept")
    page.wait("() => window.ran?.length === 5")
    page.evaluate("() => { window.real = fetch; window.fetch = () => Promise.reject(new TypeError('offline')); }")
    page.click("#withdraw")
    assert outcome(page, 2)["code"] == "offline"
    page.evaluate("() => new Promise((done) => setTimeout(done, 300))")
    assert page.evaluate("() => [gatekeeper.allows('marketing'), window.ran.length]") == [False, 5]
    page.evaluate("() => { window.fetch = window.real; dispatchEvent(new Event('online')); }")
    page.wait("() => !window.ran && document.readyState === 'complete' && document.cookie.includes('2.a-.m-.')")


OLD = {"long ago": "2.a+.m+.1000000000.", "another notice": "2.a+.m+.4000000000.xxxxxxxx"}


@pytest.mark.parametrize("value", OLD.values(), ids=OLD)
def test_an_old_grant_runs_no_tag_before_the_gate_was_asked(visitor, tagged, value):
    """Its cookie is the page's own; the gate knows of no grant: nothing runs, and nothing is loaded again and again."""
    page = visitor.open(tagged.url)
    page.evaluate("(value) => { document.cookie = 'gatekeeper_choice=' + value; }", value)
    tagged.asked.clear()
    page.goto(tagged.url + "old")
    page.evaluate("() => gatekeeper.ready")
    page.evaluate("() => new Promise((done) => setTimeout(done, 400))")
    assert page.evaluate(RAN) == [] and page.evaluate("() => gatekeeper.allows('analytics')") is False
    assert tagged.requests("/old") == ["GET /old"]


def test_a_frame_whose_address_is_a_script_is_not_loaded(visitor, shop):
    """Markup that a sanitizer let through."""
    frame = '<iframe data-purpose="analytics" data-src="javascript:parent.bad = true"></iframe>'
    shop.html, shop.headers = page("", frame + BUTTONS), {}
    opened = visitor.open(shop.url)
    opened.click("#accept")
    outcome(opened)
    opened.evaluate("() => new Promise((done) => setTimeout(done, 200))")
    assert opened.evaluate("() => window.bad ?? null") is None


CALLS = """() => window.dataLayer.filter((one) => one[0] === "consent").map((one) => [one[1], one[2]])"""
DENIED = dict.fromkeys(
    ["ad_storage", "ad_user_data", "ad_personalization", "analytics_storage", "functionality_storage",
     "personalization_storage"], "denied",
) | {"security_storage": "granted"}  # fmt: skip


def update(analytics, marketing):
    """An update as Google wants it."""
    word = {True: "granted", False: "denied"}
    ads = dict.fromkeys(["ad_storage", "ad_user_data", "ad_personalization"], word[marketing])
    return ["update", ads | {"analytics_storage": word[analytics]}]


def test_google_is_told_one_default_and_then_each_change(visitor, shop):
    """In every order of clicks; on the next page both stand there before any other script runs."""
    inspect = f'<script nonce="{NONCE}">window.early = ({CALLS})();</script>'
    shop.html = page(inspect)
    opened = visitor.open(shop.url)
    assert opened.evaluate("() => window.early") == [["default", DENIED]]
    opened.click("#statistics")
    outcome(opened)
    opened.click("#accept")
    outcome(opened, 2)
    opened.click("#accept")
    outcome(opened, 3)
    wanted = [["default", DENIED], update(analytics=True, marketing=False), update(analytics=True, marketing=True)]
    assert opened.evaluate(CALLS) == wanted
    opened.goto(shop.url + "next")
    assert opened.evaluate("() => window.early") == [["default", DENIED], update(analytics=True, marketing=True)]


def test_another_platform_s_default_stays_the_only_one(visitor, shop):
    """Beside a consent platform that has set it."""
    own = "window.dataLayer = [['consent', 'default', { ad_storage: 'denied' }]];"
    shop.html = page().replace("<title>", f'<script nonce="{NONCE}">{own}</script><title>')
    calls = visitor.open(shop.url).evaluate(CALLS)
    assert calls == [["default", {"ad_storage": "denied"}]]


VENDORS = f"""<script nonce="{NONCE}">
window.told = [];
const tell = (name) => (...words) => window.told.push([name, ...words]);
window.uetq = {{ push: tell("uetq") }};
window.fbq = tell("fbq");
window.ttq = {{ grantConsent: tell("ttq-grant"), revokeConsent: tell("ttq-revoke") }};
window.clarity = () => {{ throw new Error("planted") }};
</script>"""


def test_microsoft_meta_and_tiktok_are_told_where_they_are(visitor, shop):
    """Each change once; one that fails keeps it from no other."""
    shop.html = page(VENDORS)
    opened = visitor.open(shop.url)
    opened.click("#accept")
    outcome(opened)
    opened.click("#reject")
    outcome(opened, 2)
    denied, granted = {"ad_storage": "denied"}, {"ad_storage": "granted"}
    assert opened.evaluate("() => window.told") == [
        ["uetq", "consent", "update", denied], ["fbq", "consent", "revoke"], ["ttq-revoke"],
        ["uetq", "consent", "update", granted], ["fbq", "consent", "grant"], ["ttq-grant"],
        ["uetq", "consent", "update", denied], ["fbq", "consent", "revoke"], ["ttq-revoke"],
    ]  # fmt: skip


def test_without_a_policy_of_content_tags_run_too(visitor, tagged):
    """Most sites have none."""
    tagged.headers.clear()
    page = visitor.open(tagged.url)
    page.click("#accept")
    page.wait("() => window.ran?.length === 5")


def test_a_tag_that_may_not_run_keeps_no_other_from_running(visitor, tagged):
    """The site allows no policy of Trusted Types: no tag runs, and the choice is taken all the same."""
    tagged.headers["content-security-policy"] = CSP.replace("trusted-types gatekeeper", "trusted-types 'none'")
    page = visitor.open(tagged.url)
    page.click("#accept")
    assert outcome(page)["ok"] is True
    assert page.evaluate("() => gatekeeper.allows('marketing')") is True
