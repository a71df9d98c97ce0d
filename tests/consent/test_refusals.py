"""What is a refusal, and what only blocks what it comes with."""

from __future__ import annotations

import pytest

from gatekeeper.consent.refusals import refused
from gatekeeper.consent.resolve import resolve
from gatekeeper.model import Purpose, Role, Standing
from tests.builders import NOW, law, place, said

A, M = Purpose.ANALYTICS, Purpose.MARKETING
YEAR = 365 * 86_400.0
GRANT = said("own", analytics=True, marketing=True, at=NOW - 100)


LAWS = (law(),)


def heard(*signals, laws=LAWS, age_band=None, gpc_everywhere=True):
    consent = resolve(
        signals, place(*laws), at=NOW, event_time=NOW, max_age=YEAR, age_band=age_band, gpc_everywhere=gpc_everywhere
    )
    return dict(refused(consent))


def opt_out(**more):
    return said("sec-gpc", Role.OPT_OUT, marketing=False, denies_as="gpc_opt_out", **more)


@pytest.mark.parametrize(
    ("signals", "expected"),
    [
        pytest.param([], {}, id="silence"),
        pytest.param([GRANT], {}, id="grant"),
        pytest.param([said("own", analytics=True, marketing=True, at=NOW - 2 * YEAR)], {}, id="expired"),
        pytest.param(
            [said("own", analytics=False, marketing=False)],
            {A: "no_analytics_consent", M: "no_marketing_consent"},
            id="refusal",
        ),
        pytest.param(
            [GRANT, said("cmp", analytics=False)], {A: "no_analytics_consent"}, id="another-platforms-refusal"
        ),
        pytest.param(
            [GRANT, said("ledger", analytics=False, at=NOW - 5, voice="own")],
            {A: "consent_withdrawn"},
            id="withdrawal",
        ),
        pytest.param([GRANT, opt_out()], {M: "gpc_opt_out"}, id="gpc"),
        pytest.param([GRANT, said("event", Role.CLAIM, marketing=False)], {}, id="a-claim-against-a-grant"),
        pytest.param([GRANT, said("gcs", Role.FLAG, marketing=False)], {}, id="a-flag-against-a-grant"),
        pytest.param(
            [said("event", Role.CLAIM, marketing=False)], {M: "no_marketing_consent"}, id="a-claim-where-nobody-spoke"
        ),
        pytest.param(
            [GRANT, said("own2", standing=Standing.MALFORMED)],
            {A: "consent_unreadable", M: "consent_unreadable"},
            id="a-broken-cookie",
        ),
        pytest.param([said("gatekeeper-context", standing=Standing.MALFORMED)], {}, id="a-token-that-expired"),
        pytest.param(
            [said("gatekeeper-context", standing=Standing.MALFORMED), opt_out()],
            {M: "consent_unreadable"},
            id="such-a-token-and-gpc",
        ),
        pytest.param(
            [said("gatekeeper-context", standing=Standing.MALFORMED), said("own", marketing=False)],
            {M: "consent_unreadable"},
            id="such-a-token-and-a-refusal",
        ),
        pytest.param(
            [
                said("gatekeeper-context", standing=Standing.MALFORMED),
                said("usprivacy", Role.OPT_OUT, marketing=False, denies_as="sale_opt_out"),
            ],
            {M: "consent_unreadable"},
            id="such-a-token-and-another-opt-out",
        ),
        pytest.param(
            [said("gatekeeper-context", standing=Standing.MALFORMED), said("gcs", Role.FLAG, marketing=False)],
            {},
            id="such-a-token-and-a-flag",
        ),
    ],
)
def test_what_is_a_refusal(signals, expected):
    """Somebody's word; not silence, not age, not a token, and not a flag against a grant."""
    assert heard(*signals) == expected


def test_a_known_childs_queue_ends_and_an_opt_out_that_is_not_honoured_ends_none():
    """By age as by word; GPC only where the policy and the law make it one."""
    assert heard(GRANT, laws=(law(),), age_band="under_13") == {M: "minor"}
    assert heard(GRANT, opt_out(), laws=(law(duty="not_specified"),), gpc_everywhere=False) == {}
