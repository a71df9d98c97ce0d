"""Ages: where a purpose is denied whatever was said, and where silence is no permission."""

from dataclasses import replace

import pytest

from gatekeeper.consent.minors import forbidden, needs_consent
from gatekeeper.consent.resolve import resolve
from gatekeeper.model import Permission, Purpose, Restriction, Ruling, Step
from tests.builders import NOW, law, place

ANALYTICS, MARKETING = Purpose.ANALYTICS, Purpose.MARKETING
IN, OUT = law("opt_in", "opt_in"), law("opt_out", "opt_out")
PARENTS = replace(IN, child_age=16)
PARENTS_FOR_ADS = replace(law("opt_out", "opt_in"), child_age=16)
PARENTS_FOR_STATISTICS = replace(law("opt_in", "opt_out"), child_age=16)
BANNED = replace(OUT, minor_age=16, minor_rule=Restriction.BANNED)
ASKS = replace(OUT, minor_age=16, minor_rule=Restriction.OPT_IN)
RULELESS = replace(OUT, minor_age=None, minor_rule=Restriction.BANNED)


@pytest.mark.parametrize(
    ("purpose", "laws", "band", "expected"),
    [
        (MARKETING, [OUT], None, False),
        (MARKETING, [BANNED], "adult", False),
        (MARKETING, [OUT], "under_13", True),
        (ANALYTICS, [OUT], "under_13", False),
        (MARKETING, [OUT], "13_15", False),
        (MARKETING, [OUT], "a band that nobody knows", True),
        (MARKETING, [BANNED], "13_15", True),
        (MARKETING, [BANNED], "16_17", False),
        (ANALYTICS, [BANNED], "13_15", False),
        (MARKETING, [ASKS], "13_15", False),
        (MARKETING, [RULELESS], "13_15", False),
        (MARKETING, [OUT, BANNED], "13_15", True),
        (ANALYTICS, [PARENTS], "13_15", True),
        (MARKETING, [PARENTS], "13_15", True),
        (ANALYTICS, [PARENTS], "16_17", False),
        (ANALYTICS, [PARENTS_FOR_ADS], "13_15", False),
        (MARKETING, [PARENTS_FOR_ADS], "13_15", True),
        (ANALYTICS, [PARENTS_FOR_STATISTICS], "13_15", True),
        (MARKETING, [PARENTS_FOR_STATISTICS], "13_15", False),
        (ANALYTICS, [replace(OUT, child_age=16)], "13_15", False),
        (ANALYTICS, [IN], "under_13", False),
        (ANALYTICS, [OUT, PARENTS], "13_15", True),
    ],
)
def test_what_is_denied_at_an_age(purpose, laws, band, expected):
    """Advertising below thirteen everywhere; else as the laws of the place say."""
    assert forbidden(purpose, laws, band) is expected


@pytest.mark.parametrize(
    ("purpose", "laws", "band", "expected"),
    [
        (MARKETING, [ASKS], "13_15", True),
        (MARKETING, [ASKS], "under_13", True),
        (MARKETING, [ASKS], "a band that nobody knows", True),
        (MARKETING, [OUT, ASKS], "13_15", True),
        (MARKETING, [ASKS], "16_17", False),
        (MARKETING, [ASKS], "adult", False),
        (MARKETING, [ASKS], None, False),
        (ANALYTICS, [ASKS], "13_15", False),
        (MARKETING, [BANNED], "13_15", False),
        (MARKETING, [replace(ASKS, minor_age=None)], "13_15", False),
    ],
)
def test_where_silence_is_no_permission_at_an_age(purpose, laws, band, expected):
    """Advertising below the age that the law names, where it asks for consent."""
    assert needs_consent(purpose, laws, band) is expected


def ruled(law, band, *signals):
    made = resolve(signals, place(law), at=NOW, event_time=NOW, max_age=None, age_band=band)
    return made.rulings, made.steps[-2:]


def test_a_denial_for_age_is_told_and_says_whether_the_law_is_opt_out():
    """The trail says why; each purpose has its own."""
    why = "the visitor is known to be too young for it here"
    rulings, steps = ruled(BANNED, "13_15")
    assert rulings[MARKETING] == Ruling(Permission.DENIED, MARKETING, "minor", opted_out=True)
    assert steps[1] == Step("consent for marketing", "denied", why)
    rulings, steps = ruled(PARENTS, "13_15")
    assert rulings[ANALYTICS] == Ruling(Permission.DENIED, ANALYTICS, "minor")
    assert steps == (Step("consent for analytics", "denied", why), Step("consent for marketing", "denied", why))


def test_silence_at_an_age_is_denied_and_the_trail_says_for_whom():
    """Of an adult the same law asks nothing."""
    rulings, steps = ruled(ASKS, "13_15")
    assert rulings[MARKETING] == Ruling(Permission.DENIED, MARKETING, "no_marketing_consent", silent=True)
    assert steps[1].why == "no consent was given; test is opt-in for a visitor of this age"
    assert ruled(ASKS, "adult")[0][MARKETING] == Ruling(Permission.GRANTED, "not_opted_out")
    assert ruled(IN, None)[1][1].why == "no consent was given; test is opt-in"
