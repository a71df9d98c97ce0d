"""Every decision can be made again from its line, by the policy that was kept: fields, consent and reasons.

Over events and calls with every kind of signal, place, age and time. What cannot be made again has a named reason.
LAWS_EXAMPLES / 2 events (`make laws`: 10,000), CALL_LAWS_EXAMPLES calls.
"""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.audit import lines
from gatekeeper.gate import incoming
from gatekeeper.gate.calls import plan_call, refuse_call
from gatekeeper.gate.recompute import Unknowable, Unknown, differences, recompute
from gatekeeper.model import Caller, Found, Permission, Purpose, Role, Signal, Standing, Visitor
from gatekeeper.policy import archive
from tests.builders import EVERY_KIND, GUIDE_EVENT, NOW, make_gate, make_policy, own_cookie, plan
from tests.laws.calls import GATES, NAMES, planted, ruling
from tests.laws.events import events
from tests.laws.test_call_laws import EXAMPLES, SEEDS
from tests.laws.test_heads import COOKIES
from tests.laws.test_laws import law as every_law
from tests.signals.encoders import DAY, tc_string, vendor_field
from tests.sizes import sized

law = settings(every_law, max_examples=every_law.max_examples // 2)  # half: each is two decisions
CALLS = max(sized(25, 8), EXAMPLES // len(NAMES))  # of each dialect
PLACES = {"81.2.69.1": Found("DE", "BE"), "81.2.69.2": Found("US", "CA"), "81.2.69.3": Found("US", "TX"),
          "81.2.69.4": Found("FR"), "81.2.69.5": Found("BR"), "81.2.69.6": Found("US"),
          "81.2.69.7": Found("GB", None, True), "81.2.69.8": None}  # fmt: skip
DESTINATIONS: dict[str, Any] = EVERY_KIND | {
    "counted": {"kind": "first_party", "endpoint": "http://127.0.0.1:9/c", "statistics_only": True},
    "near": {"kind": "first_party", "endpoint": "http://127.0.0.1:9/n", "regions": ["DE", "US-CA"],
             "on_opt_out": "contextual", "purpose": "marketing", "truncate_ip": True},
    "listed": EVERY_KIND["tiktok"] | {"vendor_id": 28, "tcf_purposes": [1, 7], "expires": "1d"},
}  # fmt: skip
TABLES = {
    "wide": {"events": {"page_view": {"purposes": ["analytics"]}, "signup": {"destinations": ["ga4", "own"]}},
             "consent": {"max_age": "30d"}},
    "narrow": {"consent": {"gpc": "where_required", "dnt": ["marketing"]}, "jurisdiction": {"always": ["gdpr"]},
               "policy": {"version": "n", "controller": "c", "currency": "EUR", "phone_region": "DE"}},
}  # fmt: skip
ODD = [
    "x",
    "DE",
    "a@@b",
    "",
    "/relative",
    "+1",
    "00000",
    "1990-02-31",
    "jane@example.com",
    "4111 1111 1111 1111",
    "0" * 64,
]


def fresh(name: str):
    """A gate of one of the policies, and that policy as it is read from where it was kept."""
    policy = make_policy(destinations=DESTINATIONS, **TABLES[name])
    gate = make_gate(policy, lookup=PLACES.get)
    return gate, kept(policy)


def kept(policy):
    """The policy, written down and read again."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"{policy.hash}.json"
        path.write_bytes(archive.written(policy))
        return archive.load(path)[0]


GATE_AND_KEPT = {name: fresh(name) for name in TABLES}


@st.composite
def callers(draw: st.DrawFn) -> Caller:
    """A browser, a server, or a visitor's context: with any signals, at any place, of any age."""
    headers = []
    for _ in range(draw(st.integers(0, 2))):
        granted = [p for p in ("analytics", "marketing") if draw(st.booleans())]
        at = NOW - draw(st.sampled_from((10.0, 1000.0, 40 * 86_400.0, 400 * 86_400.0)))
        headers.append(("cookie", own_cookie(*granted, at=at, notice=draw(st.sampled_from(("v1", "8a6b1c9d", None))))))
    if draw(st.booleans()):
        headers.append(("cookie", draw(st.sampled_from(COOKIES))))
    if draw(st.booleans()):
        purposes = draw(st.sampled_from(((), (1, 7), tuple(range(1, 12)))))
        vendors = vendor_field(draw(st.sampled_from(((), (28,), (1, 28)))))
        headers.append(("cookie", f"euconsent-v2={tc_string(purposes=purposes, vendors=vendors)}"))
    if draw(st.booleans()):
        headers.append(("cookie", draw(st.sampled_from(("usprivacy=1YYN", "usprivacy=1YNN", "usprivacy=broken")))))
    headers += [(name, "1") for name in ("sec-gpc", "dnt") if draw(st.integers(0, 3)) == 0]
    raw = tuple((name.encode(), value.encode("latin-1", "replace")) for name, value in headers)
    raw += ((b"user-agent", b"Mozilla/5.0"),)
    age = draw(st.sampled_from((None, "under_13", "13_15", "16_17", "adult", "newborn")))
    home = draw(st.sampled_from((None, ("FR", None), ("US", "TX"), ("DE", None))))
    address = draw(st.sampled_from((*PLACES, "127.0.0.1", None)))
    match draw(st.sampled_from(("browser", "browser", "server", "context"))):
        case "server":
            return Caller(headers=raw, trusted=True, age_band=age, residence=home)
        case "context":
            said = {Purpose.MARKETING: draw(st.sampled_from((Permission.GRANTED, Permission.DENIED)))}
            at = NOW - draw(st.sampled_from((0.25, 5.5, 100.0)))
            signal = Signal("own", Role.CHOICE, Standing.DECIDED, said, at=at, voice="own")
            return Caller(visitor=Visitor((signal,), ("DE", None), home, age, "v_1"), trusted=draw(st.booleans()))
    edge = draw(st.sampled_from((None, ("US", "CA"), ("T1", None))))
    return Caller(headers=raw, address=address, edge=edge, residence=home, age_band=age)


@st.composite
def posted(draw: st.DrawFn) -> incoming.Posted:
    """An event with any fields; some values are none that a vendor takes; sometimes late, or for few purposes."""
    event, _ = draw(events())
    luck = random.Random(draw(st.integers(0, 2**32)))
    for name in list(event["data"]):
        if isinstance(event["data"][name], str) and luck.random() < 0.25:
            event["data"][name] = luck.choice(ODD)
        elif luck.random() < 0.1:
            event["data"][name] = None
    if luck.random() < 0.3:
        event["data"]["8a6b1c9d4e5f"] = 1
    if luck.random() < 0.3:
        event["event_time"] = NOW - luck.choice((0.5, 10.25, 2 * 86_400, 5 * 86_400, 10 * 86_400, 100 * 86_400))
    if luck.random() < 0.3:
        event["purposes"] = luck.choice((["necessary"], ["analytics"], ["marketing", "analytics"], []))
    if luck.random() < 0.2:
        event["flags"] = {"google": {"ad_storage": "denied"}}
    if luck.random() < 0.1:  # it is called by what it declares
        event["event"] = event["data"]["last_name"] = luck.choice(("Zqrosa", "page", "signup"))
    if luck.random() < 0.2:
        event["place"] = {"country": "BR"}
    (made,) = incoming.parse(orjson.dumps(event))
    return made


@law
@given(one=posted(), caller=callers(), which=st.sampled_from(sorted(TABLES)), part=st.sampled_from((0.0, 0.25, 0.123)))
def test_an_event_is_decided_again_as_it_was(one, caller, which, part):
    """From the line alone, with or without its tail."""
    gate, policy = GATE_AND_KEPT[which]
    made = gate.plan(one, caller, at=NOW + part, request_id="req_test")
    line = lines.decision_line(made, gate.policy)
    record = orjson.loads(line.core)
    assert made.consent is not None
    assert differences(record, recompute(record, policy)) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_call_is_decided_again_as_it_was(name):
    """Of every dialect, with canaries anywhere in it."""

    @settings(law, max_examples=CALLS)
    @given(planted(NAMES[name], SEEDS[name]), callers())
    def holds(case, caller):
        seed, _ = case
        policy = ruling(seed.to)
        gate = make_gate(policy, lookup=PLACES.get)
        made = plan_call(gate, seed.to, seed.call, caller)
        for _, line in lines.Lines(policy).lines(made.plans):
            record = orjson.loads(line.core) if line is not None else None
            if record is not None and record["inputs"].get("decided") is not False:
                assert differences(record, recompute(record, policy)) == []

    holds()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        pytest.param(lambda record: record.pop("inputs"), Unknown.OLD_LINE, id="format-1"),
        pytest.param(lambda record: record["inputs"].update(decided=False), Unknown.UNDECIDED, id="failed"),
        pytest.param(
            lambda record: record["deliveries"][0].update(status="blocked", reason="internal_error"),
            Unknown.GATE_FAILED,
            id="one-failed",
        ),
    ],
)
def test_what_cannot_be_decided_again_says_why(change, why):
    """Not guessed, and not passed over."""
    gate = make_gate()
    record = orjson.loads(lines.decision_line(plan(GUIDE_EVENT, gate=gate), gate.policy).core)
    change(record)
    with pytest.raises(Unknowable) as found:
        recompute(record, gate.policy)
    assert found.value.why is why


def test_a_call_that_was_not_read_is_not_decided_again():
    """Nothing is known of it but where it was going."""
    gate = make_gate()
    record = orjson.loads(lines.decision_line(refuse_call(gate, "plausible.io").plans[0], gate.policy).core)
    with pytest.raises(Unknowable) as found:
        recompute(record, gate.policy)
    assert found.value.why is Unknown.UNDECIDED


def test_a_call_of_which_other_fields_would_be_left_is_open():
    """Whether they are enough for the vendor can be told by its own words alone, which were not kept."""
    seed = SEEDS[next(name for name in SEEDS if name.startswith("meta"))][0]
    known = GATES["gdpr"].policy
    cookie = own_cookie("analytics", "marketing", at=NOW - 9 * 86_400)
    caller = Caller(headers=((b"cookie", cookie.encode()),))
    made = plan_call(make_gate(ruling(seed.to)), seed.to, seed.call, caller)
    record = orjson.loads(lines.decision_line(made.plans[0], ruling(seed.to)).core)
    assert differences(record, recompute(record, ruling(seed.to))) == []
    sent = {known.catalogue.by_name[name].key for name in record["deliveries"][0]["fields_sent"]}
    with pytest.raises(Unknowable) as found:
        narrower = {**seed.to.causes, min(sent): "not_needed"}
        recompute(record, ruling(replace(seed.to, fields=seed.to.fields - {min(sent)}, causes=narrower)))
    assert found.value.why is Unknown.CALL_MINIMUM


def test_a_call_to_a_destination_that_is_gone_is_open():
    """Another policy does not say what would become of it."""
    seed = SEEDS[next(iter(SEEDS))][0]
    policy = ruling(seed.to)
    made = plan_call(make_gate(policy), seed.to, seed.call, Caller())
    record = orjson.loads(lines.decision_line(made.plans[0], policy).core)
    gone = replace(policy, destinations={name: to for name, to in policy.destinations.items() if name != seed.to.name})
    with pytest.raises(Unknowable) as found:
        recompute(record, gone)
    assert found.value.why is Unknown.NO_DESTINATION


def test_another_policy_gives_another_decision():
    """What a replay compares: here a destination gets one field less."""
    gate = make_gate()
    record = orjson.loads(lines.decision_line(plan(GUIDE_EVENT, gate=gate), gate.policy).core)
    fields = [name for name in gate.policy.destinations["ga4"].fields if name != "order_value"]
    other = make_policy(destinations=EVERY_KIND | {"ga4": EVERY_KIND["ga4"] | {"fields": fields}})
    assert "ga4: fields_sent" in differences(record, recompute(record, other))


def browser(*cookies, **more) -> Caller:
    """A visitor in Germany with these cookies."""
    return Caller(headers=tuple((b"cookie", one.encode()) for one in cookies), address="81.2.69.1", **more)


def data(**fields) -> dict[str, Any]:
    """An event with these fields."""
    return {"event": "purchase", "data": fields}


def test_what_the_policy_offers_in_the_place_of_an_invalid_value_is_offered_again():
    """A currency that is none, where the policy has a default: the default is sent, and derived."""
    gate, policy = GATE_AND_KEPT["narrow"]
    (one,) = incoming.parse(orjson.dumps(data(currency="DE", order_value=1, page_url="/a")))
    made = gate.plan(one, browser(ALL), at=NOW, request_id="req_test")
    record = orjson.loads(lines.decision_line(made, gate.policy).core)
    assert any("currency" in delivery.get("fields_derived", ()) for delivery in record["deliveries"])
    assert differences(record, recompute(record, policy)) == []


ALL = own_cookie("analytics", "marketing", at=NOW - 1000)
SAID = Signal("own", Role.CHOICE, Standing.DECIDED, {Purpose.ANALYTICS: Permission.GRANTED}, at=NOW - 999.9 - 30 * DAY)
NEEDED = {
    "age": (data(page_url="/a"), browser(ALL, age_band="under_13")),
    "event_time": (data(session_id="s") | {"event_time": NOW - 2000}, browser(ALL, trusted=True)),
    "ms": (data(session_id="s"), Caller(visitor=Visitor((SAID,)))),
    "purposes": (data(session_id="s") | {"purposes": ["marketing"]}, browser(ALL)),
    "fields": (data(session_id="s"), browser(ALL)),
    "unusable": (data(session_id="s", email=""), browser(ALL)),
    "vendors": (
        data(email="jane@example.com"),
        browser(f"euconsent-v2={tc_string(purposes=range(1, 12), vendors=vendor_field((1,)), created=NOW - DAY)}"),
    ),
    "unfit": (data(email="a@@b"), browser(ALL)),
    "unnamed": ({"event": "signup", "data": {"last_name": "Signup", "session_id": "s"}}, browser(ALL)),
    "offered": (data(email="jane@example.com"), browser(ALL)),
}


@pytest.mark.parametrize("name", NEEDED)
def test_every_input_is_needed(name):
    """A planted fault: a line without one of them does not give its decision again."""
    event, caller = NEEDED[name]
    gate, policy = GATE_AND_KEPT["wide"]
    (one,) = incoming.parse(orjson.dumps(event))
    made = gate.plan(one, caller, at=NOW - (999.75 if name == "ms" else 0.0), request_id="req_test")
    record = orjson.loads(lines.decision_line(made, gate.policy).core)
    assert differences(record, recompute(record, policy)) == []
    del record["inputs"][name]
    try:
        assert differences(record, recompute(record, policy)) != []
    except (Unknowable, KeyError):
        pytest.fail("it is a decision like any other")
