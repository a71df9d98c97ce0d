"""What a decision line tells of its event, part by part; and what cannot be decided again from it."""

import pytest
from msgspec import structs

from gatekeeper.audit.lines import decision_record
from gatekeeper.gate import inputs, recompute
from gatekeeper.gate.recompute import Apart, Unknowable, Unknown, differences, remake
from gatekeeper.model import Permission, Personal, Purpose, Role, Signal, Standing
from gatekeeper.model.reasons import INSUFFICIENT, INTERNAL, QUEUE_FULL
from gatekeeper.vendors import samples
from tests.builders import EVERY_KIND, GUIDE_EVENT, NOW, law, make_gate, make_policy, own_cookie, plan
from tests.gate import test_batches as batches

POLICY = make_policy(policy={"version": "1", "controller": "Shop", "currency": "EUR"})
GRANTED = [("cookie", own_cookie("analytics", "marketing"))]
AT = "2026-11-24T00:00:00Z"


@pytest.mark.parametrize(
    ("given", "moment"),
    [({}, NOW), ({"ms": 7}, NOW + 0.007), ({"ms": 0}, NOW), ({"at": NOW + 0.12345}, NOW + 0.12345), ({"at": 5}, 5.0)],
)
def test_a_line_was_decided_to_the_millisecond(given, moment):
    """Or at the time that it tells beside its timestamp."""
    assert inputs.moment({"timestamp": AT, "inputs": given}) == moment


def told(**more):
    return {"jurisdiction": {"country": "DE", "region": "BE", "how": "cdn", "laws": ["gdpr", "ccpa"]}, "inputs": more}


def test_the_place_is_under_the_laws_that_the_line_names():
    """Those of the place, and others by their names; or under the ones that are given."""
    found = inputs.place_of(told(), POLICY, NOW)
    assert (found.country, found.region, found.how) == ("DE", "BE", "cdn")
    assert [law.id for law in found.laws] == ["gdpr", "ccpa"]
    assert found.laws[0] in POLICY.laws.laws_for("DE", "BE", NOW) and found.laws[1] == POLICY.laws.law("ccpa", NOW)
    other = (law(name="other"),)
    assert inputs.place_of(told(), POLICY, NOW, other).laws == other


def test_a_law_that_was_not_the_tables_is_as_the_line_says():
    """The age of a child, and whether statistics are exempt."""
    gdpr, ccpa = inputs.place_of(told(laws={"gdpr": [14, True]}), POLICY, NOW).laws
    assert (gdpr.child_age, gdpr.exemption, ccpa) == (14, "yes", POLICY.laws.law("ccpa", NOW))
    (gdpr, _) = inputs.place_of(told(laws={"gdpr": [16, False]}), POLICY, NOW).laws
    assert (gdpr.child_age, gdpr.exemption) == (16, "")


SIGNAL = {
    "source": "tcf", "role": "choice", "standing": "decided", "says": {"analytics": "granted"}, "given_at": None,
    "note": "TC string",
}  # fmt: skip


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, {}),
        ({"given_at": AT}, {"at": NOW}),
        ({"given_at": AT, "at": NOW + 0.5}, {"at": NOW + 0.5}),
        (
            {"voice": "v", "denies_as": "gpc_opt_out", "beside": 2},
            {"voice": "v", "denies_as": "gpc_opt_out", "beside": 2},
        ),
        ({"refuses": ["ga4", "own"], "note": None}, {"refuses": ("ga4", "own"), "note": None}),
        ({"role": "opt_out", "standing": "undecided"}, {"role": Role.OPT_OUT, "standing": Standing.UNDECIDED}),
    ],
    ids=["least", "dated", "to-the-fraction", "of-a-voice", "refusing", "another-role"],
)
def test_a_signal_is_as_the_line_has_it(more, expected):
    """What is not there is as usual."""
    usual = Signal(
        source="tcf", role=Role.CHOICE, standing=Standing.DECIDED, says={Purpose.ANALYTICS: Permission.GRANTED},
        at=None, note="TC string",
    )  # fmt: skip
    assert inputs.signal_of(SIGNAL | more) == structs.replace(usual, **expected)


def event(policy=POLICY, name="purchase", **given):
    return inputs.event_of(
        {"event_type": name, "request_id": "req_1", "inputs": {"kind": "event", **given}}, policy, NOW
    )


def test_each_field_that_was_fit_has_a_stand_in():
    """A personal one that came hashed has a hash; the names are in their order."""
    made = event(fields=["page_url", "email", "phone_hash", "order_value", "colour"])
    assert made.names == ("page_url", "email_hash", "phone_hash", "order_value", "colour")
    assert made.data["email_hash"] == Personal("a@shop.example", hashed=False)
    assert made.data["phone_hash"] == Personal("0" * 64, hashed=True)
    assert (made.data["page_url"], made.data["order_value"]) == ("https://shop.example/a", 1)
    assert made.unusable == {"colour": "unknown_field"} and "colour" not in made.data
    assert (made.name, made.id, made.time, made.purposes) == ("purchase", "req_1", NOW, frozenset(Purpose))


def test_what_was_unusable_stays_so():
    """By the name that it had."""
    made = event(fields=["page_url", "email_hash"], unusable={"page_url": "invalid", "x": "unknown_field"})
    assert made.names == ("page_url", "email_hash") and list(made.data) == ["email_hash"]
    assert made.unusable == {"page_url": "invalid", "x": "unknown_field"}


def test_an_events_own_time_and_purposes_count():
    """Else those of the policy."""
    policy = make_policy(events={"purchase": {"purposes": ["analytics"]}})
    assert event(event_time=5.0, purposes=["marketing"]).time == 5.0
    assert event(purposes=["marketing"]).purposes == {Purpose.MARKETING}
    assert event(policy).purposes == {Purpose.ANALYTICS, Purpose.NECESSARY} and event(
        policy, "other"
    ).purposes == frozenset(Purpose)


OFFERED = [
    ({"fields": ["order_value"]}, ["currency"]),
    ({"fields": ["page_url"]}, []),
    ({"fields": ["order_value"], "kind": "call"}, []),
    ({"fields": ["order_value"], "offered": ["ip", "currency", "user_agent"]}, ["currency", "ip", "user_agent"]),
    ({"fields": ["page_url"], "offered": ["currency", "ip"]}, ["ip"]),
]


@pytest.mark.parametrize(("given", "offered"), OFFERED)
def test_the_currency_of_an_event_is_the_policys(given, offered):
    """Where it has a value; of a call it is not offered. What else the gate knew is in the line."""
    found = event(**given).offered
    assert list(found) == offered
    assert all(found[name] == samples.sample(POLICY.catalogue.by_key[name]) for name in offered)
    assert event(make_policy(), **given).offered.keys() == set(offered) - {"currency"}


GATE = make_gate(make_policy(destinations=EVERY_KIND))
MADE = plan(GUIDE_EVENT | {"consent": None}, gate=GATE, headers=GRANTED)
RECORD = decision_record(MADE, GATE.policy)


def again(record=RECORD, policy=GATE.policy, **more):
    return remake(record, policy, **more)


def delivery(name, **more):
    """The record with something else said of one destination."""
    return RECORD | {"deliveries": [one | more if one["destination"] == name else one for one in RECORD["deliveries"]]}


def test_a_decision_is_made_again_as_it_was():
    """By its own policy, whole."""
    assert differences(RECORD, recompute.recompute(RECORD, GATE.policy)) == []
    assert again().unknown == {} and list(again().decisions) == [one["destination"] for one in RECORD["deliveries"]]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"inputs": None}, Unknown.OLD_LINE),
        ({"inputs": {"kind": "event", "decided": False}}, Unknown.UNDECIDED),
        ({"event_type": "(a name that was removed)"}, Unknown.NAME_REMOVED),
    ],
)
def test_of_some_lines_nothing_can_be_decided_again(change, why):
    """And it is said why."""
    with pytest.raises(Unknowable) as error:
        again(RECORD | change)
    assert error.value.why is why and str(error.value) == str(why)


def test_of_one_destination_it_may_be_open():
    """Where the gate failed for it; `recompute` wants all of them."""
    record = delivery("ga4", reason=INTERNAL)
    found = again(record)
    assert found.unknown == {"ga4": Unknown.GATE_FAILED} and "ga4" not in found.decisions and "own" in found.decisions
    with pytest.raises(Unknowable, match="gate_failed"):
        recompute.recompute(record, GATE.policy)


def test_a_queue_that_was_full_is_full_again():
    """What would have been sent is not in the line."""
    found = again(delivery("ga4", status="blocked", reason=QUEUE_FULL)).decisions["ga4"]
    assert found.reason == QUEUE_FULL and found.kept == {} and tuple(found.steps[-1])[:2] == ("queue", "full")


def test_an_event_without_a_name_is_decided_for_the_destinations_of_its_line():
    """None of them gets it; one that the policy does not have is open."""
    record = RECORD | {"inputs": RECORD["inputs"] | {"unnamed": True}}
    record["deliveries"] = [{"destination": "gone", "status": "blocked", "reason": "x"}, RECORD["deliveries"][0]]
    found = again(record)
    assert found.unknown == {"gone": Unknown.NO_DESTINATION}
    assert [one.reason for one in found.decisions.values()] == [INSUFFICIENT] and len(found.decisions) == 1


def test_a_field_that_is_described_otherwise_leaves_its_destinations_open():
    """Where the event has it and they take it; a stranger's word in the line counts for nothing."""
    found = again(apart=Apart(fields=frozenset({"page_url"})))
    sent = {name for name, one in again().decisions.items() if one.verdict != "block" or one.reason == INSUFFICIENT}
    assert {name for name, why in found.unknown.items() if why is Unknown.FIELD_CHANGED} == {
        name for name in sent if "page_url" in GATE.policy.destinations[name].fields
    }  # fmt: skip
    assert again(apart=Apart(fields=frozenset({"email_hash_of_none"}))).unknown == {}
    record = delivery("ga4", stripped_because={"session_id": "invalid"})
    assert "session_id" not in again(record).decisions["ga4"].kept
    assert "session_id" in again(record, apart=Apart(strangers=frozenset({"ga4"}))).decisions["ga4"].kept


def test_differences_are_named_by_destination_and_key():
    """The order of what was sent says nothing, nor how a delivery ended."""
    made = recompute.recompute(RECORD, GATE.policy)
    turned = delivery("ga4", fields_sent=next(
        one["fields_sent"] for one in RECORD["deliveries"] if one["destination"] == "ga4")[::-1], status="failed",
    )  # fmt: skip
    assert differences(turned, made) == []
    assert differences(delivery("ga4", status="blocked"), made) == ["ga4: status"]
    assert differences(delivery("ga4", legal_basis="x", native_stripped={}), made) == ["ga4: legal_basis"]
    assert differences(delivery("ga4", native_stripped={"a": ["b"]}), made) == ["ga4: native_stripped"]
    assert differences(RECORD | {"deliveries": RECORD["deliveries"][1:]}, made) == [
        f"{RECORD['deliveries'][0]['destination']}: only in one"
    ]
    other = RECORD | {"gpc": {"detected": True, "honoured": True}, "consent_state": {}}
    assert differences(other, made) == ["consent_state", "gpc"]
    signals = [one | {"overruled": ["marketing"]} for one in RECORD["signals"]]
    assert differences(RECORD | {"signals": signals}, made) == ["overruled"]


def test_of_a_call_what_was_sent_must_be_what_would_be_sent():
    """Else it is open whether the rest would be enough; native names of what stays are told again."""
    (made,) = batches.planned(batches.posting()).plans
    policy = batches.GATE.policy
    record = decision_record(made, policy)
    (told,) = record["deliveries"]
    decision = remake(record, policy).decisions["meta"]
    assert set(decision.kept) == set(told["fields_sent"]) and len(decision.kept) > 2
    assert {name: list(names) for name, names in decision.native.items()} == {
        name: list(names) for name, names in told.get("native_stripped", {}).items()
    }  # fmt: skip
    fewer = record | {"deliveries": [told | {"fields_sent": told["fields_sent"][1:]}]}
    assert remake(fewer, policy).unknown == {"meta": Unknown.CALL_MINIMUM}
    silent = record | {"deliveries": [{key: value for key, value in told.items() if key != "fields_sent"}]}
    assert remake(silent, policy).unknown == {"meta": Unknown.CALL_MINIMUM}
    lacking = record | {"deliveries": [told | {"reason": INSUFFICIENT}]}
    assert remake(lacking, policy).decisions["meta"].reason == INSUFFICIENT
    scrubbed = record | {"deliveries": [told | {"scrubbed": {"page_url": ["email"]}}]}
    assert remake(scrubbed, policy).decisions["meta"].scrubbed == {"page_url": ["email"]}


def test_an_event_of_the_past_is_decided_as_of_its_arrival_where_a_browser_kept_it():
    """What the visitor permits is worked out for that time."""
    assert again(RECORD | {"inputs": RECORD["inputs"] | {"event_time": NOW - 60, "held": True}}).unknown == {}
