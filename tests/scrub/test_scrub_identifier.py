"""Identifiers that are no identifiers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.scrub import personal_shape
from gatekeeper.scrub.detect import find

PERSONAL = [
    ("jane@example.com", "email"),
    ("user:Jane.Doe@Example.com", "email"),
    ("jane%40example.com", "email"),
    ("amFuZUBleGFtcGxlLmNvbQ", "email"),
    ("+4930231250012", "phone"),
    ("0176 04069012", "phone"),
    ("4242424242424242", "card"),
    ("203.0.113.9", "ip"),
    ("2001:db8::1", "ip"),
    ("DE89370400440532013000", "iban"),
    ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3In0.c2lnbmF0dXJl", "jwt"),
    ("sk_" + "live_51H0exampleexample", "key"),
]


@pytest.mark.parametrize(("value", "shape"), PERSONAL)
def test_an_identifier_with_a_personal_shape_is_named(value: str, shape: str) -> None:
    """The caller strips it as invalid."""
    assert shape == personal_shape(value)


OPAQUE = [
    "U-77",
    "1234567890.1700000000",
    "GA1.1.1234567890.1700000000",
    "fb.1.1596403881668.1116446470",
    "fb.1.1554763741205.IwAR2F4-dbP0l7Mn1IawQQGCINEz7PYXQvwjNwB_qa2ofrHyiLjcbCRxTDMgk",
    "550e8400-e29b-41d4-a716-446655440000",
    "0c8f2e1a9b7d4c3e8f1a2b3c4d5e6f70",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "k3x9f0q7m2w8z1p5v6n4c0b2a9s8d7f6",
    "2F7h37YkS1j57AYSKTI7IHhJPYH",
    "2026112300042",
    "",
]


@pytest.mark.parametrize("value", OPAQUE)
def test_a_random_identifier_is_none(value: str) -> None:
    """Session ids, client ids and digests are random on purpose."""
    assert personal_shape(value) is None


@given(st.integers(1_500_000_000, 1_999_999_999))
def test_a_time_in_seconds_is_passed_at_a_glance(seconds: int) -> None:
    """The whole search would find nothing either."""
    assert personal_shape(str(seconds)) is None
    assert {span.shape for span in find(str(seconds))} <= {"token"}
