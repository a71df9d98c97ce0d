"""What is permitted and valid for the vendor arrives under its own name, whatever script and punctuation that has.

For every dialect whose events have names: real requests with another name in them, sent with every consent.
"""

import re
from urllib.parse import urlsplit

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec import structs

from gatekeeper.gate.calls import plan_call
from gatekeeper.model import Call, Outgoing
from gatekeeper.scrub.identifier import personal_shape
from gatekeeper.vendors.dialect import NAME, Unreadable
from gatekeeper.vendors.formats import coding, names
from tests.laws.calls import GATES, NAMES, Seed, all_leaves, rewritten, seeds
from tests.laws.test_call_laws import BOTH, caller, law

EXAMPLES = (
    "Home | Nav", "Step 1, Address", "Viewed Pricing!", "404 Error", "C++ Course", "Sign-up – completed",
    "Clicked > Buy", "Order ✔", "50% off", "Why us?", "User’s cart", "Checkout Completed", "anmeldung_geprüft",
    "購入完了", "Кнопка", "خرید\u200cها", "ख़रीद पूरी", "ซื้อแล้ว", "구매 완료", "👩\u200d💻 hired", "add-to-cart",
    "Order 20261130", "a=b&c=d;e", '{"a": [1]}', "$x[0]",
)  # fmt: skip
WORDS = st.text(
    st.characters(categories=("L", "M", "N", "P", "S", "Zs"), include_characters="\u200c\u200d"),
    min_size=1,
    max_size=40,
)


def called(seed: Seed, dialect, name: str) -> Seed | None:
    """The seed with this name for its events; `None` where it is in a coat that only its SDK can put on."""
    native = dialect.decode(seed.call, seed.to, seed.call.body)
    old = {leaf.value for leaf in all_leaves(native) if leaf.role == NAME}

    def change(value: str) -> str:
        return name if value in old else value

    try:
        body = seed.call.body.decode()
        text = rewritten(body, change, lambda: ("zz", "1")) if body else ""
        query = rewritten(seed.call.query, change, lambda: ("zz", "1")) if seed.call.query else ""
        call = structs.replace(seed.call, query=query, body=text.encode())
        found = dialect.decode(call, seed.to, call.body)
    except (UnicodeDecodeError, Unreadable):
        return None
    told = {leaf.value for leaf in all_leaves(found) if leaf.role == NAME}
    return Seed(seed.to, call) if old and told == {name} else None


def names_sent(dialect, seed: Seed, outgoing: Outgoing | None) -> set[object]:
    """What the events of a request that was built are called, as the vendor reads it."""
    if outgoing is None:
        return set()
    parts = urlsplit(outgoing.url)
    headers = tuple((key.lower().encode(), value.encode("latin-1")) for key, value in outgoing.headers)
    coded = dict(headers).get(b"content-encoding", b"").decode()
    body = coding.decode(outgoing.body, coded, 2**24)
    native = dialect.decode(Call(outgoing.method, parts.path, parts.query, headers, body), seed.to, body)
    return {leaf.value for leaf in all_leaves(native) if leaf.role == NAME}


def sent(dialect, name: str) -> list[set[object]]:
    """Under which names the events of each seed arrive."""
    gate = GATES["gdpr"]
    found = []
    for seed in SEEDS[dialect.NAME]:
        one = called(seed, dialect, name)
        if one is not None:
            found.append(names_sent(dialect, one, plan_call(gate, one.to, one.call, caller(*BOTH)).outgoing))
    return found


def _seeds(dialect) -> list[Seed]:
    """Seeds with a name that is sent as it is: one of each sort."""
    gate, found = GATES["gdpr"], []
    for seed in seeds(dialect):
        one = called(seed, dialect, "Checkout Completed")
        if one is not None and plan_call(gate, one.to, one.call, caller(*BOTH)).outgoing is not None:
            found.append(seed)
    return found[:2]


SEEDS = {name: found for name, dialect in NAMES.items() if (found := _seeds(dialect))}
# Formats whose events have no name of the site's own: requests of a fixed meaning.
NAMELESS = {
    "google_ads /pagead, /ccm", "google_ads /v1/events:ingest", "google_ads :uploadClickConversions",
    "linkedin /rest/conversionEvents",
    "microsoft /action/0", "sentry /envelope/", "posthog /engage/", "posthog /flags/", "x /measurement/conversions",
}  # fmt: skip
named = pytest.mark.parametrize("name", SEEDS)


def test_every_dialect_with_names_is_tried():
    """The laws below would be empty without."""
    assert {name for name in NAMES if name not in SEEDS} == NAMELESS


@named
@pytest.mark.parametrize("event", EXAMPLES)
def test_an_ordinary_name_arrives(name, event):
    """As the sites of bug reports write them."""
    assert sent(NAMES[name], event) == [{event}] * len(SEEDS[name])


@named
@law
@given(WORDS)
def test_any_name_without_a_personal_shape_arrives(name, event):
    """Letters, marks, numbers, punctuation and symbols of every script."""
    assume(names.is_name(event) and personal_shape(event) is None)
    assert sent(NAMES[name], event) == [{event}] * len(SEEDS[name])


@named
@pytest.mark.parametrize(
    "event", ["Bought by jane@example.com", "購入 jane@example.com", "Call +49 151 23456789", "4915123456789"]
)
def test_a_name_with_a_personal_shape_is_not_sent_and_no_event_goes_nameless(name, event):
    """Not the name, and nothing of the event."""
    gate = GATES["gdpr"]
    for seed in SEEDS[name]:
        one = called(seed, NAMES[name], event)
        assert one is not None
        made = plan_call(gate, one.to, one.call, caller(*BOTH))
        assert made.outgoing is None
        assert {plan.decisions[0].reason for plan in made.plans} == {"insufficient_data"}
        assert any("name" in step.why for step in made.plans[0].decisions[0].steps)


def test_the_law_finds_a_rule_for_one_script(monkeypatch):
    """Planted: the pattern that names had before, of ASCII letters first and little punctuation."""
    monkeypatch.setattr(names, "NAME", re.compile(r"(?!(?:.*\d){7})[$\[]?[A-Za-z][A-Za-z0-9_ .:/$()&'-]{0,79}"))
    lost = {name for name in SEEDS for event in EXAMPLES if {event} not in sent(NAMES[name], event)}
    assert lost == set(SEEDS)
