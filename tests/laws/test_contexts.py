"""A context that came along names the visitor and grants what it says; a browser's refusal beats every token.

LAWS_EXAMPLES cases each (`make laws`: 20,000), for events and for calls, for headers and for marks.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from gatekeeper import context
from gatekeeper.gate.calls import plan_call
from gatekeeper.model import OPTIONAL, Caller, Permission, Visitor
from gatekeeper.signals import flags
from gatekeeper.signals.context import LIFETIME
from gatekeeper.signals.context import write as write_token
from tests.builders import NOW, RING, make_gate, make_policy, own_cookie, place
from tests.builders import law as a_law
from tests.laws.test_laws import law
from tests.native.kit import request

DAY = 86_400.0
COOKIES = [
    own_cookie("analytics", "marketing", at=NOW - 100),
    own_cookie("analytics", "marketing", at=NOW - 400 * DAY),
    own_cookie("analytics", at=NOW - 50),
    own_cookie("marketing", at=NOW - 10_000),
    own_cookie(at=NOW - 10),
    own_cookie(at=NOW - 5_000),
    "gatekeeper_consent=tampered",
    "cookieyes-consent=consent:yes,action:yes,analytics:yes,advertisement:no",
    "cookieyes-consent=consent:no,action:yes,analytics:no,advertisement:no",
    "cookieyes-consent=consent:yes,action:yes,analytics:yes,advertisement:yes",
    "usprivacy=1YYN",
    "other=1",
]
COOKIE = st.sampled_from(COOKIES).map(lambda one: (b"cookie", one.encode()))
ONE = COOKIE | st.sampled_from([(b"sec-gpc", b"1"), (b"dnt", b"1"), (b"sec-fetch-site", b"same-origin")])
# Mostly one cookie against another: in a heap of them there is always a refusal that is newer than all.
HEADERS = st.one_of(COOKIE.map(lambda one: (one,)), st.lists(ONE, max_size=4).map(tuple))
CLAIMS = st.sampled_from([None, {}, {"analytics": True, "marketing": True}, {"marketing": False}])
FLAGS = st.sampled_from([None, {"google": {"ad_storage": "denied", "analytics_storage": "granted"}}])
GATES = {
    name: make_gate(make_policy(consent={"dnt": ["analytics"]}, jurisdiction={"default": name}))
    for name in ("gdpr", "ccpa")
}
GATE = GATES["gdpr"]
UNMARKED = "an-unmarked-event-is-the-callers.json"  # requests of one event without a mark, and one with it
EXCHANGES = Path(__file__).parents[1] / "exchanges"


def marked_alone(body: str) -> str:
    """The body of a batch with only the event that has a mark."""
    batch = json.loads(body)
    events = batch if isinstance(batch, list) else next(value for value in batch.values() if isinstance(value, list))
    events[:] = [event for event in events if "{mark:}" in json.dumps(event)]
    assert len(events) == 1
    return json.dumps(batch)


# By product: the path and the body of a batch, with a gap for the mark.
BATCHES = {
    path.parent.name: (one["in"]["path"], marked_alone(one["in"]["body"]))
    for path in sorted(EXCHANGES.glob(f"*/{UNMARKED}"))
    for one in json.loads(path.read_text(encoding="utf-8"))
}
SPEAKING = {
    product: make_gate(
        make_policy(
            consent={"dnt": ["analytics"]},
            destinations={"it": {"kind": "first_party", "speaks": product, "endpoint": "http://127.0.0.1:9"}},
        )
    )
    for product in BATCHES
}
SILENT = place(a_law("none", "none"))
PURPOSES = frozenset(OPTIONAL)


def granted(consent) -> set:
    return {purpose for purpose in OPTIONAL if consent.rulings[purpose].permission is Permission.GRANTED}


def refused(headers, carried=None) -> set:
    """What a browser refuses, asked alone where no law asks for more."""
    heard = GATE.heard(Caller(headers=headers))
    heard += flags.read(carried, {}) if carried else ()
    return PURPOSES - granted(GATE.situations.resolve(heard, SILENT, NOW, NOW, None))


PLACES = {"gdpr": ("DE", None), "ccpa": ("US", "CA")}


def visitor_of(headers, law_id="gdpr") -> Visitor:
    """The visitor of a token that was made for a request with these headers."""
    return Visitor(GATES[law_id].heard(Caller(headers=headers)), PLACES[law_id], subject="v_1")


def token(headers, law_id) -> str:
    return write_token(visitor_of(headers, law_id), at=NOW, sign=RING.sign)


@law
@given(st.sampled_from(sorted(GATES)), st.lists(HEADERS, min_size=1, max_size=2), HEADERS, CLAIMS, FLAGS)
def test_a_browsers_refusal_beats_every_token_and_its_grant_widens_none(law_id, hops, headers, claim, carried):
    """In every combination of both, of tokens that were passed on before, of claims and of flags."""
    gate = GATES[law_id]
    first, *more = hops
    visitor = gate.visitor(token(first, law_id), NOW)
    for one in more:  # another request brought it, and passes it on
        here = context.Here(gate)
        here._caller = Caller(headers=one, visitor=visitor)
        visitor = gate.visitor(here.token(), NOW)
    asked = {"at": NOW, "event_time": NOW, "query": b"", "claim": claim, "carried": carried}
    alone = gate.situations.of(Caller(visitor=visitor), **asked).consent
    together = gate.situations.of(Caller(headers=headers, visitor=visitor), **asked).consent
    assert granted(together) <= granted(alone)
    for said in (*more, headers):
        assert not granted(together) & refused(said)
    assert not granted(together) & refused((), carried)


@law
@given(
    st.sampled_from(sorted(BATCHES)),
    *[HEADERS] * 2,
    st.none() | HEADERS,
    st.booleans(),
    st.sampled_from(["gdpr", "ccpa"]),
)
def test_a_browsers_refusal_beats_every_mark_and_a_servers_headers_touch_none(
    product, marked, headers, own, relayed, law_id
):
    """A mark on an event in a batch; `own` is a context of the request as a whole."""
    path, body = BATCHES[product]
    gate = SPEAKING[product]
    call = request(path, json.loads(body.replace("{mark:}", token(marked, law_id))))
    caller = Caller(headers=headers, relayed=relayed, visitor=None if own is None else visitor_of(own))
    alone = plan_call(gate, gate.policy.destinations["it"], call, Caller())
    made = plan_call(gate, gate.policy.destinations["it"], call, caller)
    (before,), (after,) = alone.plans, made.plans
    if relayed:
        assert granted(after.consent) == granted(before.consent)
        return
    assert granted(after.consent) <= granted(before.consent)
    assert not granted(after.consent) & (refused(headers) | (refused(own) if own else set()))
    assert made.outgoing is None or alone.outgoing is not None


def test_many_products_send_marks_in_batches():
    """The law above would be empty without."""
    assert len(BATCHES) >= 7


@law
@given(HEADERS, HEADERS)
def test_cookies_of_a_foreign_page_narrow_and_name_nobody(headers, other):
    """What a page of another site makes the browser send is no consent and no person."""
    caller = Caller(headers=headers, foreign=True)
    own, bare = (
        GATES["ccpa"].consent_of(caller, NOW),
        GATES["ccpa"].consent_of(structs.replace(caller, headers=()), NOW),
    )
    assert granted(own) <= granted(bare)
    assert not granted(own) & refused(headers)
    assert all(signal.subject is None and signal.evidence is None for signal in own.signals)
    assert other is not None


def test_a_token_that_comes_of_another_ends_with_it():
    """Passed on again and again it would outlive a withdrawal for ever."""
    gate = make_gate()
    old = write_token(visitor_of(((b"cookie", COOKIES[0].encode()),)), at=NOW - LIFETIME + 60, sign=RING.sign)
    again = context.Here(gate, visitor=gate.visitor(old, NOW)).token()
    assert granted(gate.consent_of(Caller(visitor=gate.visitor(again, NOW)), NOW)) == PURPOSES
    later = gate.visitor(again, NOW + 61)
    assert granted(gate.consent_of(Caller(visitor=later), NOW + 61)) == set()


def test_a_request_that_brings_a_context_passes_its_own_refusal_on():
    """`dump()` in a request with a context and GPC: the token says both."""
    gate = make_gate()
    here = context.Here(gate)
    here._caller = Caller(headers=((b"sec-gpc", b"1"),), visitor=visitor_of(((b"cookie", COOKIES[0].encode()),)))
    assert gate.consent_of(Caller(visitor=gate.visitor(here.token(), NOW)), NOW).rulings["marketing"].reason == (
        "gpc_opt_out"
    )


@pytest.mark.parametrize("times", [1, 5])
def test_the_sidecars_context_and_the_same_cookies_are_not_added_up(times):
    """The app behind it gets both with each request: a token stays as long as it is."""
    gate = make_gate()
    headers = ((b"cookie", "; ".join([COOKIES[0], COOKIES[9]]).encode()), (b"sec-gpc", b"1"))
    here = context.Here(gate)
    here._caller = Caller(headers=headers)
    first = here.token()
    made = first
    for _ in range(times):
        again = context.Here(gate)
        again._caller = Caller(headers=headers, visitor=gate.visitor(made, NOW))
        made = again.token()
    assert len(made) <= len(first)
