"""The page that works without script: forms, languages, and nothing on it that was not put there."""

import re
from html.parser import HTMLParser

import pytest

from gatekeeper.browser import texts
from gatekeeper.consent.notice import preferred
from tests.builders import make_policy
from tests.shells.consent.direct import Browser, Site

HTML = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8", "sec_fetch_site": "same-origin"}


class Form(HTMLParser):
    """The fields of a page's form, and every tag."""

    def __init__(self, page):
        super().__init__()
        self.fields, self.tags, self.labels = {}, [], 0
        self.feed(page.decode())

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.tags.append((tag, given))
        if tag == "input" and (given["type"] == "hidden" or "checked" in given):
            self.fields[given["name"]] = given["value"]

    def of(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture
def site():
    """A site under the GDPR."""
    return Site()


@pytest.fixture
def browser(site):
    """A browser without script."""
    return Browser(site)


async def page(browser, query="", **headers):
    answer = await browser.ask(query=query, **{**HTML, **headers})
    assert answer.status == 200 and answer.header("content-type") == "text/html; charset=utf-8"
    return answer


async def test_a_choice_is_made_by_a_form_alone(browser, site):
    """Seen, answered, sent back with the receipt; then withdrawn by another."""
    form = Form((await page(browser)).raw)
    answer = await browser.form({**form.fields, "analytics": "true", "marketing": "false", "method": "save"})
    assert answer.status == 303
    assert re.fullmatch(r"/gk/consent\?saved=1&receipt=con_\w+", answer.header("location"))
    (row,) = site.ledger.rows
    assert (row.choice.method, row.choice.surface, row.choice.notice is not None) == ("save", "preferences", True)
    saved = await page(browser, answer.header("location").partition("?")[2])
    assert b"Your choice is saved." in saved.raw and row.choice.receipt.encode() in saved.raw
    form = Form(saved.raw)
    assert {"analytics": "true", "marketing": "false"}.items() <= form.fields.items()
    site.now += 1
    assert (await browser.form({**form.fields, "method": "withdraw"})).status == 303
    state = await browser.state()
    assert [one["choice"] for one in state["purposes"]] == ["refused", "refused"]


@pytest.mark.parametrize(("method", "word"), [("accept_all", "granted"), ("reject_all", "refused")])
async def test_one_button_answers_everything(browser, method, word):
    """Whatever the form says besides."""
    form = Form((await page(browser)).raw)
    assert (await browser.form({**form.fields, "method": method})).status == 303
    assert {one["choice"] for one in (await browser.state())["purposes"]} == {word}


@pytest.mark.parametrize("purposes", [["own"], ["own", "meta_capi"]], ids=["one-purpose", "both"])
async def test_accept_all_is_all_that_the_page_asks(purposes):
    """A purpose that is not on it is not granted."""
    kinds = {
        "own": {"kind": "first_party", "endpoint": "http://127.0.0.1:9/e"},
        "meta_capi": {"kind": "meta_capi", "pixel_id": "123456789", "access_token": "META-TOKEN"},
    }
    site = Site(destinations={name: kinds[name] for name in purposes})
    browser = Browser(site)
    form = Form((await page(browser)).raw)
    assert (await browser.form({**form.fields, "method": "accept_all"})).status == 303
    assert len(site.ledger.rows[0].choice.says) == len(purposes)


async def test_nothing_is_chosen_beforehand_and_refusing_comes_first(browser):
    """No radio is set, both words of a purpose are alike, and the buttons differ in their words alone."""
    form = Form((await page(browser)).raw)
    assert not form.fields.keys() & {"analytics", "marketing"}
    assert [one["value"] for one in form.of("input") if one["type"] == "radio"] == ["false", "true"] * 2
    buttons = form.of("button")
    assert [one["value"] for one in buttons] == ["reject_all", "save", "accept_all"]
    assert all(set(one) == {"name", "value"} for one in buttons)


@pytest.mark.parametrize(
    ("following", "where"),
    [
        ("/basket?a=1#x", "/basket?a=1#x"),
        ("//evil.example", None), ("/\\evil.example", None), ("https://evil.example", None), ("javascript:x", None),
        ("/a\r\nset-cookie: x=y", None), ("/a b", None), ("/" + "a" * 2_000, None), ("", None), ("/\t/evil", None),
    ],
)  # fmt: skip
async def test_a_form_leads_on_to_a_path_of_the_site_only(browser, following, where):
    """Anything that a browser could take for another place leads back to the page."""
    answer = await browser.form({"method": "reject_all", "next": following})
    assert answer.status == 303
    assert answer.header("location") == where or (
        where is None and answer.header("location").startswith("/gk/consent?")
    )


@pytest.mark.parametrize(
    ("spoil", "status", "text"),
    [
        (lambda site, fields: fields.update(token="old"), 409, "not_saved"),
        (lambda site, fields: setattr(site.ledger, "broken", True), 503, "try_later"),
        (lambda site, fields: setattr(site, "wait", 9), 429, "try_later"),
    ],
    ids=["old-token", "broken-ledger", "limit"],
)
async def test_what_went_wrong_is_said_in_the_visitor_s_language(browser, site, spoil, status, text):
    """On a page that is up to date, in words."""
    form = Form((await page(browser, accept_language="de")).raw)
    spoil(site, form.fields)
    answer = await browser.form({**form.fields, "method": "accept_all"}, accept_language="de")
    assert answer.status == status and not browser.jar
    assert texts()["de"][text].encode() in answer.raw and b'role="alert"' in answer.raw
    assert Form(answer.raw).fields["token"] != form.fields["token"]


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("de-AT,de;q=0.9,en;q=0.8", "de"), ("fr;q=0.4, es;q=0.9", "es"), ("zh,ja;q=0.9", "en"), ("*", "en"), ("", "en"),
        ("en;q=0, fr;q=0.1", "fr"), ("nonsense;;;,\u00e9, fr", "fr"), ("de;q=2, fr", "fr"), ("ES", "es"),
    ],
)  # fmt: skip
async def test_the_page_is_in_the_language_the_browser_prefers(browser, header, language):
    """Weights count, unknown languages fall back to the policy's, and the page says which it is in."""
    answer = await page(browser, accept_language=header.encode("latin-1").decode("latin-1"))
    assert f'<html lang="{language}" dir="ltr">'.encode() in answer.raw
    assert answer.header("content-language") == language
    assert texts()[language]["title"].encode() in answer.raw


def test_a_language_that_is_asked_for_goes_before_the_browser_s():
    """`?language=` is what the page around a banner is written in."""
    notices = make_policy().notices
    assert notices.choose("fr-CA", ["de"]).notice.language == "fr"
    assert notices.choose("xx", ["de"]).notice.language == "de"
    assert preferred(["x" * 100_000], ["en"]) is None


@pytest.mark.parametrize("language", list(texts()))
def test_every_language_has_every_text(language):
    """With the same parts to fill in, and none twice in one place."""
    english, own = texts()["en"], texts()[language]
    assert list(own) == list(english)
    for name, text in own.items():
        assert re.findall(r"\{\w+\}", text) == re.findall(r"\{\w+\}", english[name]) and text == text.strip()
    assert own["accept_all"] != own["reject_all"] and own["granted"] != own["refused"]


@pytest.mark.parametrize("language", list(texts()))
async def test_the_page_is_complete_in_every_language(browser, language):
    """One heading, every field labelled and grouped, recipients named, and no script at all."""
    answer = await page(browser, f"language={language}")
    form = Form(answer.raw)
    (html,) = form.of("html")
    assert html == {"lang": language, "dir": "rtl" if language == "ar" else "ltr"}
    assert len(form.of("h1")) == 1 and len(form.of("fieldset")) == len(form.of("legend")) == 2
    assert len(form.of("label")) == len([one for one in form.of("input") if one["type"] == "radio"])
    assert form.of("script") == [] and not re.search(
        rb"\son\w+=|\sstyle=|https?://(?!policies|www\.facebook)", answer.raw
    )
    assert b"{" not in re.sub(rb"<style>.*</style>", b"", answer.raw, flags=re.DOTALL)
    assert b"Google Ireland Ltd" in answer.raw and b"Meta Platforms Ireland Ltd" in answer.raw


async def test_the_policy_s_own_words_are_escaped_and_hashed():
    """They are text, whatever stands in them, and change the notice's hash."""
    hostile = "<script>alert(1)</script> {{ 7*7 }}"
    own = {
        "notice": {"texts": {"en": {"title": hostile}}, "url": "/privacy"},
    }
    site = Site(consent=own)
    answer = await page(Browser(site))
    assert b"<script>" not in answer.raw and b"&lt;script&gt;alert(1)&lt;/script&gt; {{ 7*7 }}" in answer.raw
    assert b'href="/privacy"' in answer.raw
    assert site.gate.policy.notices.usual.hash != Site().gate.policy.notices.usual.hash


@pytest.mark.parametrize(
    "query", ["saved=1&receipt=<b>", "receipt=con_x%22onload", "next=//evil.example", "language=%3Cb%3E"]
)
async def test_nothing_of_the_address_gets_into_the_page(browser, query):
    """A link that somebody was sent shows only what could have been true."""
    answer = await page(browser, query)
    assert not re.search(rb"<b>|onload|evil", answer.raw)


async def test_a_retention_is_said_in_words():
    """`2y` of the policy is months in the visitor's language; what is no whole number of them stays."""
    own = {
        "kind": "first_party",
        "endpoint": "http://127.0.0.1:9/e",
        "retention": "2y",
        "country": "DE",
        "recipient": "Shop & Co",
    }
    other = {**own, "retention": "1.3 y", "privacy_policy": "https://shop.example/p", "recipient": "Other"}
    site = Site(destinations={"own": own, "other": other})
    answer = await page(Browser(site), "language=de")
    text = answer.raw.decode()
    assert "Unternehmen: Shop &amp; Co; Land: DE; Speicherdauer: 24 Monate" in text
    assert "Speicherdauer: 1.3 y" in text and 'href="https://shop.example/p"' in text
