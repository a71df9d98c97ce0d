"""Where the visitor is, how that was known, and which laws follow."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.jurisdiction.codes import COUNTRIES
from gatekeeper.jurisdiction.networks import parse_list
from gatekeeper.jurisdiction.place import locate
from gatekeeper.model import Found, Place
from tests.jurisdiction.builders import NOW, TABLE, ids

MAP = {
    "89.160.20.112": Found("SE", "E"),
    "2.125.160.216": Found("GB", "ENG"),
    "216.160.83.56": Found("US", "WA"),
    "24.48.0.1": Found("CA", "QC"),
    "24.100.0.1": Found("CA", "ON"),
    "73.1.2.3": Found("US"),
    "2a02:d180::1": Found("DE"),
    "81.2.69.1": Found("GB", None, anonymised=True),
    "1.2.0.1": Found(None, None, anonymised=True),
    "5.5.5.5": Found("XX"),
    "6.6.6.6": Found("EU"),
    "7.7.7.7": Found("T1"),
    "8.8.8.8": Found("US", "CA"),
    "10.0.0.1": Found("DE"),
    "203.0.113.9": Found("DE"),
}


def place(address: str | None = None, how: str = "address", **more: Any) -> Place:
    """`locate` with a dict for a database."""
    return locate(address=address, how=how, lookup=MAP.get, table=TABLE, at=NOW, **more)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        pytest.param("89.160.20.112", ("SE", "E", "address", ["gdpr"]), id="sweden"),
        pytest.param("::ffff:89.160.20.112", ("SE", "E", "address", ["gdpr"]), id="mapped"),
        pytest.param("2a02:d180:0::1", ("DE", None, "address", ["gdpr"]), id="ipv6-any-spelling"),
        pytest.param("216.160.83.56", ("US", "WA", "address", ["us", "mhmda", "coppa"]), id="washington"),
        pytest.param("73.1.2.3", ("US", None, "address", ["us-strict", "us", "coppa"]), id="state-unknown"),
        pytest.param("24.48.0.1", ("CA", "QC", "address", ["law25", "pipeda"]), id="quebec"),
        pytest.param("9.9.9.1", (None, None, "unknown", ["strictest"]), id="not-in-the-database-or-anycast"),
        pytest.param("91.1.1.1", (None, None, "unknown", ["strictest"]), id="a-miss"),
        pytest.param("5.5.5.5", (None, None, "unknown", ["strictest"]), id="code-for-unknown"),
        pytest.param("6.6.6.6", (None, None, "unknown", ["strictest"]), id="code-for-a-continent"),
        pytest.param("7.7.7.7", (None, None, "anonymised", ["strictest"]), id="code-for-tor"),
        pytest.param("81.2.69.1", (None, None, "anonymised", ["strictest"]), id="database-says-vpn"),
        pytest.param("1.2.0.1", (None, None, "anonymised", ["strictest"]), id="anonymous-ip-database"),
        pytest.param("8.8.8.8", (None, None, "unknown", ["strictest"]), id="anycast-whatever-the-database-says"),
        pytest.param("203.0.113.9", (None, None, "unknown", ["strictest"]), id="reserved-whatever-it-says"),
        pytest.param("10.0.0.1", (None, None, "local", ["strictest"]), id="private-without-default"),
        pytest.param("garbage", (None, None, "unknown", ["strictest"]), id="garbage"),
        pytest.param(None, (None, None, "unknown", ["strictest"]), id="no-address"),
    ],
)
def test_a_place_by_address(address: str | None, expected: tuple[str | None, str | None, str, list[str]]) -> None:
    """What the database knows counts; everything else is unknown and strict."""
    found = place(address)

    assert expected == (found.country, found.region, found.how, ids(found.laws))


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.0.0.1", "192.168.7.7", "fd00::1", "::ffff:127.0.0.1"])
def test_default_is_for_local_peers(address: str) -> None:
    """Development and tests say which law they want to see."""
    found = place(address, default="vcdpa", always=("gdpr",))

    assert (
        found.country,
        found.region,
        found.how,
        ids(found.laws),
    ) == (None, None, "local", ["gdpr", "vcdpa"])


@pytest.mark.parametrize("address", [None, "91.1.1.1", "203.0.113.9", "8.8.8.8", "81.2.69.1", "100.64.0.1", "x"])
def test_default_is_for_nobody_else(address: str | None) -> None:
    """A public visitor whose place is unknown never gets the development law."""
    assert ids(place(address, default="coppa").laws) == ["strictest"]


@pytest.mark.parametrize(
    ("how", "declared", "expected"),
    [
        pytest.param("context", ("FR", None), ("FR", None, "context", ["gdpr"]), id="signed-context"),
        pytest.param("caller", ("US", "TX"), ("US", "TX", "caller", ["us", "tdpsa", "coppa"]), id="caller"),
        pytest.param("cdn", ("uk", "ENG"), ("GB", "ENG", "cdn", ["ukgdpr"]), id="edge-synonym"),
        pytest.param("cdn", ("US", "USTX"), ("US", "TX", "cdn", ["us", "tdpsa", "coppa"]), id="edge-google"),
        pytest.param("cdn", ("T1", None), (None, None, "anonymised", ["strictest"]), id="tor"),
        pytest.param("cdn", ("XX", None), (None, None, "unknown", ["strictest"]), id="edge-does-not-know"),
        pytest.param("cdn", ("US,DE", None), (None, None, "unknown", ["strictest"]), id="contradiction"),
        pytest.param("context", (None, None), (None, None, "unknown", ["strictest"]), id="nothing-in-the-context"),
        pytest.param("caller", (None, "TX"), (None, None, "unknown", ["strictest"]), id="region-alone"),
        pytest.param("caller", ("' OR 1=1 --" * 99, "\x00"), (None, None, "unknown", ["strictest"]), id="garbage"),
    ],
)
def test_a_declared_place(
    how: str, declared: tuple[str | None, str | None], expected: tuple[str | None, str | None, str, list[str]]
) -> None:
    """Without a visitor's address, what an edge, a signed context or an authenticated caller says counts."""
    found = place(None, how, declared=declared)

    assert expected == (found.country, found.region, found.how, ids(found.laws))


@pytest.mark.parametrize(
    ("address", "declared", "expected"),
    [
        pytest.param("89.160.20.112", ("SE", None), ("SE", "E", "address", ["gdpr"]), id="agreement"),
        pytest.param("73.1.2.3", ("US", "TX"), ("US", "TX", "address", ["us", "tdpsa", "coppa"]), id="two-halves"),
        pytest.param("24.100.0.1", ("CA", None), ("CA", "ON", "address", ["pipeda"]), id="two-halves-the-other-way"),
        pytest.param("24.100.0.1", ("CA", "QC"), ("CA", "ON", "address", ["law25", "pipeda"]), id="provinces-differ"),
        pytest.param(
            "216.160.83.56",
            ("DE", None),
            ("US", "WA", "address", ["gdpr", "us", "mhmda", "coppa"]),
            id="countries-differ",
        ),
        pytest.param(
            "89.160.20.112",
            ("XX", None),
            ("SE", "E", "address", ["strictest", "gdpr"]),
            id="edge-does-not-know",
        ),
        pytest.param("89.160.20.112", ("T1", None), (None, None, "anonymised", ["strictest"]), id="edge-says-tor"),
        pytest.param("81.2.69.1", ("DE", None), (None, None, "anonymised", ["strictest"]), id="database-says-vpn"),
        pytest.param("91.1.1.1", ("DE", None), ("DE", None, "cdn", ["gdpr"]), id="address-says-nothing"),
        pytest.param("10.0.0.1", ("DE", None), ("DE", None, "cdn", ["gdpr"]), id="private-address"),
        pytest.param("10.0.0.1", ("XX", None), (None, None, "unknown", ["strictest"]), id="private-and-unknown"),
    ],
)
def test_an_address_and_a_declared_place(
    address: str, declared: tuple[str, str | None], expected: tuple[str | None, str | None, str, list[str]]
) -> None:
    """Two witnesses: where they differ, both places' laws apply."""
    found = place(address, "cdn", declared=declared, default="coppa")

    assert expected == (found.country, found.region, found.how, ids(found.laws))


def test_residence_adds_laws_and_moves_nothing() -> None:
    """A Swede in Washington is under both; the place stays where the visitor is."""
    found = place("216.160.83.56", residence=("SE", None))

    assert (found.country, found.region, ids(found.laws)) == ("US", "WA", ["gdpr", "us", "mhmda", "coppa"])


def test_residence_never_relaxes() -> None:
    """Saying that one lives in Japan does not take the strictest law from an unknown place."""
    assert ids(place(None, residence=("JP", None)).laws) == ["strictest", "appi"]


def test_a_residence_nobody_understands_is_strict() -> None:
    """What cannot be decided is denied."""
    assert ids(place("89.160.20.112", residence=("Elsewhere", None)).laws) == ["strictest", "gdpr"]
    assert ids(place("89.160.20.112", residence=(None, None)).laws) == ["gdpr"]


def test_always_holds_for_everybody() -> None:
    """A controller established in the EU is under the GDPR for every visitor."""
    found = place("216.160.83.56", always=("gdpr", "gdpr", "ukgdpr"))

    assert ids(found.laws) == ["gdpr", "ukgdpr", "us", "mhmda", "coppa"]


def test_relays_and_exits_of_the_policy_are_anonymised() -> None:
    """Published ranges outrank the database and whatever is declared."""
    relays = parse_list("jurisdiction.relays", "89.160.20.0/24,SE,,,\n")
    found = place("89.160.20.112", "cdn", suspicious=relays.__contains__, declared=("SE", None))

    assert (
        found.country,
        found.region,
        found.how,
        ids(found.laws),
    ) == (None, None, "anonymised", ["strictest"])


def test_the_lookup_is_asked_for_canonical_public_addresses_only() -> None:
    """Local, reserved and garbled addresses never reach the database."""
    asked: list[str] = []

    def lookup(address: str) -> None:
        asked.append(address)

    for address in (
        "::ffff:89.160.20.112",
        "2A02:d180::0001",
        "10.0.0.1",
        "203.0.113.9",
        "1.1.1.1",
        "x",
        None,
    ):
        locate(address=address, how="address", lookup=lookup, table=TABLE, at=NOW)

    assert asked == ["89.160.20.112", "2a02:d180::1"]


TOLD = st.one_of(
    st.none(),
    st.tuples(
        st.one_of(
            st.none(),
            st.sampled_from(sorted(COUNTRIES)),
            st.sampled_from(["XX", "T1", "EU", "us"]),
            st.text(),
        ),
        st.one_of(st.none(), st.sampled_from(["CA", "QC", "US-TX"]), st.text()),
    ),
)
KNOWN = st.one_of(st.none(), st.sampled_from([*MAP, "91.1.1.1", "::1"]), st.text())


@given(KNOWN, TOLD, TOLD, st.sampled_from([(), ("gdpr",), ("nonsense", "dpdp")]))
def test_whatever_comes_there_is_a_place_and_more_never_means_less(
    address: str | None,
    declared: tuple[str | None, str | None] | None,
    residence: tuple[str | None, str | None] | None,
    always: tuple[str, ...],
) -> None:
    """No input is an error; residence and `always` only add laws, and never move the place."""
    bare = place(address, "cdn", declared=declared)
    full = place(address, "cdn", declared=declared, residence=residence, always=always)

    assert bare.laws
    assert set(ids(bare.laws)) <= set(ids(full.laws))
    assert (bare.country, bare.region, bare.how) == (full.country, full.region, full.how)
    assert full.how in {"address", "cdn", "local", "anonymised", "unknown"}
    assert (full.country is None) == (full.how in {"local", "anonymised", "unknown"})


@given(st.sampled_from(sorted(MAP)), TOLD)
def test_an_edges_header_never_removes_the_addresss_laws(
    address: str, declared: tuple[str | None, str | None] | None
) -> None:
    """Beside an address that names a whole place, an edge only adds, unless it says Tor: stricter."""
    alone = place(address)
    both = place(address, "cdn", declared=declared)

    if alone.how == "address" and both.how == "address" and alone.region is not None:
        assert set(ids(alone.laws)) <= set(ids(both.laws))
