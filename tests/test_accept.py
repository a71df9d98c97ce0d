"""What an event's values must be, and how a body is read, value by value: the edges that no other table stands on."""

from __future__ import annotations

import math

import pytest

from gatekeeper.errors import EventError
from gatekeeper.fields import CATALOGUE
from gatekeeper.fields.accept import accept, accept_value, check_of, in_order, sort, unix_time
from gatekeeper.fields.phone import e164, region_of
from gatekeeper.fields.strict import MAX_DEPTH, MAX_VALUES, strict_json

URL, ORDER, VALUE, CURRENCY = "page_url", "transaction_id", "order_value", "currency"
KEY = CATALOGUE.by_name["email"].key


@pytest.mark.parametrize(
    ("name", "value", "clean"),
    [
        (URL, "https://shop.example/größe", "https://shop.example/größe"),
        (URL, " https://shop.example/ü ", "https://shop.example/ü"),
        (URL, "https://shop.example/a b", None),
        (URL, "https://shop.example/\x00ü", None),
        (URL, "", None),
        (ORDER, "", None),
        (ORDER, "  ", None),
        (ORDER, 17, "17"),
        (ORDER, True, None),
        (ORDER, "x" * 10_000, None),
        (ORDER, "x\x01", None),
        (VALUE, 1e15, None),
        (VALUE, -1e12, -1e12),
        (VALUE, -1e12 - 1, None),
        (VALUE, math.inf, None),
        (VALUE, math.nan, None),
        (VALUE, True, None),
        ("navigation_path", ["a", "b"], ("a", "b")),
        ("navigation_path", ["a", 1], None),
        (CURRENCY, "eur", "EUR"),
        (CURRENCY, "   eur   ", "EUR"),
        (CURRENCY, " " * 7 + "eur", None),
        (CURRENCY, "EUX", None),
    ],
)
def test_a_value_is_clean_or_invalid(name: str, value: object, clean: object) -> None:
    """Under its own name, alone or in an event."""
    spec = CATALOGUE.by_name[name]
    assert accept_value(spec, name, value, CATALOGUE) == clean
    assert accept({name: value}, CATALOGUE) == (
        ({}, {spec.key: "invalid"}) if clean is None else ({spec.key: clean}, {})
    )


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (946_684_800, 946_684_800.0),
        (946_684_799, None),
        (32_503_680_000, 32_503_680_000.0),
        (32_503_680_001, None),
        ("2026-11-30T12:00:00+00:00", 1_796_040_000.0),
        ("2026-11-30T12:00:00", None),
        ("3000-01-01T00:00:00+00:00", None),
        ("2026-11-30", None),
        (True, None),
    ],
)
def test_a_time_is_of_this_millennium_and_has_an_offset(value: object, seconds: float | None) -> None:
    """Milliseconds are no seconds, and a local time is no moment."""
    assert unix_time(value) == seconds


def test_everything_that_came_in_is_sorted_and_named_in_its_order() -> None:
    """Unknown, absent, raw beside hashed, invalid."""
    raw = {
        "nonsense": 1,
        CURRENCY: None,
        "email_hash": "a" * 64,
        "email": "jane@example.com",
        "page_title": "x",
        VALUE: "1",
    }
    data, unusable, named = sort(raw, CATALOGUE)
    assert unusable == {"nonsense": "unknown_field", VALUE: "invalid"}
    assert list(named) == ["nonsense", CURRENCY, KEY, "page_title", VALUE]
    assert set(data) == {KEY, "page_title"} and not data[KEY].hashed
    assert in_order(named, data, unusable) == ("nonsense", KEY, "page_title", VALUE)
    assert in_order(named, data | {"gclid": "1"}, unusable) == ("nonsense", KEY, "page_title", VALUE, "gclid")


def test_a_hash_stays_what_it_is() -> None:
    """Raw values are normalised for each vendor; hashes cannot be."""
    email = CATALOGUE.by_name["email"]
    assert accept_value(email, "email", "A" * 64, CATALOGUE).hashed is True
    assert accept_value(email, "email", "jane@example.com", CATALOGUE).hashed is False
    assert accept_value(email, "email_hash", "jane@example.com", CATALOGUE) is None


def test_a_value_of_an_item_that_cannot_be_used_is_named() -> None:
    """The rest of the item stays; what is unknown, and what is invalid, are told apart."""
    data, unusable = accept(
        {"items": [{"item_id": "s1", "quantity": "many", "colour": "red", "price": None}]}, CATALOGUE
    )
    assert data == {"items": ({"item_id": "s1"},)}
    assert unusable == {"items.quantity": "invalid", "items.colour": "unknown_field"}


@pytest.mark.parametrize("price", [1e15, math.inf, math.nan], ids=["huge", "infinite", "no-number"])
def test_a_number_without_a_range_of_its_own_is_finite(price: float) -> None:
    """And below 10 to the 15th: what is larger is not a price."""
    data, unusable = accept({"items": [{"item_id": "s1", "price": price}]}, CATALOGUE)
    assert (data, unusable) == ({"items": ({"item_id": "s1"},)}, {"items.price": "invalid"})


def test_an_event_that_names_a_hash_must_have_one() -> None:
    """An address under the name of its hash would be sent as one."""
    assert accept({"email_hash": "jane@example.com"}, CATALOGUE) == ({}, {KEY: "invalid"})
    data, unusable = accept({"email": "jane@example.com", "email_hash": "junk"}, CATALOGUE)  # beside an address
    assert set(data) == {KEY} and unusable == {}


def test_the_catalogue_says_of_each_field_what_it_is() -> None:
    """Of which type, for which purposes, and whether a quick check is enough."""
    assert {spec.key for spec in CATALOGUE.by_key.values() if spec.type == "url"} == set(CATALOGUE.urls) >= {URL}
    assert all(spec.purposes for spec in CATALOGUE.by_key.values())
    assert all(
        (check_of(spec) is None) == (spec.hashed_as is not None or spec.limited) for spec in CATALOGUE.by_key.values()
    )


@pytest.mark.parametrize(
    ("raw", "region", "number"),
    [
        ("+49 171 1234987", None, "+491711234987"),
        ("0049 171 1234987", None, "+491711234987"),
        ("0171 1234987", "DE", "+491711234987"),
        ("0171 1234987", None, None),
        ("call 0171 1234987", "DE", None),
        ("(212) 555-0123 ext. 7", "US", "+12125550123"),
        ("123456", "DE", None),
        ("+" + "1" * 18, None, None),
    ],
)
def test_a_telephone_number_is_read_by_its_country(raw: str, region: str | None, number: str | None) -> None:
    """Or not at all."""
    assert e164(raw, region) == number


@pytest.mark.parametrize(
    ("countries", "region"),
    [
        (["DE"], "DE"),
        (["Germany", "de"], "DE"),
        (["UK"], "GB"),
        (["DE", "FR"], None),
        (["nowhere"], None),
        ([17, None], None),
        (["DE" + " " * 58], "DE"),
        (["DE" + " " * 59], None),
    ],
)
def test_a_country_is_named_once(countries: list[object], region: str | None) -> None:
    """By its code or its English name; two countries are none."""
    assert region_of(countries) == region


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"{", 400, "the body is not JSON"),
        (b'{"a": 1, "a": 2}', 422, "a: the key is given twice"),
        (b'{"c": 1, "a": 2, "b": 3, "a": 4}', 422, "a: the key is given twice"),
        (b'{"b" : [{"a"\t:\n1, "a" :2}]}', 422, "a: the key is given twice"),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), 422, f"the body is nested deeper than {MAX_DEPTH}"),
        (b"[" + b"1," * MAX_VALUES + b"1]", 422, "the body has too many values"),
    ],
    ids=["no-json", "twice", "twice-behind-others", "twice-inside", "deep", "many"],
)
def test_a_body_that_two_programs_could_read_in_two_ways_is_refused(body: bytes, status: int, message: str) -> None:
    """With what is wrong with it."""
    with pytest.raises(EventError) as caught:
        strict_json(body)
    assert (caught.value.status, str(caught.value)) == (status, message)


@pytest.mark.parametrize("key", ["plain", "a key", "ключ", "x" * 65])
def test_a_key_is_shown_if_it_can_be_nobodys_words(key: str) -> None:
    """Anything may stand in a key; an error names only what looks like one."""
    with pytest.raises(EventError) as caught:
        strict_json(f'{{"{key}": 1, "{key}": 2}}'.encode())
    assert caught.value.field == (key if key == "plain" else "(unprintable key)")


def test_a_body_as_deep_as_may_be_is_read() -> None:
    """And a text that holds what looks like a key is no second one."""
    deep = b"[" * MAX_DEPTH + b"]" * MAX_DEPTH
    assert strict_json(deep) is not None
    assert strict_json(b'{"a": "\\"a\\":", "b": [{"c": 1}, {"c": 2}]}') == {"a": '"a":', "b": [{"c": 1}, {"c": 2}]}
