"""Records of location databases. Pure. One record of any known schema in, a `Found` or `None` out.

Known are MaxMind's GeoIP2 and GeoLite2 (https://dev.maxmind.com/geoip/docs/databases/city-and-country/),
its Anonymous IP, DB-IP's (https://db-ip.com/db/format/ip-to-location/mmdb.html, subdivisions by name only)
and the flat `country_code`, `state1` of the ip-location-db project. What holds neither a country nor an
anonymiser's flag is `None`; a country of registration is not a location and is ignored.
"""

from __future__ import annotations

import tomllib
from functools import cache, lru_cache
from importlib.resources import files

from gatekeeper.model import Found

ANONYMISERS = frozenset(
    {
        "is_anonymous",
        "is_anonymous_proxy",
        "is_anonymous_vpn",
        "is_anycast",
        "is_hosting_provider",
        "is_public_proxy",
        "is_residential_proxy",
        "is_satellite_provider",
        "is_tor_exit_node",
    }
)


def found(record: object) -> Found | None:
    """What a database's record says of a place; never an error, whatever the record is."""
    if not isinstance(record, dict):
        return None
    country = record.get("country")
    code = country.get("iso_code") if isinstance(country, dict) else record.get("country_code")
    if not isinstance(code, str) or not code:
        return _shared(None, None, True) if _anonymised(record.get("traits", record)) else None
    traits = record.get("traits")
    return _shared(code, _region(code, record), traits is not None and _anonymised(traits))


def _anonymised(flags: object) -> bool:
    return isinstance(flags, dict) and any(flags.get(name) is True for name in ANONYMISERS)


def _region(country: str, record: dict[str, object]) -> str | None:
    divisions = record.get("subdivisions")
    if divisions is None:
        name = record.get("state1")
    else:
        first = divisions[0] if isinstance(divisions, list) and divisions else None
        if not isinstance(first, dict):
            return None
        code, names = first.get("iso_code"), first.get("names")
        if isinstance(code, str) and code:
            return code
        name = names.get("en") if isinstance(names, dict) else None
    return _states().get(country, {}).get(name) if isinstance(name, str) else None


@lru_cache(maxsize=4096)
def _shared(country: str | None, region: str | None, anonymised: bool) -> Found:
    return Found(country, region, anonymised)


@cache
def _states() -> dict[str, dict[str, str]]:
    return tomllib.loads(files("gatekeeper.geoip").joinpath("states.toml").read_text("utf-8"))
