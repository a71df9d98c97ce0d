"""The laws of calls, for every dialect of the registry: CALL_LAWS_EXAMPLES cases together (`make laws`: 5,000).

canaries       what was stripped appears nowhere in the bytes sent, in no encoding and no content coding
denial         more denial never sends more
"""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatekeeper.calls import plan_call
from gatekeeper.gate import Caller
from gatekeeper.model import Verdict
from tests.builders import NOW, own_cookie
from tests.laws.calls import GATES, NAMES, planted, seeds
from tests.laws.leaks import leaks
from tests.laws.test_laws import keys_of
from tests.native.requests import everything

SEEDS = {name: seeds(dialect) for name, dialect in NAMES.items()}
EXAMPLES = int(os.environ.get("CALL_LAWS_EXAMPLES", "400"))
law = settings(
    max_examples=max(10, EXAMPLES // (2 * len(NAMES))),
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
    assert all(one.reason not in ("internal_error", "unlisted_destination") for one in made)


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

    @settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(planted(NAMES[name], SEEDS[name]))
    def holds(case):
        seed, canaries = case
        made = plan_call(GATES["gdpr"], seed.to, seed.call, caller(*BOTH))
        if made.outgoing is None:
            return
        url = f"{made.outgoing.url.partition('?')[0]}?{seed.call.query}"
        headers = tuple((key.decode(), value.decode()) for key, value in seed.call.headers)
        passed_on = replace(made, outgoing=replace(made.outgoing, url=url, headers=headers, body=seed.call.body))
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
