"""The laws of the gate, by hypothesis: LAWS_EXAMPLES cases each (`make laws`: 20,000)."""

from __future__ import annotations

import json
from copy import deepcopy

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatekeeper.audit.lines import decision_line
from gatekeeper.fields import CATALOGUE
from gatekeeper.model import Verdict
from gatekeeper.vendors import KINDS
from tests.builders import EVERY_KIND, decisions, make_gate, make_policy, plan
from tests.laws.encodings import found_in
from tests.laws.events import events, visitors
from tests.sizes import LAWS

law = settings(
    max_examples=LAWS,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
)

# Every kind, reached by every event, under laws of both models.
ROUTES = {name: {"destinations": list(EVERY_KIND)} for name in ("purchase", "page_view", "error")}
GATES = {
    law_id: make_gate(make_policy(destinations=EVERY_KIND, events=ROUTES, jurisdiction={"default": law_id}))
    for law_id in ("gdpr", "ccpa")
}
gates = st.sampled_from(sorted(GATES))
LOCAL = {"address": "127.0.0.1"}


def sent_bytes(gate, made) -> dict[str, bytes]:
    """All bytes each destination would get: URL, headers and body."""
    out = {}
    for name, shaped in made.shaped.items():
        to = gate.policy.destinations[name]
        outgoing = KINDS[to.kind.name].assemble(to, shaped.head, [shaped.body])
        headers = "".join(f"{key}: {value}\r\n" for key, value in outgoing.headers)
        out[name] = f"{outgoing.method} {outgoing.url}\r\n{headers}\r\n".encode() + outgoing.body
    return out


def keys_of(names) -> set[str]:
    """The catalogue's keys: a decision names a personal value that goes out in clear without its `_hash`."""
    return {row.key if (row := CATALOGUE.by_name.get(name)) else name for name in names}


@law
@given(events(), visitors(), gates)
def test_a_stripped_value_is_nowhere_in_the_bytes_sent(case, headers, law_id):
    """I1: whatever was not kept for a destination is not in its bytes, in any encoding."""
    event, looked_for = case
    gate = GATES[law_id]
    made = plan(event, gate=gate, headers=headers, **LOCAL)
    bytes_sent = sent_bytes(gate, made)
    for decision in made.decisions:
        if decision.verdict is Verdict.BLOCK:
            assert decision.destination not in bytes_sent
            continue
        kept = keys_of(decision.kept)
        for field, needle in looked_for.items():
            if field not in kept:
                found = found_in(bytes_sent[decision.destination], needle)
                assert found is None, f"{field} reached {decision.destination} as {found}"


@law
@given(events(), visitors(), gates)
def test_a_personal_value_is_sent_only_as_a_hash(case, headers, law_id):
    """Raw e-mail, phone, names and addresses never leave in clear, not even where their hash does.

    The exception is what a vendor defines as clear, and then the decision says so.
    """
    event, looked_for = case
    gate = GATES[law_id]
    made = plan(event, gate=gate, headers=headers, **LOCAL)
    decided = decisions(made)
    for name, haystack in sent_bytes(gate, made).items():
        to = gate.policy.destinations[name]
        for field, needle in looked_for.items():
            row = CATALOGUE.by_key.get(field)
            if row is None or row.hashed_as is None:
                continue
            if field in to.kind.clear and row.name in decided[name].kept:
                assert field not in decided[name].kept
            else:
                assert needle.lower().encode() not in haystack.lower(), (field, name)


@law
@given(events(), visitors(), gates)
def test_no_value_is_ever_in_an_audit_line(case, headers, law_id):
    """Names only: the line holds no value, raw or hashed (I13)."""
    event, looked_for = case
    gate = GATES[law_id]
    made = plan(event, gate=gate, headers=headers, **LOCAL)
    line = decision_line(made, gate.policy).core
    for field, needle in looked_for.items():
        assert found_in(line, needle) is None, field


def restrict(event, headers, restriction):
    """The same event from a visitor who allows less."""
    event = deepcopy(event)
    kind, purpose = restriction
    if kind == "gpc":
        return event, [*headers, ("sec-gpc", "1")]
    if kind == "claim":
        event.setdefault("consent", {})[purpose] = False
        return event, headers
    if kind == "purposes":
        event["purposes"] = [p for p in ("necessary", "analytics", "marketing") if p != purpose]
        return event, headers
    return event, [*headers, ("cookie", "gatekeeper_consent=tampered")]


restrictions = st.tuples(
    st.sampled_from(("gpc", "claim", "purposes", "tampered")), st.sampled_from(("analytics", "marketing"))
)


@law
@given(events(), visitors(), gates, st.lists(restrictions, min_size=1, max_size=3))
def test_more_denial_never_sends_more(case, headers, law_id, taken_back):
    """I9: any restriction, in any order, sends a subset: of destinations, and of fields at each."""
    event, _ = case
    # A claim that denies one purpose must not be the first to speak about the other: it says nothing about it.
    gate = GATES[law_id]
    before = decisions(plan(event, gate=gate, headers=headers, **LOCAL))
    for restriction in taken_back:
        event, headers = restrict(event, headers, restriction)
    after = decisions(plan(event, gate=gate, headers=headers, **LOCAL))
    for name, decision in after.items():
        if decision.verdict is not Verdict.BLOCK:
            assert before[name].verdict is not Verdict.BLOCK
            assert set(decision.kept) <= set(before[name].kept)
            assert set(decision.derived) <= set(before[name].derived)


@law
@given(events(), visitors(), gates)
def test_the_same_inputs_give_the_same_decision(case, headers, law_id):
    """Purity: nothing but the arguments matters."""
    event, _ = case
    gate = GATES[law_id]
    first = plan(event, gate=gate, headers=headers, **LOCAL)
    second = plan(deepcopy(event), gate=gate, headers=list(headers), **LOCAL)
    assert first == second
    assert decision_line(first, gate.policy) == decision_line(second, gate.policy)


@law
@given(events(), visitors(), gates)
def test_every_field_is_accounted_for(case, headers, law_id):
    """What came in is kept or stripped with a cause at every destination that gets the event; never neither."""
    event, _ = case
    gate = GATES[law_id]
    made = plan(event, gate=gate, headers=headers, **LOCAL)
    for decision in made.decisions:
        if decision.verdict is Verdict.BLOCK:
            assert (decision.kept, decision.stripped) == ({}, {}) and decision.reason
        else:
            kept = keys_of(decision.kept)
            assert kept | set(decision.stripped) == set(made.event.names)
            assert not kept & set(decision.stripped)


def untrue(line: bytes, bytes_sent: dict[str, bytes], event: dict, looked_for: dict[str, str]) -> list[tuple]:
    """Where a decision line and the bytes sent say different things: destination, field, what the line says, what is.

    A field is listed as sent and its value is there, or as stripped and it is not; never both, never neither.
    """
    found = []
    for delivery in json.loads(line)["deliveries"]:
        name = delivery["destination"]
        if delivery["status"] == "blocked":
            found += [(name, "", "blocked", "sent")] if name in bytes_sent else []
            continue
        sent, stripped = keys_of(delivery["fields_sent"]), keys_of(delivery["fields_stripped"])
        came = keys_of(event["data"])
        found += [(name, field, "both or neither", "") for field in came if (field in sent) == (field in stripped)]
        for field, needle in looked_for.items():
            way = found_in(bytes_sent[name], needle)
            if way is not None and field not in sent:
                found.append((name, field, "stripped", way))
            if way is None and field in sent and field not in keys_of(delivery["scrubbed"]):
                found.append((name, field, "sent", "not there"))
    return found


@law
@given(events(), visitors(), gates)
def test_the_log_lists_what_really_happened_to_every_field(case, headers, law_id):
    """Every field the sender sent is in the bytes by its value, or listed as stripped."""
    event, looked_for = case
    gate = GATES[law_id]
    made = plan(event, gate=gate, headers=headers, **LOCAL)
    line = decision_line(made, gate.policy).core
    assert untrue(line, sent_bytes(gate, made), event, looked_for) == []


def test_a_log_that_says_something_else_would_be_caught():
    """The law can fail: a field on the wrong list, on both, on none; and the bytes of a visitor who agreed to less."""
    gate, said = GATES["gdpr"], {}
    looked_for = {"page_url": "zq1a2b3c4d5e6f", "email_hash": "zqperson@example.com"}
    data = {"page_url": "https://shop.example/p/zq1a2b3c4d5e6f", "email": "zqperson@example.com"}
    for marketing in (True, False):
        event = {"event": "purchase", "data": data, "consent": {"analytics": True, "marketing": marketing}}
        made = plan(event, gate=gate, **LOCAL)
        said[marketing] = (decision_line(made, gate.policy).core, sent_bytes(gate, made))
        assert untrue(*said[marketing], event, looked_for) == []
    line, bytes_sent = said[True]
    assert untrue(said[False][0], bytes_sent, event, looked_for)
    for from_list, to_lists in (
        ("fields_sent", ("fields_stripped",)),
        ("fields_sent", ("fields_sent", "fields_stripped")),
        ("fields_sent", ()),
    ):
        lie = json.loads(line)
        (meta,) = (one for one in lie["deliveries"] if one["destination"] == "meta_capi")
        meta[from_list].remove("email_hash")
        for name in to_lists:
            meta[name].append("email_hash")
        assert untrue(orjson.dumps(lie), bytes_sent, event, looked_for)
    empty = dict.fromkeys(bytes_sent, b"")
    assert untrue(line, empty, event, looked_for)
