"""A real browser: the page without script, pages that tell no referrer, and the choice on the next page."""

import pytest


@pytest.fixture
def opened(chromium, up):
    """Pages of fresh visitors; a complaint of the browser, such as of a blocked script, fails the test."""
    complaints, contexts = [], []

    def go(path="/gk/consent", **options):
        context = chromium.new_context(locale="en-GB", **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.route("**/page", lambda route: route.fulfill(body=PAGE, content_type="text/html", headers=NO_REFERRER))
        page.goto(up.url + path)
        return page

    yield go
    for context in contexts:
        context.close()
    assert complaints == []


NO_REFERRER = {"referrer-policy": "no-referrer"}
PAGE = """<!doctype html><title>page</title><form method=post action=/gk/consent>
<input type=hidden name=next value=/gk/healthz><button name=method value=reject_all>Reject</button></form>"""


def cookies(page):
    return {cookie["name"]: cookie for cookie in page.context.cookies()}


@pytest.mark.parametrize("width", [320, 1280])
def test_a_visitor_without_script_chooses_and_withdraws(opened, width):
    """Nothing before the choice; then the cookies, the receipt and the way back. Nothing scrolls sideways."""
    page = opened(java_script_enabled=False, viewport={"width": width, "height": 640})
    assert cookies(page) == {}
    assert page.get_by_role("radio", checked=True).count() == 0
    page.get_by_role("group", name="Statistics").get_by_label("Allow").check()
    page.get_by_role("group", name="Advertising").get_by_label("Refuse").check()
    page.get_by_role("button", name="Save choice").click()
    assert page.get_by_role("status").inner_text() == "Your choice is saved." and "con_" in page.inner_text("main")
    found = cookies(page)
    assert found["gatekeeper_consent"]["httpOnly"] and not found["gatekeeper_choice"]["httpOnly"]
    assert found["gatekeeper_choice"]["value"].startswith("2.a+.m-.")
    page.get_by_role("button", name="Withdraw all consent").click()
    assert cookies(page)["gatekeeper_choice"]["value"].startswith("2.a-.m-.")
    assert page.get_by_role("button", name="Withdraw all consent").count() == 0


@pytest.mark.parametrize("width", [320, 375, 1280])
def test_the_page_reads_well(opened, width):
    """No sideways scrolling, targets of 44 pixels, and answers that look the same."""
    page = opened(viewport={"width": width, "height": 640})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    looks = [
        button.evaluate(
            "e => { const s = getComputedStyle(e); return [s.color, s.backgroundColor, s.borderColor, s.fontSize,"
            " s.fontWeight, s.opacity, e.offsetHeight >= 44] }"
        )
        for button in page.get_by_role("button").all()
    ]
    assert len(looks) == 3 and looks[0] == looks[1] == looks[2] and looks[0][-1] is True
    assert all(label.bounding_box()["height"] >= 44 for label in page.locator("label").all())


def test_the_page_is_usable_by_keyboard_in_reading_order(opened):
    """Refusing comes before allowing, and what has the focus can be seen."""
    page = opened()
    reached = []
    for _ in range(7):
        page.keyboard.press("Tab")
        focused = page.locator(":focus")
        reached.append(focused.get_attribute("name") or focused.evaluate("e => e.tagName.toLowerCase()"))
        assert focused.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"
    assert reached == ["analytics", "summary", "marketing", "summary", "method", "method", "method"]
    assert page.locator(":focus").get_attribute("value") == "accept_all"


WAYS = {
    "fetch": "await fetch('/gk/consent', {method: 'POST', headers: {'content-type': 'application/json'}, body})",
    "fetch-same-origin": "await fetch('/gk/consent', {method: 'POST', mode: 'same-origin',"
    " headers: {'content-type': 'application/json'}, body})",
    "beacon": "navigator.sendBeacon('/gk/consent', new Blob([body], {type: 'application/json'}));"
    " await new Promise(r => setTimeout(r, 300))",
}


@pytest.mark.parametrize("way", WAYS)
def test_a_page_that_tells_no_referrer_is_heard(opened, way):
    """By fetch and by beacon."""
    page = opened("/page")
    body = '{"choices":{"analytics":false}}'
    with page.expect_response("**/gk/consent") as answer:
        page.evaluate("async body => { " + WAYS[way] + " }", body)
    assert answer.value.status == 201
    assert cookies(page)["gatekeeper_choice"]["value"].startswith("2.a-.m.")


def test_a_form_on_a_page_that_tells_no_referrer_is_heard(opened, up):
    """Its Origin is `null`, and `Sec-Fetch-Site` says whose it is."""
    page = opened("/page")
    page.get_by_role("button").click()
    page.wait_for_url("**/gk/healthz")
    assert cookies(page)["gatekeeper_choice"]["value"].startswith("2.a-.m-.")


def test_a_form_of_another_site_is_not_heard(chromium, up):
    """Its cookie would have been stored: 403, and nothing is."""
    context = chromium.new_context()
    page = context.new_page()
    form = f"<form method=post action={up.url}/gk/consent><button name=method value=reject_all>x</button></form>"
    page.route("http://evil.example/", lambda route: route.fulfill(body=form, content_type="text/html"))
    page.goto("http://evil.example/")
    with page.expect_response("**/gk/consent") as answer:
        page.get_by_role("button").click()
    assert (answer.value.status, context.cookies()) == (403, [])
    context.close()


def test_a_choice_that_was_awaited_is_there_on_the_next_page(opened, up):
    """Navigation right after the answer: the next request has the new cookie."""
    page = opened("/page")
    for n in range(5):
        word = "false" if n % 2 else "true"
        script = """async word => {
          const state = await (await fetch('/gk/consent')).json();
          const words = [state.notice.version, state.notice.language, state.notice.scope, state.notice.url ?? ''];
          words.push(...Object.values(state.notice.texts));
          for (const p of state.purposes) {
            words.push(p.title, p.text);
            for (const r of p.recipients)
              words.push(r.name, ...[r.company, r.country, r.policy, r.retention].filter(Boolean));
          }
          const bytes = new Uint8Array(
            await crypto.subtle.digest('SHA-256', new TextEncoder().encode(JSON.stringify(words))));
          const base64 = btoa(String.fromCharCode(...bytes));
          const rendered = 'sha256-' + base64.replace(/\\+/g, '-').replace(/\\//g, '_').replace(/=/g, '');
          const answer = await fetch('/gk/consent', {method: 'POST', headers: {'content-type': 'application/json'},
            body: JSON.stringify({choices: {analytics: word}, token: state.token, rendered, surface: 'banner'})});
          return answer.status;
        }"""
        assert page.evaluate(script, word == "true") == 201
        page.goto(up.url + "/gk/consent")
        chosen = page.get_by_role("group", name="Statistics").get_by_role("radio", checked=True)
        assert chosen.get_attribute("value") == word
        page.goto(up.url + "/page")
