"""Usercentrics keeps its choice in localStorage, keys `ucData` and `uc_user_interaction`; no cookie holds it.

A site whose own script copies both items into cookies of the same names (see docs/signals.md) is read
here. Without `uc_user_interaction=true` the data are defaults. Read are Google's consent-mode switches
(`gcm`) and the services, of which only the site knows the ids.
Source: consent-rr `src/usercentrics/lib/usercentrics-core.js` (notes on the shipped script)
"""

from __future__ import annotations

from collections.abc import Iterator

from gatekeeper.model import Purpose, Signal
from gatekeeper.signals.answers import Site, both, decided, read_each, undecided
from gatekeeper.signals.cookies.reader import Cookies
from gatekeeper.signals.encoding import json_object, mapping

SOURCE = "usercentrics"
NAMES = ("ucData", "uc_user_interaction")
PREFIXES = ()
CATEGORIES = {
    "analyticsStorage": Purpose.ANALYTICS,
    "adStorage": Purpose.MARKETING,
    "adUserData": Purpose.MARKETING,
    "adPersonalization": Purpose.MARKETING,
}
OMITS_REFUSALS = False

_SWITCH = {"granted": True, "denied": False}


def read(cookies: Cookies, site: Site) -> tuple[Signal, ...]:
    """One choice per copied item."""
    answered = set(cookies.get("uc_user_interaction", ())) == {"true"}
    return read_each(SOURCE, cookies.get("ucData", ()), lambda value: _signals(value, answered, site))


def _signals(value: str, answered: bool, site: Site) -> Iterator[Signal]:
    found = json_object(value)
    switches = mapping(found.get("gcm", {}))
    services = mapping(mapping(found.get("consent", {})).get("services", {}))
    if not answered:
        yield undecided(SOURCE, "no sign that the visitor answered")
        return
    spoken = [(name, _SWITCH[word]) for name, word in switches.items() if isinstance(word, str) and word in _SWITCH]
    allowed = [(name, isinstance(entry, dict) and entry.get("consent") is True) for name, entry in services.items()]
    yield decided(SOURCE, both([*spoken, *allowed]), site)
