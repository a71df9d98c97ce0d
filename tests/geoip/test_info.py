"""What `geoip info` and `check` say of a database."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatekeeper.geoip.info import STALE_DAYS, GeoInfo, info, warnings
from tests.geoip.builders import JUNE, NOW, write_mmdb

DAY = 86_400
COUNTRY = {"1.0.0.0/8": {"country": {"iso_code": "AU"}}}


@pytest.mark.parametrize(
    ("kind", "source", "licence", "credit"),
    [
        ("GeoLite2-City", "MaxMind GeoLite2", "GeoLite End User License Agreement", "created by MaxMind"),
        ("GeoIP2-City", "MaxMind GeoIP", "MaxMind End User License Agreement", ""),
        ("DBIP-City-Lite", "DB-IP", "CC BY 4.0", "https://db-ip.com"),
        ("Gatekeeper-Location", "DB-IP City Lite", "CC BY 4.0", "https://db-ip.com"),
        ("city ipv4", "unknown", "ask where the file came from", ""),
    ],
)
def test_source_licence_and_credit(tmp_path: Path, kind: str, source: str, licence: str, credit: str) -> None:
    """The operator learns whose data it is and what to print."""
    about = info(write_mmdb(tmp_path / "some.mmdb", kind=kind), now=NOW)

    assert source in about.source
    assert licence in about.licence
    assert credit in about.credit


@pytest.mark.parametrize(
    ("days", "stale"),
    [(0, False), (STALE_DAYS, False), (STALE_DAYS + 1, True), (400, True)],
)
def test_older_than_45_days_is_stale(tmp_path: Path, days: int, stale: bool) -> None:
    """Counted from the build date in the file."""
    about = info(write_mmdb(tmp_path / "city.mmdb"), now=JUNE + days * DAY)

    assert (about.age_days, about.stale, about.built) == (days, stale, "2026-06-01")
    assert any("run `gatekeeper geoip update`" in line for line in warnings(about)) is stale


def test_a_bad_file_is_described_not_raised(tmp_path: Path) -> None:
    """`check` says what it means for visitors."""
    path = tmp_path / "none.mmdb"
    about = info(path, now=NOW)

    assert about == GeoInfo(path=str(path), problem="there is no such file")
    assert "every visitor gets the strictest law until `gatekeeper geoip update`" in warnings(about)[0]


def test_a_database_without_subdivisions_is_said_to_be_one(tmp_path: Path) -> None:
    """It works, and is stricter than need be."""
    fresh = write_mmdb(tmp_path / "country.mmdb", COUNTRY, kind="GeoLite2-Country", epoch=int(NOW))

    assert ["knows no subdivisions" in line for line in warnings(info(fresh, now=NOW))] == [True]
    assert warnings(info(write_mmdb(tmp_path / "city.mmdb", epoch=int(NOW)), now=NOW)) == ()


def test_the_bundled_database_is_small_and_credited() -> None:
    """Under 8 MB, with subdivisions, source and licence."""
    about = info(now=NOW)

    assert about.problem is None
    assert about.size < 8_000_000
    assert about.regions
    assert (about.licence, about.credit) == ("CC BY 4.0", "IP Geolocation by DB-IP, https://db-ip.com")
