"""What is asked where, and what the browser's own opt-out does: place × law × signal."""

import pytest

from gatekeeper.consent.resolve import resolve
from gatekeeper.gate.asking import asked
from gatekeeper.model import ConsentModel, Permission, Purpose
from tests.builders import NOW, law, make_gate, make_policy, place, said
from tests.shells.consent.direct import PLACES, Browser, Site

DE, CA, GB = PLACES
STATISTICS = {
    "own": {"kind": "first_party", "endpoint": "http://127.0.0.1:9/e", "statistics_only": True},
    "meta_capi": {"kind": "meta_capi", "pixel_id": "123456789", "access_token": "META-TOKEN"},
}


@pytest.mark.parametrize(
    ("client", "ask", "each", "effective", "why"),
    [
        (DE, "opt_in", ["opt_in", "opt_in"], [False, False], "never_asked"),
        (CA, "opt_out", ["none", "opt_out"], [True, True], None),
        (GB, "opt_in", ["object", "opt_in"], [True, False], "never_asked"),
    ],
    ids=["germany", "california", "united-kingdom"],
)
async def test_what_is_asked_is_what_the_law_of_the_place_wants(client, ask, each, effective, why):
    """A question, an objection to statistics, or a link."""
    site = Site(jurisdiction={}, destinations=STATISTICS)
    state = await Browser(site, client).state()
    assert (state["ask"], state["why"]) == (ask, why)
    assert [one["ask"] for one in state["purposes"]] == each
    assert [one["effective"] for one in state["purposes"]] == effective


async def test_an_objection_to_statistics_is_free_and_final():
    """No token, one click; the state says so."""
    site = Site(jurisdiction={}, destinations=STATISTICS)
    browser = Browser(site, GB)
    await browser.choose(analytics=False, method="object")
    (analytics, _) = (await browser.state())["purposes"]
    assert (analytics["choice"], analytics["effective"], analytics["reason"]) == (
        "refused", False, "no_analytics_consent",
    )  # fmt: skip


@pytest.mark.parametrize("analytics", list(ConsentModel))
@pytest.mark.parametrize("marketing", list(ConsentModel))
@pytest.mark.parametrize(
    "words", [{}, {"analytics": True, "marketing": True}, {"analytics": False, "marketing": False}]
)
def test_what_is_asked_follows_from_law_and_words(analytics, marketing, words):
    """For every model of both purposes: the strictest is the form, and a word on everything ends the asking."""
    policy = make_policy()
    there = place(law(analytics.value, marketing.value))
    signals = (
        (said("gatekeeper_consent", voice="own", at=NOW, notice=policy.notices.version, **words),) if words else ()
    )
    consent = resolve(signals, there, at=NOW + 1, event_time=NOW + 1, max_age=None)
    found = asked(policy, there, consent, at=NOW + 1)
    order = [ConsentModel.OPT_IN, ConsentModel.OPT_OUT, ConsentModel.NONE]
    assert found.ask == min(analytics, marketing, key=order.index).value
    assert found.why == ("never_asked" if found.ask == "opt_in" and not words else None)
    for purpose, one in found.purposes.items():
        granted = consent.rulings[purpose].permission is Permission.GRANTED
        assert one.effective is granted and (one.reason is None) is granted


def test_only_purposes_of_destinations_are_asked_for():
    """A policy without advertising asks nothing about it; one without destinations asks for both."""
    own = {"own": {"kind": "first_party", "endpoint": "http://127.0.0.1:9/e"}}
    assert make_policy(destinations=own).notices.purposes == (Purpose.ANALYTICS,)
    assert make_policy(destinations={}).notices.purposes == (Purpose.ANALYTICS, Purpose.MARKETING)


async def test_a_grant_for_what_was_not_asked_is_not_taken():
    """The notice said nothing of it."""
    site = Site(destinations={"own": {"kind": "first_party", "endpoint": "http://127.0.0.1:9/e"}})
    browser = Browser(site)
    answer = await browser.choose(await browser.state(), marketing=True)
    assert (answer.status, answer.json["code"]) == (409, "notice_changed")


async def test_gpc_is_shown_and_a_grant_beside_it_is_a_conflict():
    """Recorded as it was said, without effect, and the answer says why (California: 11 CCR 7025(c))."""
    site = Site(jurisdiction={})
    browser = Browser(site, CA, sec_gpc="1")
    state = await browser.state()
    assert state["signals"] == {"gpc": {"detected": True, "honoured": True}}
    assert [(one["effective"], one["reason"]) for one in state["purposes"]] == [(True, None), (False, "gpc_opt_out")]
    answer = await browser.choose(state, analytics=True, marketing=True)
    assert answer.status == 201
    assert answer.json["conflicts"] == [{"purpose": "marketing", "signal": "sec-gpc"}]
    assert answer.json["effective"] == {"analytics": True, "marketing": False}
    (row,) = site.ledger.rows
    assert (row.choice.gpc, row.choice.conflicts) == (True, {Purpose.MARKETING: "sec-gpc"})


async def test_other_opt_outs_are_conflicts_too():
    """A US Privacy string says the same of sale."""
    site = Site(jurisdiction={})
    browser = Browser(site, CA)
    browser.jar["usprivacy"] = "1YYN"
    answer = await browser.choose(await browser.state(), analytics=True, marketing=True)
    assert answer.json["conflicts"] == [{"purpose": "marketing", "signal": "usprivacy"}]


async def test_gpc_asks_nothing_about_advertising():
    """The answer is given already: a visitor who chose about statistics is left alone."""
    site = Site()
    browser = Browser(site, sec_gpc="1")
    await browser.choose(await browser.state(), analytics=True)
    assert (await browser.state())["why"] is None


def test_a_child_is_not_asked():
    """Whom the law forbids it for, no answer would help."""
    gate = make_gate()
    there = place(law())
    consent = resolve((), there, at=NOW, event_time=NOW, max_age=None, age_band="under_13")
    assert asked(gate.policy, there, consent, at=NOW, age_band="under_13").why == "never_asked"  # of statistics
    marketing = make_policy(destinations={"meta_capi": STATISTICS["meta_capi"]})
    assert asked(marketing, there, consent, at=NOW, age_band="under_13").why is None


@pytest.mark.parametrize(
    ("notice", "cookie", "why"),
    [
        pytest.param("now", None, None, id="the-words-of-today"),
        pytest.param("sha256-old", None, "notice_changed", id="other-words-and-no-cookie"),
        pytest.param("sha256-old", "now", None, id="a-better-spelling"),
        pytest.param("sha256-old", "2025-01", "notice_changed", id="another-version"),
    ],
)
def test_the_ledger_s_words_are_compared_by_their_notice(notice, cookie, why):
    """It names the words by their hash; a correction of one word is no other notice where the cookie says so."""
    policy = make_policy(destinations={"meta_capi": STATISTICS["meta_capi"]})
    there, notices = place(law()), policy.notices
    words = said(
        "ledger", voice="own", at=NOW, marketing=True, notice=notices.usual.notice.hash if notice == "now" else notice
    )
    signals = [words]
    if cookie is not None:
        version = notices.version if cookie == "now" else cookie
        signals.append(said("gatekeeper_consent", voice="own", at=NOW - 0.001, marketing=True, notice=version))
    consent = resolve(tuple(signals), there, at=NOW + 1, event_time=NOW + 1, max_age=None)
    assert asked(policy, there, consent, at=NOW + 1).why == why
