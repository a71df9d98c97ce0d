"""Normal forms and hashes against tests/vectors/hashing.json and the vectors that ship with the package.

Each difference is named here and explained in docs/decisions.md.
"""

import json
from pathlib import Path

import pytest

from gatekeeper.fields import CATALOGUE
from gatekeeper.fields.accept import accept
from gatekeeper.testing import hashing_vectors
from gatekeeper.vendors.formats import normalise
from gatekeeper.vendors.google import conversion as google_conversion
from gatekeeper.vendors.meta import events as meta_capi
from gatekeeper.vendors.tiktok import events as tiktok

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "hashing.json").read_text("utf-8"))

# The vendor's field -> ours.
FIELDS = {
    "meta": {
        "em": "email", "ph": "phone", "fn": "first_name", "ln": "last_name", "db": "date_of_birth", "ge": "gender",
        "ct": "city", "st": "state", "zp": "postal_code", "country": "country", "external_id": "external_id",
    },
    "google": {
        "email": "email", "phone_number": "phone", "given_name": "first_name", "family_name": "last_name",
        "region_code": "country", "postal_code": "postal_code",
    },
    "tiktok": {
        "email": "email", "phone": "phone", "external_id": "external_id", "first_name": "first_name",
        "zip_code": "postal_code", "city": "city",
    },
}  # fmt: skip
KIND_OF = {"meta": "meta_capi", "google": "google_ads", "tiktok": "tiktok"}
# kind -> field key -> the vendor's rule: where its hash goes, where it is clear
RULES = {
    "meta_capi": ({key: rule for key, (_, rule) in meta_capi.HASHED.items()}, {}),
    "google_ads": (google_conversion.HASHED, google_conversion.CLEAR),
    "tiktok": (
        {key: rule for key, (_, rule) in tiktok.HASHED.items()},
        {key: rule for key, (_, rule) in tiktok.CLEAR.items()},
    ),
}
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
        if field in FIELDS.get(vendor, ()):
            yield pytest.param(row, FIELDS[vendor][field], id=f"{vendor}-{field}-{row['input'][:20]!r}")


def ours(kind, name, raw):
    """(normal form, hash) as we compute them, from a value as an event brings it; no hash of what goes clear."""
    data, _ = accept({name: raw}, CATALOGUE)
    key = CATALOGUE.by_name[name].key
    value = data.get(key)
    if value is None:
        return None, None
    hashed, clear = RULES[kind]
    if key in clear:
        return (None if value.hashed else clear[key](value.value)), None
    text = value.value if value.hashed else hashed[key](value.value)
    return text, normalise.hashed(value, None if value.hashed else text)


@pytest.mark.parametrize(("row", "name"), list(cases()))
def test_the_normal_form_and_its_hash_are_the_vendors(row, name):
    """Same normal form, same hash; what the vendor omits we omit."""
    text, digest = ours(KIND_OF[row["vendor"]], name, row["input"])
    key = (row["vendor"], row["field"], row["input"])
    if key in DIFFERS:
        assert text == DIFFERS[key]
        return
    assert text == row["normalized"]
    if row["sha256"] is not None and "." not in (row["normalized"] or "")[64:65]:
        assert digest == row["sha256"]


@pytest.mark.parametrize("vendor", FIELDS)
def test_every_vector_of_our_kinds_is_run_or_explained(vendor):
    """Nothing is left out silently."""
    fields = {row["field"] for row in VECTORS if row["vendor"] == vendor}
    assert fields - FIELDS[vendor].keys() <= NOT_CANONICAL


@pytest.mark.parametrize("vector", hashing_vectors(), ids=lambda v: f"{v.kind}-{v.field}-{v.input[:20]!r}")
def test_we_pass_the_vectors_we_ship(vector):
    """Whoever runs them against another tool runs what we run against ours."""
    text, digest = ours(vector.kind, vector.field, vector.input)
    assert (text, digest) == (vector.normal, vector.sha256)


def test_the_shipped_vectors_say_where_they_are_from_and_what_they_mean():
    """A source each, a hash of the normal form, and every rule of every kind at least once."""
    for vector in hashing_vectors():
        assert vector.source
        assert (vector.expected is None) is (vector.normal is None)
        if vector.sha256 and len(vector.normal) < 64:
            assert vector.sha256 == normalise.sha256(vector.normal)
    for kind, (hashed, clear) in RULES.items():
        named = {CATALOGUE.by_name[vector.field].key for vector in hashing_vectors(kind)}
        assert {*hashed, *clear} - named == set(), kind


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


@pytest.mark.parametrize(
    ("raw", "expected"), [("Male", "m"), (" F ", "f"), ("Mrs.", "f"), ("he", "m"), ("other", None), ("", None)]
)
def test_genders_have_two_normal_forms_or_none(raw, expected):
    """Meta takes m and f; other words are dropped, never guessed."""
    assert normalise.gender(raw) == expected
