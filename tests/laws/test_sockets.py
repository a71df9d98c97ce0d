"""The laws of calls once more, through sockets: a whole sidecar, raw requests, and a vendor that keeps every byte.

CALL_LAWS_EXAMPLES cases of every dialect together (`make laws`: 5,000): each coat and content coding, framed by length
or in chunks, from a page or a server, under two laws and everything a visitor may have said. Judged by what arrived
and by the audit log alone.

canaries       what was stripped is nowhere in the bytes that arrived, in no encoding, and in no line of the log
zero bytes     what was blocked did not arrive; what was sent arrived once
denial         more denial never sends more
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatekeeper.audit.verify import verify
from gatekeeper.calls import plan_call
from gatekeeper.model import Answer, Call, Outgoing
from gatekeeper.native import coding
from gatekeeper.shells import relay
from tests.laws.calls import NAMES, planted
from tests.laws.encodings import found_in
from tests.laws.leaks import leaks, stands_in
from tests.laws.loopback import DENIES, ORIGIN, SAID, gates, listening
from tests.laws.test_call_laws import EXAMPLES
from tests.laws.test_laws import keys_of

LAWS = ("gdpr", "ccpa")
MARK = re.compile(rb"zq[a-z]{6}", re.IGNORECASE)  # every canary that is made of letters begins so
everyone = pytest.mark.parametrize("name", NAMES)


def law(examples: int) -> settings:
    return settings(
        max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), database=None,
    )  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Both gates, the seeds, and what was logged."""
    folder = tmp_path_factory.mktemp("laws")
    with listening() as said, gates(folder) as (found, by_dialect):
        yield folder, found, by_dialect, said


def case(name, by_dialect):
    """A planted request, the law, what the visitor said, and how it is written."""
    return st.tuples(
        planted(NAMES[name], by_dialect[name]), st.sampled_from(LAWS), st.sampled_from(SAID), st.booleans(),
        st.booleans(),
    )  # fmt: skip


def sending(found, name, drawn):
    """What became of one case."""
    (seed, _), law_id, said, page, chunked = drawn
    dialect, call = NAMES[name], seed.call
    native = dialect.decode(call, seed.to, _plain(call))
    return native, found[law_id].send(
        seed, said, page=page, chunked=chunked and bool(call.body), answer=dialect.accepted(native)
    )


def _plain(call: Call) -> bytes:
    coded = [value.decode() for key, value in call.headers if key == b"content-encoding"]
    return coding.decode(call.body, coded[-1] if coded else "", 2**24)


def faults(seed, canaries, said, native, seen) -> list:
    """Everything that is wrong with what became of one case; empty if nothing is."""
    wrong: list = []
    blocked = seen.decision.startswith("blocked; reason=")
    if not (seen.sent or blocked) or "internal_error" in seen.decision or not 200 <= seen.status < 300:
        wrong.append(("no clean answer", seen.status, seen.decision))
    if len(seen.raw) != seen.sent:
        wrong.append(("arrived", len(seen.raw), "though", seen.decision))
    if seen.sent and seed.to.purpose.value in DENIES[said]:
        wrong.append(("sent though denied", seed.to.purpose, said))
    going = [one for one in seen.deliveries if one["status"] != "blocked"]
    if bool(going) != seen.sent or not seen.deliveries:
        wrong.append(("the log says otherwise", seen.decision))
    kept = set().union(*(keys_of(one["fields_sent"]) for one in going))
    if seen.raw:
        wrong += leaks(seen.opened, native, kept, seed, canaries)
    logged = [one for one in canaries if found_in(seen.lines, one.value) and not named(one, native)]
    return wrong + [("in the log", one, found_in(seen.lines, one.value)) for one in logged]


def named(canary, native) -> bool:
    """Whether an event was called so: it may be called anything that reads like a name."""
    return canary.kind == "name" and any(stands_in(element.event, canary.value) for element in native.elements)


@everyone
def test_a_stripped_value_reaches_neither_the_vendor_nor_the_log(run, name):
    """Whatever was not kept; and what is blocked sends nothing at all."""
    _, found, by_dialect, _ = run
    seen_of: Counter = Counter()

    @law(-(-EXAMPLES // len(NAMES)))
    @given(case(name, by_dialect))
    def holds(drawn):
        (seed, canaries), _, said, _, _ = drawn
        native, seen = sending(found, name, drawn)
        seen_of[seen.sent] += 1
        assert faults(seed, canaries, said, native, seen) == []

    holds()
    assert seen_of[True] and (seen_of[False] or name.startswith("sentry"))
