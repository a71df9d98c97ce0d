"""The builder of the bundled database."""

from __future__ import annotations

import importlib.util
import sys
from ipaddress import ip_address, ip_network
from pathlib import Path
from types import ModuleType

import maxminddb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.geoip.database import Database
from gatekeeper.model import Found
from tests.geoip.builders import JUNE, write_mmdb
from tests.sizes import sized

ROOT = Path(__file__).parents[2]


def _builder() -> ModuleType:
    spec = importlib.util.spec_from_file_location("geoip_build", ROOT / "geoip" / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


build = _builder()


def us(state: str) -> dict[str, object]:
    """A record of DB-IP's schema."""
    return {
        "country": {"iso_code": "US"},
        "subdivisions": [{"names": {"en": state}}],
        "city": {"names": {"en": "X"}},
    }


def built(tmp_path: Path, *sources: Path) -> Database:
    """Build from sources and open the result."""
    path = tmp_path / "built.mmdb"
    path.write_bytes(build.build(sources))
    return Database(path)


def test_countries_and_the_subdivisions_of_two(tmp_path: Path) -> None:
    """Subdivisions other than those of the US and Canada are left out."""
    database = built(tmp_path, write_mmdb(tmp_path / "city.mmdb"))

    assert database.found("216.160.83.57") == Found("US", None)  # a /29 in a /24 of nothing else
    assert database.found("89.160.20.113") == Found("SE")
    assert database.found("2a02:d180::1") == Found("DE")
    assert database.found("2a02:d500::1") is None
    assert (database.type, database.epoch) == ("Gatekeeper-Location", JUNE)


@pytest.mark.parametrize(
    ("networks", "address", "expected"),
    [
        pytest.param({"73.1.0.0/16": us("Texas")}, "73.1.2.3", Found("US", "TX"), id="names-become-codes"),
        pytest.param(
            {"73.1.0.0/25": us("Texas"), "73.1.0.128/25": us("Texas")},
            "73.1.0.1",
            Found("US", "TX"),
            id="merged",
        ),
        pytest.param(
            {"73.1.0.0/25": us("Texas"), "73.1.0.128/25": us("Ohio")},
            "73.1.0.1",
            Found("US"),
            id="mixed-below-24",
        ),
        pytest.param(
            {"73.1.0.0/24": us("Texas"), "73.1.1.0/24": us("Ohio")},
            "73.1.1.1",
            Found("US", "OH"),
            id="apart-at-24",
        ),
        pytest.param({"2600::/48": us("Texas")}, "2600::1", Found("US", "TX"), id="ipv6-at-48"),
        pytest.param(
            {"2600::/49": us("Texas"), "2600:0:0:8000::/49": us("Ohio")},
            "2600::1",
            Found("US"),
            id="ipv6-mixed-below-48",
        ),
        pytest.param(
            {"73.1.0.0/25": us("Texas"), "73.1.0.128/25": {"country": {"iso_code": "CA"}}},
            "73.1.0.200",
            Found("CA"),
            id="countries-are-kept-at-full-depth",
        ),
    ],
)
def test_subdivisions_are_kept_where_they_are_plain(
    tmp_path: Path, networks: dict[str, dict[str, object]], address: str, expected: Found
) -> None:
    """Down to /24 and /48; below, a mixture leaves the country alone."""
    assert built(tmp_path, write_mmdb(tmp_path / "city.mmdb", networks)).found(address) == expected


def test_an_ipv4_and_an_ipv6_file_become_one(tmp_path: Path) -> None:
    """As ip-location-db publishes them; mapped and 6to4 addresses lead to the IPv4 part."""
    four = write_mmdb(tmp_path / "4.mmdb", {"73.1.0.0/16": us("Texas")}, ip_version=4, kind="city ipv4")
    six = write_mmdb(tmp_path / "6.mmdb", {"2600::/32": us("Ohio")}, kind="city ipv6", epoch=JUNE + 9)
    path = tmp_path / "both.mmdb"
    path.write_bytes(build.build([four, six]))

    with maxminddb.open_database(path) as reader:
        texas = {"country": {"iso_code": "US"}, "subdivisions": [{"iso_code": "TX"}]}
        assert reader.get("73.1.2.3") == texas
        assert reader.get("::ffff:73.1.2.3") == texas
        assert reader.get("2002:4901:203::1") == texas
        assert reader.get("2600::1") == {"country": {"iso_code": "US"}, "subdivisions": [{"iso_code": "OH"}]}
        assert reader.metadata().build_epoch == JUNE + 9


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    """A rebuild can be compared."""
    source = write_mmdb(tmp_path / "city.mmdb")

    assert build.build([source]) == build.build([source])


def test_overlapping_sources_are_refused(tmp_path: Path) -> None:
    """Two files that both know a network cannot be joined."""
    one = write_mmdb(tmp_path / "1.mmdb", {"73.1.0.0/16": us("Texas")})
    other = write_mmdb(tmp_path / "2.mmdb", {"73.1.0.0/16": us("Ohio")})

    with pytest.raises(ValueError, match="overlap"):
        build.build([one, other])


PLACES = st.sampled_from([{"country": {"iso_code": code}} for code in ("DE", "FR")] + [us("Texas"), us("Ohio")])


@settings(max_examples=sized(60), deadline=None)
@given(st.dictionaries(st.integers(0, 255), PLACES, min_size=1, max_size=24), st.lists(st.integers(0, 2**32 - 1)))
def test_every_country_survives_the_reduction(
    tmp_path_factory: pytest.TempPathFactory, octets: dict[int, dict[str, object]], probes: list[int]
) -> None:
    """Whatever the input, no address changes its country, and a subdivision is right or left out."""
    folder = tmp_path_factory.mktemp("built")
    networks = {f"100.64.{octet}.{octet // 2 * 2}/31": record for octet, record in octets.items()}
    networks |= {f"101.{octet}.0.0/16": record for octet, record in octets.items()}
    source = Database(write_mmdb(folder / "source.mmdb", networks))
    result = built(folder, write_mmdb(folder / "source.mmdb", networks))
    inside = [ip_network(network)[0] for network in networks]
    for address in map(str, [*inside, *map(ip_address, probes)]):
        was, now = source.found(address), result.found(address)
        assert (was and was.country) == (now and now.country)
        assert now is None or now.region in {None, was and was.region}


def test_licences_and_credit_are_beside_the_database() -> None:
    """CC BY 4.0 asks for credit, the licence and a word on changes."""
    folder = ROOT / "geoip"
    credit = (folder / "LICENCES" / "DB-IP.txt").read_text("utf-8")

    assert "https://db-ip.com" in credit
    assert "What was changed" in credit
    assert "Attribution 4.0 International" in (folder / "LICENCES" / "CC-BY-4.0.txt").read_text("utf-8")
    assert "IP Geolocation by DB-IP" in (folder / "README.md").read_text("utf-8")
