"""vanilla-cookieconsent 2 and 3 (orestbida): cookie `cc_cookie`, JSON with the accepted categories.

The cookie is written with the answer; version 2 writes it raw, version 3 encoded, the oldest calls the
list `level`. Categories that were refused are left out, but version 3 lists the ones that exist in
`services`, each with its accepted services; a category is accepted as soon as one service is. Names are the
site's, the usual ones are mapped; a `revision` other than the configured one is
an old choice.
Source: https://github.com/orestbida/cookieconsent `src/utils/cookies.js` (v3), `src/cookieconsent.js` (v2)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gatekeeper.model import Purpose, Signal
from gatekeeper.signals.answers import decided, label, of_accepted, read_each
from gatekeeper.signals.cookies.reader import Cookies
from gatekeeper.signals.encoding import ForeignError, json_object, mapping, strings, token, when
from gatekeeper.signals.site import Site

SOURCE = "vanilla-cookieconsent"
NAMES = ("cc_cookie",)
PREFIXES = ()
CATEGORIES = {
    "necessary": Purpose.NECESSARY,
    "analytics": Purpose.ANALYTICS,
    "marketing": Purpose.MARKETING,
    "ads": Purpose.MARKETING,
    "advertisement": Purpose.MARKETING,
    "targeting": Purpose.MARKETING,
}
OMITS_REFUSALS = True


def read(cookies: Cookies, site: Site) -> tuple[Signal, ...]:
    """One choice per cookie."""
    return read_each(SOURCE, cookies["cc_cookie"], lambda value: _signals(value, site))


def _signals(value: str, site: Site) -> Iterator[Signal]:
    found = json_object(value)
    if "categories" not in found and "level" not in found:
        raise ForeignError("not written by this banner")
    accepted = strings(found.get("categories", found.get("level")))
    spoken: dict[str, bool | None] = {**of_accepted(accepted, site.categories, CATEGORIES)}
    services: Mapping[str, bool | None] | None = None
    if isinstance(found.get("services"), dict):
        groups = mapping(found["services"])
        spoken |= {name: False for name in groups if name not in accepted}
        services = site.left_out([name for listed in groups.values() for name in strings(listed)])
    dates = ("lastConsentTimestamp", "consentTimestamp", "last_consent_update", "consent_date")
    revision = found.get("revision")
    yield decided(
        SOURCE,
        spoken,
        site,
        at=next((date for date in (when(found.get(name)) for name in dates) if date), None),
        evidence=token(found.get("consentId", found.get("consent_uuid"))),
        notice=label(revision),
        current=site.is_current(revision),
        services=services,
    )
