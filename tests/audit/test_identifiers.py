"""Which spellings are one identifier: of what came in, and of what a search asks for."""

import pytest

from gatekeeper.audit import subjects
from gatekeeper.audit.subjects import KINDS, asked, hashes, identifiers, of_signals, of_values
from gatekeeper.errors import ConfigError
from gatekeeper.installation.ring import Key, KeyRing
from gatekeeper.model import Personal, Signal
from gatekeeper.vendors.formats.normalise import sha256
from tests.builders import RING, said

HASH = sha256("jane@example.com")


def hashed(*texts):
    return tuple(map(sha256, texts))


OF = [
    ("user_id", " U-1 ", (" U-1 ",)),
    ("client_id", "GA1.1.123.456", ("123.456",)),
    ("client_id", "GA11.1.123.456", ("GA11.1.123.456",)),
    ("client_id", "123.456", ("123.456",)),
    ("email", " Jane@Example.com", hashed("jane@example.com")),
    ("email", HASH.upper(), (HASH,)),
    ("email", HASH + ".AbCdEfGh", (HASH,)),
    ("email", Personal(HASH.upper(), hashed=True), (HASH,)),
    ("email", Personal("Jane@example.com", hashed=False), hashed("jane@example.com")),
    ("email", "nothing", ()),
    ("email", "J.ane+shop@gmail.com", hashed("j.ane+shop@gmail.com", "jane@gmail.com")),
    ("email", "jane@googlemail.com", hashed("jane@googlemail.com", "jane@gmail.com")),
    ("email", "jane@gmail.com", hashed("jane@gmail.com")),
    ("email", "+x@gmail.com", hashed("+x@gmail.com")),
    ("phone", "+49 30 901820", hashed("+4930901820")),
    ("phone", "030 901820", ()),
    ("external_id", " C-77 b", hashed("c-77b")),
    ("browser_id", "fb.1.1.2", ("fb.1.1.2",)),
    ("click_id", "fb.1.1700000000000.AbC", ("AbC",)),
    ("click_id", "AbC", ("AbC",)),
    ("session_id", 12, ("12",)),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "value", "references"), OF, ids=[f"{kind}-{n}" for n, (kind, *_) in enumerate(OF)])
def test_a_value_that_came_in_is_known_by_its_normal_forms(kind, value, references):
    """What is no such identifier has none."""
    assert KINDS[kind].of(value) == references
    assert of_values([(kind, value)]) == [(kind, one) for one in references]


ASKED = [
    ("client_id", "GA1.1.123.456", ("123.456", "GA1.1.123.456")),
    ("client_id", "123.456", ("123.456",)),
    ("email", "j.ane@googlemail.com",
     hashed("j.ane@googlemail.com", "jane@gmail.com", "jane@googlemail.com")),
    ("email", "jane@gmail.com", hashed("jane@gmail.com", "jane@googlemail.com")),
    ("email", "jane@example.com", hashed("jane@example.com")),
    ("email", HASH, (HASH,)),
    ("phone", "+49 30 901820", hashed("+4930901820", "4930901820")),
    ("click_id", "fb.1.1700000000000.AbC", ("AbC",)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "value", "references"), ASKED, ids=[f"{kind}-{n}" for n, (kind, *_) in enumerate(ASKED)]
)
def test_a_search_asks_for_every_spelling_that_may_have_been_recorded(kind, value, references):
    """By the option of its kind, which has a word of help."""
    assert KINDS[kind].asked(value) == references
    assert asked({KINDS[kind].option: value, "other": "x"}) == [(kind, one) for one in references]
    assert all(row.help.endswith(".") for row in KINDS.values())


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("email", "jane", "--email: is neither an e-mail address nor 64 hexadecimal digits"),
        ("phone", "1", "--phone: is neither a telephone number with its country code nor 64 hexadecimal digits"),
        ("external_id", " ", "--external-id: is neither an id nor 64 hexadecimal digits"),
    ],
)
def test_what_is_no_such_identifier_is_refused_without_its_value(option, value, said):
    """A typo must not read as "never"."""
    with pytest.raises(ConfigError) as error:
        asked({option: value})
    assert str(error.value) == said


def test_of_signals_the_subject_and_an_id_that_is_no_software_are_the_persons():
    """Each where it is there."""
    signals: list[Signal] = [
        said(subject="v_1"), said(evidence="cmp-7"), said(evidence="uuid"), said(subject="v_2", evidence="e"), said(),
    ]  # fmt: skip
    assert of_signals(signals, lambda text: str(text).startswith("cmp")) == [
        ("consent", "v_1"), ("consent", "uuid"), ("consent", "v_2"), ("consent", "e"),
    ]  # fmt: skip


def test_of_an_event_those_of_always_are_found_and_others_where_they_leave():
    """A refusal must not enlarge what is kept."""
    data = {"user_id": "u", "fbp": "b", "gclid": "c", "page_url": "/"}
    kinds = {"user_id": "user_id", "fbp": "browser_id", "gclid": "click_id", "email": "email"}
    assert identifiers(data, kinds, []) == [("user_id", "u")]
    assert identifiers(data, kinds, [["page_url"], ["gclid"]]) == [("user_id", "u"), ("click_id", "c")]


def test_a_suppressed_person_is_looked_for_under_every_key():
    """By normal forms and by pseudonyms; an id that ends soon leads to no person."""
    ring = KeyRing(RING.signing, (Key("new", b"n" * 32), *RING.pseudonym), (Key("x2", b"y" * 32), *RING.suppression))
    found = hashes(ring, [("user_id", "u"), ("session_id", "s")], ["p_known"])
    assert {"session_id", "cart_id", "order_id"} == subjects.PASSING
    names = ["p_known", *ring.names("user_id", "u")]
    expected = [one for _, one in ring.hidden("user_id", "u")]
    expected += [one for name in names for _, one in ring.hidden(subjects.PSEUDONYM, name)]
    assert found == expected and len(found) == 8
