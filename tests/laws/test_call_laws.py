"""The laws of calls, for every dialect of the registry: CALL_LAWS_EXAMPLES cases together (`make laws`: 5,000).

canaries       what was stripped appears nowhere in the bytes sent, in no encoding and no content coding
denial         more denial never sends more
"""

from __future__ import annotations

import base64
import json
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

from gatekeeper.audit.lines import decision_line
from gatekeeper.fields import CATALOGUE
from gatekeeper.gate.calls import plan_call
from gatekeeper.model import Caller, Verdict
from tests.builders import NOW, own_cookie
from tests.laws.calls import GATES, NAMES, all_leaves, planted, ruling, seeds, unwrapped, views
from tests.laws.leaks import encodings_found, leaks
from tests.laws.test_laws import keys_of
from tests.native.kit import everything
from tests.sizes import CALL_LAWS, sized

SEEDS = {name: seeds(dialect) for name, dialect in NAMES.items()}
EXAMPLES = CALL_LAWS
law = settings(
    max_examples=max(sized(10, 5), EXAMPLES // (2 * len(NAMES))),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
)
everyone = pytest.mark.parametrize("name", NAMES)
BOTH = ("analytics", "marketing")


def caller(*granted: str, headers=(), since: float = 9 * 86_400) -> Caller:
    """A visitor who granted this before any of the events."""
    lines = [("cookie", own_cookie(*granted, at=NOW - since)), *headers]
    return Caller(headers=tuple((key.encode(), value.encode()) for key, value in lines), address="127.0.0.1")


@everyone
def test_there_is_a_request_for_every_dialect_and_it_is_sent(name):
    """The laws below would be empty without; a new dialect brings a vector."""
    assert SEEDS[name], f"no vector and no table gives a request for {name}"
    gate = GATES["gdpr"]
    made = [plan_call(gate, seed.to, seed.call, caller(*BOTH)) for seed in SEEDS[name]]
    assert any(one.outgoing is not None for one in made), [one.reason for one in made]
    assert all(one.reason not in ("internal_error", "unlisted_destination", "other_account") for one in made)


def leaks_of(made, seed, canaries) -> list[tuple]:
    """The canaries in the request that was built that should not be there."""
    sent = [plan.decisions[0] for plan in made.plans if plan.decisions[0].verdict is not Verdict.BLOCK]
    kept = set().union(*(keys_of(decision.kept) for decision in sent))
    return leaks(everything(made), made.native, kept, seed, canaries)


@everyone
def test_a_stripped_value_is_nowhere_in_the_bytes_sent(name):
    """Whatever was not kept, in whatever way it was written; a personal value that was kept is there as a hash only."""

    @law
    @given(
        planted(NAMES[name], SEEDS[name]), st.sampled_from(sorted(GATES)), st.sampled_from([BOTH, ("analytics",), ()])
    )
    def holds(case, law_id, granted):
        seed, canaries = case
        made = plan_call(GATES[law_id], seed.to, seed.call, caller(*granted))
        assert made.reason != "internal_error"
        assert made.outgoing is None or leaks_of(made, seed, canaries) == []

    holds()


@everyone
def test_a_gate_that_passed_a_call_on_as_it_came_would_be_caught(name):
    """The law can fail, for every dialect and every coding of a body."""
    caught = []

    @settings(law, max_examples=max(sized(60, 12), EXAMPLES // len(NAMES)))
    @given(planted(NAMES[name], SEEDS[name]))
    def holds(case):
        seed, canaries = case
        made = plan_call(GATES["gdpr"], seed.to, seed.call, caller(*BOTH))
        if made.outgoing is None:
            return
        url = f"{made.outgoing.url.partition('?')[0]}?{seed.call.query}"
        headers = tuple((key.decode(), value.decode()) for key, value in seed.call.headers)
        passed_on = structs.replace(
            made, outgoing=structs.replace(made.outgoing, url=url, headers=headers, body=seed.call.body)
        )
        caught.append(leaks_of(passed_on, seed, canaries) != [])

    holds()
    assert caught and all(caught)


RESTRICTIONS = {
    "gpc": lambda granted: (granted, (("sec-gpc", "1"),)),
    "fewer": lambda granted: (granted[1:], ()),
    "other": lambda granted: (granted[:-1], ()),
    "none": lambda granted: ((), ()),
    "tampered": lambda granted: (granted, (("cookie", "gatekeeper_consent=tampered"),)),
    "us": lambda granted: (granted, (("cookie", "usprivacy=1YYN"),)),
}


@everyone
def test_more_denial_never_sends_more(name):
    """Of the elements of a call, and of the fields of each."""

    @law
    @given(
        planted(NAMES[name], SEEDS[name]),
        st.sampled_from(sorted(GATES)),
        st.sampled_from([BOTH, ("analytics",), ("marketing",)]),
        st.sampled_from(sorted(RESTRICTIONS)),
    )
    def holds(case, law_id, granted, restriction):
        seed, _ = case
        before = plan_call(GATES[law_id], seed.to, seed.call, caller(*granted))
        fewer, headers = RESTRICTIONS[restriction](granted)
        after = plan_call(GATES[law_id], seed.to, seed.call, caller(*fewer, headers=headers))
        assert len(before.plans) == len(after.plans)
        for more, less in zip(before.plans, after.plans, strict=True):
            was, is_now = more.decisions[0], less.decisions[0]
            if is_now.verdict is not Verdict.BLOCK:
                assert was.verdict is not Verdict.BLOCK
                assert set(is_now.kept) <= set(was.kept)
        assert before.outgoing is not None or after.outgoing is None

    holds()


HASHED_AS_IT_IS = {"email": r"[a-z0-9]+@[a-z0-9.]+|[0-9a-f]{64}", "external_id": "[a-z0-9]+"}
ENVELOPE = {"event_id", "event_time"}  # goes to whoever gets the event, and is not repeated in the line


def spelled(row, value: str) -> str | None:
    """How a value is looked for; `None` if it is respelled by the vendor's rules, or too short to be told apart."""
    if row.type in ("items", "texts", "number", "currency", "time") or row.name in (
        "language",
        "viewport",
        "device_type",
    ):
        return None
    if row.type == "url":  # parameters are taken out of it, and are fields of their own
        value = value.partition("?")[0].rstrip("/")
        return value if re.fullmatch(r"https?://[a-z0-9.]+(/[a-z0-9]+)*", value) else None
    if row.hashed_as is not None and not re.fullmatch(HASHED_AS_IT_IS.get(row.name, "[a-z]+|[0-9a-f]{64}"), value):
        return None
    return value if len(value) >= 8 else None


def stands_there(haystacks: list[bytes], value: str) -> bool:
    """Whether a value is in the bytes sent, in any spelling; a hash, too, whose bytes are in base64."""
    if re.fullmatch("[0-9a-f]{64}", value):
        digest = base64.urlsafe_b64encode(bytes.fromhex(value)).rstrip(b"=")
        if any(digest in one.replace(b"+", b"-").replace(b"/", b"_") for one in haystacks):
            return True
    return any(encodings_found(haystacks, value))


def untrue(made, line: bytes) -> list[tuple]:
    """Where the line of a call of one element and the bytes sent say different things, by the values that came."""
    haystacks = views(everything(made))
    wrapped = unwrapped(made.outgoing.url.partition("?")[2].partition("=")[2])  # a request within a parameter
    haystacks += views(wrapped.encode()) if wrapped is not None else []
    (delivery,) = json.loads(line)["deliveries"]
    sent, stripped = keys_of(delivery["fields_sent"]), keys_of(delivery["fields_stripped"])
    came: dict[str, list[str | None]] = {}
    for leaf in all_leaves(made.native):
        row = CATALOGUE.by_name.get(leaf.role)
        if row is not None and row.key not in ENVELOPE:
            came.setdefault(row.key, []).append(spelled(row, str(leaf.value)))
    others = [
        str(leaf.value)
        for leaf in all_leaves(made.native)
        if (row := CATALOGUE.by_name.get(leaf.role)) is None or row.key not in stripped
    ]
    found = []
    for key, values in came.items():
        if (key in sent) == (key in stripped):
            found.append((key, "both or neither"))
        there = [value for value in values if value is not None and stands_there(haystacks, value)]
        if key in sent and None not in values and not there and key not in keys_of(delivery["scrubbed"]):
            found.append((key, "sent, and not there"))
        # A value may stand in other fields, too.
        alone = [value for value in there if not any(value in other for other in others)]
        if key not in sent and alone:
            found.append((key, "stripped, and there"))
    return found


@everyone
def test_the_log_lists_what_really_happened_to_every_field(name):
    """Every field of a call is in the bytes by its value, or listed as stripped; never both, never neither."""

    @law
    @given(
        planted(NAMES[name], SEEDS[name]), st.sampled_from(sorted(GATES)), st.sampled_from([BOTH, ("analytics",), ()])
    )
    def holds(case, law_id, granted):
        seed, _ = case
        gate = GATES[law_id]
        made = plan_call(gate, seed.to, seed.call, caller(*granted))
        if made.outgoing is not None and len(made.plans) == 1:
            assert untrue(made, decision_line(made.plans[0], ruling(seed.to, gate.policy)).core) == []

    holds()


def test_a_line_of_a_call_that_says_something_else_would_be_caught():
    """The law can fail, for many dialects: a field on the wrong list, or on both."""
    caught = 0
    for name in NAMES:
        for seed in SEEDS[name]:
            gate = GATES["gdpr"]
            made = plan_call(gate, seed.to, seed.call, caller(*BOTH))
            if made.outgoing is None or len(made.plans) != 1:
                continue
            line = decision_line(made.plans[0], ruling(seed.to)).core
            assert untrue(made, line) == []
            for field in json.loads(line)["deliveries"][0]["fields_sent"]:
                lie = json.loads(line)
                lie["deliveries"][0]["fields_stripped"].append(field)
                both = untrue(made, json.dumps(lie).encode())
                lie["deliveries"][0]["fields_sent"].remove(field)
                caught += bool(both and untrue(made, json.dumps(lie).encode()))
    assert caught > len(NAMES)
