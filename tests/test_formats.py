"""Formats of fields: what fits is taken, anything else is invalid."""

import pytest

from gatekeeper.errors import ConfigError
from gatekeeper.fields import CATALOGUE
from gatekeeper.fields.accept import accept
from tests.builders import make_policy

FITS = {
    "language": [
        "en",
        "en-US",
        "de_DE",
        "zh-Hans-CN",
        "es-419",
        "ca-ES-valencia",
        "en-US,en;q=0.9,de;q=0.8",
        "en_US.UTF-8",
    ],
    "viewport": ["1440x900", "1440 x 900", "390"],
    "connection_quality": ["4g", "slow-2g", "WiFi", "offline"],
    "device_type": [
        "desktop",
        "Mobile",
        "Smart TV",
        "Chrome Mobile",
        "iPhone 15 Pro",
        "iPhone14,2",
        "SM-G991B",
        "10.15.7",
    ],
    "fbp": ["fb.1.1596403881668.1116446470", "fb.1.1596403881668.1116446470.ABcDEFGh"],
    "fbc": ["fb.1.1554763741205.IwAR2F4-dbP0l7Mn", "fb.1.1554763741205.AbCd.ABcDEFGh"],
    "gclid": ["EAIaIQ", "CjwKCAiA-abc_1", "TeSter-123"],
    "fbclid": ["abc123", "IwAR2F4-dbP0l7Mn"],
    "ttclid": ["E.C.P.abc"],
    "scroll_depth": [0, 25.5, 100],
    "time_on_page": [0, 12_345],
    "order_value": [-149.0, 0, 2_500_000_000],
}
INVALID = {
    "language": ["jane", "Jane Doe", "en-Jane", "my name is Jane", "en-US,Jane"],
    "viewport": ["Jane", "1440x", "12345678x1", "0171x1234567"],
    "connection_quality": ["Jane", "4g Jane"],
    "device_type": ["Jane", "Janes iPhone", "phone of jane"],
    "fbp": ["jane", "fb.1.jane.doe", "fb.1.1596403881668.jane"],
    "fbc": ["IwAR2F4", "fb.1.1657051589577.", "fb.1.1657051589577.fb.1.1657051589577.IwAR", "fb.1.1657051589577.a b"],
    "gclid": ["jane", "Jane", "jane-doe", "jane doe", "jane@example.com"],
    "fbclid": ["janedoe"],
    "ttclid": ["jane.doe"],
    "scroll_depth": [-1, 101, 1e15],
    "time_on_page": [-1, 4_915_112_345_678],
    "order_value": [4_242_424_242_424_242],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in FITS.items() for value in values])
def test_what_fits_is_taken(name, value):
    """As it came."""
    assert accept({name: value}, CATALOGUE) == ({name: value}, {})


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in INVALID.items() for value in values])
def test_what_does_not_fit_is_invalid(name, value):
    """Named with its cause, and never sent."""
    assert accept({name: value}, CATALOGUE) == ({}, {name: "invalid"})


def test_counts_of_items_are_bounded():
    """A quantity is nobody's telephone number."""
    items = [{"item_id": "a", "quantity": 2, "index": 3}, {"item_id": "b", "quantity": 4_915_112_345_678}]
    data, unusable = accept({"items": items}, CATALOGUE)
    assert data == {"items": (items[0], {"item_id": "b"})} and unusable == {"items.quantity": "invalid"}


def test_a_policys_own_field_may_have_a_format():
    """And an expression that is none is said with its field."""
    field = {"purposes": ["analytics"], "format": "[a-z]{2}[0-9]"}
    catalogue = make_policy(fields={"shelf": field}).catalogue
    assert accept({"shelf": "ab1"}, catalogue) == ({"shelf": "ab1"}, {})
    assert accept({"shelf": "jane"}, catalogue) == ({}, {"shelf": "invalid"})
    with pytest.raises(ConfigError, match=r'fields.shelf.format: "\(" is not a regular expression'):
        make_policy(fields={"shelf": field | {"format": "("}})


@pytest.mark.parametrize("word", ["", "a b", "1", "-a", "a/b"])
def test_a_word_of_secret_paths_is_letters(word):
    """What could match anything is refused."""
    with pytest.raises(ConfigError, match="secret_paths"):
        make_policy(policy={"version": "t", "controller": "c", "secret_paths": [word]})
