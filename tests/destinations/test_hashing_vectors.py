"""Normal forms and hashes against tests/vectors/hashing.json; each difference is named and explained.

The explanations are in docs/decisions.md, under the same keys.
"""

import json
from pathlib import Path

import pytest

from gatekeeper.destinations import meta_capi, normalise
from gatekeeper.fields import CATALOGUE
from gatekeeper.fields.accept import accept

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "hashing.json").read_text("utf-8"))

# vendor, its field -> our canonical field, and where the vendor's rule for it is
META = {
    "em": "email", "ph": "phone", "fn": "first_name", "ln": "last_name", "db": "date_of_birth", "ge": "gender",
    "ct": "city", "st": "state", "zp": "postal_code", "country": "country", "external_id": "external_id",
}  # fmt: skip
# Not canonical fields: parts of names and dates that only Meta's own SDK can be given.
NOT_CANONICAL = {"f5first", "f5last", "fi", "dobd", "dobm", "doby"}

# (vendor, field, input) -> what we do instead, and why (docs/decisions.md, "Hashing").
DIFFERS = {
    ("meta", "ph", "(650)555-1212"): None,  # no country code and no phone_region: half a number is dropped
    ("meta", "ph", "510 555 0011"): None,
}


def cases():
    for row in VECTORS:
        vendor, field = row["vendor"], row["field"]
        if vendor == "meta" and field in META:
            yield pytest.param(row, META[field], id=f"{vendor}-{field}-{row['input'][:20]!r}")


def ours(row, name):
    """(normal form, hash) as we compute them, from a value as an event brings it."""
    data, _ = accept({name: row["input"]}, CATALOGUE)
    key = CATALOGUE.by_name[name].key
    value = data.get(key)
    if value is None:
        return None, None
    _, normal = meta_capi.HASHED[key]
    text = value.value if value.hashed else normal(value.value)
    return text, normalise.hashed(value, None if value.hashed else text)


@pytest.mark.parametrize(("row", "name"), list(cases()))
def test_the_normal_form_and_its_hash_are_the_vendors(row, name):
    """Same normal form, same hash; what the vendor omits we omit."""
    text, digest = ours(row, name)
    key = (row["vendor"], row["field"], row["input"])
    if key in DIFFERS:
        assert text == DIFFERS[key]
        return
    assert text == row["normalized"]
    if row["sha256"] is not None and "." not in (row["normalized"] or "")[64:65]:
        assert digest == row["sha256"]


def test_every_vector_of_our_kinds_is_run_or_explained():
    """Nothing is left out silently."""
    fields = {row["field"] for row in VECTORS if row["vendor"] == "meta"}
    assert fields - META.keys() <= NOT_CANONICAL


def test_a_number_without_country_code_is_read_in_the_policys_region():
    """With phone_region US, the two cases above become whole numbers."""
    us = CATALOGUE.extended([], "US")
    data, _ = accept({"phone": "(650)555-1212"}, us)
    assert data["phone_hash"].value == "+16505551212"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param("1990-12-31", "19901231", id="iso"),
        pytest.param("12/31/1990", "19901231", id="us"),
        pytest.param("31.12.1990", "19901231", id="german"),
        pytest.param("05/02/1967", "19670502", id="ambiguous-month-first"),
        pytest.param("1990-13-40", None, id="no-month"),
        pytest.param("1990", None, id="a-year"),
        pytest.param("", None, id="empty"),
    ],
)
def test_birth_dates_in_the_usual_spellings(raw, expected):
    """YYYYMMDD or nothing."""
    assert normalise.birth_date(raw) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("de", "de"),
        ("Deutschland", None),
        ("Germany", "de"),
        ("GBR", "gb"),
        ("Côte d'Ivoire", "ci"),
        ("Atlantis", None),
    ],
)
def test_countries_by_code_or_english_name(raw, expected):
    """ISO 3166; what is none is dropped."""
    assert normalise.country(raw) == expected


@pytest.mark.parametrize(
    "raw", ["a@b", "a@@b.co", "a b@c.de", "@b.de", "a.@b.de", "a@b..de", "x" * 300 + "@b.de", "\x00"]
)
def test_what_is_no_address_is_dropped(raw):
    """Never hashed as it is: a wrong hash matches nobody, and still is personal data."""
    assert normalise.email(raw) is None
