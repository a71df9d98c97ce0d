"""What the banner shows, when, and what a click asks of gatekeeper.js."""

import pytest

from tests.banner.stand import changed, state

ALL = {"analytics": True, "marketing": True}
NONE = {"analytics": False, "marketing": False}
LINK = "<a href='/gk/consent' data-gatekeeper-show=preferences>Privacy</a>"


def decided(kind="ask", **words):
    """A visitor who has spoken: purpose by purpose, `granted` or `refused`."""
    found = changed(kind, why=None, decided=True)
    for purpose in found["purposes"]:
        purpose["choice"] = words.get(purpose["id"], "refused")
        purpose["effective"] = purpose["choice"] == "granted"
    return found


@pytest.mark.parametrize(
    ("shown", "body", "expected"),
    [
        pytest.param(state(), "", "ask", id="never-asked"),
        pytest.param(changed(why="notice_changed"), "", "ask-again", id="other-notice"),
        pytest.param(changed(why="expired"), "", "ask-again", id="old-grant"),
        pytest.param(changed(why="refusal_old"), "", "ask-again", id="old-refusal"),
        pytest.param(state("object"), "", "object", id="statistics-where-an-objection-is-enough"),
        pytest.param(state("opt-out"), "", "link", id="opt-out"),
        pytest.param(state("gpc"), "", "gpc", id="opt-out-and-gpc"),
        pytest.param(state("opt-out"), LINK, "hidden", id="opt-out-and-the-site-has-a-link"),
        pytest.param(decided(), "", "link", id="decided"),
        pytest.param(decided(), LINK, "hidden", id="decided-and-the-site-has-a-link"),
        pytest.param(decided("account"), LINK, "toast", id="decided-in-the-account"),
        pytest.param(changed(ask="none", why=None), "", "hidden", id="no-law-asks"),
    ],
)
def test_the_banner_shows_what_the_state_says(stood, shown, body, expected):
    """One state, one name."""
    assert stood().open(shown, body=body).shown == expected


def test_the_opt_out_link_has_california_s_words_and_sign(stood):
    """It opens the preferences, where refusing is called what it is in the ledger."""
    stand = stood().open(state("opt-out"))
    link = stand.button("opt_out_link")
    assert link.inner_text() == "Your Privacy Choices" and link.locator("svg path").count() == 4
    link.click()
    stand.is_shown("preferences")
    stand.click("reject_all", "dialog").is_shown("saved")
    (call,) = [one for one in stand.calls() if "choices" in one]
    assert (call["method"], call["surface"], call["choices"]) == ("opt_out", "preferences", NONE)
    assert stand.status() == "Your choice is saved."


@pytest.mark.parametrize(
    ("kind", "name", "method", "choices"),
    [
        ("ask", "accept_all", "accept_all", ALL), ("ask", "reject_all", "reject_all", NONE),
        ("ask", "close", "close", NONE), ("object", "object", "object", {"analytics": False}),
        ("object", "allow", "accept_all", {"analytics": True}), ("object", "close", "close", {"analytics": False}),
    ],
)  # fmt: skip
def test_a_click_on_the_first_layer_is_a_choice_about_everything(stood, kind, name, method, choices):
    """Closing is a refusal. The words are those of the notice, and the click is the visitor's own."""
    stand = stood().open(state(kind)).click(name).is_shown("saved")
    call = stand.calls()[0]
    assert (call["method"], call["surface"], call["choices"]) == (method, "banner", choices)
    assert (call["rendered"], call["trusted"], call["translated"]) == (stand.state["notice"]["hash"], True, False)


@pytest.mark.parametrize("ticked", [[], ["Statistics"], ["Advertising"], ["Statistics", "Advertising"]])
def test_the_preferences_save_what_is_ticked(stood, ticked):
    """Nothing is ticked beforehand."""
    stand = stood().open(state()).click("choose").is_shown("preferences")
    dialog = stand.page.locator("gatekeeper-banner dialog")
    assert dialog.get_by_role("checkbox", checked=True).count() == 0
    for name in ticked:
        dialog.get_by_role("group", name=name).get_by_role("checkbox").check()
    stand.click("save", "dialog").is_shown("saved")
    call = stand.calls()[0]
    expected = {"analytics": "Statistics" in ticked, "marketing": "Advertising" in ticked}
    assert (call["choices"], call["method"], call["surface"]) == (expected, "save", "preferences")


@pytest.mark.parametrize(
    ("shown", "ticked"),
    [
        pytest.param(decided(analytics="granted"), ["analytics"], id="their-own-choice"),
        pytest.param(state("opt-out"), ["analytics", "marketing"], id="opt-out-is-on"),
        pytest.param(state("gpc"), ["analytics"], id="gpc-is-off"),
        pytest.param(state("object"), ["analytics"], id="objection-is-on"),
        pytest.param(state("ask-gpc"), [], id="nothing-said"),
    ],
)
def test_the_preferences_show_what_holds(stood, shown, ticked):
    """And what the browser's signal denies cannot be ticked."""
    stand = stood().open(shown)
    stand.page.evaluate("gatekeeper.show('preferences')")
    stand.is_shown("preferences")
    boxes = stand.page.locator("gatekeeper-banner dialog input").all()
    assert [box.get_attribute("name") for box in boxes if box.is_checked()] == ticked
    gpc = shown["signals"]["gpc"]["honoured"]
    assert [box.get_attribute("name") for box in boxes if box.is_disabled()] == (["marketing"] if gpc else [])
    assert stand.page.locator("gatekeeper-banner dialog").get_by_text(stand.text("gpc")).count() == gpc


def test_a_signal_that_is_honoured_is_said(stood):
    """Once a visit in words of its own, and on each layer."""
    stand = stood().open(state("gpc"))
    assert stand.status() == stand.text("gpc")
    again = stood().open(state("gpc"), referrer="http://localhost/other")
    assert again.shown == "link"
    assert stood().open(state("ask-gpc")).page.get_by_text(stand.text("gpc")).first.is_visible()


OUTCOMES = {
    "outdated": ({"ok": False, "status": 409, "code": "notice_changed"}, "not_saved"),
    "limit": ({"ok": False, "status": 429, "retry": 9}, "try_later"),
    "broken": ({"ok": False, "status": 503, "retry": 1}, "try_later"),
    "offline": ({"ok": False, "status": 0, "code": "offline"}, "try_later"),
    "by-script": ({"ok": False, "status": 0, "code": "no_gesture"}, "try_later"),
}


@pytest.mark.parametrize("name", OUTCOMES)
@pytest.mark.parametrize("late", [False, True], ids=["state-before", "state-after"])
def test_a_grant_that_was_not_taken_is_said(stood, name, late):
    """The question stays, with the newest words; another click is a choice again."""
    outcome, text = OUTCOMES[name]
    stand = stood().open(state())
    fresh = changed(
        token="new", notice={**state()["notice"], "texts": {**state()["notice"]["texts"], "title": "Other"}}
    )
    told = {**outcome, "fresh": fresh} if outcome["status"] == 409 else outcome
    stand.page.evaluate("([told, late]) => { outcomes.push(told); window.late = late }", [told, late])
    stand.click("accept_all").is_shown("error")
    assert stand.status() == stand.text(text)
    if outcome["status"] == 409:
        stand.page.get_by_role("heading", name="Other").wait_for()
        assert stand.status() == stand.text(text)
    stand.click("reject_all").is_shown("saved")
    assert [one["choices"] for one in stand.calls()] == [ALL, NONE]


@pytest.mark.parametrize("name", ["limit", "broken", "offline"])
def test_a_refusal_is_never_said_to_have_failed(stood, name):
    """It holds in the browser, whatever came of the request."""
    stand = stood().open(state())
    stand.page.evaluate("told => outcomes.push(told)", OUTCOMES[name][0])
    stand.click("reject_all").is_shown("saved")
    assert stand.status() == stand.text("stopping" if name == "broken" else "saved")


def test_a_conflict_with_the_browser_s_signal_is_said(stood):
    """The grant is saved, and has no effect."""
    stand = stood().open(state("ask-gpc"))
    stand.page.evaluate(
        "outcomes.push({ok: true, status: 201, conflicts: [{purpose: 'marketing', signal: 'sec-gpc'}]})"
    )
    stand.click("accept_all").is_shown("saved")
    assert stand.status() == f"{stand.text('saved')} {stand.text('gpc')}"


@pytest.mark.parametrize(
    ("shown", "name", "withdrawn"),
    [
        pytest.param(state(), "accept_all", ["analytics", "marketing"], id="all-is-new"),
        pytest.param(decided(analytics="granted"), "accept_all", ["marketing"], id="one-is-new"),
        pytest.param(state(), "reject_all", [], id="refusal"),
    ],
)
def test_undo_takes_back_what_was_granted_and_asks_again(stood, shown, name, withdrawn):
    """One click after the choice; no state that comes late takes the question away."""
    stand = stood().open(shown)
    stand.page.evaluate("gatekeeper.show('preferences')")
    stand.is_shown("preferences").click(name, "dialog").is_shown("saved").click("undo").is_shown("ask")
    assert [one["withdraw"] for one in stand.calls() if "withdraw" in one] == withdrawn
    stand.page.evaluate("gatekeeper.tell('state', window.state)")
    assert stand.shown == "ask"


def test_withdrawing_is_as_easy_as_accepting(stood):
    """One click, on every page, without a link of the site's own."""
    stand = stood().open(decided(analytics="granted"), decided=True).click("withdraw").is_shown("saved")
    (call,) = [one for one in stand.calls() if "choices" in one]
    assert (call["method"], call["choices"]) == ("withdraw", NONE)
    stand.click("dismiss").is_shown("link")
    assert stand.button("withdraw").count() == 0


def test_a_link_of_the_site_opens_the_preferences(stood):
    """Also one that a script of the site puts there later; without script it goes to the page."""
    stand = stood().open(decided(), body=LINK + "<p>text")
    stand.page.get_by_role("link", name="Privacy").click()
    stand.is_shown("preferences")
    assert stand.page.url == "http://localhost/" and {"show": "preferences"} in stand.calls()


def test_another_tab_s_choice_is_shown(stood):
    """A newer state takes the question away, and ticks what was chosen there."""
    stand = stood().open(state())
    stand.page.evaluate("fresh => gatekeeper.tell('state', fresh)", decided(analytics="granted"))
    stand.is_shown("link").click("opt_out_link").is_shown("preferences")
    stand.page.evaluate("fresh => gatekeeper.tell('state', fresh)", decided(marketing="granted"))
    boxes = stand.page.locator("gatekeeper-banner dialog input")
    assert [box.is_checked() for box in boxes.all()] == [False, True] and stand.shown == "preferences"


def test_a_second_click_while_saving_is_nothing(stood):
    """One choice, one request."""
    stand = stood().open(state())
    stand.button("accept_all").dblclick()
    stand.is_shown("saved")
    assert len(stand.calls()) == 1


def test_without_gatekeeper_js_there_is_no_banner(stood):
    """And the console says why."""
    stand = stood().open(state())
    stand.page.route("**/sdk.js", lambda route: route.fulfill(body="", content_type="text/javascript"))
    stand.page.reload()
    assert stand.page.locator("gatekeeper-banner").count() == 0
    assert stand.complaints == ["gatekeeper.js is missing"]
    stand.complaints.clear()


def test_a_newer_state_with_the_same_words_leaves_the_buttons(stood):
    """So a click that is under way, and the focus, are not lost to a new token."""
    stand = stood().open(state())
    stand.button("reject_all").focus()
    stand.inside("(root) => { root.querySelector('.buttons > *').mark = 1 }")
    stand.page.evaluate("fresh => gatekeeper.tell('state', fresh)", changed(token="new"))
    assert stand.inside("(root) => [root.querySelector('.buttons > *').mark, root.activeElement?.mark]") == [1, 1]
    stand.page.evaluate("fresh => gatekeeper.tell('state', fresh)", changed(why="expired"))
    assert stand.shown == "ask-again" and stand.inside("(root) => root.querySelector('.buttons > *').mark") is None
