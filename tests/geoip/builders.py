"""Tiny location databases, built with mmdb-writer, with values that MaxMind publishes for its test databases.

Values: https://github.com/maxmind/MaxMind-DB, source-data/GeoLite2-City-Test.json and
GeoIP2-Anonymous-IP-Test.json (Apache-2.0 OR MIT).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmdb_writer import MMDBWriter
from netaddr import IPSet

JUNE = 1_780_272_000  # 2026-06-01T00:00:00Z
NOW = 1_795_478_400.0  # 2026-11-24T00:00:00Z

GEOLITE_CITY: dict[str, dict[str, Any]] = {
    "2.125.160.216/29": {
        "country": {"iso_code": "GB", "geoname_id": 2635167},
        "registered_country": {"iso_code": "FR"},
        "subdivisions": [{"iso_code": "ENG"}, {"iso_code": "WBK"}],
    },
    "89.160.20.112/28": {"country": {"iso_code": "SE"}, "subdivisions": [{"iso_code": "E"}]},
    "216.160.83.56/29": {
        "country": {"iso_code": "US"},
        "registered_country": {"iso_code": "GB"},
        "subdivisions": [{"iso_code": "WA"}],
    },
    "67.43.156.0/24": {"country": {"iso_code": "BT"}, "registered_country": {"iso_code": "RO"}},
    "2a02:d500::/29": {"continent": {"code": "EU"}, "registered_country": {"iso_code": "PL"}},
    "2a02:d180::/29": {"country": {"iso_code": "DE"}},
    "2001:218::/32": {"country": {"iso_code": "JP"}},
}
ANONYMOUS_IP: dict[str, dict[str, Any]] = {
    "1.2.0.0/16": {"is_anonymous": True, "is_anonymous_vpn": True},
    "71.160.223.0/24": {"is_anonymous": True, "is_hosting_provider": True},
    "2001:480:3a::/64": {"is_anonymous": True, "is_public_proxy": True},
}


def write_mmdb(
    path: Path,
    networks: Mapping[str, Any] = GEOLITE_CITY,
    *,
    kind: str = "GeoLite2-City",
    epoch: int = JUNE,
    ip_version: int = 6,
) -> Path:
    """Write a MaxMind DB file of the given networks and records; its build date is `epoch`."""
    writer = MMDBWriter(ip_version=ip_version, ipv4_compatible=ip_version == 6, database_type=kind)
    for network, record in networks.items():
        writer.insert_network(IPSet([network]), record)
    writer.to_db_file(str(path))
    marker = b"build_epoch"
    raw = path.read_bytes()
    at = raw.rindex(marker) + len(marker)
    # An extended uint64 in the metadata: one control byte with the size, one with the type, the number.
    size = raw[at] & 0x1F
    path.write_bytes(raw[: at + 2] + epoch.to_bytes(size, "big") + raw[at + 2 + size :])
    return path
