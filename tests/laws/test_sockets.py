"""The laws of calls once more, through sockets: a whole sidecar, raw requests, and a vendor that keeps every byte.

CALL_LAWS_EXAMPLES cases of every dialect together (`make laws`: 5,000): each coat and content coding, framed by length
or in chunks, from a page or a server, under two laws and everything a visitor may have said. Judged by what arrived
and by the audit log alone.

canaries       what was stripped is nowhere in the bytes that arrived, in no encoding, and in no line of the log
zero bytes     what was blocked did not arrive; what was sent arrived once
denial         more denial never sends more
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from msgspec import structs

from gatekeeper.audit.verify import verify
from gatekeeper.gate.batches import plan_request
from gatekeeper.model import Call, Outgoing
from gatekeeper.shells.asgi import relay
from gatekeeper.vendors.dialect import SECRET
from gatekeeper.vendors.formats import coding
from tests.laws.calls import NAMES, all_leaves, planted
from tests.laws.encodings import found_in
from tests.laws.leaks import leaks, stands_in
from tests.laws.loopback import DENIES, SAID, gates, listening
from tests.laws.test_call_laws import EXAMPLES
from tests.laws.test_laws import keys_of

LAWS = ("gdpr", "ccpa")
BUT_ONE = tuple(said for said in SAID if said != "both")
EVERY = -(-EXAMPLES // len(NAMES))  # cases of each dialect
everyone = pytest.mark.parametrize("name", NAMES)


def law(examples: int) -> settings:
    """So many cases."""
    return settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), database=None)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A gate under each law, and the seeds of every dialect."""
    with gates(tmp_path_factory.mktemp("laws")) as made:
        yield made


def cases(name, by_dialect, said):
    """A planted request, the law, what the visitor said, whether from a page, and whether in chunks."""
    request = planted(NAMES[name], by_dialect[name])
    return st.tuples(request, st.sampled_from(LAWS), said, st.booleans(), st.booleans())


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


# Half of the visitors agreed to everything: of the others little is sent.
SPEAKING = st.just("both") | st.sampled_from(SAID)


@everyone
def test_a_stripped_value_reaches_neither_the_vendor_nor_the_log(run, name):
    """Whatever was not kept; and what is blocked sends nothing at all."""
    found, by_dialect = run
    seen_of = Counter(
        sending(found, name, ((seed, []), "gdpr", said, False, False))[1].sent
        for seed in by_dialect[name]
        for said in ("both", "neither")
    )

    @law(EVERY)
    @given(cases(name, by_dialect, SPEAKING))
    def holds(case):
        (seed, canaries), _, said, _, _ = case
        native, seen = sending(found, name, case)
        seen_of[seen.sent] += 1
        assert faults(seed, canaries, said, native, seen) == []

    holds()
    assert seen_of[True] and (seen_of[False] or name.startswith("sentry")), "the law was about nothing"


@everyone
def test_more_denial_never_sends_more(run, name):
    """The same request of a visitor who agreed to everything, and of one who said less."""
    found, by_dialect = run

    @law(max(3, EVERY // 5))
    @given(cases(name, by_dialect, st.sampled_from(BUT_ONE)))
    def holds(case):
        request, law_id, _, page, chunked = case
        _, more = sending(found, name, (request, law_id, "both", page, chunked))
        _, less = sending(found, name, case)
        assert len(less.raw) <= len(more.raw)
        for was, now in zip(more.deliveries, less.deliveries, strict=True):
            if now["status"] != "blocked":
                assert was["status"] != "blocked" and set(now["fields_sent"]) <= set(was["fields_sent"])

    holds()


def passed_on(gate, to, call, caller, **how):
    """A gate that decides, and then sends the call as it came."""
    made = plan_request(gate, to, call, caller, **how)
    if made.outgoing is None:
        return made
    url = f"{made.outgoing.url.partition('?')[0]}?{call.query}"
    framing = (b"content-length", b"transfer-encoding", b"host", b"connection")
    headers = tuple((key.decode(), value.decode()) for key, value in call.headers if key not in framing)
    return structs.replace(made, outgoing=Outgoing(call.method, url, headers, call.body))


def sent_anyway(gate, to, call, caller, **how):
    """A gate that decides to block a call, and sends something."""
    made = plan_request(gate, to, call, caller, **how)
    return (
        made
        if made.outgoing is not None
        else structs.replace(made, outgoing=Outgoing("POST", f"{to.endpoint}/", (), b""))
    )


def talkative(gate, to, call, caller, **how):
    """A gate that writes a value into its log."""
    made = plan_request(gate, to, call, caller, **how)
    value = dict(call.headers).get(b"x-zz", b"").decode()
    plans = tuple(structs.replace(one, event=structs.replace(one.event, name=value)) for one in made.plans)
    return structs.replace(made, plans=plans)


class EnoughError(Exception):
    """Three cases of a planted bug were judged: no more are made."""


BUGS = {
    "it passes calls on": (passed_on, "both", "foreign"),
    "it sends what it blocked": (sent_anyway, "neither", "sent though denied"),
    "it writes values down": (talkative, "both", "in the log"),
}


@everyone
@pytest.mark.parametrize("bug", BUGS)
def test_a_gate_with_a_bug_would_be_caught(run, name, bug, monkeypatch, lines_can_be_made_again):
    """The laws can fail, for every dialect."""
    found, by_dialect = run
    broken, said, why = BUGS[bug]
    monkeypatch.setattr(relay, "plan_request", broken)
    caught = []

    @settings(law(100), phases=(Phase.generate,))
    @given(cases(name, by_dialect, st.just(said)))
    def holds(case):
        if len(caught) == 3:
            raise EnoughError
        (seed, canaries), _, _, _, _ = case
        native, seen = sending(found, name, case)
        if seen.sent or said == "neither":
            caught.append(why in {fault[0] for fault in faults(seed, canaries, said, native, seen)})

    with suppress(EnoughError):
        holds()
    lines_can_be_made_again.clear()  # a gate with a bug may write down what is not so
    assert (caught and all(caught)) or (said == "neither" and name.startswith("sentry"))


def test_afterwards_the_log_is_sound_and_nothing_was_kept_or_said(tmp_path):
    """A run of its own: no file under the folder and no log record of any level holds any canary, or any secret."""
    with listening() as said, gates(tmp_path) as (found, by_dialect):
        every: list[str] = []
        secrets: set[str] = set()

        @law(2)
        @given(st.tuples(*(cases(name, by_dialect, SPEAKING) for name in NAMES)))
        def send_some(drawn):
            for name, case in zip(NAMES, drawn, strict=True):
                native, _ = sending(found, name, case)
                every.extend(one.value for one in case[0][1] if not named(one, native))
                secrets.update(str(leaf.value) for leaf in all_leaves(native) if leaf.role == SECRET)
                secrets.update(one.value for one in case[0][0].to.secrets.values() if one.value)

        send_some()
    for gate in found.values():
        gate.app.runtime.close()
        assert verify(gate.app.runtime.policy.audit_folder).problems == []
    kept = b"\n".join(path.read_bytes() for path in sorted(tmp_path.rglob("*")) if path.is_file())
    kept += "\n".join(said).encode()
    assert len(every) > 100 and b"gatekeeper_consent" in kept
    assert {"GA4-SECRET", "META-TOKEN", "OURS-TOKEN"} <= secrets
    marked = {one for one in secrets if len(one) > 8}  # shorter ones could stand anywhere
    assert [one for one in (*every, *marked) if found_in(kept, one)] == []
