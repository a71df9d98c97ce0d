"""Borlabs Cookie 2 and 3: `borlabs-cookie`, encoded JSON; `consents` lists the accepted services per group.

The cookie is written with the answer; a group that is missing or empty was refused.
Source: https://borlabs.io/kb/javascript-api/ ; observed values
"""

from __future__ import annotations

from collections.abc import Iterator

from gatekeeper.model import Purpose, Signal
from gatekeeper.signals.answers import label, listed, read_each
from gatekeeper.signals.cookies.reader import Cookies
from gatekeeper.signals.encoding import json_object, mapping, strings, token
from gatekeeper.signals.site import Site

SOURCE = "borlabs"
NAMES = ("borlabs-cookie",)
PREFIXES = ()
CATEGORIES = {
    "essential": Purpose.NECESSARY,
    "statistics": Purpose.ANALYTICS,
    "marketing": Purpose.MARKETING,
}
OMITS_REFUSALS = True


def read(cookies: Cookies, site: Site) -> tuple[Signal, ...]:
    """One choice per cookie."""
    return read_each(SOURCE, cookies["borlabs-cookie"], lambda value: _signals(value, site))


def _signals(value: str, site: Site) -> Iterator[Signal]:
    found = json_object(value)
    groups = {name: strings(services) for name, services in mapping(found.get("consents")).items()}
    version = found.get("version")
    yield listed(
        SOURCE,
        [name for name, services in groups.items() if services],
        site,
        CATEGORIES,
        services=[name for services in groups.values() for name in services],
        evidence=token(found.get("uid")),
        notice=label(version),
        current=site.is_current(version),
    )
