"""What an event declares personal is nowhere else in what is sent: events over all kinds, calls over all dialects.

LAWS_EXAMPLES events and, together, CALL_LAWS_EXAMPLES calls.
"""

from __future__ import annotations

import base64
import hashlib
import random
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from gatekeeper.fields import CATALOGUE
from gatekeeper.gate.calls import plan_call
from gatekeeper.model import Verdict
from gatekeeper.scrub.taint import FIELDS, Taint
from gatekeeper.vendors.dialect import SECRET, STAMP
from gatekeeper.vendors.formats import coding, form
from tests.builders import EVERY_KIND, decisions, make_gate, make_policy, own_cookie, plan
from tests.laws.calls import GATES, GZIP, NAMES, all_leaves, rewritten, views
from tests.laws.encodings import needles
from tests.laws.people import CUT, URLS, WRAPS, person, spellings
from tests.laws.test_call_laws import BOTH, SEEDS, caller
from tests.laws.test_call_laws import law as call_law
from tests.laws.test_laws import keys_of, law, sent_bytes
from tests.native.kit import everything

CONTACTS = ("email", "first_name", "last_name", "phone")
TEXTS = (
    "page_title",
    "funnel_step",
    "navigation_path",
    "product_interest",
    "user_agent",
    "error_message",
    "error_stack",
    "error_type",
)
IDS = ("session_id", "client_id", "user_id", "transaction_id", "cart_id", "event_id")


def fields_of(purpose: str) -> list[str]:
    """Every field that a destination of this purpose may be sent."""
    return [
        row.key
        for row in CATALOGUE.by_key.values()
        if purpose in row.purposes and row.name not in ("event_id", "event_time")
    ]


NUMBERS = [row.name for row in CATALOGUE.by_key.values() if row.type == "number"]
WIDE = {
    f"all_{purpose}": {
        "kind": "http_json",
        "purpose": purpose,
        "endpoint": "http://127.0.0.1:9/in",
        "fields": fields_of(purpose),
    }
    for purpose in ("analytics", "marketing")
}
KINDS = EVERY_KIND | WIDE
ROUTES = {name: {"destinations": list(KINDS)} for name in ("purchase", "error")}
GATE = make_gate(make_policy(destinations=KINDS, events=ROUTES))
GRANTED = [("cookie", own_cookie("analytics", "marketing"))]


def all_views(raw: bytes) -> list[bytes]:
    """The bytes, and with percent-encoding undone."""
    text = raw.decode("utf-8", "replace")
    return [raw, unquote(text).encode(), unquote(unquote(text)).encode()]


def written(haystacks: list[bytes], field: str, value: str, *, hash_is_sent: bool) -> set[str]:
    """The ways in which a declared value stands in the bytes, its own hash where that is sent left out."""
    found = set()
    lowered = [one.lower() for one in haystacks]
    for name, needle in needles(value):
        own = hash_is_sent and name.startswith("sha256")
        if not own and any(needle in one for one in (haystacks if "base64" in name else lowered)):
            found.add(name)
    ways = spellings(field, value)
    sent = [spelled for spelled in ways if len(spelled) in (43, 44, 64)] if hash_is_sent else []
    for spelled in ways:
        if any(digest.startswith(spelled) for digest in sent):
            continue
        if any(spelled.lower().encode() in one for one in lowered):
            found.add(spelled)
    return found


@st.composite
def declaring(draw: st.DrawFn) -> tuple[dict, dict[str, str]]:
    """An event that declares some of what a person is, and has it in other fields, too."""
    luck = random.Random(draw(st.integers(0, 2**32)))
    who = person(luck)
    declared = {name: who[name] for name in draw(st.lists(st.sampled_from(sorted(who)), min_size=1, unique=True))}
    data: dict[str, object] = dict(declared) | {
        "session_id": "s_1",
        "gclid": "EAIaIQ",
        "order_value": 1,
        "currency": "EUR",
    }

    def spelled() -> str:
        name = luck.choice(sorted(declared))
        return luck.choice(spellings(name, declared[name]))

    for name in draw(
        st.lists(st.sampled_from((*TEXTS, *IDS, "page_url", "referrer", "items")), min_size=1, unique=True)
    ):
        if name in ("page_url", "referrer"):
            data[name] = luck.choice(list(URLS.values()))(spelled())
        elif name == "items":
            wrap = luck.choice(list(WRAPS.values()))
            data[name] = [{"item_id": spelled()[:128], "item_name": wrap(spelled()), "price": 1}]
        elif name == "event_id":
            data[name] = spelled().replace(" ", "-")[:128]
        else:
            data[name] = luck.choice(list(WRAPS.values()))(spelled())[: CATALOGUE.by_name[name].max_length]
    return {"event": draw(st.sampled_from(("purchase", "error"))), "data": data}, declared


def leaks(event: dict, declared: dict[str, str]) -> list[tuple]:
    """Destination, field and ways of what is where it may not be."""
    made = plan(event, gate=GATE, headers=GRANTED, address="127.0.0.1")
    decided = decisions(made)
    found = []
    for name, raw in sent_bytes(GATE, made).items():
        kept = keys_of(decided[name].kept)
        for field, value in declared.items():
            ways = written(all_views(raw), field, value, hash_is_sent=f"{field}_hash" in kept)
            if ways:
                found.append((name, field, sorted(ways)))
    return found


@law
@given(declaring())
def test_a_declared_value_is_nowhere_else_in_what_an_event_sends(case):
    """Raw, folded, split, encoded or hashed, in any text, URL, item or identifier, at any kind of destination."""
    assert leaks(*case) == []


def test_a_gate_that_did_not_look_would_be_caught(monkeypatch):
    """The law can fail: without the search, values in every kind of field get out."""
    monkeypatch.setattr(Taint, "find", lambda self, text, **_: [])
    who = person(random.Random(7))
    for name in ("page_title", "user_id", "page_url", "items"):
        value: object = f"Danke {who['first_name']}"
        value = {"page_url": f"/kunde/{who['first_name']}", "items": [{"item_id": "a", "item_name": value}]}.get(
            name, value
        )
        assert leaks({"event": "purchase", "data": {"session_id": "s", **who, name: value}}, who)


@st.composite
def declaring_calls(draw: st.DrawFn, name: str):
    """A seed with what it declares written into its other values, and what that is."""
    seed = draw(st.sampled_from(SEEDS[name]))
    luck = random.Random(draw(st.integers(0, 2**32)))
    native = NAMES[name].decode(seed.call, seed.to, seed.call.body)
    leaves = all_leaves(native)
    declared = {
        (FIELDS[leaf.role], leaf.value)
        for leaf in leaves
        if leaf.role in FIELDS
        and isinstance(leaf.value, str)
        and not leaf.role.endswith("_hash")
        and len(leaf.value) > 5
        and len(leaf.value) < 60
        and leaf.value.isascii()
    }
    # `user@` names a post: such an address is only looked for whole.
    declared = {(field, value) for field, value in declared if field in CONTACTS and not value.startswith("user@")}
    # Numbers are not searched: the end of a telephone number is a price, too.
    kept = (SECRET, STAMP, *FIELDS, *NUMBERS)
    fixed = {str(leaf.value) for leaf in leaves if leaf.role in kept} | {native.account}
    share = draw(st.sampled_from((0.1, 0.3, 0.8)))

    def change(old: str) -> str:
        if not declared or old in fixed or luck.random() >= share:
            return old
        field, value = luck.choice(sorted(declared))
        spelled = luck.choice(spellings(field, value))
        ways = URLS if old.startswith(("http://", "https://", "/")) else WRAPS
        return luck.choice(list(ways.values()))(spelled)

    def extra() -> tuple[str, str]:
        return "zz_extra", "x"

    call = seed.call
    kind = form.content_type(call)
    if kind.startswith(form.MULTIPART) or call.body[:2] == GZIP:
        return seed.to, call, declared
    coded = next((value.decode() for key, value in call.headers if key == b"content-encoding"), "")
    body = coding.decode(call.body, coded, 2**20) if call.body else b""
    text = body.decode("utf-8", "replace")
    body = rewritten(text, change, extra).encode() if text else body
    query = rewritten(call.query, change, extra) if call.query else call.query
    return seed.to, structs.replace(call, query=query, body=coding.encode(body, coded)), declared


def test_many_dialects_have_a_request_that_declares_something():
    """The law below would be empty without."""
    declaring = {
        name
        for name, seeds in SEEDS.items()
        for seed in seeds
        for leaf in all_leaves(NAMES[name].decode(seed.call, seed.to, seed.call.body))
        if FIELDS.get(leaf.role) in CONTACTS and "@" in str(leaf.value)
    }
    assert len(declaring) >= 12, sorted(declaring)


@pytest.mark.parametrize("name", NAMES)
def test_a_declared_value_is_nowhere_else_in_what_a_call_sends(name):
    """Whatever the vendor's words for it are; a batch by what each of its elements declares."""

    @call_law
    @given(declaring_calls(name), st.sampled_from(sorted(GATES)), st.sampled_from([BOTH, ("analytics",)]))
    def holds(case, law_id, granted):
        to, call, declared = case
        made = plan_call(GATES[law_id], to, call, caller(*granted))
        assert made.reason != "internal_error"
        if made.outgoing is None:
            return
        sent = [one.decisions[0] for one in made.plans if one.decisions[0].verdict is not Verdict.BLOCK]
        kept = set().union(*(keys_of(one.kept) for one in sent))
        haystacks = views(everything(made))
        leaves = all_leaves(made.native)
        still = {(FIELDS[leaf.role], leaf.value) for leaf in leaves if leaf.role in FIELDS}
        clear = [str(leaf.value).lower() for leaf in leaves if FIELDS.get(leaf.role, "") + "_hash" in to.kind.clear]
        for field, value in declared & still:
            ways = written(haystacks, field, value, hash_is_sent=f"{field}_hash" in kept)
            # LinkedIn takes names in clear, and a part of an address may be one.
            assert {way for way in ways if way.lower() not in clear} == set(), (field, value)

    holds()


def test_a_flag_that_holds_what_the_call_declares_is_not_passed_on():
    """Flags are mechanics: a consent string has no room for a person."""
    number = "+491711234980"  # its digest begins with letters and digits alone, so that no escape hides it
    digest = base64.b64encode(hashlib.sha256(number.encode()).digest()).decode()[:CUT]
    seed = next(one for one in SEEDS["ga4 /g/collect"] if "tid=G-2LNCGK63HR" in one.call.query)
    page = "v=2&tid=G-2LNCGK63HR&cid=1234567890.1727012345&sid=1727012300&en=page_view"
    query = f"{page}&gcd={{}}&ep.user_data.phone_number={quote(number)}"
    for flag, stays in (("13l3l3l3l1l1", True), (digest, False)):
        call = structs.replace(seed.call, query=query.format(quote(flag, safe="")))
        made = plan_call(GATES["gdpr"], seed.to, call, caller(*BOTH))
        assert made.outgoing is not None and (flag in made.outgoing.url) is stays
