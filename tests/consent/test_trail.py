"""The trail of a resolution, to the word: what took part, what did not and why, and who decided."""

import pytest

from gatekeeper.consent.resolve import holds_until, resolve, strictest
from gatekeeper.model import ConsentModel, Permission, Purpose, Role, Ruling, Standing, Step
from tests.builders import NOW, law, place, said

ANALYTICS, MARKETING = Purpose.ANALYTICS, Purpose.MARKETING
IN, OUT = law("opt_in", "opt_in"), law("opt_out", "opt_out", duty="recommended", name="out")
YEAR = 365 * 86_400.0


def made(*signals, laws=(IN,), **how):
    given = {"at": NOW, "event_time": NOW, "max_age": YEAR} | how
    return resolve(signals, place(*laws), **given)


def gpc(**more):
    return said("sec-gpc", Role.OPT_OUT, marketing=False, denies_as="gpc_opt_out", note="it is 1", **more)


@pytest.mark.parametrize(
    ("standing", "why"),
    [
        (Standing.UNDECIDED, "no choice was made yet: as if absent"),
        (Standing.FOREIGN, "another software's: as if absent"),
        (Standing.OPAQUE, "cannot be read here: as if absent"),
    ],
)
def test_a_signal_that_is_as_if_absent_is_in_the_trail(standing, why):
    """And decides nothing, whatever it says."""
    one = said("cookie", standing=standing, marketing=True)
    assert made(one).steps[0] == Step("signal cookie", standing, why)
    assert made(one).rulings == made().rulings


def test_gpc_that_no_law_requires_is_in_the_trail_and_not_counted():
    """It was detected all the same, and advertising use stays restricted."""
    found = made(gpc(), laws=(OUT,), gpc_everywhere=False)
    assert found.steps[0] == Step("signal sec-gpc", "not counted", "no law of the place requires it")
    assert (found.gpc_detected, found.gpc_honoured, found.restricted) == (True, False, True)
    other = said("usp", Role.OPT_OUT, marketing=False, denies_as="sale_opt_out")
    assert made(other, laws=(OUT,), gpc_everywhere=False).rulings[MARKETING].reason == "sale_opt_out"
    honoured = made(gpc(), laws=(OUT, IN), gpc_everywhere=False)
    assert honoured.steps[0] == Step("signal sec-gpc", "marketing denied", "it is 1") and honoured.gpc_honoured


def test_a_signal_that_counts_is_told_with_what_it_says():
    """Each purpose, and the note; one that says nothing shows how it stands."""
    one = said("cookie", analytics=True, marketing=False, note="read")
    assert made(one).steps[0] == Step("signal cookie", "analytics granted, marketing denied", "read")
    assert made(said("cookie", note="empty")).steps[0] == Step("signal cookie", Standing.DECIDED, "empty")


def test_a_choice_from_the_future_counts_from_its_arrival():
    """The note stays, and says so; one of this very moment is as it is."""
    one = said("cookie", marketing=True, at=NOW + 3600, note="read")
    why = "read; dated 2026-11-24T01:00:00Z, ahead of its arrival: counts from its arrival"
    assert made(one).steps[0] == Step("signal cookie", "marketing granted", why)
    assert made(one).rulings[MARKETING].permission is Permission.GRANTED
    assert made(said("cookie", marketing=True, at=NOW, note="read")).steps[0].why == "read"


@pytest.mark.parametrize("laws", [(IN,), (OUT,)], ids=["opt-in", "opt-out"])
@pytest.mark.parametrize(
    ("signals", "reason", "why", "narrowed"),
    [
        ([gpc()], "gpc_opt_out", "sec-gpc opts out", False),
        ([said("x", Role.OPT_OUT, marketing=False)], "no_marketing_consent", "x opts out", False),
        ([said("c", marketing=False)], "no_marketing_consent", "c refuses", False),
        (
            [said("c", marketing=True, at=NOW - 9, voice="v"), said("l", marketing=False, at=NOW - 1, voice="v")],
            "consent_withdrawn", "v withdrew its consent", False,
        ),
        ([said("f", Role.FLAG, marketing=False)], "no_marketing_consent", "f refuses", False),
        ([said("f", Role.FLAG, marketing=False, denies_as="sale_opt_out")], "sale_opt_out", "f refuses", False),
        (
            [said("c", marketing=True), said("f", Role.CLAIM, marketing=False)],
            "no_marketing_consent", "f refuses", True,
        ),
    ],
)  # fmt: skip
def test_a_denial_names_its_purpose_its_reason_and_who_denied(signals, reason, why, narrowed, laws):
    """And under an opt-out law that it was an opt-out."""
    found = made(*signals, laws=laws)
    expected = Ruling(Permission.DENIED, MARKETING, reason, narrowed=narrowed, opted_out=laws == (OUT,))
    assert (found.rulings[MARKETING], found.steps[-1]) == (expected, Step("consent for marketing", "denied", why))


def test_what_is_broken_denies_each_purpose_and_says_what_was_broken():
    """It is no opt-out under any law."""
    one = said("cookie", standing=Standing.MALFORMED, note="no signature")
    found = made(one, laws=(OUT,))
    for purpose in (ANALYTICS, MARKETING):
        assert found.rulings[purpose] == Ruling(Permission.DENIED, purpose, "consent_unreadable")
    assert found.steps[-1].why == "cookie: no signature"


@pytest.mark.parametrize(("age", "granted"), [(YEAR - 1, True), (YEAR, True), (YEAR + 1, False)])
def test_a_grant_holds_to_the_last_second_of_its_age(age, granted):
    """Then it is as if it had never been given, and no claim renews it."""
    one = said("cookie", marketing=True, at=NOW - age)
    claim = said("event", Role.CLAIM, marketing=True)
    found = made(one, claim)
    if granted:
        assert (found.rulings[MARKETING], found.steps[-1].why) == (Ruling("granted", MARKETING), "cookie consents")
    else:
        assert found.rulings[MARKETING] == Ruling(Permission.DENIED, MARKETING, "consent_expired")
        assert found.steps[-1].why == "cookie consented too long ago"


def test_a_claim_is_the_signal_where_nobody_spoke_and_only_there():
    """Also a voice that came after the event has spoken."""
    claim = said("event", Role.CLAIM, marketing=True)
    assert made(claim).steps[-1].why == "event consents, and no other signal speaks"
    later = made(said("cookie", marketing=True, at=NOW - 10), claim, event_time=NOW - 60)
    assert later.rulings[MARKETING] == Ruling(Permission.DENIED, MARKETING, "no_marketing_consent", silent=True)
    assert later.steps[-1].why == "cookie consented on 2026-11-23T23:59:50Z, after this event; test is opt-in"


def test_a_grant_beside_a_context_is_as_if_absent_and_those_after_it_count():
    """In whichever order the two came."""
    beside = said("browser", marketing=True, beside=1)
    own = said("context", marketing=True)
    for signals in ((beside, own), (own, beside)):
        assert made(*signals).steps[-1].why == "context consents"
    assert made(beside).rulings[MARKETING].silent
    claim = said("event", Role.CLAIM, marketing=True)
    assert made(beside, claim).steps[-1].why == "event consents, and no other signal speaks"


def test_silence_under_an_opt_out_law_names_the_law():
    """And the basis that claims no consent."""
    found = made(laws=(OUT,))
    assert found.rulings[MARKETING] == Ruling(Permission.GRANTED, "not_opted_out")
    assert found.steps[-1].why == "no signal refuses, and out requires no consent"


def test_the_strictest_law_of_a_purpose_is_the_first_of_the_strictest():
    """Each purpose has its own; a place without a law is an error."""
    laws = (law("none", "opt_out", name="a"), law("opt_in", "opt_out", name="b"), law("opt_in", "opt_in", name="c"))
    assert strictest(ANALYTICS, laws) == (ConsentModel.OPT_IN, laws[1])
    assert strictest(MARKETING, laws) == (ConsentModel.OPT_IN, laws[2])
    assert strictest(MARKETING, laws[:2]) == (ConsentModel.OPT_OUT, laws[0])
    with pytest.raises(ValueError, match=r"^a place has at least one law$"):
        strictest(MARKETING, ())


@pytest.mark.parametrize(
    ("signals", "max_age", "expected"),
    [
        ([], YEAR, float("inf")),
        ([said(marketing=True)], YEAR, float("inf")),
        ([said(marketing=True, at=NOW - 10)], None, float("inf")),
        ([said(marketing=True, at=NOW - 10)], 60.0, NOW + 50),
        ([said(marketing=True, at=NOW)], 60.0, NOW + 60),
        ([said(marketing=True, at=NOW + 5)], 60.0, NOW + 5),
        ([said(marketing=True, at=NOW - 100), said(marketing=True, at=NOW - 20)], 60.0, NOW + 40),
        ([said(marketing=True, at=NOW - 60)], 60.0, float("inf")),
    ],
)
def test_when_time_alone_may_change_it(signals, max_age, expected):
    """A grant begins, or is too old; what lies behind changes nothing."""
    assert holds_until(signals, NOW, max_age) == expected


@pytest.mark.parametrize(
    ("signal", "restricted"),
    [
        (gpc(), True),
        (said("x", Role.CHOICE, analytics=False, denies_as="gpc_opt_out"), True),
        (said("x", Role.OPT_OUT, marketing=False), True),
        (said("x", Role.FLAG, marketing=False), True),
        (said("x", Role.FLAG, marketing=True), False),
        (said("x", Role.OPT_OUT, marketing=True), False),
        (said("x", Role.OPT_OUT, analytics=False), False),
        (said("x", Role.CHOICE, marketing=False), False),
        (said("x", Role.CLAIM, marketing=False), False),
    ],
)
def test_advertising_use_is_restricted_by_what_opts_out_of_it(signal, restricted):
    """By an opt-out, a flag, or GPC in whatever form; a refusal of consent is no opt-out where consent is asked for."""
    assert made(signal).restricted is restricted
