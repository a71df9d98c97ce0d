"""What a location database is: source, licence, age. A path and the time in, a `GeoInfo` out.

The licences ask for their credit wherever results are shown, so `gatekeeper geoip info` prints it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gatekeeper.counting import counted
from gatekeeper.geoip.database import Database, DatabaseError
from gatekeeper.geoip.reader import bundled

STALE_DAYS = 45

# Found in the lower-cased database type: source, licence, credit.
_SOURCES = (
    (
        "gatekeeper",
        "DB-IP City Lite, reduced by geoip/build.py",
        "CC BY 4.0",
        "IP Geolocation by DB-IP, https://db-ip.com",
    ),
    ("dbip", "DB-IP", "CC BY 4.0 for the Lite databases", "IP Geolocation by DB-IP, https://db-ip.com"),
    (
        "geolite2",
        "MaxMind GeoLite2",
        "GeoLite End User License Agreement, https://www.maxmind.com/en/geolite2/eula",
        "This product includes GeoLite2 data created by MaxMind, available from https://www.maxmind.com",
    ),
    (
        "geoip",
        "MaxMind GeoIP",
        "MaxMind End User License Agreement, https://www.maxmind.com/en/end-user-license-agreement",
        "",
    ),
)


@dataclass(frozen=True, slots=True)
class GeoInfo:
    """A location database, described. With a `problem` it cannot be used, and the rest is unknown.

    `built` is an ISO date, `age_days` counts from it, `stale` means more than 45 days; `size` is in bytes.
    `regions` tells whether it knows subdivisions: without, US states and Canadian provinces are unknown.
    """

    path: str
    problem: str | None = None
    type: str = ""
    source: str = ""
    licence: str = ""
    credit: str = ""
    built: str | None = None
    age_days: int | None = None
    stale: bool = False
    size: int = 0
    regions: bool = False


def info(path: Path | None = None, *, now: float) -> GeoInfo:
    """Describe a database, the bundled one by default, at a time in Unix seconds. Never raises."""
    path = bundled() if path is None else path
    try:
        database = Database(path)
    except DatabaseError as fault:
        return GeoInfo(path=str(path), problem=str(fault))
    source, licence, credit = _provenance(database.type)
    age = int((now - database.epoch) // 86_400)
    return GeoInfo(
        path=str(path),
        type=database.type,
        source=source,
        licence=licence,
        credit=credit,
        built=datetime.fromtimestamp(database.epoch, UTC).date().isoformat(),
        age_days=age,
        stale=age > STALE_DAYS,
        size=database.size,
        regions=database.has_regions,
    )


def warnings(about: GeoInfo) -> tuple[str, ...]:
    """What `gatekeeper check` says of a database, one sentence each; nothing if all is well."""
    if about.problem is not None:
        return (
            f'location database "{about.path}": {about.problem}; every visitor gets the strictest law until '
            "`gatekeeper geoip update` has fetched another",
        )
    found = []
    if about.stale:
        found.append(
            f'location database "{about.path}": built {about.built}, {counted(about.age_days or 0, "day")} ago; '
            "run `gatekeeper geoip update`"
        )
    if not about.regions:
        found.append(
            f'location database "{about.path}": it knows no subdivisions, so all of Canada is opt-in and '
            "every US state counts as unknown; a City edition knows them"
        )
    return tuple(found)


def _provenance(kind: str) -> tuple[str, str, str]:
    for mark, source, licence, credit in _SOURCES:
        if mark in kind.lower():
            return source, licence, credit
    return "unknown", "unknown; ask where the file came from", ""
