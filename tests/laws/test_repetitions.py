"""A repetition is only ever told by callers of the same trust: LAWS_EXAMPLES cases (`make laws`: 20,000)."""

from __future__ import annotations

import hashlib
from itertools import count

import orjson
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.gate import incoming
from gatekeeper.model import Caller
from tests.builders import RING, make_gate, make_policy
from tests.laws.test_laws import law
from tests.storage.builders import claim, names, opened

# Who sends, and of which trust they are; two servers with different keys are one.
SENDERS = {
    "page": (Caller(address="127.0.0.1"), False, "anybody"),
    "other-page": (Caller(address="203.0.113.9"), False, "anybody"),
    "page-with-context": (Caller(relayed=True), False, "anybody"),
    "server": (Caller(trusted=True), False, "ours"),
    "server-2": (Caller(trusted=True, headers=((b"authorization", b"Bearer another"),)), False, "ours"),
    "own-code": (Caller(address="127.0.0.1"), True, "ours"),
}
POSTS = st.lists(
    st.tuples(
        st.sampled_from(sorted(SENDERS)),
        st.lists(
            st.tuples(st.sampled_from(["purchase", "page_view"]), st.sampled_from(["1", "2", None])),
            min_size=1,
            max_size=3,
        ),
    ),
    min_size=1,
    max_size=8,
)
_case = count()


def test_a_repetition_is_told_by_callers_of_one_trust_alone(tmp_path):
    """The first of each trust is accepted, with a line and deliveries of its own; what comes again has its answer."""
    policy = make_policy(destinations={"own": {"kind": "first_party", "endpoint": "http://127.0.0.1:9/events"}})
    gate = make_gate(policy)
    with opened(tmp_path, names=("own",)) as store:
        gate.intake, gate.refusals = store.intake, store.refusals

        @law
        @given(POSTS)
        def holds(posts):
            first: dict[tuple, str] = {}
            case = next(_case)
            for who, events in posts:
                caller, ours, trust = SENDERS[who]
                body = [
                    {"event": event, "consent": {"analytics": True}, "data": {"session_id": "s"}}
                    | ({} if one is None else {"event_id": f"{case}-{one}"})
                    for event, one in events
                ]
                ids, done = gate.take(incoming.parse(orjson.dumps(body)), caller, ours=ours)
                answered = done.result(10)
                for (name, one), own, told in zip(events, ids, answered.request_ids, strict=True):
                    known = own if one is None else first.setdefault((trust, name, one), own)
                    assert told == known

        holds()


@law
@given(*[st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12)] * 4)
def test_keys_of_two_trusts_never_meet(name, event_id, other_name, other_id):
    """Whatever names and ids a sender invents: no spelling of one is the key of the other."""
    mine, theirs = RING.event_key(name, event_id, ours=True), RING.event_key(other_name, other_id, ours=False)
    assert mine != theirs
    same = (name, event_id) == (other_name, other_id)
    assert (RING.event_key(other_name, other_id, ours=True) == mine) is same


def test_an_order_number_that_was_guessed_stops_no_order(tmp_path):
    """The attack: an anonymous purchase of a cent under the shop's next number, then the shop's own."""
    policy = make_policy(destinations={"own": {"kind": "first_party", "endpoint": "http://127.0.0.1:9/events"}})
    gate = make_gate(policy)

    def post(value, caller):
        event = {"event": "purchase", "event_id": "order-1001", "consent": {"analytics": True}}
        posted = incoming.parse(orjson.dumps(event | {"data": {"order_value": value, "currency": "EUR"}}))
        return gate.take(posted, caller)[1].result(10).request_ids[0]

    with opened(tmp_path, names=("own",)) as store:
        gate.intake, gate.refusals = store.intake, store.refusals
        guessed, own = post(0.01, Caller(address="127.0.0.1")), post(149.0, Caller(trusted=True))
        assert guessed != own and post(149.0, Caller(trusted=True)) == own
        assert set(names(claim(store))) == {guessed, own}


def test_keys_of_before_the_upgrade_are_nobodys():
    """Stored keys without a trust match nothing that comes now: an event can be accepted twice, and none is lost."""
    key = RING.pseudonym[-1].derive("event-id")
    old = hashlib.blake2b(b"purchase\x00order-1", digest_size=16, key=key).digest()
    assert old not in (RING.event_key("purchase", "order-1", ours=ours) for ours in (True, False))
