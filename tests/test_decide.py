"""Stage 4 by itself: what `decide` gives for each of its inputs, to the last word of its trail."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from msgspec import structs

from gatekeeper import decision
from gatekeeper.decision import exempt, purpose_of
from gatekeeper.gate.deciding import MOST_NAMES, Deciding, asked_of, filled, stance_of
from gatekeeper.model import Consent, ConsentModel, Decision, Event, Permission, Place, Purpose, Ruling, Step, Verdict
from gatekeeper.vendors import WORDS
from tests.builders import DESTINATIONS, NOW, make_policy

NECESSARY, ANALYTICS, MARKETING = Purpose
GRANTED, DENIED, UNKNOWN = Permission
BEFORE = Step("signal", "spoke", "before the decision")
STATS = DESTINATIONS["own"] | {"statistics_only": True}
ADS = DESTINATIONS["own"] | {
    "purpose": "marketing", "on_opt_out": "contextual", "fields": ["page_url", "fbclid", "user_agent"],
}  # fmt: skip
LAWS = make_policy().laws
GDPR, CCPA = (LAWS.law(name, NOW) for name in ("gdpr", "ccpa"))


def destination(name="ga4", **keys):
    """One of a policy, compiled."""
    given = {"stats": STATS, "ads": ADS}.get(name) or DESTINATIONS[name]
    return make_policy(destinations={name: given | keys}).destinations[name]


def ruling(permission=GRANTED, basis: Any = None, **more):
    return Ruling(permission, basis or ANALYTICS, **more)


def consent(analytics=None, marketing=None, **more):
    """What was said of the optional purposes: by default all is granted."""
    rulings = {
        NECESSARY: Ruling(GRANTED, NECESSARY),
        ANALYTICS: analytics or Ruling(GRANTED, ANALYTICS),
        MARKETING: marketing or Ruling(GRANTED, MARKETING),
    }
    return Consent(rulings, (), (), False, False, False, (BEFORE,), **more)


def event(name="purchase", purposes=frozenset(Purpose), offered=None, unusable=None, **data):
    data = data or {"page_url": "/x", "session_id": "s1"}
    names = (*data, *(unusable or {}))
    made = Event(name, "e1", 0.0, data, unusable=unusable or {}, offered=offered or {})
    return structs.replace(made, purposes=frozenset(purposes), names=names)


def decide(told, said, where, to, vendor=UNKNOWN):
    """The stage, with the event's values put into what it gives."""
    return filled(decision.decide(asked_of(told), stance_of(said, where), to, vendor), told)


def place(country="DE", region=None, laws=(GDPR,)):
    return Place(country, region, "address", laws)


def blocked(to, reason, *steps):
    return Decision(to.name, Verdict.BLOCK, reason, kept={}, legal_basis=to.legal_basis, steps=(BEFORE, *steps))


def sent(to, steps, **more):
    given = {"verdict": Verdict.SEND, "reason": None, "legal_basis": to.legal_basis} | more
    return Decision(destination=to.name, steps=(BEFORE, *steps), **given)


GIVEN = Step("needs analytics", "granted", "basis: analytics")


def test_what_is_granted_is_sent_with_its_basis_and_its_trail():
    """The fields in their order of arrival; nothing derived."""
    to = destination()
    assert decide(event(), consent(), place(), to) == sent(
        to, (GIVEN,), kept={"page_url": "/x", "session_id": "s1"}, stripped={}, derived=(), basis=ANALYTICS
    )


@pytest.mark.parametrize(
    ("country", "region", "inside"),
    [
        ("DE", None, True), ("DE", "BE", True), ("US", "CA", True), ("US", "TX", False), ("US", None, False),
        ("FR", None, False), (None, None, False), (None, "CA", False),
    ],
)  # fmt: skip
def test_a_region_list_is_asked_first_and_holds_for_countries_and_their_parts(country, region, inside):
    """Even a visitor who granted everything is outside of it; a place that is not known always is."""
    to = destination(regions=["DE", "US-CA"])
    made = decide(event(), consent(), place(country, region), to)
    step = Step("region", "inside" if inside else "outside", "the policy lists where it may be used")
    if inside:
        assert (made.verdict, made.steps) == (Verdict.SEND, (BEFORE, step, GIVEN))
    else:
        assert made == blocked(to, "jurisdiction_blocked", step)


def test_a_denial_gives_the_rulings_own_reason():
    """And the purpose that it needed."""
    to = destination()
    no = ruling(DENIED, reason="gpc_opt_out")
    assert decide(event(), consent(no), place(), to) == blocked(
        to, "gpc_opt_out", Step("needs analytics", "denied", "gpc_opt_out")
    )
    assert decide(event(), consent(marketing=no), place(), to).verdict is Verdict.SEND, "of another purpose"


def test_a_denial_that_names_no_reason_is_an_error_of_the_gate():
    """It blocks all the same."""
    to = destination()
    assert decide(event(), consent(ruling(DENIED)), place(), to) == blocked(
        to, "internal_error", Step("needs analytics", "denied", "")
    )


@pytest.mark.parametrize(
    ("silent", "statistics", "lawful", "exempted"),
    [
        (True, True, True, True),
        (False, True, True, False),
        (True, False, True, False),
        (True, True, False, False),
    ],
    ids=["all", "somebody objected", "not statistics only", "no exemption in law"],
)
def test_first_party_statistics_are_exempt_only_where_all_of_it_holds(silent, statistics, lawful, exempted):
    """The law exempts them, the policy promises that it is nothing else, and nobody objected."""
    to = destination("stats" if statistics else "own")
    law = replace(GDPR, exemption="yes, by article 82" if lawful else "no")
    made = decide(event(), consent(ruling(DENIED, reason="no_signal", silent=silent)), place(laws=(law,)), to)
    if exempted:
        exemption = Step(
            "statistics only", "exempt", "the law exempts first-party statistics, and the visitor did not object"
        )
        assert made.steps == (BEFORE, exemption, Step("needs analytics", "granted", "basis: not_opted_out"))
        assert (made.verdict, made.basis) == (Verdict.SEND, "not_opted_out")
    else:
        assert (made.verdict, made.reason) == (Verdict.BLOCK, "no_signal")


@pytest.mark.parametrize(
    ("laws", "expected"),
    [
        ([("opt_in", "yes: audience measurement")], True),
        ([("opt_in", "no")], False),
        ([("opt_in", "")], False),
        ([("opt_out", "")], True),
        ([("opt_in", "yes"), ("opt_in", "no")], False),
        ([("opt_in", "yes"), ("opt_out", "no")], True),
        ([("opt_in", "it says yes later")], False),
    ],
)
def test_every_law_that_asks_for_consent_must_exempt(laws, expected):
    """One that does not is enough to ask."""
    made = [replace(GDPR, analytics=ConsentModel(model), exemption=words) for model, words in laws]
    assert exempt(made) is expected


def test_an_opt_out_can_leave_the_context_where_destination_and_ruling_allow_it():
    """The identifiers are stripped as opted out; the basis says what is left."""
    to = destination("ads")
    no = ruling(DENIED, reason="gpc_opt_out", opted_out=True)
    made = decide(event(page_url="/x", fbclid="f", session_id="s"), consent(marketing=no), place(laws=(CCPA,)), to)
    assert made == sent(
        to, (Step("needs marketing", "contextual", "gpc_opt_out"),), verdict=Verdict.CONTEXTUAL,
        kept={"page_url": "/x"}, stripped={"fbclid": "opt_out", "session_id": to.causes["session_id"]}, derived=(),
        basis="contextual",
    )  # fmt: skip
    refused = consent(marketing=structs.replace(no, opted_out=False))
    assert decide(event(page_url="/x"), refused, place(), to).verdict is Verdict.BLOCK, "no opt-out: a refusal"
    blocks = destination("ads", on_opt_out="block")
    assert decide(event(page_url="/x"), consent(marketing=no), place(), blocks).reason == "gpc_opt_out"


@pytest.mark.parametrize(
    ("name", "purpose", "reason"),
    [
        ("ga4", "analytics", "no_analytics_consent"),
        ("ads", "marketing", "no_marketing_consent"),
        ("errors", "necessary", None),
    ],
)
def test_a_service_that_was_refused_by_name_gets_nothing(name, purpose, reason):
    """But for what is necessary, which needs nobody's consent; another's name refuses nothing here."""
    to = destination(name)
    told = event("error" if name == "errors" else "purchase", page_url="/x", error_message="m")
    made = decide(told, consent(refused=frozenset({to.name})), place(), to)
    needed = Step(f"needs {purpose}", "granted", f"basis: {purpose}")
    if reason is None:
        assert (made.verdict, made.steps) == (Verdict.SEND, (BEFORE, needed))
    else:
        service = Step("service", "denied", "refused by name on the consent platform")
        assert made == blocked(to, reason, needed, service)
    assert decide(told, consent(refused=frozenset({"x"})), place(), to).verdict is Verdict.SEND


@pytest.mark.parametrize("vendor", [GRANTED, UNKNOWN])
def test_a_vendor_that_tc_strings_do_not_deny_is_not_kept_back(vendor):
    """They may say nothing of it."""
    assert decide(event(), consent(), place(), destination(), vendor).steps == (BEFORE, GIVEN)


def test_a_vendor_that_tc_strings_deny_gets_nothing():
    """By the number it has in the list; what is necessary needs none."""
    to = destination(vendor_id=755)
    denied = Step("vendor 755", "denied", "the TC string does not consent to this vendor")
    assert decide(event(), consent(), place(), to, DENIED) == blocked(to, "no_analytics_consent", GIVEN, denied)
    errors = destination("errors")
    assert decide(event("error", error_message="m"), consent(), place(), errors, DENIED).verdict is Verdict.SEND


def test_an_event_goes_no_further_than_its_declared_purposes():
    """They stand in the trail, sorted."""
    to = destination("ads")
    made = decide(event(purposes={NECESSARY, ANALYTICS}), consent(), place(), to)
    needed = Step("needs marketing", "granted", "basis: marketing")
    declared = Step("declared purposes", "do not include it", "analytics, necessary")
    assert made == blocked(to, "purpose_mismatch", needed, declared)


@pytest.mark.parametrize(
    ("covered", "purpose", "name", "expected"),
    [
        (None, NECESSARY, "purchase", NECESSARY),
        ({"error"}, NECESSARY, "error", NECESSARY),
        ({"error"}, NECESSARY, "purchase", ANALYTICS),
        ({"error"}, ANALYTICS, "error", ANALYTICS),
        ({"error"}, MARKETING, "purchase", MARKETING),
    ],
)
def test_what_is_more_than_necessary_there_is_analytics(covered, purpose, name, expected):
    """Of a destination that is necessary for some events alone."""
    to = destination("errors")
    kind = replace(to.kind, as_necessary=None if covered is None else frozenset(covered))
    to = replace(to, kind=kind, purpose=purpose)
    assert purpose_of(name, to) is expected
    made = decide(event(name), consent(ruling(DENIED, reason="no")), place(), to)
    assert (made.verdict is Verdict.BLOCK) is (expected is ANALYTICS)
    if expected is NECESSARY:
        assert made.legal_basis == to.legal_basis


def test_what_is_sent_as_analytics_to_a_necessary_destination_rests_on_consent():
    """Not on the basis that the destination has for the rest."""
    to = destination("errors")
    to = replace(to, kind=replace(to.kind, as_necessary=frozenset({"error"})))
    assert decide(event("purchase"), consent(), place(), to).legal_basis == "consent"
    assert decide(event("error"), consent(), place(), to).legal_basis == to.legal_basis != "consent"


OFFERED = {"user_agent": "UA", "ip": "192.0.2.1"}


def sort_names(told, to, *, contextual=False):
    """What becomes of an event's names, where all is granted or advertising was opted out of."""
    no = ruling(DENIED, reason="gpc_opt_out", opted_out=True) if contextual else None
    made = decide(told, consent(marketing=no), place(laws=(CCPA,)), to)
    return [*made.kept], made.stripped, made.derived


def test_every_name_is_kept_or_has_the_first_cause_that_holds():
    """Unusable as it came; opted out where only the opt-out strips it; else what the policy says of the field."""
    to = destination("ads")
    told = event(page_url="/x", fbclid="f", session_id="s", unusable={"currency": "invalid"})
    causes = {"session_id": to.causes["session_id"], "currency": "invalid"}
    assert sort_names(told, to) == (["page_url", "fbclid"], causes, ())
    assert sort_names(told, to, contextual=True) == (["page_url"], causes | {"fbclid": "opt_out"}, ())
    assert to.contextual.isdisjoint({"fbclid", "user_agent"})


def test_what_the_connection_knows_is_added_where_it_is_allowed_and_never_over_what_was_sent():
    """And is never stripped: the sender did not send it."""
    to = destination("ads")
    told = event(page_url="/x", offered=OFFERED)
    assert sort_names(told, to) == (["page_url", "user_agent"], {}, ("user_agent",))
    assert sort_names(told, to, contextual=True) == (["page_url"], {}, ())
    own = event(page_url="/x", user_agent="mine", offered=OFFERED)
    assert sort_names(own, to) == (["page_url", "user_agent"], {}, ())
    assert decide(told, consent(), place(), to).kept == {"page_url": "/x", "user_agent": "UA"}
    assert decide(own, consent(), place(), to).kept["user_agent"] == "mine"


def test_a_value_in_data_wins_over_a_name_that_is_unusable_too():
    """An event by its names says a name's cause only where it has no value."""
    both = structs.replace(event(page_url="/x"), unusable={"page_url": "invalid"})
    assert decide(both, consent(), place(), destination()).kept == {"page_url": "/x"}


def deciding(*events, to=None, said=None, where=None, vendor=UNKNOWN):
    """A gate's decisions, after it was asked for these events; how many it remembers."""
    to, said, where = to or destination("ads"), said or consent(), where or place()
    one = Deciding(make_policy().catalogue, WORDS)
    for told in events:
        assert one.of(told, asked_of(told), said, where, to, vendor) == decide(told, said, where, to, vendor)
    return one, len(one)


def test_a_judgement_is_remembered_by_names_and_never_with_values():
    """The second event of the same names has its own values."""
    assert deciding(event(page_url="/x", fbclid="f"), event(page_url="/y", fbclid="g"))[1] == 1


def test_events_that_differ_in_names_their_order_causes_or_offers_have_their_own():
    """All of it is what a judgement depends on."""
    told = [
        event(page_url="/x", fbclid="f"), event(fbclid="f", page_url="/x"), event(page_url="/x"),
        event(page_url="/x", unusable={"fbclid": "invalid"}),
        event(page_url="/x", unusable={"fbclid": "unknown_field"}),
        event(page_url="/x", fbclid="f", offered={"ip": "192.0.2.1"}), event("sign_up", page_url="/x", fbclid="f"),
        event(page_url="/x", fbclid="f", offered={"user_agent": "UA"}),
        event(page_url="/x", fbclid="f", purposes={NECESSARY}),
    ]  # fmt: skip
    assert deciding(*told, *told)[1] == len(told)


def test_stances_vendors_and_destinations_have_their_own():
    """A visitor's refusal, a place with other laws, a vendor that is denied, another destination."""
    told = event(page_url="/x", fbclid="f")
    one, known = deciding(told)
    variants = [
        {"said": consent(marketing=ruling(DENIED, reason="no"))},
        {"said": consent(refused=frozenset({"ads"}))},
        {"where": place("US", "CA", (CCPA,))},
        {"vendor": DENIED},
        {"to": destination()},
    ]
    for more in variants:
        given = {"to": destination("ads"), "said": consent(), "where": place(), "vendor": UNKNOWN} | more
        arguments = (given["said"], given["where"], given["to"], given["vendor"])
        for _ in range(2):
            assert one.of(told, asked_of(told), *arguments) == decide(told, *arguments)
        known += 1
        assert len(one) == known, more


def test_of_many_names_or_names_that_a_sender_made_up_nothing_is_kept():
    """Such an event is judged each time."""

    def unknown(*names):
        return event(page_url="/x", unusable=dict.fromkeys(names, "unknown_field"))

    many = unknown(*[f"n{n}" for n in range(MOST_NAMES)])
    most = unknown(*[f"n{n}" for n in range(MOST_NAMES - 1)])
    assert deciding(many, many)[1] == 0 and deciding(most, most)[1] == 1
    assert deciding(unknown("jane.doe@example.com"))[1] == 0


def test_an_event_of_which_nothing_is_kept_is_sent_empty():
    """As a mapping without entries; what is too little for a vendor is found where it is shaped."""
    made = decide(event(session_id="s"), consent(), place(), destination("ads"))
    assert (made.verdict, made.kept, made.stripped) == (Verdict.SEND, {}, {"session_id": "purpose"})
