"""Telephone numbers: read by their own country code, the event's country or the policy's region, and never guessed."""

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.fields import CATALOGUE
from gatekeeper.fields.accept import accept
from gatekeeper.fields.phone import e164, region_of, regions
from tests.laws.test_laws import law


@pytest.mark.parametrize(
    ("raw", "region", "number"),
    [
        pytest.param("0151 23456789", None, None, id="german-mobile"),
        pytest.param("0151 23456789", "DE", "+4915123456789", id="german-mobile-in-germany"),
        pytest.param("138 1234 5678", None, None, id="chinese-mobile"),
        pytest.param("13052345678", None, None, id="chinese-mobile-that-is-one-in-miami-too"),
        pytest.param("(11) 98765-4321", None, None, id="sao-paulo"),
        pytest.param("0812 3456 7890", None, None, id="indonesian"),
        pytest.param("16505551212", None, None, id="eleven-digits"),
        pytest.param("1 (650) 555-1212", None, "+16505551212", id="its-1-apart"),
        pytest.param("1-650-555-1212", None, "+16505551212", id="its-1-apart-with-dashes"),
        pytest.param("0049 151 23456789", None, "+4915123456789", id="00"),
        pytest.param("4915123456789", None, "+4915123456789", id="thirteen-digits"),
        pytest.param("4915123456789", "AT", "+4915123456789", id="whole-in-another-country"),
        pytest.param("+44 +44 7911 123456", None, None, id="two-codes"),
        pytest.param("0151 23456789", "US", None, id="german-in-the-united-states"),
    ],
)
def test_a_number_is_whole_or_nothing(raw, region, number):
    """A hash of a guessed number is somebody else's."""
    assert e164(raw, region) == number


EXAMPLES = {
    region: str(number.national_number)
    for region in sorted(regions())
    if (number := phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)) is not None
    and number.national_number >= 10**7
}


@law
@given(st.sampled_from(sorted(EXAMPLES)), st.integers(0, 9999))
def test_no_countrys_own_mobile_becomes_a_number_of_another_country(region, last):
    """As people write them there, and bare; with the country they are whole."""
    number = phonenumbers.parse(EXAMPLES[region][:-4] + f"{last:04}", region)
    if not phonenumbers.is_valid_number(number):
        return
    national = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
    whole = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    for raw in (national, "".join(filter(str.isdecimal, national)), str(number.national_number)):
        assert e164(raw, None) in (None, whole)
    assert e164(national, region) == whole


@pytest.mark.parametrize(
    ("countries", "region"),
    [
        (["de"], "DE"), (["Germany"], "DE"), (["DEU"], "DE"), (["UK"], "GB"), ([" us "], "US"), (["DE", "DE"], "DE"),
        (["DE", "AT"], None), (["Nowhere"], None), ([None, 5, ""], None), ([], None),
    ],
)  # fmt: skip
def test_the_country_of_an_event(countries, region):
    """In any spelling; several are none."""
    assert region_of(countries) == region


def test_an_event_of_ours_is_read_by_its_country():
    """Before the policy's region; an invalid country is as if it had none."""
    raw = {"phone": "0151 23456789", "country": "Germany"}
    assert accept(raw, CATALOGUE)[0]["phone_hash"].value == "+4915123456789"
    assert accept(raw | {"country": "nowhere"}, CATALOGUE)[1] == {"phone_hash": "invalid"}
    american = CATALOGUE.extended((), "US")
    assert accept(raw, american)[0]["phone_hash"].value == "+4915123456789"


@pytest.mark.parametrize("word", ["undefined", "NULL", "(null)", "None", "(not set)", "[object Object]"])
def test_what_scripts_write_for_nothing_is_no_personal_value(word):
    """Its hash would join all who left the field empty."""
    for name in ("email", "phone", "postal_code", "first_name", "external_id"):
        assert accept({name: word}, CATALOGUE)[0] == {}
