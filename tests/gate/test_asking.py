"""What a visitor is asked, and why: a table of places, words, ages and moments."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gatekeeper.consent.resolve import resolve
from gatekeeper.gate.asking import asked, newest
from gatekeeper.model import Permission, Purpose, Role, Standing
from gatekeeper.signals import own
from tests.builders import DESTINATIONS, NOW, law, make_policy, place, said

A, M = Purpose.ANALYTICS, Purpose.MARKETING
DAY = 86_400.0
OPT_IN, OPT_OUT, NONE = law(), law("opt_out", "opt_out", name="out"), law("none", "none", name="none")
NOTICE = {"ask_again_after_refusal": "200d", "ask_again_after_grant": "300d"}
POLICY = make_policy(consent={"max_age": "700d", "notice": NOTICE})
VERSION = POLICY.notices.version
WORDS = next(iter(POLICY.notices.languages.values())).notice.hash


def asks(*signals, laws=(OPT_IN,), age_band=None, policy=POLICY):
    there = place(*laws)
    consent = resolve(signals, there, at=NOW, event_time=NOW, max_age=700 * DAY, age_band=age_band)
    return asked(policy, there, consent, at=NOW, age_band=age_band)


def cookie(days=1.0, *, notice=VERSION, **words):
    """Our own cookie, written so many days ago."""
    return said(own.COOKIE, voice=own.VOICE, at=NOW - days * DAY, notice=notice, **(words or BOTH))


def ledger(days=1.0, *, notice=WORDS, source="ledger", **words):
    return said(source, voice=own.VOICE, at=NOW - days * DAY, notice=notice, **(words or BOTH))


BOTH = {"analytics": True, "marketing": True}
NEITHER = {"analytics": False, "marketing": False}
GPC = said("sec-gpc", Role.OPT_OUT, marketing=False, denies_as="gpc_opt_out")
SALE = said("usprivacy", Role.OPT_OUT, analytics=False, marketing=False, denies_as="sale_opt_out")

WHY = [
    pytest.param([], "never_asked", id="nothing-said"),
    pytest.param([cookie(analytics=True)], "never_asked", id="one-purpose-said"),
    pytest.param([cookie()], None, id="granted"),
    pytest.param([cookie(**NEITHER)], None, id="refused"),
    pytest.param([cookie(300)], None, id="a-grant-on-its-last-day"),
    pytest.param([cookie(300.1)], "expired", id="a-grant-too-old"),
    pytest.param([cookie(200, **NEITHER)], None, id="a-refusal-on-its-last-day"),
    pytest.param([cookie(200.1, **NEITHER)], "refusal_old", id="a-refusal-too-old"),
    pytest.param([cookie(notice="old")], "notice_changed", id="another-notice"),
    pytest.param([cookie(notice=None)], None, id="no-notice"),
    pytest.param([cookie(notice="old", **NEITHER)], None, id="a-refusal-under-another-notice"),
    pytest.param([cookie(250, analytics=False, marketing=True)], "refusal_old", id="one-refused-long-ago"),
    pytest.param([cookie(350, notice="old", analytics=True, marketing=True)], "notice_changed", id="changed-and-old"),
    pytest.param([cookie(350, analytics=True, marketing=False)], "expired", id="expired-before-refusal"),
    pytest.param([ledger()], None, id="ledger"),
    pytest.param([ledger(notice="sha256-old")], "notice_changed", id="ledger-of-other-words"),
    pytest.param([ledger(notice="sha256-old", source="ledger-account")], "notice_changed", id="account-of-other-words"),
    pytest.param([ledger(notice="sha256-old"), cookie(2)], None, id="other-words-and-the-same-version"),
    pytest.param([ledger(notice="sha256-old"), cookie(2, notice="old")], "notice_changed", id="both-are-old"),
    pytest.param([said("cmp", notice="x", at=NOW, **BOTH)], None, id="another-platforms-notice"),
    pytest.param([said("cmp", **BOTH)], None, id="an-undated-word-has-no-age"),
    pytest.param([cookie(), GPC], None, id="granted-with-gpc"),
    pytest.param([SALE], None, id="the-browser-opted-out-of-both"),
    pytest.param([GPC], "never_asked", id="the-browser-opted-out-of-one"),
    pytest.param([said("x", beside=1, **BOTH)], "never_asked", id="words-beside-a-context"),
    pytest.param([said("x", standing=Standing.UNDECIDED, **BOTH)], "never_asked", id="words-of-nobody"),
]


@pytest.mark.parametrize(("signals", "why"), WHY)
def test_why_a_visitor_is_asked(signals, why) -> None:
    """Where the law wants a question. Of several reasons the first of the list."""
    found = asks(*signals)
    assert (found.ask, found.why) == ("opt_in", why)


@pytest.mark.parametrize(
    ("table", "days", "why"),
    [
        ({"notice": NOTICE, "max_age": "250d"}, 240, None),
        ({"notice": NOTICE, "max_age": "250d"}, 260, "expired"),
        ({"notice": NOTICE}, 290, None),
        ({"notice": NOTICE}, 310, "expired"),
    ],
)
def test_a_grant_is_asked_for_again_by_the_shorter_of_two_ages(table, days, why) -> None:
    """That of the notice, and that after which a grant counts for nothing; the second may be missing."""
    policy = make_policy(consent=table)
    assert asks(cookie(days, notice=policy.notices.version), policy=policy).why == why


@pytest.mark.parametrize(
    ("laws", "ask"),
    [((OPT_IN,), "opt_in"), ((OPT_OUT,), "opt_out"), ((NONE,), "none"), ((NONE, OPT_OUT), "opt_out"),
     ((OPT_OUT, OPT_IN), "opt_in"), ((law("none", "opt_out"),), "opt_out"), ((law("opt_in", "none"),), "opt_in")],
)  # fmt: skip
def test_the_strictest_law_of_a_place_says_what_is_asked(laws, ask) -> None:
    """And only a question has a reason to be put."""
    found = asks(laws=laws)
    assert found.ask == ask
    assert found.why == ("never_asked" if ask == "opt_in" else None)
    assert not found.decided and asks(cookie(), laws=laws).decided


EXEMPT = replace(OPT_IN, exemption="yes: statistics")
OURS = {"kind": "first_party", "endpoint": "http://127.0.0.1:9/events", "statistics_only": True}
THEIRS = {"kind": "ga4", "measurement_id": "G-TEST", "api_secret": "x"}


@pytest.mark.parametrize(
    ("to", "laws", "ask", "effective"),
    [
        ({"own": OURS}, (EXEMPT,), "object", True),
        ({"own": OURS}, (OPT_IN,), "opt_in", False),
        ({"own": OURS}, (EXEMPT, OPT_IN), "opt_in", False),
        ({"own": OURS, "ga4": THEIRS}, (EXEMPT,), "opt_in", False),
        ({"own": OURS | {"statistics_only": False}}, (EXEMPT,), "opt_in", False),
    ],
    ids=["exempt", "not-exempt", "one-law-is-not", "beside-a-vendor", "not-only-statistics"],
)
def test_first_party_statistics_are_objected_to(to, laws, ask, effective) -> None:
    """Where all that gets analytics data is that, and every law of the place exempts it: silence is no refusal."""
    policy = make_policy(destinations=to | {"meta": DESTINATIONS["meta_capi"]})
    found = asks(laws=laws, policy=policy).purposes
    assert (found[A].ask, found[A].effective) == (ask, effective)
    assert (found[M].ask, found[M].effective) == ("opt_in", False)
    refused = asks(cookie(notice=None, **NEITHER), laws=laws, policy=policy).purposes[A]
    assert (refused.ask, refused.effective, refused.reason) == (ask, False, "no_analytics_consent")


def test_of_several_forms_the_strictest_is_the_notices() -> None:
    """A question before an objection, an objection before a link."""
    laws = (replace(law("opt_in", "opt_out"), exemption="yes"),)
    found = asks(laws=laws, policy=make_policy(destinations={"own": OURS}))
    assert (found.ask, found.why, list(found.purposes)) == ("object", "never_asked", [A])
    assert asks(laws=(law("opt_out", "opt_in"),)).ask == "opt_in"


@pytest.mark.parametrize(
    ("age_band", "laws", "why"),
    [(None, (OPT_IN,), "never_asked"), ("adult", (OPT_IN,), "never_asked"), ("under_13", (OPT_IN,), "never_asked")],
)
def test_a_child_is_asked_for_what_it_may_answer(age_band, laws, why) -> None:
    """Advertising is forbidden to a child, whatever it says."""
    found = asks(cookie(analytics=True), laws=laws, age_band=age_band)
    assert found.why == (None if age_band == "under_13" else "never_asked")
    assert found.purposes[M].effective is False
    assert asks(laws=laws, age_band=age_band).why == why


@pytest.mark.parametrize(
    ("signals", "word"),
    [
        ([], None),
        ([cookie(2), ledger(1)], "ledger"),
        ([cookie(1), ledger(2)], own.COOKIE),
        ([cookie(1), ledger(1, **NEITHER)], "ledger"),
        ([said("cmp", at=NOW, **BOTH), cookie(9)], "cmp"),
        ([said("cmp", **BOTH), cookie(9, **NEITHER)], own.COOKIE),
        ([said("cmp", **NEITHER), cookie(9)], "cmp"),
        ([said("cmp", at=NOW, **BOTH), said("cmp", at=NOW - 1, **NEITHER)], "cmp"),
        ([said("gcs", Role.FLAG, **BOTH)], None),
        ([said("x", standing=Standing.FOREIGN, **BOTH)], None),
        ([said("x", beside=1, **BOTH)], None),
        ([cookie(marketing=True)], None),
    ],
)
def test_the_newest_word_on_a_purpose(signals, word) -> None:
    """Of the same time the refusal; an undated grant is the oldest word, an undated refusal the newest."""
    there = place(OPT_IN)
    consent = resolve(tuple(signals), there, at=NOW, event_time=NOW, max_age=None)
    found = newest(consent, A)
    assert (None if found is None else found.source) == word
    if word == "cmp" and len(signals) == 2 and signals[1].source == "cmp":
        assert found is signals[1]  # of copies that differ, the refusal
    ours = newest(consent, A, voice=own.VOICE)
    assert ours is None or ours.voice == own.VOICE


def test_what_follows_for_each_purpose() -> None:
    """Our own word before another platform's, what it was, whether it holds, and why not."""
    ours = cookie(analytics=True, marketing=False)
    found = asks(said("cmp", at=NOW, **BOTH), ours)
    assert found.decided and list(found.purposes) == [A, M]
    one, other = found.purposes[A], found.purposes[M]
    assert (one.ask, one.word, one.choice, one.effective, one.reason) == (
        "opt_in",
        ours,
        Permission.GRANTED,
        True,
        None,
    )
    assert (other.word, other.choice, other.effective) == (ours, Permission.DENIED, False)
    assert other.reason == "no_marketing_consent"
    (silent, _) = asks().purposes.values()
    assert (silent.word, silent.choice, silent.effective, silent.reason) == (None, None, False, "no_analytics_consent")
