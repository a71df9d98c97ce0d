"""DESIGN section 3, rules 1 to 9: what all signals and laws add up to."""

import itertools

import pytest

from gatekeeper.consent.resolve import resolve
from gatekeeper.model import Permission, Purpose, Role, Standing
from tests.builders import NOW, law, place, said

IN = law("opt_in", "opt_in")
OUT = law("none", "opt_out")
DAY = 86_400.0


def ruled(*signals, laws=(IN,), max_age=365 * DAY, event_time=NOW, gpc_everywhere=True):
    return resolve(
        tuple(signals), place(*laws), at=NOW, event_time=event_time, max_age=max_age, gpc_everywhere=gpc_everywhere
    )


def marketing(*signals, **how):
    ruling = ruled(*signals, **how).rulings[Purpose.MARKETING]
    return ruling.permission.value, ruling.reason


def gpc():
    return said("sec-gpc", Role.OPT_OUT, marketing=False, denies_as="gpc_opt_out")


def test_necessary_is_always_granted():
    """Rule 1: no signal takes `necessary` away."""
    broken = said("cookie", standing=Standing.MALFORMED)
    assert ruled(broken).rulings[Purpose.NECESSARY].permission is Permission.GRANTED


@pytest.mark.parametrize(
    ("laws", "expected"),
    [
        pytest.param((IN,), ("denied", "no_marketing_consent"), id="opt-in"),
        pytest.param((OUT,), ("granted", None), id="opt-out"),
        pytest.param((law("none", "none"),), ("granted", None), id="silent"),
        pytest.param((OUT, IN), ("denied", "no_marketing_consent"), id="strictest-wins"),
        pytest.param((IN, OUT), ("denied", "no_marketing_consent"), id="strictest-wins-in-any-order"),
    ],
)
def test_silence_is_read_as_the_strictest_law_reads_it(laws, expected):
    """Rules 2 and 3."""
    assert marketing(laws=laws) == expected


@pytest.mark.parametrize(("laws", "opted_out"), [((IN,), False), ((OUT,), True)], ids=["opt-in", "opt-out"])
def test_a_denial_says_its_purpose_and_whether_the_law_calls_it_an_opt_out(laws, opted_out):
    """Where consent is asked for there is nothing to opt out of; `contextual` destinations hang on it."""
    ruling = ruled(said(marketing=False), laws=laws).rulings[Purpose.MARKETING]
    assert (ruling.basis, ruling.opted_out) == (Purpose.MARKETING, opted_out)


def test_nobody_consented_under_an_opt_out_law_has_the_basis_not_opted_out():
    """The record must not claim a consent that was never given."""
    assert ruled(laws=(OUT,)).rulings[Purpose.MARKETING].basis == "not_opted_out"
    assert ruled(said(marketing=True), laws=(OUT,)).rulings[Purpose.MARKETING].basis == "marketing"


@pytest.mark.parametrize(
    ("signals", "expected"),
    [
        pytest.param(
            [said("c", marketing=True, voice="own", at=1.0), said("l", marketing=False, voice="own", at=2.0)],
            ("denied", "consent_withdrawn"),
            id="withdrawal-beats-older-grant",
        ),
        pytest.param(
            [said("c", marketing=True, voice="own", at=NOW - 1), said("l", marketing=False, voice="own", at=NOW - 2)],
            ("granted", None),
            id="newer-grant-beats-older-withdrawal",
        ),
        pytest.param(
            [said("c", marketing=True, voice="own"), said("l", marketing=False, voice="own", at=2.0)],
            ("denied", "consent_withdrawn"),
            id="undated-grant-is-older-than-any-withdrawal",
        ),
        pytest.param(
            [said("c", marketing=True, voice="own", at=NOW - 1), said("l", marketing=False, voice="own")],
            ("denied", "consent_withdrawn"),
            id="undated-withdrawal-is-newer-than-any-grant",
        ),
        pytest.param(
            [said("c", marketing=True, voice="own", at=NOW - 1), said("c", marketing=False, voice="own", at=NOW - 2)],
            ("denied", "no_marketing_consent"),
            id="two-copies-of-one-cookie-that-differ-deny",
        ),
        pytest.param(
            [said("a", marketing=True, at=NOW - 1), said("b", marketing=False, at=NOW - 9)],
            ("denied", "no_marketing_consent"),
            id="between-voices-denied-beats-granted",
        ),
    ],
)
def test_voices_are_collapsed_and_then_combined(signals, expected):
    """Rule 4, in either order of the signals."""
    assert marketing(*signals) == marketing(*reversed(signals)) == expected


@pytest.mark.parametrize("standing", [Standing.UNDECIDED, Standing.FOREIGN, Standing.OPAQUE])
def test_what_is_no_choice_is_as_if_absent(standing):
    """Rule 5: neither does it grant, nor does it keep an event's own claim from being the signal."""
    nothing = said("cookie", standing=standing, marketing=True)
    claim = said("event", Role.CLAIM, marketing=True)
    assert marketing(nothing) == ("denied", "no_marketing_consent")
    assert marketing(nothing, claim) == ("granted", None)


def test_a_broken_cookie_denies_everything_optional():
    """Rule 5: ours to read and unreadable is never silence."""
    broken = said("cookie", standing=Standing.MALFORMED)
    consent = ruled(broken, said("other", analytics=True, marketing=True), laws=(OUT,))
    for purpose in (Purpose.ANALYTICS, Purpose.MARKETING):
        assert consent.rulings[purpose].reason == "consent_unreadable"


def test_a_claim_narrows_but_never_widens_what_a_cookie_said():
    """Rule 6."""
    yes, no = said("event", Role.CLAIM, marketing=True), said("event", Role.CLAIM, marketing=False)
    assert marketing(said(marketing=True), no) == ("denied", "no_marketing_consent")
    assert marketing(said(marketing=False), yes) == ("denied", "no_marketing_consent")


def test_a_claim_is_the_signal_for_a_purpose_nobody_spoke_about():
    """Rule 6: a cookie that spoke about analytics alone leaves marketing to the event."""
    claim = said("event", Role.CLAIM, marketing=True)
    assert marketing(said(analytics=True), claim) == ("granted", None)


def test_opt_outs_do_not_count_as_having_spoken():
    """Rule 6: GPC speaks about marketing only by denying; analytics stays with the claim."""
    consent = ruled(gpc(), said("event", Role.CLAIM, analytics=True))
    assert consent.rulings[Purpose.ANALYTICS].permission is Permission.GRANTED


def test_a_vendor_flag_only_narrows():
    """Rule 6: a flag that grants is not a consent."""
    assert marketing(said("gcs", Role.FLAG, marketing=True)) == ("denied", "no_marketing_consent")
    assert marketing(said(marketing=True), said("gcs", Role.FLAG, marketing=False))[0] == "denied"


def test_gpc_beats_a_granted_cookie():
    """Rule 7: nothing overrides it."""
    assert marketing(said(marketing=True), gpc()) == ("denied", "gpc_opt_out")


def test_gpc_counts_only_where_required_if_the_policy_says_so():
    """Rule 7: under a law without the duty, the policy may look away, and the record says it did."""
    free = law("none", "opt_out", "not_specified")
    consent = ruled(gpc(), laws=(free,), gpc_everywhere=False)
    assert consent.rulings[Purpose.MARKETING].permission is Permission.GRANTED
    assert (consent.gpc_detected, consent.gpc_honoured) == (True, False)
    assert marketing(gpc(), laws=(OUT,), gpc_everywhere=False) == ("denied", "gpc_opt_out")


def test_an_old_grant_counts_as_never_given():
    """Rule 8, and no sender's claim renews it."""
    old = said(marketing=True, at=NOW - 366 * DAY)
    assert marketing(old) == ("denied", "consent_expired")
    assert marketing(old, said("event", Role.CLAIM, marketing=True)) == ("denied", "consent_expired")
    assert marketing(old, laws=(OUT,)) == ("granted", None)


def test_an_old_refusal_still_stands():
    """Rule 8: refusals do not expire."""
    assert marketing(said(marketing=False, at=NOW - 3660 * DAY), laws=(OUT,)) == ("denied", "no_marketing_consent")


def test_a_grant_counts_only_for_what_happens_after_it():
    """Rule 9."""
    assert marketing(said(marketing=True, at=NOW - 10), event_time=NOW - 20) == ("denied", "no_marketing_consent")
    assert marketing(said(marketing=True, at=NOW - 10), event_time=NOW - 5) == ("granted", None)


def test_the_losing_signals_are_named():
    """A privacy engineer must see which signal lost."""
    consent = ruled(said("onetrust", marketing=True, analytics=True), gpc())
    assert consent.overruled == ("onetrust:marketing",)


STATES = (None, True, False)


def every_signal():
    """One of each kind, in every state it can be in."""
    for analytics, marketing_ in itertools.product(STATES, STATES):
        for standing in (Standing.DECIDED, Standing.UNDECIDED, Standing.OPAQUE, Standing.MALFORMED):
            yield said("a", standing=standing, analytics=analytics, marketing=marketing_, at=NOW - 5)
        yield said("event", Role.CLAIM, analytics=analytics, marketing=marketing_)
        yield said("flag", Role.FLAG, analytics=analytics, marketing=marketing_)
    yield gpc()
    yield said("gpp", Role.OPT_OUT, marketing=False, denies_as="sale_opt_out")


def test_denying_more_never_grants_more():
    """Over every pair of signals and every law: turning one word into a refusal widens nothing."""
    checked = 0
    for first, second in itertools.product(list(every_signal()), repeat=2):
        for laws in ((IN,), (OUT,), (law("none", "none"),), (law("opt_out", "opt_out"),)):
            before = ruled(first, second, laws=laws)
            for purpose in (Purpose.ANALYTICS, Purpose.MARKETING):
                if purpose not in second.says or second.standing is not Standing.DECIDED:
                    continue
                words = {p: w is Permission.GRANTED for p, w in second.says.items()}
                words[purpose] = False
                stricter = said(
                    second.source, second.role, analytics=words.get("analytics"), marketing=words.get("marketing"),
                    at=second.at, denies_as=second.denies_as,
                )  # fmt: skip
                after = ruled(first, stricter, laws=laws)
                for which in (Purpose.ANALYTICS, Purpose.MARKETING):
                    checked += 1
                    assert not (
                        after.rulings[which].permission is Permission.GRANTED
                        and before.rulings[which].permission is Permission.DENIED
                    ), (first, second, stricter, laws)
    assert checked > 10_000


def test_adding_gpc_never_widens():
    """Over every signal and law."""
    for signal in every_signal():
        for laws in ((IN,), (OUT,), (law("none", "none"),)):
            before, after = ruled(signal, laws=laws), ruled(signal, gpc(), laws=laws)
            for purpose in (Purpose.ANALYTICS, Purpose.MARKETING):
                if before.rulings[purpose].permission is Permission.DENIED:
                    assert after.rulings[purpose].permission is Permission.DENIED
