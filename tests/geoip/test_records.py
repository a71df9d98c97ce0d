"""What the schemas in the wild say of a place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.geoip.records import found
from gatekeeper.model import Found


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        pytest.param({"country": {"iso_code": "DE"}}, Found("DE"), id="geoip2-country"),
        pytest.param(
            {"country": {"iso_code": "GB"}, "subdivisions": [{"iso_code": "ENG"}, {"iso_code": "WBK"}]},
            Found("GB", "ENG"),
            id="geoip2-city-takes-the-largest-subdivision",
        ),
        pytest.param(
            {"country": {"iso_code": "US"}, "subdivisions": [{"names": {"en": "Texas", "de": "Texas"}}]},
            Found("US", "TX"),
            id="db-ip-names-only",
        ),
        pytest.param(
            {"country": {"iso_code": "CA"}, "subdivisions": [{"names": {"en": "Quebec"}}]},
            Found("CA", "QC"),
            id="quebec",
        ),
        pytest.param(
            {"country": {"iso_code": "DE"}, "subdivisions": [{"names": {"en": "Bavaria"}}]},
            Found("DE"),
            id="other-names",
        ),
        pytest.param({"country_code": "US", "state1": "New York", "state2": ""}, Found("US", "NY"), id="flat"),
        pytest.param({"country_code": "FR"}, Found("FR"), id="flat-country"),
        pytest.param({"country": {"iso_code": "US"}, "subdivisions": []}, Found("US"), id="no-subdivision"),
        pytest.param({"registered_country": {"iso_code": "PL"}}, None, id="registration-is-no-location"),
        pytest.param(
            {"country": {"iso_code": "US"}, "traits": {"is_anycast": True}},
            Found("US", None, True),
            id="anycast",
        ),
        pytest.param(
            {"country": {"iso_code": "US"}, "traits": {"is_anonymous_proxy": False}},
            Found("US"),
            id="flag-is-false",
        ),
        pytest.param({"is_anonymous": True, "is_tor_exit_node": True}, Found(None, None, True), id="anonymous-ip"),
        pytest.param({"is_anonymous": False}, None, id="anonymous-ip-without-a-flag"),
        pytest.param({"autonomous_system_number": 64496}, None, id="asn"),
        pytest.param({"country": {"iso_code": ""}}, None, id="empty-code"),
        pytest.param({"country": {"iso_code": 7}}, None, id="number-for-code"),
        pytest.param({"country": "DE"}, None, id="text-for-country"),
        pytest.param({"country": {"iso_code": "US"}, "subdivisions": ["TX"]}, Found("US"), id="text-for-subdivision"),
        pytest.param(None, None, id="nothing"),
        pytest.param([], None, id="a-list"),
    ],
)
def test_a_record(record: object, expected: Found | None) -> None:
    """Country, subdivision and anonymiser, whatever the schema."""
    assert found(record) == expected


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.sampled_from(["US", "Texas"]),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(
                st.sampled_from(
                    ["country", "iso_code", "subdivisions", "names", "en", "traits", "country_code", "state1"]
                ),
                inner,
            )
        ),
    )
)
def test_no_record_is_an_error(record: object) -> None:
    """A foreign record says nothing."""
    answer = found(record)

    assert answer is None or answer.anonymised or isinstance(answer.country, str)
