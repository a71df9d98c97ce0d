"""Laws of "compile, then run": what is remembered of names changes no byte, and no value of one request is in another.

warm = cold      a request through full memories, and through none: the same bodies, heads, lines and answers
no leaks         two visitors in turn, under one shape: each gets their own values
in between       GPC, a refusal, midnight, another visitor or policy between two equal requests
planted          a key that forgets one of its parts is seen

LAWS_EXAMPLES (`make laws`) says how many cases there are.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

from gatekeeper.decision import Asked
from gatekeeper.gate import incoming
from gatekeeper.gate.calls import plan_call
from gatekeeper.gate.carry import decision_lines
from gatekeeper.gate.deciding import Deciding
from gatekeeper.gate.outcome import Memories, Outcome, Sending
from gatekeeper.gate.program import Names, Program
from gatekeeper.memory import Compiled
from gatekeeper.model import Call, Caller, Found
from gatekeeper.model.head import LISTS
from gatekeeper.vendors.formats.table import Table
from tests.builders import EVERY_KIND, NOW, make_gate, make_policy, own_cookie
from tests.corpus.digests import Bench, digest
from tests.corpus.requests import request
from tests.sizes import LAWS

EXAMPLES = max(6, LAWS // 12)
law = settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
# `type`, not `isinstance`: that asks a weak proxy of another test, whose object may be gone, for its class.
TABLES = [one for one in gc.get_objects() if type(one) is Table]
WARM = Bench()


@contextmanager
def nothing_remembered() -> Iterator[None]:
    """No program is kept, and those of the process are put aside."""
    kept: list[Compiled[Any, Any]] = [LISTS]
    kept += [memory for one in TABLES for memory in (one.shapes, one.rows, one.places, one.trees)]
    aside = [dict(one) for one in kept]
    most, Compiled.most = Compiled.most, 0
    for one in kept:
        one.clear()
    try:
        yield
        assert not any(kept)  # a memory of the size 0
    finally:
        Compiled.most = most
        for one, before in zip(kept, aside, strict=True):
            one.update(before)


@law
@given(st.lists(st.integers(0, 20_000), min_size=1, max_size=12))
def test_a_warm_gate_says_what_a_cold_one_says(lines_can_be_made_again: list[Any], numbers: list[int]) -> None:
    """Of any sequence of requests of all dialects, and of events: every byte, and the order of every list."""
    warm = [digest(WARM.told(number, request(number))) for number in [*numbers, *numbers]]
    with nothing_remembered():
        bench = Bench()
        assert warm == [digest(bench.told(number, request(number))) for number in numbers] * 2
    lines_can_be_made_again.clear()  # as in tests/corpus


MAILS = {"anna": "hklm.vwrt@mail.example", "bert": "plok.mnjh@mail.example", "cleo": "wsxc.edfv@mail.example"}


def values_of(visitor: str) -> dict[str, str]:
    """A visitor's values, none of which stands in anybody else's requests."""
    word = f"zq{visitor}"
    return {
        "client": f"{ord(visitor[0])}774411.1700000000",
        "order": f"T-{word}",
        "page": f"https://shop.example/p/{word}",
        "session": f"s{word}",
        "mail": MAILS[visitor],
        "note": f"note {word}",
        "title": f"About {word}",
    }


def ga4(mine: dict[str, str]) -> tuple[str, Call]:
    """A call of the Measurement Protocol, of two events."""
    params = {"transaction_id": mine["order"], "page_location": mine["page"], "value": 3.5, "currency": "EUR"}
    params |= {"session_id": mine["session"], "note": mine["note"], "page_title": mine["title"]}
    body = {"client_id": mine["client"], "events": [{"name": "purchase", "params": params}] * 2}
    return "ga4", Call("POST", "/mp/collect", "measurement_id=G-TEST&api_secret=x", (), json.dumps(body).encode())


def meta(mine: dict[str, str]) -> tuple[str, Call]:
    """A call of the Conversions API."""
    event = {
        "event_name": "Purchase", "event_time": int(NOW) - 9, "event_id": mine["order"], "action_source": "website",
        "event_source_url": mine["page"], "user_data": {"em": mine["mail"], "external_id": mine["client"]},
        "custom_data": {"order_id": mine["order"], "currency": "EUR", "value": 9, "note": mine["note"],
                        "contents": [{"id": mine["session"], "quantity": 1}]},
    }  # fmt: skip
    return "meta_capi", Call("POST", "/v26.0/123456789/events", "", (), json.dumps({"data": [event]}).encode())


def tiktok(mine: dict[str, str]) -> tuple[str, Call]:
    """A call of the Events API."""
    event = {
        "event": "Purchase", "event_time": int(NOW) - 9, "event_id": mine["order"],
        "user": {"email": mine["mail"], "ttclid": mine["session"]}, "page": {"url": mine["page"]},
        "properties": {"order_id": mine["order"], "note": mine["note"]},
    }  # fmt: skip
    body = {"event_source": "web", "event_source_id": "PIXEL", "data": [event]}
    return "tiktok", Call("POST", "/open_api/v1.3/event/track/", "", (), json.dumps(body).encode())


def event_of(mine: dict[str, str], **more: Any) -> bytes:
    """An event that goes to all destinations."""
    data = {
        "page_url": f"{mine['page']}?fbclid={mine['session']}", "client_id": mine["client"], "order_value": 5,
        "currency": "EUR", "transaction_id": mine["order"], "email": mine["mail"], "customer_note": mine["note"],
        "page_title": mine["title"],
    }  # fmt: skip
    return json.dumps({"event": "purchase", "data": data} | more).encode()


POLICY = make_policy(destinations=EVERY_KIND, jurisdiction={"default": "gdpr"})
OTHER = make_policy(destinations=EVERY_KIND | {"ga4": EVERY_KIND["ga4"] | {"fields": ["client_id", "page_url"]}})
BOTH = ("analytics", "marketing")


def visitor(name: str, *granted: str, more: tuple[tuple[bytes, bytes], ...] = ()) -> Caller:
    """A visitor of that name, who chose so nine days ago."""
    cookie = own_cookie(*granted, at=NOW - 9 * 86_400, subject=f"v_{name}").encode()
    return Caller(headers=((b"cookie", cookie), *more), address="127.0.0.1")


def made(gate: Any, what: str, mine: dict[str, str], who: Caller) -> str:
    """Everything that a gate makes of a visitor's call, or event, but for the ids it counts."""
    if what == "event":
        return of_event(gate, event_of(mine), who)
    name, call = CALLS[what](mine)
    return of_call(gate, name, call, who)


def of_event(gate: Any, body: bytes, who: Caller) -> str:
    """Everything that a gate makes of an event."""
    gate.new_id = lambda at: "req_1"
    return repr(gate.arrivals(incoming.parse(body), who))


def of_call(gate: Any, name: str, call: Call, who: Caller) -> str:
    """Everything that a gate makes of a call."""
    gate.new_id = lambda at: "req_1"
    plan = plan_call(gate, gate.policy.destinations[name], call, who)
    out = None if plan.outgoing is None else (plan.outgoing.url, plan.outgoing.headers, plan.outgoing.body)
    return repr((out, plan.reason, plan.subjects, plan.answer, decision_lines(gate, plan)))


CALLS: dict[str, Callable[[dict[str, str]], tuple[str, Call]]] = {"ga4": ga4, "meta": meta, "tiktok": tiktok}
EVERYTHING = st.sampled_from([*CALLS, "event"])
GATE = make_gate(POLICY)


@law
@given(EVERYTHING, st.lists(st.sampled_from(["anna", "bert", "cleo"]), min_size=2, max_size=8))
def test_no_value_of_one_visitor_is_in_what_is_made_of_another(what: str, turns: list[str]) -> None:
    """In turn, under one shape: what is made of each is what a fresh gate makes, and holds nobody else's values."""
    for name in turns:
        mine = values_of(name)
        found = made(GATE, what, mine, visitor(name, *BOTH))
        assert found == made(make_gate(POLICY), what, mine, visitor(name, *BOTH))
        assert mine["order"] in found
        others = [value for other in {"anna", "bert", "cleo"} - {name} for value in values_of(other).values()]
        assert [value for value in others if value in found] == []


def test_of_every_call_something_is_sent() -> None:
    """The laws would be empty without."""
    for what in CALLS:
        assert "zqanna" in made(GATE, what, values_of("anna"), visitor("anna", *BOTH)).partition(", None, ")[0]


TURNS = {
    "granted": lambda: visitor("anna", *BOTH),
    "gpc": lambda: visitor("anna", *BOTH, more=((b"sec-gpc", b"1"),)),
    "refused": lambda: visitor("anna"),
    "analytics": lambda: visitor("anna", "analytics"),
    "another": lambda: visitor("bert", *BOTH),
    "trusted": lambda: structs.replace(visitor("anna", *BOTH), trusted=True),
    "young": lambda: structs.replace(visitor("anna", *BOTH), age_band="13-15"),
}


@law
@given(
    EVERYTHING,
    st.lists(
        st.tuples(st.sampled_from([*TURNS]), st.sampled_from([0, 30, 86_400]), st.booleans()), min_size=2, max_size=8
    ),
)
def test_what_comes_between_two_equal_requests_changes_only_itself(
    what: str, turns: list[tuple[str, int, bool]]
) -> None:
    """A refusal, GPC, midnight, or a policy that was loaded in between: each time what a fresh gate says then."""
    time = [NOW - 40]
    gates = {other: make_gate(OTHER if other else POLICY, clock=lambda: time[0]) for other in (False, True)}
    mine = values_of("anna")
    for turn, later, other in turns:
        time[0] += later
        fresh = make_gate(OTHER if other else POLICY, clock=lambda: time[0])
        assert made(gates[other], what, mine, TURNS[turn]()) == made(fresh, what, mine, TURNS[turn]())


def test_a_program_that_is_not_kept_is_gone_with_its_request() -> None:
    """Of names that a sender made up nothing waits for the collector: no program and outcome hold each other."""
    call = ga4(values_of("anna") | {"note": "a"})[1]
    body = call.body.replace(b'"note"', b'"n123456"')

    def there() -> int:
        return sum(type(one) in (Program, Outcome, Sending) for one in gc.get_objects())

    of_call(GATE, "ga4", call, visitor("anna", *BOTH))
    gc.disable()
    try:
        before = there()
        assert "T-zqanna" in of_call(GATE, "ga4", structs.replace(call, body=body), visitor("anna", *BOTH))
        assert there() == before
    finally:
        gc.enable()


# --- planted --------------------------------------------------------------------------------------------------------


class Forgetful(Compiled[Any, Any]):
    """A memory whose keys lack something."""

    part: Callable[[Any], Hashable]

    def get(self, key: Any, default: Any = None) -> Any:
        """What is known of all keys that differ in what is forgotten."""
        return super().get(self.part(key), default)

    def keep(self, key: Any, program: Any) -> Any:
        """The same."""
        super().keep(self.part(key), program)
        return program


def forgetting(part: Callable[[Any], Hashable]) -> Forgetful:
    """A memory that keys by a part."""
    memory = Forgetful()
    memory.part = part
    return memory


def without(**fields: Any) -> Callable[[tuple[Asked, Any, Any, Any]], Hashable]:
    """The key of a judgement without fields of the event."""
    return lambda key: (key[0]._replace(**fields), *key[1:])


def _plant(kind: type, slot: str, part: Callable[[Any], Hashable]) -> Callable[[pytest.MonkeyPatch], None]:
    """A fault in a memory that each object of a class makes for itself."""

    def planted(patch: pytest.MonkeyPatch) -> None:
        begin = kind.__init__

        def init(self: Any, *args: Any, **more: Any) -> None:
            begin(self, *args, **more)
            setattr(self, slot, forgetting(part))

        patch.setattr(kind, "__init__", init)

    return planted


def _rows(part: Callable[[Any], Hashable], memory: str = "shapes") -> Callable[[pytest.MonkeyPatch], None]:
    """A fault in the memories of all tables."""

    def planted(patch: pytest.MonkeyPatch) -> None:
        for one in TABLES:
            patch.setattr(one, memory, forgetting(part))

    return planted


# What a gate is asked, one after the other; of each fault some pair in it is told apart by what was forgotten.
def _asked() -> Iterator[Callable[[Any], str]]:
    anna, mine = visitor("anna", *BOTH), values_of("anna")

    def event(who: Caller = anna, **more: Any) -> Callable[[Any], str]:
        return lambda gate: of_event(gate, event_of(mine, **more), who)

    def ga4_call(body: dict[str, Any], who: Caller = anna, to: str = "ga4") -> Callable[[Any], str]:
        call = Call("POST", "/mp/collect", "measurement_id=G-TEST&api_secret=x", (), json.dumps(body).encode())
        return lambda gate: of_call(gate, to, call, who)

    data = {"client_id": "1234567890.1700000000", "page_url": "https://shop.example/a", "order_value": 5}
    browser = structs.replace(anna, headers=(*anna.headers, (b"user-agent", b"Mozilla/5.0 (X11)")))
    yield from (event(), event(purposes=["analytics"]), event(browser), event(TURNS["refused"]()))
    yield from (
        event(data=data),
        event(data=data | {"order_value": "no number"}),
        event(data=dict(list(data.items())[1:])),
    )
    german, texan = (structs.replace(anna, address=address) for address in ("81.2.69.1", "81.2.69.3"))
    yield from (event(german), event(texan))
    params = {
        "transaction_id": "T-1",
        "value": 5,
        "currency": "EUR",
        "page_location": "https://shop.example/a?gclid=abc1",
    }
    one = {"client_id": "1234567890.1700000000", "events": [{"name": "purchase", "params": params}]}
    yield from (
        ga4_call(one),
        ga4_call(one, to="narrow"),
        ga4_call(one | {"user_agent": "Mozilla/5.0 (X11)"}),
        ga4_call(one, TURNS["refused"]()),
    )
    for change in (
        {"value": "x"}, {"currency": "no"}, {"note": "a"}, {"remark": "a"}, {"note": {"a": 1}}, {"note": 1},
        {"items": []}, {"page_location": "https://shop.example/a"}, {"transaction_id": None}, {"session_id": "1"},
        {"session_id": {"a": 1}}, {"debug_mode": "1"}, {"debug_mode": "no such word"},
        {"transaction_id": "jane.doe@mail.example"},
    ):  # fmt: skip
        yield ga4_call(one | {"events": [{"name": "purchase", "params": params | change}]})
    yield ga4_call({"app_instance_id": "1234567890.1700000000", "events": one["events"]})
    yield from (lambda gate, what=what: made(gate, what, mine, anna) for what in ("meta", "tiktok"))
    home, away = {"u": {"a": "Mozilla"}}, {"user_location": {"a": "Mozilla"}}
    yield ga4_call(one | {"user_location": {"city": "Berlin"}})
    yield ga4_call(one | {"user_data": {"address": {"city": "Berlin"}}})
    yield from (ga4_call(one | home), ga4_call(one | away), ga4_call(one | {"device": {"category": "desktop"}}))
    visit = Call("GET", "/matomo.php", "idsite=1&rec=1&url=https%3A%2F%2Fshop.example%2F&cip=81.2.69.1&token_auth=x")
    for to in ("exact", "network"):
        yield lambda gate, to=to: of_call(gate, to, visit, structs.replace(anna, address=None))


MATOMO = {"kind": "first_party", "endpoint": "http://127.0.0.1:9", "speaks": "matomo", "fields": ["page_url"]}
TOLD_APART = make_policy(
    destinations=EVERY_KIND
    | {"exact": MATOMO, "network": MATOMO | {"truncate_ip": True}}
    | {"narrow": EVERY_KIND["ga4"] | {"fields": ["client_id", "page_url"]}}
    | {"regional": {"kind": "first_party", "endpoint": "http://127.0.0.1:9", "regions": ["DE"]}},
    jurisdiction={"default": "gdpr", "always": ["gdpr"]},
)
ASKED = tuple(_asked())
PLACES = {"81.2.69.1": Found("DE", "BE"), "81.2.69.3": Found("US", "TX")}


def answers() -> list[str]:
    """What one gate says to all of it."""
    gate = make_gate(TOLD_APART, lookup=PLACES.get)
    return [ask(gate) for ask in ASKED]


def test_nothing_is_told_apart_wrongly_where_nothing_is_planted() -> None:
    """One gate for all of it says what a fresh one says to each."""
    assert answers() == [ask(make_gate(TOLD_APART, lookup=PLACES.get)) for ask in ASKED]


def _half(key: tuple[Any, ...]) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """The keys and the classes of an object's shape; of a list all as both."""
    middle = 1 + (len(key) - 1) // 2
    return (key[1:], key[1:]) if key[1:2] == (None,) else (key[1:middle], key[middle:])


PLANTED = {
    "the event's purposes": _plant(Deciding, "_known", without(purposes=None)),
    "the event's names": _plant(Deciding, "_known", without(names=())),
    "what is unusable": _plant(Deciding, "_known", without(unusable=())),
    "what was offered": _plant(Deciding, "_known", without(offered=())),
    "the visitor's stance": _plant(Deciding, "_known", lambda key: (key[0], *key[2:])),
    "the destination": _plant(Deciding, "_known", lambda key: (*key[:2], key[3])),
    "the place of a consent": _plant(Deciding, "_numbers", lambda key: key.rulings),
    "native names": _plant(Names, "_known", lambda key: key[1]),
    "roles": _plant(Names, "_known", lambda key: key[0]),
    "what was odd": _plant(Memories, "outcomes", lambda key: key[0]),
    "which leaf was odd": _plant(Memories, "outcomes", lambda key: (key[0], tuple(one[1:] for one in key[1]))),
    "whose outcome it is": _plant(Memories, "outcomes", lambda key: key[1]),
    "what is gone": _plant(Memories, "left", lambda key: key[0]),
    "of what it is gone": _plant(Memories, "left", lambda key: key[1]),
    "which names are kept": _plant(Memories, "sending", lambda key: (key[0], *key[2:])),
    "whose leaves they are": _plant(Memories, "sending", lambda key: key[1:]),
    "whether the network alone goes": _plant(Memories, "sending", lambda key: key[:3]),
    "the keys of an object": _rows(lambda key: (key[0], *_half(key)[1])),
    "which values are objects": _rows(lambda key: (key[0], *_half(key)[0])),
    "where an object stands": _rows(lambda key: (key[0].table, *key[1:])),
    "where a leaf stands": _rows(len, "trees"),
}  # fmt: skip


@pytest.mark.parametrize("forgotten", PLANTED)
def test_a_key_that_forgets_something_is_seen(
    forgotten: str, monkeypatch: pytest.MonkeyPatch, lines_can_be_made_again: list[Any]
) -> None:
    """By what it makes of a request after another, or because it fails: so the laws guard each part of each key."""
    expected = answers()
    PLANTED[forgotten](monkeypatch)
    assert answers() != expected
    lines_can_be_made_again.clear()
