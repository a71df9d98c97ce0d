"""Opening location databases: good, foreign and broken ones."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

import pytest

from gatekeeper.geoip.database import Database, DatabaseError
from gatekeeper.geoip.verify import _values
from gatekeeper.model import Found
from tests.geoip.builders import ANONYMOUS_IP, GEOLITE_CITY, write_mmdb

CASES = [
    pytest.param("2.125.160.216", Found("GB", "ENG"), id="first-address-of-a-network"),
    pytest.param("2.125.160.223", Found("GB", "ENG"), id="last-address-of-a-network"),
    pytest.param("2.125.160.224", None, id="the-one-after"),
    pytest.param("89.160.20.112", Found("SE", "E"), id="sweden"),
    pytest.param("216.160.83.56", Found("US", "WA"), id="located-not-registered"),
    pytest.param("67.43.156.1", Found("BT"), id="without-subdivision"),
    pytest.param("2a02:d180::1", Found("DE"), id="ipv6"),
    pytest.param("2a02:d180:1:2:3::4", Found("DE"), id="ipv6-long"),
    pytest.param("2a02:d500::1", None, id="registered-only"),
    pytest.param("9.9.9.9", None, id="miss"),
    pytest.param("", None, id="empty"),
    pytest.param("unknown", None, id="no-address"),
    pytest.param("2a02:d180::zz", None, id="no-ipv6-address"),
    pytest.param("fe80::1%eth0", None, id="zone"),
]


@pytest.mark.parametrize(("address", "expected"), CASES)
def test_a_lookup(tmp_path: Path, address: str, expected: Found | None) -> None:
    """MaxMind's own test values, asked twice: the second answer comes from memory."""
    database = Database(write_mmdb(tmp_path / "city.mmdb"))

    assert [database.found(address), database.found(address)] == [expected, expected]


def test_memory_is_never_coarser_than_the_database(tmp_path: Path) -> None:
    """Two halves of one /24 and of one /48 keep their own answers, in whatever order they are asked for."""
    halves = {
        "100.0.0.0/25": {"country": {"iso_code": "US"}},
        "100.0.0.128/25": {"country": {"iso_code": "CA"}},
        "2a00:1:1::/49": {"country": {"iso_code": "FR"}},
        "2a00:1:1:8000::/49": {"country": {"iso_code": "DE"}},
    }
    database = Database(write_mmdb(tmp_path / "halves.mmdb", halves))
    asked = ["100.0.0.1", "100.0.0.200", "2a00:1:1:7fff::1", "2a00:1:1:8000::1"] * 2

    assert [database.found(a) for a in asked] == [Found("US"), Found("CA"), Found("FR"), Found("DE")] * 2


def test_an_ipv4_file_says_nothing_of_ipv6(tmp_path: Path) -> None:
    """Asking is no error."""
    only4 = {network: record for network, record in GEOLITE_CITY.items() if ":" not in network}
    database = Database(write_mmdb(tmp_path / "four.mmdb", only4, ip_version=4))

    assert database.found("2a02:d180:1:2::1") is None
    assert database.found("89.160.20.112") == Found("SE", "E")


def test_whether_subdivisions_are_known(tmp_path: Path) -> None:
    """A Country edition does not know them."""
    country = write_mmdb(tmp_path / "country.mmdb", {"1.0.0.0/8": {"country": {"iso_code": "AU"}}})

    assert not Database(country).has_regions
    assert Database(write_mmdb(tmp_path / "city.mmdb")).has_regions


def test_an_anonymous_ip_database_opens(tmp_path: Path) -> None:
    """It holds no countries, but it says who hides."""
    database = Database(write_mmdb(tmp_path / "anonymous.mmdb", ANONYMOUS_IP, kind="GeoIP2-Anonymous-IP"))

    assert database.found("1.2.0.1") == Found(None, None, anonymised=True)
    assert database.found("71.160.223.5") == Found(None, None, anonymised=True)
    assert database.found("89.160.20.112") is None


def _broken(tmp_path: Path) -> dict[str, Path]:
    good = write_mmdb(tmp_path / "good.mmdb").read_bytes()
    content = {
        "empty": b"",
        "text": b"<html>404</html>",
        "gzip": b"\x1f\x8b\x08" + bytes(100),
        "truncated": good[: len(good) // 2],
        "metadata-only": good[good.rindex(b"\xab\xcd\xefMaxMind.com") :],
        "without-its-tree": good[600:],
        "overwritten-with-zeros": bytes(len(good) - 200) + good[-200:],
        "tree-points-outside": b"\xff" * 300 + good[300:],
    }
    paths = {}
    for name, raw in content.items():
        paths[name] = tmp_path / f"{name}.mmdb"
        paths[name].write_bytes(raw)
    paths["asn"] = write_mmdb(
        tmp_path / "asn.mmdb", {"1.0.0.0/8": {"autonomous_system_number": 1}}, kind="GeoLite2-ASN"
    )
    paths["built-in-2106"] = write_mmdb(tmp_path / "later.mmdb", epoch=2**32 - 1)
    paths["missing"] = tmp_path / "missing.mmdb"
    paths["folder"] = tmp_path
    return paths


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("missing", "there is no such file"),
        ("folder", "it is not a regular file"),
        ("empty", "not a sound MaxMind DB file"),
        ("text", "not a sound MaxMind DB file"),
        ("gzip", "not a sound MaxMind DB file"),
        ("truncated", "not a sound MaxMind DB file"),
        ("metadata-only", "not a sound MaxMind DB file"),
        ("without-its-tree", "not a sound MaxMind DB file"),
        ("overwritten-with-zeros", "holds no countries"),
        ("tree-points-outside", "not a sound MaxMind DB file"),
        ("asn", 'it is a "GeoLite2-ASN" database and holds no countries'),
        ("built-in-2106", "its build date makes no sense"),
    ],
)
def test_a_bad_file_is_refused_in_one_sentence(tmp_path: Path, name: str, expected: str) -> None:
    """Missing, truncated and foreign files are told apart, without a path."""
    with pytest.raises(DatabaseError) as caught:
        Database(_broken(tmp_path)[name])

    assert expected in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize("zone", ["tree", "data", "metadata"])
def test_a_damaged_file_never_ends_the_process(tmp_path: Path, zone: str) -> None:
    """Flipped bytes are refused, or harmless: the C extension crashes on some of them if it is let."""
    good = write_mmdb(tmp_path / "good.mmdb").read_bytes()
    metadata = good.rindex(b"\xab\xcd\xefMaxMind.com")
    data = good.rindex(bytes(16), 0, metadata) + 16
    first, last = {"tree": (0, data), "data": (data, metadata), "metadata": (metadata, len(good))}[zone]
    chance = random.Random(zone)
    path = tmp_path / "damaged.mmdb"
    opened = 0
    for _ in range(400):
        raw = bytearray(good)
        for _ in range(chance.randrange(1, 4)):
            raw[chance.randrange(first, last)] = chance.choice([0, chance.randrange(256)])
        path.write_bytes(raw)
        try:
            database = Database(path)
        except DatabaseError:
            continue
        opened += 1
        for network in GEOLITE_CITY:
            database.found(network.partition("/")[0])

    assert 0 < opened < 400


def test_overwriting_the_file_in_place_changes_nothing(tmp_path: Path) -> None:
    """`cp` over a mapped file would end the process; a database works on its own copy."""
    path = write_mmdb(tmp_path / "city.mmdb")
    database = Database(path)
    path.write_bytes(b"")

    assert database.found("89.160.20.112") == Found("SE", "E")


def test_without_a_place_for_the_copy_it_still_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A read-only container has no temporary folder."""
    path = write_mmdb(tmp_path / "city.mmdb")

    def refuse(**options: object) -> None:
        raise FileNotFoundError("no usable temporary directory")

    monkeypatch.setattr(tempfile, "NamedTemporaryFile", refuse)
    database = Database(path)
    path.write_bytes(b"")

    assert database.found("89.160.20.112") == Found("SE", "E")
    assert database.has_regions


@pytest.mark.parametrize("bits", [24, 28, 32])
def test_the_numbers_of_a_tree_are_read_right(bits: int) -> None:
    """The fast reading of whole blocks agrees with the format's specification, for every record size."""
    block = random.Random(bits).randbytes(bits // 4 * 200)
    expected = []
    for at in range(0, len(block), bits // 4):
        node = block[at : at + bits // 4]
        if bits == 28:
            expected.append((node[3] >> 4) << 24 | int.from_bytes(node[:3], "big"))
            expected.append((node[3] & 15) << 24 | int.from_bytes(node[4:], "big"))
        else:
            half = len(node) // 2
            expected += [int.from_bytes(node[:half], "big"), int.from_bytes(node[half:], "big")]

    assert list(_values(block, bits)) == expected
