"""Whose pages may write, and what they may read: forged forms, sandboxed frames, listed and unlisted origins."""

import json

import pytest

from tests.shells.consent.direct import HOST, Browser, Site

REFUSAL = {"choices": {"analytics": False, "marketing": False}}
OWN = f"https://{HOST}"
EVIL = "https://evil.example"


@pytest.fixture
def site():
    """A site under the GDPR."""
    return Site()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({"origin": OWN}, 201, id="own"),
        pytest.param({"origin": OWN, "sec_fetch_site": "same-origin"}, 201, id="own-said-twice"),
        pytest.param({"origin": "null", "sec_fetch_site": "same-origin"}, 201, id="own-without-referrer"),
        pytest.param({"origin": None, "sec_fetch_site": "same-origin"}, 201, id="absent-same-origin"),
        pytest.param({"origin": "https://app.example", "sec_fetch_site": "cross-site"}, 201, id="listed"),
        pytest.param({"origin": EVIL, "sec_fetch_site": "cross-site"}, 403, id="cross-site-form"),
        pytest.param({"origin": EVIL, "sec_fetch_site": None}, 403, id="cross-site-old-browser"),
        pytest.param({"origin": "null", "sec_fetch_site": "cross-site"}, 403, id="sandboxed"),
        pytest.param({"origin": "null", "sec_fetch_site": None}, 403, id="sandboxed-old-browser"),
        pytest.param({"origin": None, "sec_fetch_site": "cross-site"}, 403, id="absent-cross-site"),
        pytest.param({"origin": None, "sec_fetch_site": "same-site"}, 403, id="another-subdomain"),
        pytest.param({"origin": None, "sec_fetch_site": None}, 201, id="a-server"),
        pytest.param({"origin": None, "sec_fetch_site": None, "cookie": "a=b"}, 403, id="cookies-and-no-page"),
    ],
)
@pytest.mark.parametrize("way", ["json", "form", "delete"])
async def test_only_own_and_listed_pages_write(site, headers, status, way):
    """What another site posts sets no cookie and makes no row, in whichever form it comes."""
    browser = Browser(site)
    if way == "json":
        answer = await browser.post(REFUSAL, **headers)
    elif way == "form":
        kind = {"content_type": "application/x-www-form-urlencoded"}
        answer = await browser.post(b"analytics=false&marketing=false", **kind, **headers)
    else:
        answer = await browser.withdraw(**headers)
    assert answer.status == (200 if way == "delete" and status == 201 else status)
    assert bool(site.ledger.rows) is bool(answer.set_cookie) is (status == 201)
    assert answer.header("cache-control") == "no-store"


async def test_a_listed_page_reads_and_writes_with_credentials(site):
    """Its browser asks before, and is told which methods."""
    before = await site.ask("OPTIONS", origin="https://app.example", access_control_request_method="DELETE")
    assert before.status == 204
    assert before.header("access-control-allow-methods") == "GET, POST, DELETE"
    for answer in (before, await site.ask(origin="https://app.example", sec_fetch_site="cross-site")):
        assert answer.header("access-control-allow-origin") == "https://app.example"
        assert answer.header("access-control-allow-credentials") == "true"


async def test_a_stranger_reads_nothing_of_the_visitor(site):
    """Its GET is answered as if there were no cookie, and without leave to read the answer."""
    browser = Browser(site)
    await browser.choose(await browser.state(), analytics=True, marketing=True)
    answer = await browser.ask(origin=EVIL, sec_fetch_site="cross-site")
    assert answer.header("access-control-allow-origin") is None
    assert [one["effective"] for one in answer.json["purposes"]] == [False, False]
    assert (await browser.ask("OPTIONS", origin=EVIL, sec_fetch_site="cross-site")).status == 403


async def test_a_link_from_another_site_opens_the_visitor_s_own_page(site):
    """In a tab no other page can read it; in a frame it is not shown at all."""
    browser = Browser(site)
    await browser.choose(await browser.state(), analytics=True, marketing=True)
    html = {"accept": "text/html", "sec_fetch_site": "cross-site"}
    assert b'value="withdraw"' in (await browser.ask(sec_fetch_dest="document", **html)).raw
    framed = await browser.ask(sec_fetch_dest="iframe", **html)
    assert b'value="withdraw"' not in framed.raw
    assert "frame-ancestors 'none'" in framed.header("content-security-policy")


async def test_the_state_shows_no_name_of_the_visitor(site):
    """Every script of the page can read it: neither the name in the cookie nor in the token."""
    browser = Browser(site)
    await browser.choose(await browser.state(), analytics=True)
    subject = next(name for row in site.ledger.rows for one in row.choice.subjects for name in one.names)
    state = await browser.state()
    import base64

    payload = state["token"].split(".")[1]
    claims = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)).decode()
    text = json.dumps(state) + claims + browser.jar["gatekeeper_choice"]
    assert "v_" not in text and subject not in text
