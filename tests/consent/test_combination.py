"""Every kind of source in every state, combined: adding one never widens, except where nothing was said."""

import itertools

import pytest

from gatekeeper.consent.resolve import resolve
from gatekeeper.model import OPTIONAL, Permission, Purpose, Role, Standing
from tests.builders import NOW, decisions, law, make_gate, make_policy, own_cookie, place, plan, said

STATES = {
    "granted": (Standing.DECIDED, True),
    "denied": (Standing.DECIDED, False),
    "undecided": (Standing.UNDECIDED, None),
    "opaque": (Standing.OPAQUE, None),
    "malformed": (Standing.MALFORMED, None),
}
KINDS = {
    "own": {"role": Role.CHOICE, "voice": "own", "at": NOW - 50},
    "platform": {"role": Role.CHOICE, "at": NOW - 50},
    "undated platform": {"role": Role.CHOICE},
    "claim": {"role": Role.CLAIM},
    "flag": {"role": Role.FLAG},
    "opt-out": {"role": Role.OPT_OUT, "denies_as": "sale_opt_out"},
}
SIGNALS = {
    (kind, state): said(kind, standing=standing, analytics=word, marketing=word, **how)
    for (kind, how), (state, (standing, word)) in itertools.product(KINDS.items(), STATES.items())
}
LAWS = {"opt-in": law("opt_in", "opt_in"), "opt-out": law("none", "opt_out")}


def granted(signals, under):
    consent = resolve(signals, place(under), at=NOW, event_time=NOW, max_age=1e9)
    return {purpose for purpose in OPTIONAL if consent.rulings[purpose].permission is Permission.GRANTED}


def spoke(signals, purpose):
    """Whether a choice or a claim was made, or anything denies; a flag that would allow says nothing."""
    return any(
        signal.standing is Standing.MALFORMED
        or signal.says.get(purpose) is Permission.DENIED
        or (purpose in signal.says and signal.role in (Role.CHOICE, Role.CLAIM))
        for signal in signals
    )


@pytest.mark.parametrize("under", LAWS)
def test_adding_a_signal_never_widens_what_was_said(under):
    """All triples of kinds and states: 30 x 30 x 30."""
    for several in itertools.product(SIGNALS.values(), repeat=3):
        *before, added = several
        if added.source in {signal.source for signal in before}:
            continue  # one voice's signals are collapsed first
        wider = granted(tuple(several), LAWS[under]) - granted(tuple(before), LAWS[under])
        assert not [purpose for purpose in wider if spoke(before, purpose)], several


@pytest.mark.parametrize("under", LAWS)
def test_the_order_of_signals_does_not_matter(under):
    """All pairs."""
    for first, second in itertools.product(SIGNALS.values(), repeat=2):
        assert granted((first, second), LAWS[under]) == granted((second, first), LAWS[under])


GOOGLE = {"vendor_id": 755, "tcf_purposes": [1, 3, 4]}
# One TC string consents to all purposes and vendors, one refuses everything (facts of 2026-11-23).
REJECT = "CQNfCFgQNfCFgAcABBENBeFgAAAAAAAAAChQAAAAAAAA.YAAAAAAAAAAA"


def accepted():
    import json
    from pathlib import Path

    rows = json.loads((Path(__file__).parent.parent / "vectors" / "tcf_generated.json").read_text("utf-8"))
    return next(row["input"] for row in rows if row["name"] == "gen_accept_all_everything")


def test_a_vendor_needs_its_own_consent_too():
    """A destination that names its vendor id is blocked where the TC string leaves that vendor out."""
    base = {"kind": "first_party", "endpoint": "http://127.0.0.1:9/x", "purpose": "marketing", "fields": ["fbclid"]}
    listed, unlisted = base | GOOGLE, base | {"vendor_id": 65_000, "tcf_purposes": [1]}
    consent = {"max_age": "3650d"}
    gate = make_gate(make_policy(consent=consent, destinations={"plain": base, "google": listed, "nobody": unlisted}))
    event = {"event": "x", "data": {"fbclid": "abc"}}
    made = decisions(plan(event, gate=gate, headers=[("cookie", f"euconsent-v2={accepted()}")]))
    assert {name: decision.reason for name, decision in made.items()} == {
        "plain": None,
        "google": None,
        "nobody": "no_marketing_consent",
    }
    without = decisions(plan(event, gate=gate, headers=[("cookie", own_cookie("marketing"))]))
    assert {decision.reason for decision in without.values()} == {None}, "no TC string: the purpose decides"
    refused = decisions(plan(event, gate=gate, headers=[("cookie", f"euconsent-v2={REJECT}")]))
    assert {decision.reason for decision in refused.values()} == {"no_marketing_consent"}


def test_a_platform_and_gpc_and_a_flag_in_one_request():
    """The trail says which won and which lost."""
    cookie = "OptanonConsent=groups=C0001%3A1%2CC0002%3A1%2CC0004%3A1; OptanonAlertBoxClosed=2026-11-20T10:00:00Z"
    event = {"event": "purchase", "flags": {"google": {"analytics_storage": "denied"}}, "data": {"session_id": "s"}}
    made = plan(event, headers=[("cookie", cookie), ("sec-gpc", "1")])
    assert {p: r.reason for p, r in made.consent.rulings.items()} == {
        Purpose.NECESSARY: None,
        Purpose.ANALYTICS: "no_analytics_consent",
        Purpose.MARKETING: "gpc_opt_out",
    }
    assert set(made.consent.overruled) == {"onetrust:analytics", "onetrust:marketing"}
