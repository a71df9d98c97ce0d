"""What a quick look turns away holds nothing: the long way says the same of it."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gatekeeper.scrub import detect, taint, views
from gatekeeper.scrub.detect import DEPTH, find, has_sign, layers
from gatekeeper.scrub.found import Span
from gatekeeper.scrub.meter import UNMETERED
from gatekeeper.scrub.plain import is_plain
from gatekeeper.scrub.shapes import SHAPES, Shapes, token
from gatekeeper.scrub.shapes.secret import SECRETS
from gatekeeper.scrub.views import View, folded
from tests.sizes import sized

_MAY_BE_HASHED = taint.MAY_BE_HASHED
DIGEST = hashlib.sha256(b"jane.doe@example.com").digest()
HEX = DIGEST.hex()
WAYS = (
    HEX, HEX.upper(), HEX[:16], HEX[:15], base64.b64encode(DIGEST).decode(),
    base64.urlsafe_b64encode(DIGEST)[:16].decode(), base64.b64encode(HEX[:18].encode()).decode(),
    HEX[:16].encode().hex(), "".join(f"%{ord(sign):02x}" for sign in HEX[:18]), f"{HEX[:8]}\0{HEX[8:24]}",
    "".join(chr(ord(sign) + 0xFEE0) for sign in HEX[:20]), f"{HEX[:9]}&#x{ord(HEX[9]):x};{HEX[10:20]}",
)  # fmt: skip
TEXTS = st.lists(
    st.one_of(st.sampled_from(WAYS), st.text("abcdefXYZ0123+/_- .:%&", max_size=12)), min_size=1, max_size=3
).map("".join)


@settings(max_examples=sized(600), deadline=None)
@given(TEXTS, st.sampled_from(["email_hash", "phone_hash"]))
def test_a_hash_that_was_declared_is_found_wherever_the_long_search_finds_it(text: str, field: str) -> None:
    """Whole, cut short, in base64, escaped, in other letters: the quick look passes only what holds none."""
    declared = taint.declared([(field, HEX)])
    assert declared is not None
    found = declared.find(text)
    quick = taint.LONG_WORD
    taint.LONG_WORD = taint.MAY_BE_HASHED = re.compile("")
    try:
        assert found == declared.find(text)
    finally:
        taint.LONG_WORD, taint.MAY_BE_HASHED = quick, _MAY_BE_HASHED


def test_the_quick_look_passes_usual_texts() -> None:
    """The law above would be empty without."""
    usual = ("SKU-3456", "https://shop.example/checkout/confirmation", "fb.1.1596403881668.1116446470")
    assert [text for text in usual if taint.MAY_BE_HASHED.search(text)] == []


@pytest.mark.parametrize("opening", ["(", "[", "{"])
@pytest.mark.parametrize("blank", ["", " "])
def test_an_address_that_is_written_out_is_not_settled_by_a_look(opening, blank):
    """Whichever brackets stand around its words."""
    closing = {"(": ")", "[": "]", "{": "}"}[opening]
    at, dot = (f"{blank}{opening}{word}{closing}{blank}" for word in ("at", "dot"))
    text = f"jane{at}x{dot}com"
    assert has_sign(text) and [span.shape for span in find(text)] == ["email"]


HIDDEN = st.lists(
    st.sampled_from(["a@b.co", "@", "a", "b.co", "%40", "&#64;", "1", "4917", "/home/", "~", "é", "＠", "\0", "."]),
    min_size=1,
    max_size=7,
).map(lambda parts: "".join(parts).encode()[:8])
BYTES = st.one_of(HIDDEN, st.binary(min_size=5, max_size=8), st.tuples(st.binary(max_size=2), HIDDEN).map(b"".join))


@settings(max_examples=600, deadline=None)
@example("x_", b"a@b.co\0", "")
@given(st.sampled_from(["", "x_", "id-", "ab", "Z"]), BYTES, st.sampled_from(["", "a", "4", "-x", "0f"]))
def test_a_plain_identifier_holds_nothing_in_hexadecimal(before: str, inner: bytes, after: str) -> None:
    """Its digits may be read from the first or from the second, and hold seven bytes."""
    for word in (inner.hex(), inner.hex().upper()):
        text = f"{before}{word}{after}"
        if is_plain(text):
            assert layers(folded(View(text)), DEPTH, SECRETS, UNMETERED, clean=True) == []


def test_the_time_in_an_identifier_is_not_taken_for_an_address() -> None:
    """The law above would be empty without; an address in hexadecimal is found behind letters, too."""
    assert is_plain("abc1764131200") and is_plain("s-5f3a9c12d4e8")
    assert not is_plain("x_" + b"a@b.co".hex()) and find("x_" + b"a@b.co".hex())


IN_IDENTIFIERS = tuple(find_shape for find_shape in SHAPES if find_shape is not token.find)
HELD = (
    b"a@b.co", b"jane@example.com", "jürgen@straße.de".encode(), "j＠x．de".encode(), b"a@[10.0.0.1]", b'"a b"@c.de',
    b"j_at_x_dot_de", b"x(at)y.de", b"4242 4242 4242 4242", b"4242424242424242", b"DE89370400440532013000",
    b"+49 151 23456789", b"203.0.113.9",
    b"/home/jane/x.py", b"a%40b.co", b"a&#64;b.co", b"sk_live_4eC39HqLyjWDarjtT1zdp7dc", b"password=hunter22", b"@",
    b"b.co", b"eyJhbGciOiJub25lIn0.e30.", b"eyJhbGciOiJIUzI1NiJ9.e30.c2ln",
)  # fmt: skip
INNER = st.lists(st.one_of(st.sampled_from(HELD), st.binary(max_size=9)), min_size=1, max_size=4).map(b"".join)
# Click ids and others of one alphabet: noise, with something planted in any alignment, and beside it as it stands.
PACKED = st.one_of(
    INNER.map(lambda raw: base64.urlsafe_b64encode(raw).decode().rstrip("=")),
    INNER.map(lambda raw: base64.urlsafe_b64encode(base64.urlsafe_b64encode(raw)).decode().rstrip("=")),
    INNER.map(bytes.hex),
    st.sampled_from([held.decode() for held in HELD]),
    st.text("ABCDQabcdz0123456789-_", min_size=1, max_size=40),
    st.sampled_from(["Cj0KCQiA", "IwY2xjawJ", "_aem_", "AKIA", "tel", "_at_", "DE89370400440532013000", "ghp_"]),
)
IDENTIFIERS = st.lists(PACKED, min_size=1, max_size=3).map("".join)


def searched(text: str, shapes: Shapes) -> list[Span]:
    """What the long way finds: no text is passed by a look, at any depth."""
    look, held = detect.looked_for, detect.MAY_HOLD
    detect.looked_for, detect.MAY_HOLD = layers, re.compile("")
    try:
        return layers(folded(View(text)), DEPTH, SECRETS, UNMETERED, clean=True, shapes=shapes)
    finally:
        detect.looked_for, detect.MAY_HOLD = look, held


@settings(max_examples=sized(400), deadline=None)
@example("Cj0KCQiA" + base64.urlsafe_b64encode(b"\xff\x00jane@example.com\x01").decode())
@given(IDENTIFIERS)
def test_an_identifier_is_judged_as_the_long_search_judges_it(text: str) -> None:
    """A click id, too: what is planted in it, in whatever coat and alignment, is found, and nothing else is."""
    for shapes in (SHAPES, IN_IDENTIFIERS):
        assert find(text, shapes=shapes) == searched(text, shapes)


@pytest.mark.parametrize("held", HELD)
def test_what_a_word_that_is_no_text_holds_is_found_in_each_alignment(held: bytes) -> None:
    """The law above, for each of what it plants."""
    for before in (b"\xff\0", b"\xff\xff\0", b"\xff\xff\xff\0"):
        text = base64.urlsafe_b64encode(before + held + b"\1").decode().rstrip("=")
        assert find(text) == searched(text, SHAPES)


def test_characters_that_are_not_folded_stand_for_themselves() -> None:
    """The class by which a text is passed holds no digit, dash, space or letter that folding would change."""
    members = "".join(views.THEMSELVES.findall("".join(map(chr, range(0x110000)))))
    assert len(members) > 40_000 and "\0" not in members
    assert members == "".join(map(views.plain_character, members))
