"""The kit itself: what the other tests of this folder lean on holds in every engine."""

import pytest

from tests.running import by_uvicorn

PAGE = b"""<!doctype html><title>kit</title><div></div><script>
window.trusted = null;
const root = document.querySelector("div").attachShadow({ mode: "open" });
root.innerHTML = "<button>inside</button>";
root.querySelector("button").onclick = (event) => {
  window.trusted = [event.isTrusted, navigator.userActivation?.isActive ?? true];
};
</script>"""


async def site(scope, receive, send):
    """A page, and the headers that it was asked for with."""
    if scope["type"] != "http":
        return
    headers = [(b"content-type", b"text/html"), (b"set-cookie", b"secret=1; HttpOnly")]
    seen = dict(scope["headers"]).get(b"sec-gpc", b"none")
    await send({"type": "http.response.start", "status": 200, "headers": [*headers, (b"seen", seen)]})
    await send({"type": "http.response.body", "body": PAGE})


@pytest.fixture(scope="module")
def url():
    """The page's address."""
    with by_uvicorn(site, lifespan="off") as at:
        yield f"http://{at}/"


def test_a_click_of_the_kit_is_the_visitor_s_own(visitor, url):
    """It is trusted, gives user activation, and reaches into shadow roots; a script's click does none of it."""
    page = visitor.open(url)
    page.evaluate("() => document.querySelector('div').shadowRoot.querySelector('button').click()")
    assert page.evaluate("() => window.trusted[0]") is False
    page.click("button")
    assert page.wait("() => window.trusted[0] && window.trusted") == [True, True]


def test_a_visitor_shares_cookies_with_their_tabs_and_with_no_other_visitor(visitors, url):
    """Those that scripts cannot read, too."""
    one, other = visitors(), visitors()
    page = one.open(url)
    page.evaluate("() => { document.cookie = 'mine=2'; }")
    assert one.tab(url).evaluate("() => document.cookie") == "mine=2"
    assert one.cookies() == {"mine": "2", "secret": "1"}
    assert other.open(url).evaluate("() => document.cookie") == ""


def test_promises_are_awaited_and_errors_are_told(visitor, url):
    """Of a function's result and of its arguments."""
    page = visitor.open(url)
    assert page.evaluate("async (a, b) => ({ sum: a + b.c, none: undefined })", 1, {"c": 2}) == {"sum": 3}
    with pytest.raises(Exception, match="planted"):
        page.evaluate("() => { throw new Error('planted'); }")


def test_back_and_forward_go_through_the_history(visitor, url):
    """As the buttons do."""
    page = visitor.open(url)
    page.goto(url + "two")
    page.back()
    page.wait("() => location.pathname === '/'")
    page.forward()
    page.wait("() => location.pathname === '/two'")


def test_a_visitor_with_the_signal_sends_it(visitors, url):
    """The header and the property, where the engine has it."""
    if visitors.engine.name == "webkit":
        pytest.skip("WebKitGTK has no Global Privacy Control")
    page = visitors(gpc=True).open(url)
    assert page.evaluate("() => navigator.globalPrivacyControl") is True
    assert page.evaluate("async () => (await fetch('/')).headers.get('seen')") == "1"
