"""A field of the catalogue: what it goes by, which values fit it, and what each type takes, to the last character."""

from __future__ import annotations

import base64

import pytest

from gatekeeper.fields import CATALOGUE, Catalogue, Field, base64url, names, row
from gatekeeper.fields.accept import MAX_ITEMS, Items, accept, accept_value, check_of, sort, unix_time, well_formed
from gatekeeper.fields.phone import regions
from gatekeeper.fields.strict import shown
from gatekeeper.model import Personal, Purpose


def field(**columns) -> Field:
    return Field(**{"name": "x", "purposes": frozenset({Purpose.ANALYTICS}), "type": "text"} | columns)


def clean(value: object, **columns) -> object:
    """What becomes of a value of such a field."""
    one = field(**columns)
    return accept_value(one, one.name, value, Catalogue([one]))


@pytest.mark.parametrize(
    ("columns", "value", "fits"),
    [
        ({}, "anything", True),
        ({"format": "[a-z]+"}, "abc", True),
        ({"format": "[a-z]+"}, "abc1", False),
        ({"format": "[a-z]+"}, ("abc", "de"), True),
        ({"format": "[a-z]+"}, ("abc", "1"), False),
        ({"format": "[a-z]+"}, (), True),
        ({"format": "[a-z]+"}, 7, True),
        ({"format": "[0-9]+", "words": ("red", "blue")}, "Red-12, blue", True),
        ({"format": "[0-9]+", "words": ("red", "blue")}, "red green", False),
        ({"format": "[0-9]+", "words": ("red",)}, "12 / red; (7)+8:9_1", True),
        ({"format": "[0-9()]+", "words": ("red",)}, "12 / red; 7!8", False),
        ({"format": "[0-9]+"}, "1 2", False),
        ({"range": (1, 5)}, 1, True),
        ({"range": (1, 5)}, 5.0, True),
        ({"range": (1, 5)}, 0.99, False),
        ({"range": (1, 5)}, 5.01, False),
        ({"range": (1, 5)}, "text", True),
        ({"range": (1, 5)}, (1, 9), False),
        ({"format": "[a-z]+", "range": (1, 5)}, 9, False),
    ],
)
def test_a_value_fits_format_and_range(columns, value, fits) -> None:
    """Each of several does; where there are words, each part is one of them or of the format."""
    assert field(**columns).fits(value) is fits


def test_a_field_goes_by_its_hash_and_knows_whether_it_is_limited() -> None:
    """By format or range; its words are looked up."""
    assert (field().key, field(hashed_as="x_hash").key) == ("x", "x_hash")
    assert (field().limited, field(format="a").limited, field(range=(1, 2)).limited) == (False, True, True)
    assert field(words=("a", "b", "a")).words == frozenset({"a", "b"}) and field().pattern is None
    assert field(format="a+").pattern.fullmatch("aa") and (field().max_length, field().type) == (512, "text")
    made = row("y", {"purposes": ["marketing", "necessary"], "type": "id", "max_length": 9})
    assert made == Field("y", frozenset({Purpose.MARKETING, Purpose.NECESSARY}), "id", max_length=9)


def test_a_catalogue_knows_its_fields_by_every_name() -> None:
    """And which of them are searched, lead to a person, are hashed, or hold an address."""
    rows = [
        field(name="page", type="url", transform="url"), field(name="mail", hashed_as="mail_hash", identifies="email",
                                                               transform="hash", type="personal"),
        field(name="note", transform="scrub"), field(name="uid", identifies="user_id"), field(name="plain"),
    ]  # fmt: skip
    made = Catalogue(rows, "DE", frozenset({"magic"}))
    assert (made.phone_region, made.secret_paths) == ("DE", {"magic"})
    assert list(made.by_key) == ["page", "mail_hash", "note", "uid", "plain"]
    assert made.by_name["mail"] is made.by_name["mail_hash"] is rows[1] and len(made.by_name) == 6
    assert made.scrubbed == {"page": rows[0], "note": rows[2]} and made.urls == {"page"}
    assert made.identifying == {"mail_hash": "email", "uid": "user_id"} and made.personal == {"mail_hash"}
    more = made.extended([field(name="own"), field(name="plain", type="id")], "FR", frozenset({"w"}))
    assert list(more.by_key) == [*made.by_key, "own"] and more.by_key["plain"].type == "id"
    assert (more.phone_region, more.secret_paths) == ("FR", {"w"})
    bare = made.extended([])
    assert (bare.phone_region, bare.secret_paths, list(bare.by_key)) == (None, frozenset(), list(made.by_key))


VALUES = [
    ("text", "a" * 9, {"max_length": 8}, "a" * 8),
    ("text", "ä" * 9, {"max_length": 8}, "ä" * 8),
    ("text", "a\x01b\nc\td", {}, "a b\nc\td"),
    ("text", "a\ud800", {}, None),
    ("text", 7, {}, None),
    ("texts", "a\x01", {}, "a "),
    ("texts", ["a", "b"], {}, ("a", "b")),
    ("texts", ["a"] * 101, {}, ("a",) * 100),
    ("texts", ["a", None], {}, None),
    ("texts", [], {}, ()),
    ("url", "/" + "a" * 8, {"max_length": 9}, "/" + "a" * 8),
    ("url", "/" + "a" * 9, {"max_length": 9}, None),
    ("url", "/ä\ud800", {}, None),
    ("url", " /a ", {}, "/a"),
    ("url", "/a\n", {}, "/a"),
    ("url", 7, {}, None),
    ("id", 0, {}, "0"),
    ("id", "a" * 8, {"max_length": 8}, "a" * 8),
    ("id", "a" * 9, {"max_length": 8}, None),
    ("id", "ä\x01", {}, None),
    ("id", "ä", {}, "ä"),
    ("id", "\ud800", {}, None),
    ("id", 1.5, {}, None),
    ("number", 0, {}, 0),
    ("number", -999_999_999_999_999.0, {}, -999_999_999_999_999.0),
    ("number", -1e15, {}, None),
    ("number", "1", {}, None),
    ("count", 1_000_000, {}, 1_000_000),
    ("count", 1_000_001, {}, None),
    ("count", -1_000_000, {}, -1_000_000),
    ("count", -1_000_001, {}, None),
    ("count", True, {}, None),
    ("currency", "EUR", {}, "EUR"),
    ("currency", " e", {}, None),
    ("currency", "      eur", {}, "EUR"),
    ("currency", 7, {}, None),
    ("ip", " 203.0.113.9 ", {}, "203.0.113.9"),
    ("ip", "2001:DB8:0:0::1", {}, "2001:db8::1"),
    ("ip", "10.0.0.1", {}, None),
    ("ip", "172.16.0.1", {}, None),
    ("ip", "192.168.1.1", {}, None),
    ("ip", "100.64.0.1", {}, None),
    ("ip", "fc00::1", {}, None),
    ("ip", "127.0.0.1", {}, None),
    ("ip", "169.254.1.1", {}, None),
    ("ip", "224.0.0.1", {}, None),
    ("ip", "0.0.0.0", {}, None),
    ("ip", "nowhere", {}, None),
    ("ip", "203.0.113.9", {"max_length": 11}, "203.0.113.9"),
    ("ip", "203.0.113.9", {"max_length": 10}, None),
    ("ip", 7, {}, None),
    ("time", 1_795_478_400, {}, 1_795_478_400.0),
    ("time", "now", {}, None),
]


@pytest.mark.parametrize(
    ("kind", "value", "columns", "expected"), VALUES, ids=[f"{kind}-{n}" for n, (kind, *_) in enumerate(VALUES)]
)
def test_a_value_of_each_type_is_clean_or_none(kind, value, columns, expected) -> None:
    """Alone, and among an event's."""
    found = clean(value, type=kind, **columns)
    assert (found, type(found)) == (expected, type(expected))
    one = field(type=kind, **columns)
    assert check_of(one)(value, one) == expected
    assert accept({"x": value}, Catalogue([one])) == (
        ({}, {"x": "invalid"}) if expected is None else ({"x": expected}, {})
    )


@pytest.mark.parametrize(
    ("value", "time"),
    [
        ("2026-11-24T00Z", 1_795_478_400.0),
        ("2026-11-24T00:00:00.000000000000000+0000"[:40], 1_795_478_400.0),
        ("2026-11-24", None),
        ("2999-12-31T23:59:59Z", 32_503_679_999.0),
        (1.5, None),
        (None, None),
    ],
)
def test_a_moment_is_written_with_its_offset(value, time) -> None:
    """In at most forty characters."""
    found = unix_time(value)
    assert found == time or (isinstance(value, str) and len(value) == 40 and found is None)


HASH = "ab" * 32
PERSONAL = [
    ("mail", " Jane@Example.com ", Personal(" Jane@Example.com ", hashed=False)),
    ("mail", 12345, Personal("12345", hashed=False)),
    ("mail", True, None),
    ("mail", 1.5, None),
    ("mail", "  ", None),
    ("mail", "Undefined", None),
    ("mail", " null ", None),
    ("mail", "a\ud800", None),
    ("mail", "a" * 80, Personal("a" * 80, hashed=False)),
    ("mail", "a" * 81, None),
    ("mail", HASH.upper(), Personal(HASH, hashed=True)),
    ("mail", f" {HASH} ", Personal(HASH, hashed=True)),
    ("mail", f"{HASH}.Ab", Personal(f"{HASH}.Ab", hashed=True)),
    ("mail", f"{HASH}.AbCdEfGh", Personal(f"{HASH}.AbCdEfGh", hashed=True)),
    ("mail_hash", HASH, Personal(HASH, hashed=True)),
    ("mail_hash", f"{HASH}.AbC", None),
    ("mail_hash", "jane@example.com", None),
]


@pytest.mark.parametrize(
    ("name", "value", "expected"), PERSONAL, ids=[f"{name}-{n}" for n, (name, *_) in enumerate(PERSONAL)]
)
def test_a_personal_value_is_raw_or_a_hash(name, value, expected) -> None:
    """What scripts write for nothing is none; as long as a hash is any value may be."""
    one = field(name="mail", type="personal", hashed_as="mail_hash", max_length=40)
    assert accept_value(one, name, value, Catalogue([one])) == expected
    data, unusable = accept({name: value}, Catalogue([one]))
    assert (data, unusable) == (({}, {"mail_hash": "invalid"}) if expected is None else ({"mail_hash": expected}, {}))


def test_a_telephone_number_is_read_once_by_the_country_there_is() -> None:
    """The event's own before the policy's; a number that is none is invalid."""
    phone = CATALOGUE.by_name["phone"]
    german = CATALOGUE.extended([], "DE")
    number = Personal("+4930901820", hashed=False)
    assert accept_value(phone, "phone", "030 901820", german) == number
    assert accept_value(phone, "phone", "030 901820", CATALOGUE, "DE") == number
    assert accept_value(phone, "phone", "030 901820", CATALOGUE) is None
    assert sort({"phone": "030 901820"}, german)[0] == {phone.key: number}
    paris = sort({"phone": "01 42 68 53 00", "country": "France"}, german)[0][phone.key]
    assert paris == Personal("+33142685300", hashed=False)
    assert sort({"phone": "030 901820", "country": "nowhere"}, german)[0][phone.key] == number
    assert {"DE", "US", "FR"} <= regions() and "XX" not in regions()


def test_what_came_raw_goes_before_what_came_hashed() -> None:
    """In either order; an absent value is none of both."""
    one = Catalogue([field(name="mail", type="personal", hashed_as="mail_hash")])
    raw = Personal("a@b.co", hashed=False)
    for event in ({"mail": "a@b.co", "mail_hash": HASH}, {"mail_hash": HASH, "mail": "a@b.co"}):
        assert sort(event, one)[0] == {"mail_hash": raw}
    assert sort({"mail": None, "mail_hash": HASH}, one)[:2] == ({"mail_hash": Personal(HASH, hashed=True)}, {})
    assert sort({"mail": "a@b.co", "mail_hash": "x"}, one)[:2] == ({"mail_hash": raw}, {})


ITEMS = field(type="items", keys={"id": "id", "price": "number"})


@pytest.mark.parametrize(
    ("value", "rows", "lost"),
    [
        ([{"id": 1, "price": 2}], ({"id": "1", "price": 2},), {}),
        ([{"id": 1}, {"price": None}], ({"id": "1"},), {}),
        ([{"id": 1}, {"price": "x", "a b": 1, "ok": None}], ({"id": "1"},),
         {"items.price": "invalid", "items.(unprintable name)": "unknown_field", "items.ok": "unknown_field"}),
        ([{"id": 1}] * MAX_ITEMS, ({"id": "1"},) * MAX_ITEMS, {}),
    ],
    ids=["whole", "empty-one", "lost", "most"],
)  # fmt: skip
def test_items_keep_what_is_known_and_name_the_rest(value, rows, lost) -> None:
    """An item of which nothing is left is none."""
    found = accept_value(ITEMS, "x", value, Catalogue([ITEMS]))
    assert isinstance(found, Items) and (found.rows, dict(found.lost)) == (rows, lost)
    assert sort({"x": value}, Catalogue([ITEMS]))[:2] == ({"x": rows}, lost)


@pytest.mark.parametrize("value", [{}, [], [1], [{}], [{"id": 1}, 7], [{"id": 1}] * (MAX_ITEMS + 1), [{"price": None}]])
def test_what_are_no_items_is_invalid(value) -> None:
    """Each is an object, and there are 200 at most."""
    assert accept_value(ITEMS, "x", value, Catalogue([ITEMS])) is None


NAMES = [
    ("colour", True), ("_a.b$c-d9", True), ("a" * 64, True), ("a" * 65, False), ("9a", False), ("a b", False),
    ("", False),
    ("größe", False), ("a12345", True), ("a123456", False), ("a1.2.3.4", False), ("v1.2.3", True),
    ("x" + base64.urlsafe_b64encode(b"jane@example").decode(), True),
    (base64.urlsafe_b64encode(b"jane@example.com").decode().rstrip("="), False),
    (b"jane doe!".hex(), False), ("thequickbrownfoxjumps", True),
]  # fmt: skip


@pytest.mark.parametrize(("name", "printable"), NAMES, ids=[name[:20] or "empty" for name, _ in NAMES])
def test_a_name_that_may_be_a_value_is_not_told(name, printable) -> None:
    """Numbers as long as a telephone's, addresses, and texts in base64 or hexadecimal."""
    assert names.printable(name) == (name if printable else names.UNPRINTABLE)


@pytest.mark.parametrize(
    ("key", "told"),
    [("a", True), ("_a.b-c9", True), ("a" * 64, True), ("a" * 65, False), ("9", False), ("ü", False), ("", False)],
)
def test_a_key_of_an_error_is_one_that_a_program_would_choose(key, told) -> None:
    """Else it is not repeated."""
    assert shown(key) == (key if told else "(unprintable key)")


def test_base64_for_addresses_has_no_padding_and_one_spelling() -> None:
    """What is written is read; anything else is refused."""
    for data in (b"", b"a", b"ab", b"abc", bytes(range(256))):
        text = base64url.write(data)
        assert "=" not in text and base64url.read(text) == data
    assert base64url.write(b"\xfb\xff") == "-_8"
    for bad in ("a", "a+b/", "YQ==", "YR", "ü"):
        with pytest.raises(ValueError):
            base64url.read(bad)
    with pytest.raises(ValueError, match=r"^the text is not base64url as it is written here$"):
        base64url.read("YR")
    assert well_formed("ä") and well_formed("a") and not well_formed("\udc00")
