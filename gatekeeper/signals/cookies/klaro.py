"""Klaro: cookie `klaro` (the name can be configured), JSON of service names and booleans.

The cookie is written with the answer. All at `false` is a refusal of everything. Keys are services, which only
the site can map. No date, no id.
Source: https://github.com/klaro-org/klaro-js `src/consent-manager.js`
"""

from __future__ import annotations

from collections.abc import Iterator

from gatekeeper.model import Purpose, Signal
from gatekeeper.signals.answers import decided, read_each
from gatekeeper.signals.cookies.reader import Cookies
from gatekeeper.signals.encoding import json_object
from gatekeeper.signals.site import Site

SOURCE = "klaro"
NAMES = ("klaro",)
PREFIXES = ()
CATEGORIES: dict[str, Purpose] = {}
OMITS_REFUSALS = False


def read(cookies: Cookies, site: Site) -> tuple[Signal, ...]:
    """One choice per cookie."""
    return read_each(SOURCE, cookies["klaro"], lambda value: _signals(value, site))


def _signals(value: str, site: Site) -> Iterator[Signal]:
    services = json_object(value)
    yield decided(SOURCE, {name: allowed is True for name, allowed in services.items()}, site)
