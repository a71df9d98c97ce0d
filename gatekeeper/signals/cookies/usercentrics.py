"""Usercentrics keeps its choice in localStorage, in `ucData` or, older, in `uc_settings` and `uc_gcm`.

A site whose own script copies the items into cookies of the same names (see docs/signals.md) is read here,
beside `uc_user_interaction`: without `true` in it, or a service that was chosen explicitly, the data are
defaults. Read are Google's consent-mode switches and the services, of which only the site knows the ids.
Source: consent-rr `src/usercentrics/lib/usercentrics-core.js` (notes on the shipped script); `uc_settings`,
`uc_gcm`: their names in observed values, their fields as in the older script
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gatekeeper.model import Purpose, Signal
from gatekeeper.signals.answers import both, decided, read_each, undecided
from gatekeeper.signals.cookies.reader import Cookies
from gatekeeper.signals.encoding import json_object, mapping
from gatekeeper.signals.site import Site

SOURCE = "usercentrics"
NAMES = ("ucData", "uc_settings", "uc_gcm", "uc_user_interaction")
PREFIXES = ()
CATEGORIES = {
    "analyticsStorage": Purpose.ANALYTICS,
    "adStorage": Purpose.MARKETING,
    "adUserData": Purpose.MARKETING,
    "adPersonalization": Purpose.MARKETING,
}
OMITS_REFUSALS = False

_SWITCH = {"granted": True, "denied": False}
_SWITCHES = {name.lower(): name for name in CATEGORIES}
_Answers = Iterator[tuple[str, bool | None]]


def read(cookies: Cookies, site: Site) -> tuple[Signal, ...]:
    """One choice per copied item."""
    answered = set(cookies.get("uc_user_interaction", ())) == {"true"}
    signals: tuple[Signal, ...] = ()
    for name in ("ucData", "uc_settings", "uc_gcm"):
        signals += read_each(SOURCE, cookies.get(name, ()), lambda value: _signals(value, answered, site))
    return signals


def _signals(value: str, answered: bool, site: Site) -> Iterator[Signal]:
    found = json_object(value)
    switches = mapping(found.get("gcm", found))
    spoken = both([*_consent_mode(switches), *_services(found)])
    if answered or _is_explicit(found):
        yield decided(SOURCE, spoken, site)
    else:
        yield undecided(SOURCE, "no sign that the visitor answered")


def _consent_mode(switches: Mapping[str, object]) -> _Answers:
    for name, word in switches.items():
        known = _SWITCHES.get(name.replace("_", "").lower())
        if known is not None and isinstance(word, str) and word in _SWITCH:
            yield known, _SWITCH[word]


def _services(found: Mapping[str, object]) -> _Answers:
    """`ucData` has services by id; `uc_settings` a list of them, each with a status."""
    for name, entry in mapping(mapping(found.get("consent", {})).get("services", {})).items():
        yield name, isinstance(entry, dict) and entry.get("consent") is True
    for service in _listed(found):
        if isinstance(service.get("id"), str):
            yield str(service["id"]), service.get("status") is True


def _listed(found: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    services = found.get("services", [])
    if isinstance(services, list):
        yield from (service for service in services if isinstance(service, dict))


def _is_explicit(found: Mapping[str, object]) -> bool:
    """Whether some service of `uc_settings` has an explicit decision in its history."""
    for service in _listed(found):
        history = service.get("history", [])
        if isinstance(history, list) and any(
            isinstance(entry, dict) and entry.get("type") == "explicit" for entry in history
        ):
            return True
    return False
