"""Views of a text: what each character of one stands for, and where it begins in the text itself."""

from __future__ import annotations

import base64

import pytest

from gatekeeper.scrub import packed
from gatekeeper.scrub.detect import find, has_sign
from gatekeeper.scrub.found import Scrubbed, Span, merged, name_of, settled, without
from gatekeeper.scrub.shapes.secret import Secrets, reads_like_words
from gatekeeper.scrub.spellings import dates, name_in, parts_of, spellings
from gatekeeper.scrub.views import (
    View,
    folded,
    folded_text,
    lettered,
    mended,
    plain,
    plain_character,
    unescaped,
)

CHARACTERS = [
    ("a", "a"), ("\ud800", "\ufffd"), ("\u00ad", "\0"), ("\u200b", "\0"), ("\u3164", "\0"), ("\ufe0f", "\0"),
    ("\ufe00", "\0"), ("\ufdff", "\ufdff"), ("\u0663", "3"), ("\uff17", "7"), ("\u2013", "-"), ("\u2212", "-"),
    ("\u00a0", " "), ("\u3000", " "), ("。", "."),
    ("｡", "."), ("․", "."), ("＠", "@"), ("ﬁ", "ﬁ"), ("é", "é"), ("\0", "\0"),
]  # fmt: skip


@pytest.mark.parametrize(("char", "stands_for"), CHARACTERS, ids=[f"{ord(char):04x}" for char, _ in CHARACTERS])
def test_a_character_stands_for_a_plain_one(char: str, stands_for: str) -> None:
    """Digits, dashes, spaces and letters of every width; an invisible one for none."""
    assert plain_character(char) == stands_for


@pytest.mark.parametrize(
    ("text", "view", "starts"),
    [
        ("jane", "jane", None),
        ("jäne", "jäne", None),
        ("ｊane", "jane", None),
        ("ja\u00adne", "jane", [0, 1, 3, 4, 5]),
        ("\u200bx\u200b", "x", [1, 3]),
        ("x\0y", "xy", [0, 2, 3]),
    ],
)
def test_a_folded_view_leads_back_to_the_text(text: str, view: str, starts: list[int] | None) -> None:
    """Whatever is left out of it."""
    assert folded(View(text)) == View(view, starts) and folded_text(text) == view
    places = list(range(10, 10 + len(text) + 1))
    there = folded(View(text, places))
    assert there.text == view
    assert there.starts == (places if starts is None else [places[n] for n in starts])


@pytest.mark.parametrize(
    ("text", "view", "starts"),
    [
        ("JANE", "jane", None),
        ("JÄNE ß ø", "jane s o", None),
        ("Ja\u0308ne", "jane", [0, 1, 3, 4, 5]),
        ("ΣΑΣ", "σασ", None),
        ("王伟", "王伟", None),
    ],
)
def test_letters_are_small_and_without_accents_each_in_its_place(
    text: str, view: str, starts: list[int] | None
) -> None:
    """Combining marks are left out."""
    assert lettered(View(text)) == View(view, starts)
    places = list(range(5, 5 + len(text) + 1))
    assert lettered(View(text, places)).starts == (places if starts is None else [places[n] for n in starts])
    assert len(plain(text)) == len(text)


ESCAPES = [
    ("a%40b", "a@b", [0, 1, 4, 5]),
    ("%C3%A4x", "äx", [0, 6, 7]),
    ("%e4x", "äx", [0, 3, 4]),
    ("%u0040", "@", [0, 6]),
    ("\\u0040\\x41", "@A", [0, 6, 10]),
    ("\\u{1F600}!", "😀!", [0, 9, 10]),
    ("&#64;&#x40;&#X40", "@@@", [0, 5, 11, 16]),
    ("&commat;&amp;&num;", "@&#", [0, 8, 13, 18]),
    ("\\101b", "Ab", [0, 4, 5]),
    ("&#9999999;", "\ufffd", [0, 10]),
    ("&#1114111;", "\U0010ffff", [0, 10]),
]


@pytest.mark.parametrize(("text", "inner", "starts"), ESCAPES, ids=[text for text, *_ in ESCAPES])
def test_one_layer_of_escapes_is_undone(text: str, inner: str, starts: list[int]) -> None:
    """And each character leads back to where it was written."""
    assert unescaped(View(text)) == View(inner, starts)
    places = [n + 7 for n in range(len(text) + 1)]
    assert unescaped(View(text, places)) == View(inner, [n + 7 for n in starts])


@pytest.mark.parametrize("text", ["plain", "100% & more", "a\\b", "%zz", "&copy;"])
def test_a_text_without_an_escape_has_no_other_view(text: str) -> None:
    """A percent sign alone is none."""
    assert unescaped(View(text)) is None


def test_a_span_of_a_view_is_one_of_the_text() -> None:
    """By where its first character and the one behind it begin."""
    assert View("abc").original(Span(1, 2, "x")) == Span(1, 2, "x")
    assert View("abc", [0, 4, 9, 12]).original(Span(1, 3, "x")) == Span(4, 12, "x")
    assert mended("a\ud800b") == "a\ufffdb" and mended("äb") == "äb"


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([], []),
        ([Span(4, 6, "ip"), Span(0, 2, "email")], [Span(0, 2, "email"), Span(4, 6, "ip")]),
        ([Span(0, 4, "phone"), Span(4, 6, "ip")], [Span(0, 4, "phone"), Span(4, 6, "ip")]),
        ([Span(0, 5, "token"), Span(4, 6, "email")], [Span(0, 6, "email")]),
        ([Span(0, 9, "first_name"), Span(4, 6, "last_name")], [Span(0, 9, "last_name")]),
        ([Span(0, 3, "ip"), Span(2, 5, "phone"), Span(4, 8, "jwt")], [Span(0, 8, "jwt")]),
    ],
)
def test_spans_that_overlap_are_one_of_the_most_exact_name(spans: list[Span], expected: list[Span]) -> None:
    """Those that only touch are two."""
    assert merged(spans) == expected
    assert name_of([Span(0, 1, "name"), Span(0, 1, "user"), Span(0, 1, "street")]) == "user"


def test_what_is_found_stands_in_brackets_in_its_place() -> None:
    """Each name is told once, in the order in which it appears."""
    text = without("abcdefgh", [Span(6, 7, "ip"), Span(1, 3, "email"), Span(4, 5, "ip")])
    assert text == Scrubbed("a[email]d[ip]f[ip]h", ("email", "ip")) and without("abc", []) == Scrubbed("abc")


def test_a_text_that_bares_a_shape_again_and_again_goes_whole() -> None:
    """After three more rounds; one that is settled before is as it is then."""

    def rounds(count: int):
        left = iter(range(count))
        return lambda text: (Scrubbed(text + "x", (f"s{len(text)}",)), next(left, None) is not None)

    assert settled("", rounds(0)) == Scrubbed("x", ("s0",))
    assert settled("", rounds(1)) == Scrubbed("xx", ("s0", "s1"))
    assert settled("", rounds(3)) == Scrubbed("xxxx", ("s0", "s1", "s2", "s3"))
    assert settled("", rounds(4)) == Scrubbed("[text]", ("s0", "s1", "s2", "s3", "text"))


SIGNS = [
    ("jane@x", True), ("a%20b", True), ("a\\b", True), ("a&amp;b", True), ("a&b", False), ("j_at_x_dot_de", True),
    ("a_b", False), ("a:b", False), ("a:b:c", True), ("2001", False), ("4242424242424242", True), ("10.0.0.1", True),
    ("/reset/x", True), ("/shop/x", False), ("", False), ("Rose gold ring 750", False), ("/home/jane/x", True),
]  # fmt: skip


@pytest.mark.parametrize(("text", "sign"), SIGNS)
def test_what_may_hold_a_shape_has_a_sign_of_it(text: str, sign: bool) -> None:
    """Usual texts have none: they are not searched."""
    assert has_sign(text) is sign
    assert sign or find(text) == []


def test_what_an_escape_would_hide_is_found_as_it_stands() -> None:
    """Beside what comes out when it is undone."""
    assert find("4242424242424242%31") == [Span(0, 16, "card")]
    assert {span.shape for span in find("4242424242424242%31 a%40b.co")} == {"card", "email"}


def inner(text: str) -> list[tuple[int, int, str, bool]]:
    return list(packed.words(text))


def test_words_are_read_from_each_of_four_places() -> None:
    """Base64 of either alphabet, padded or not, and hexadecimal of an even number of digits."""
    word = base64.b64encode("Jane Doe 1990 ümlaut".encode()).decode()
    assert (0, len(word.rstrip("=")), "Jane Doe 1990 ümlaut", True) in inner(word)
    assert (1, 1 + len(word.rstrip("=")), "Jane Doe 1990 ümlaut", True) in inner(f" {word}")
    assert "Jane Doe 1990 ümlaut" in [one[2][-20:] for one in inner(f"xY{word}")]
    digits = b"Jane Doe".hex()
    assert list(packed.in_hex(f"- {digits}")) == [(2, 2 + len(digits), "Jane Doe", True)]
    assert [one[2] for one in packed.in_hex(f"a{digits}")][1] == "Jane Doe"
    assert list(packed.in_hex("4a616e6520")) == [] and len(list(packed.in_hex("4a616e652044"))) == 1
    assert list(packed.in_hex("ff00ff00ff00")) == [(0, 12, "\ufffd\0\ufffd\0\ufffd\0", False)]
    assert inner("justaplainlowercaseword") == [] == inner("abc") == inner("deadbeefdeadbeef"[:10])


@pytest.mark.parametrize(
    ("word", "text"),
    [("SmFuZQ", "Jane"), ("SmFuZSBE", "Jane D"), ("SmFuZSBEb", "Jane D"), ("AAAA", None), ("w7xtbGF1dA", "ümlaut")],
)
def test_a_word_is_readable_without_control_characters(word: str, text: str | None) -> None:
    """A character that is too many is dropped."""
    assert packed.readable(word) == text


def test_of_a_path_each_part_may_hold_something_and_the_whole_of_it() -> None:
    """The smallest that does is told."""
    seen: list[str] = []

    def holds(text: str, clean: bool) -> str | None:
        seen.append(text)
        return "email" if "jane@x.de" in text and clean else None

    word = base64.b64encode(b"id:jane@x.de;").decode().rstrip("=")
    assert list(packed.find(f"/a/{word}/b", holds)) == [Span(3, 3 + len(word), "email")]
    assert list(packed.find("nothing/of/that", holds)) == []
    assert list(packed.find(b"jane@x.de".hex(), holds)) == [Span(0, 18, "email")]


SPELLED = [
    ("Müller", ["muller", "mueller"]),
    ("Mueller", ["mueller", "muller"]),
    ("Jane", ["jane"]),
    ("Strauß", ["straus", "strauss"]),
    ("Strauss", ["strauss", "straus"]),
    ("Jose\u0301", ["jose"]),
    ("Maes", ["maes"]),
    ("ÅÆØ", ["aao", "aaaeoe"]),
]


@pytest.mark.parametrize(("name", "expected"), SPELLED, ids=[name for name, _ in SPELLED])
def test_umlauts_are_written_out_and_taken_back(name: str, expected: list[str]) -> None:
    """Taken back only in words of six letters and more."""
    assert spellings(name) == expected


def test_a_name_that_is_none_has_no_parts() -> None:
    """A placeholder, or particles alone."""
    assert parts_of("von der Heide-2, 7b") == ["von", "der", "Heide", "2", "7", "b"]
    assert name_in("von der") == [] == name_in("test") == name_in("")
    assert name_in("von der heide") == ["von", "der", "heide"]


DAYS = [
    ("1990-03-07", {("1990", "03", "07"), ("03", "07", "1990"), ("1990", "3", "7"), ("3", "7", "1990"),
                    ("1990", "07", "03"), ("07", "03", "1990"), ("1990", "7", "3"), ("7", "3", "1990")}),
    ("31.12.1990", {("1990", "31", "12"), ("31", "12", "1990"), ("1990", "12", "31"), ("12", "31", "1990")}),
    ("19901231", {("1990", "31", "12"), ("31", "12", "1990"), ("1990", "12", "31"), ("12", "31", "1990")}),
    ("31121990", {("1990", "31", "12"), ("31", "12", "1990"), ("1990", "12", "31"), ("12", "31", "1990")}),
    ("32.1.1990", set()), ("0.1.1990", set()), ("1.0.1990", set()), ("1.1.90", set()), ("1990-1990-1", set()),
    ("1990", set()),
]  # fmt: skip


@pytest.mark.parametrize(("given", "expected"), DAYS, ids=[given for given, _ in DAYS])
def test_a_date_is_looked_for_in_every_order(given: str, expected: set[tuple[str, ...]]) -> None:
    """Padded and not, day and month in either place, the year first or last."""
    found = [tuple(one) for one in dates(given)]
    assert set(found) == expected


WORDS = [
    ("your-email", True), ("step-2", True), ("facebook", True), ("2", True), ("123", True), ("1234", False),
    ("2-3", False), ("2024", False),
    ("2024-review", True), ("12-review", True), ("1234-review", False), ("x7Kq9", False), ("", False),
    ("web2", True), ("HTML", True), ("QXZK", False), ("Checkout", True), ("a", True), ("QX", False), ("ab", True),
    ("bcdfg", False), ("aeio", False),
    ("zürich", True), ("x" * 21, False), ("camelCase", True), ("oauth2", True), ("oauth222", False),
]  # fmt: skip


@pytest.mark.parametrize(("text", "words"), WORDS, ids=[text or "empty" for text, _ in WORDS])
def test_a_segment_of_words_is_told_from_a_code(text: str, words: bool) -> None:
    """Letters in the order of a language, and small numbers beside them."""
    assert bool(reads_like_words(text)) is words


PATHS = [
    ("/reset/x7Kq9aa", [Span(7, 14, "secret")]),
    ("/reset/x7Kq9aa.", [Span(7, 14, "secret")]),
    ("/password-reset/code/x7Kq9aa/b8Lm2", [Span(21, 28, "secret"), Span(29, 34, "secret")]),
    ("/reset/your-email", []),
    ("/reset/", []),
    ("/reset/x7Kq9aa.html", []),
    ("/reset/[token]/x7Kq9aa", [Span(15, 22, "secret")]),
    ("/reset-cards/x7Kq9aa", []),
    ("/vorname/Zqjane", [Span(9, 15, "name")]),
    ("/vorname/[name]", []),
    ("/reset/a%20b", []),
    ("/shop/x7Kq9aa", []),
]


@pytest.mark.parametrize(("text", "expected"), PATHS, ids=[text for text, _ in PATHS])
def test_what_stands_behind_a_word_of_secrets_is_one(text: str, expected: list[Span]) -> None:
    """Until a segment that reads like words, a file's name, or the end."""
    assert list(Secrets().find(text)) == expected
    assert Secrets().suspicious(text) or expected == []


OWN = [
    "/magic-link/x7Kq9aa", "/MAGIC_LINK/x7Kq9aa", "/magiclink/x7Kq9aa", "/schluessel/x7Kq9aa", "/schlussel/x7Kq9aa",
    "/schlüssel/x7Kq9aa",
]  # fmt: skip


@pytest.mark.parametrize("text", OWN)
def test_a_policys_own_words_are_looked_for_too(text: str) -> None:
    """With either of the dashes or none, in any letter case; an umlaut may be written out."""
    own = Secrets(["Magic-Link", "schluessel"])
    assert own.more == {"magic-link", "schluessel"}
    assert [text[span.start : span.end] for span in own.find(text)] == ["x7Kq9aa"]
