"""The words on the page are those of the notice, to the letter; other words are no grant."""

import pytest

from gatekeeper.browser import texts
from tests.banner.stand import changed, state


@pytest.mark.parametrize("kind", ["ask", "ask-gpc", "object", "opt-out", "account"])
@pytest.mark.parametrize("language", texts())
def test_the_hash_of_the_page_is_the_notice_s(stood, language, kind):
    """Worked out from what is on the page, as the server did."""
    stand = stood().open(state(kind, language))
    stand.page.evaluate("gatekeeper.show('preferences')")
    stand.is_shown("preferences")
    name = "allow" if kind == "object" else "accept_all"
    stand.click(name, "dialog").is_shown("saved")
    (call,) = [one for one in stand.calls() if "choices" in one]
    assert call["rendered"] == stand.state["notice"]["hash"]


@pytest.mark.parametrize("language", texts())
def test_everything_that_is_asked_can_be_read(stood, language):
    """Purposes on the first layer; all recipients one click away; direction and language are the notice's."""
    stand = stood().open(state("account", language))
    host = stand.page.locator("gatekeeper-banner")
    assert host.get_attribute("lang") == language
    assert host.get_attribute("dir") == ("rtl" if language == "ar" else "ltr")
    first = host.locator("section").inner_text()
    for purpose in stand.state["purposes"]:
        assert purpose["title"] in first and purpose["text"] in first
    assert stand.text("scope_account") in first and stand.text("introduction") in first
    host.locator("section").get_by_role("button", name=stand.text("partners")).click()
    second = host.locator("dialog").inner_text()
    for purpose in stand.state["purposes"]:
        for one in purpose["recipients"]:
            assert one["name"] in second and (one["company"] or "") in second and (one["retention"] or "") in second
            if one["policy"]:
                assert host.locator(f"dialog a[href='{one['policy']}']").is_visible()
    assert "{" not in second and "undefined" not in first + second and "null" not in first + second


@pytest.mark.parametrize(
    "spoil",
    [
        "root.querySelector('section p').textContent = 'We value your privacy.'",
        "root.querySelector('section li').remove()",
        "root.querySelector('section .buttons > *').remove()",
        "root.querySelector('dialog legend').textContent += '!'",
        "root.querySelector('section .words').append('Everybody accepts.')",
        "root.querySelector('dialog').replaceChildren()",
    ],
)
def test_words_that_a_script_changed_are_another_notice(stood, spoil):
    """A grant then has another hash, which the gate does not take; a refusal goes through."""
    stand = stood().open(state())
    stand.inside("(root) => { " + spoil + " }")
    stand.click("accept_all").is_shown("saved")
    assert stand.calls()[0]["rendered"] not in (stand.state["notice"]["hash"], "")


@pytest.mark.parametrize("sign", ["className = 'js translated-ltr'", "lang = 'de'"], ids=["chrome", "firefox"])
def test_a_page_that_the_browser_translated_says_so(stood, sign):
    """The words are then the translator's: the hash is of what was delivered."""
    stand = stood().open(state())
    stand.page.evaluate("document.documentElement." + sign)
    stand.inside("(root) => { for (const one of root.querySelectorAll('p')) one.textContent = 'übersetzt' }")
    stand.click("accept_all").is_shown("saved")
    assert stand.calls()[0]["translated"] is True
    assert stand.calls()[0]["rendered"] == stand.state["notice"]["hash"]


def test_words_are_text_whatever_stands_in_them(stood):
    """A text of the site that looks like HTML is shown as it is."""
    hostile = "<img src=x onerror=alert(1)><b>bold</b>"
    notice = state()["notice"]
    shown = changed(notice={**notice, "texts": {**notice["texts"], "title": hostile}})
    stand = stood().open(shown)
    assert stand.page.get_by_role("heading", name=hostile).count() == 1
    assert stand.inside("(root) => root.querySelectorAll('img, b').length") == 0
