"""Country and subdivision codes from elsewhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.jurisdiction.codes import COUNTRIES, country_code, is_anonymised, region_code


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("DE", "DE"),
        ("de", "DE"),
        (" us ", "US"),
        ("UK", "GB"),
        ("EL", "GR"),
        ("XK", "XK"),
        *((code, None) for code in ("XX", "ZZ", "T1", "EU", "AP", "A1", "O1", "USA", "U", "", "Germany", "D€")),
        ("DE" * 1000, None),
        (None, None),
    ],
)
def test_a_country_is_an_iso_code_or_nothing(text: str | None, expected: str | None) -> None:
    """Codes for unknown, continents and anonymisers are no countries."""
    assert expected == country_code(text)


@pytest.mark.parametrize(
    ("text", "country", "expected"),
    [
        pytest.param("CA", "US", "CA", id="plain"),
        pytest.param("ca", "US", "CA", id="app-engine-lower-case"),
        pytest.param("US-CA", "US", "CA", id="iso-3166-2"),
        pytest.param("USCA", "US", "CA", id="google-load-balancer"),
        pytest.param("UK-ENG", "GB", "ENG", id="synonym-in-the-prefix"),
        pytest.param("DE-BE", "US", None, id="another-countrys"),
        pytest.param("75", "FR", "75", id="digits"),
        pytest.param("California", "US", None, id="name"),
        pytest.param("", "US", None, id="empty"),
        pytest.param("CA", None, None, id="without-country"),
        pytest.param(None, "US", None, id="none"),
    ],
)
def test_a_region_is_the_part_after_the_dash(text: str | None, country: str | None, expected: str | None) -> None:
    """Every platform's spelling of a subdivision comes down to one."""
    assert expected == region_code(text, country)


@pytest.mark.parametrize(("text", "expected"), [("T1", True), ("t1", True), ("A1", True), ("DE", False), (None, False)])
def test_anonymisers_have_codes(text: str | None, expected: bool) -> None:
    """Cloudflare's T1 is Tor."""
    assert expected == is_anonymised(text)


@given(st.text())
def test_no_text_is_an_error(text: str) -> None:
    """Whatever a header holds, the answer is a code or nothing."""
    assert country_code(text) in {*COUNTRIES, None}
    region_code(text, "US")
    is_anonymised(text)
