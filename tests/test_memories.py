"""Memories: each has an owner, bounds and keys that tell nothing; what is remembered is what would be worked out."""

import ast
import gc
import tracemalloc
import weakref
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from gatekeeper.audit.lines import Lines
from gatekeeper.memory import Memory, digest
from gatekeeper.model import Caller, Found
from gatekeeper.outbound import intercept
from tests.builders import GUIDE_EVENT, NOW, make_gate, make_policy, own_cookie, plan
from tests.laws.test_laws import law

ROOT = Path(__file__).parents[1] / "gatekeeper"
SECRET = "visitor-4711-remembered"
# Everything that a process remembers in a module, without an owner: pure functions of small arguments with a bound,
# packaged tables, and what is the process's own, as its patches and its logger are.
OF_A_PROCESS = {
    "tables, read once": {
        "geoip/records.py:_states", "vendors/formats/normalise.py:_countries", "audit/vocabulary.py:_spoken",
        "audit/vocabulary.py:_packaged", "jurisdiction/laws.py:version", "jurisdiction/laws.py:packaged",
        "jurisdiction/networks.py:_special", "fields/phone.py:regions",
        "model/reasons.py:TABLE", "vendors/recipients.py:_table", "browser/__init__.py:texts",
        "shells/consent/page.py:_page", "shells/consent/page.py:_style", "reports/law.py:_table",
        "shells/consent/scripts.py:_compressed", "browser/page.py:_squeezed", "browser/__init__.py:unreviewed",
        "browser/__init__.py:_files", "vendors/cookies.py:_table", "vendors/failures.py:_table",
        "reports/notice.py:words", "console/static.py:contents", "console/static.py:version",
        "console/render.py:_environment",
    },
    "pure, of small arguments": {
        "storage/postgres/changes.py:digest",
        "geoip/records.py:_shared", "vendors/dialect.py:_origin", "vendors/samples.py:_sample",
        "vendors/ga4/calls.py:_query", "vendors/ga4/calls.py:_written",
        "vendors/ga4/events.py:event_name", "delivery/connection.py:_lower",
        "delivery/request.py:origin", "delivery/request.py:_name", "decision.py:_given", "audit/lines.py:_timestamp",
        "audit/facts.py:seconds", "reports/grouping.py:_seconds",
        "jurisdiction/place.py:_parsed", "jurisdiction/networks.py:parse_address",
        "jurisdiction/networks.py:spelled", "jurisdiction/networks.py:network_of",
        "outbound/marks.py:_takes_tracking", "gate/outcome.py:_audit_name",
        "scrub/search.py:secrets_of", "fields/names.py:_printable", "fields/accept.py:_public",
        "policy/file.py:_model", "geoip/database.py:ask",
        "audit/vocabulary.py:_FOUND_PLAIN", "scrub/fields.py:_CLEAN", "scrub/identifier.py:_CLEAN",
        "model/head.py:LISTS",
    },
    "the process's own": {
        "outbound/pools.py:_elsewhere", "outbound/intercept.py:_without_a_gate", "outbound/intercept.py:_routes",
        "outbound/tripwire.py:seen", "outbound/unlisted.py:seen", "outbound/__init__.py:_on",
        "django/settings.py:runtime", "shells/asgi/undeclared.py:_logged", "runtime/process.py:_alive",
        "notices.py:_said", "policy/trial.py:_folder",
        "installation/forks.py:_descriptors", "installation/forks.py:_kept", "installation/forks.py:_registered",
        "runtime/ends.py:_closing", "runtime/ends.py:_ending", "shells/consent/markup.py:_addresses",
        "context/here.py:_installed", "context/here.py:_followed", "context/places.py:_told",
    },
}  # fmt: skip
_CACHES = ("lru_cache", "cache")
_MUTABLE = ("dict", "set", "list", "WeakSet", "WeakKeyDictionary", "defaultdict", "deque", "Memory", "Remembered",
            "Compiled")  # fmt: skip


def called(node):
    """The name of what is called, or decorates: `lru_cache` of `@lru_cache(8)`, `Memory` of `Memory[str](9)`."""
    while isinstance(node, (ast.Call, ast.Subscript)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return getattr(node, "attr", getattr(node, "id", ""))


def remembers(path):
    """The memories of one module: cached functions, and mutable things that are filled after they are made."""
    tree = ast.parse(path.read_text("utf-8"))
    filled = {
        called(node.func.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("add", "append", "setdefault", "update", "pop", "remove", "clear", "put", "keep")
    }
    filled |= {
        called(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, (ast.Store, ast.Del))
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and any(called(one) in _CACHES for one in node.decorator_list):
            yield node.name
    for node in tree.body:
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            name, value = getattr(target, "id", ""), node.value
            made = called(value) if isinstance(value, ast.Call) else ""
            literal = isinstance(value, (ast.Dict, ast.List, ast.Set, ast.DictComp, ast.SetComp, ast.ListComp))
            if made in _CACHES or ((literal or made in _MUTABLE) and name in filled):
                yield name


def test_every_memory_of_a_process_is_known():
    """Whatever depends on a gate, a policy or a visitor has an owner instead."""
    found = {f"{path.relative_to(ROOT)}:{name}" for path in ROOT.rglob("*.py") for name in remembers(path)}
    assert found == set().union(*OF_A_PROCESS.values())


def test_a_new_memory_is_seen(tmp_path):
    """In each form that one can have."""
    bad = tmp_path / "bad.py"
    bad.write_text(
        "A = {}\nB: dict[int, int] = {}\nC = set()\nD = [1]\n\n@cache\ndef e(): ...\n\nf = lru_cache(3)(e)\n"
        "G = {}\nH = Remembered[str](9)\n\n"
        "def do():\n    A[1] = 2\n    B.clear()\n    C.add(1)\n    D.append(2)\n    H.add(1)\n"
    )
    assert set(remembers(bad)) == {"A", "B", "C", "D", "e", "f", "H"}


def test_a_memory_is_bounded_in_number_and_bytes():
    """The oldest go first; what is larger than all of it is not remembered."""
    memory = Memory[int](entries=10, each=100)
    for n in range(50):
        memory.put(n, n)
    assert [memory.get(n) for n in (39, 40, 49)] == [None, 40, 49] and len(memory) == 10
    memory.put("large", 1, 950)
    assert (len(memory), memory.bytes, memory.get("large")) == (1, 950, 1)
    memory.put("too large", 1, 1_001)
    assert memory.get("too large") is None and memory.get("large") == 1


def test_a_digest_is_the_words_and_nothing_else():
    """Equal for equal words, of this process alone, and never the words."""
    assert digest(b"a") == digest(b"a") != digest(b"b")
    assert len(digest(b"a" * 999)) == 16 and b"aaaa" not in digest(b"aaaa")


def texts(caller):
    """A caller's headers, as `plan` takes them."""
    return [(name.decode(), value.decode()) for name, value in caller.headers]


def everything(thing, seen=None):
    """Every object that is reachable from one, modules and classes left out."""
    seen = {} if seen is None else seen
    todo = [thing]
    while todo:
        one = todo.pop()
        if id(one) in seen or isinstance(one, type) or type(one).__name__ in ("module", "function", "code"):
            continue
        seen[id(one)] = one
        todo += gc.get_referents(one)
    return seen.values()


COOKIE = (
    f"{own_cookie('analytics', 'marketing')}; {SECRET}={SECRET}; cookieyes-consent=consent:yes,analytics:yes,x:{SECRET}"
)
SAYING = Caller(headers=((b"cookie", COOKIE.encode()), (b"user-agent", SECRET.encode())), address="203.0.113.77")


def test_no_memory_holds_what_a_visitor_sent():
    """Neither the Cookie header, nor a consent cookie, nor the address, is in a gate that has decided by them."""
    gate = make_gate()
    made = plan(GUIDE_EVENT, gate=gate, headers=texts(SAYING), address=SAYING.address)
    gate.lines.line(made)
    del made
    assert len(gate.situations._memory) == 1 and len(gate.lines._kept) == 1
    held = [one for one in everything(gate) if isinstance(one, (bytes, str))]
    assert len(held) > 100
    for words in (SECRET, SAYING.address):
        assert not [one for one in held if (words if isinstance(one, str) else words.encode()) in one]


def test_the_search_for_what_is_held_can_fail():
    """A header that is kept is found."""
    gate = make_gate()
    gate.situations._memory.put(SAYING.headers, None)
    assert any(SECRET.encode() in one for one in everything(gate) if isinstance(one, bytes))


def test_what_visitors_cost_is_counted_at_least():
    """A thousand visitors with long cookies take no more memory than they count as."""
    gate = make_gate()
    memories = (gate.situations._memory, gate.lines._kept, gate.policy.readers._cookies._parsed)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for n in range(300):
            consent = f"cookieyes-consent=consent:yes,analytics:yes,id:{n:0900}"
            headers = [("cookie", f"{own_cookie('analytics', at=NOW - n)}; {consent}")]
            gate.lines.line(plan(GUIDE_EVENT, gate=gate, headers=headers, address=f"203.0.113.{n % 250}"))
        gc.collect()
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert [len(one) for one in memories] == [300, 300, 300]
    assert 0 < taken < sum(one.bytes for one in memories)


POLICIES = [
    make_policy(jurisdiction={"default": "gdpr"}),
    make_policy(jurisdiction={"default": "ccpa"}),
    make_policy(jurisdiction={"default": "gdpr"}, consent={"gpc": "where_required", "max_age": "1d"}),
    make_policy(destinations={"own": {"kind": "first_party", "endpoint": "http://127.0.0.1:9", "fields": ["user_id"]}}),
]
CALLERS = [
    SAYING,
    Caller(headers=((b"cookie", COOKIE.encode()), (b"sec-gpc", b"1")), address="203.0.113.77"),
    Caller(headers=((b"sec-gpc", b"1"),), address="127.0.0.1"),
    Caller(headers=((b"cookie", own_cookie("marketing").encode()),), address="127.0.0.1"),
]
EVENTS = [GUIDE_EVENT, {"event": "purchase", "data": {"user_id": "u-1", "order_value": 3}}, {"event": "page_view"}]


def written(gate, event, caller):
    """The line of an event, and what would be sent."""
    made = plan(event, gate=gate, headers=texts(caller), address=caller.address)
    return gate.lines.line(made), {name: shaped.body for name, shaped in made.shaped.items()}


@law
@given(st.lists(st.tuples(*(st.integers(0, len(rows) - 1) for rows in (POLICIES, EVENTS, CALLERS))), min_size=2))
def test_warm_equals_cold_and_gates_share_nothing(asked):
    """In any order, gates with other policies in between."""
    warm = [make_gate(policy, lookup={"203.0.113.77": Found("DE")}.get) for policy in POLICIES]
    for at, event, caller in [*asked, *asked]:
        cold = make_gate(POLICIES[at], lookup={"203.0.113.77": Found("DE")}.get)
        assert written(warm[at], EVENTS[event], CALLERS[caller]) == written(cold, EVENTS[event], CALLERS[caller])


@pytest.mark.parametrize("which", [1, 2])
def test_another_policys_line_is_not_taken(which, lines_can_be_made_again):
    """What was remembered of a visitor under one policy is not said under another, though the consent is the same."""
    gate = make_gate(POLICIES[0])
    made = plan(GUIDE_EVENT, gate=gate, headers=texts(SAYING), address="127.0.0.1")
    gate.lines.line(made)
    other = Lines(POLICIES[which])
    assert POLICIES[which].hash.encode() in other.line(made).core
    assert POLICIES[0].hash.encode() in gate.lines.line(made).core
    lines_can_be_made_again.clear()  # a plan of one policy under another's name: no gate writes that


def test_routes_end_with_their_gate():
    """What a client's calls are looked up in belongs to the gate."""
    gate = make_gate()
    routes = weakref.ref(intercept._of(gate))
    assert intercept._of(gate) is routes()
    del gate
    gc.collect()
    assert routes() is None


def test_the_time_of_an_event_is_not_in_the_key():
    """A visitor who comes again is known, until a minute is over."""
    gate = make_gate()
    for later in (0.0, 59.0, 61.0):
        gate.consent_of(SAYING, NOW + later)
    assert len(gate.situations._memory) == 1


def test_a_line_says_where_its_own_event_was(lines_can_be_made_again):
    """Of one consent in two places, each line names its own."""
    gate = make_gate()
    made = plan(GUIDE_EVENT, gate=gate, headers=texts(SAYING), address="127.0.0.1")
    elsewhere = structs.replace(made, place=structs.replace(made.place, country="FR"))
    for one in (made, elsewhere, made):
        assert gate.lines.line(one) == Lines(gate.policy).line(one)
    lines_can_be_made_again.clear()  # a place under laws that are not its own
