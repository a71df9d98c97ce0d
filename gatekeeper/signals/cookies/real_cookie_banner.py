"""Real Cookie Banner: `real_cookie_banner-v:3_…`, encoded `<seconds>:<uuid>:<revision>:<JSON>`.

The cookie is written with the answer. The JSON lists the accepted services per group id; a group that is
missing was refused. Group ids are the site's, so a map is needed. Sibling cookies (`…-tcf`, `…-gcm`) are
not read.
Source: https://devowl.io/wordpress-real-cookie-banner/ ; observed values
"""

from __future__ import annotations

from collections.abc import Iterator

from gatekeeper.model import Purpose, Signal
from gatekeeper.signals.answers import Site, decided, label, of_accepted, opaque, read_each
from gatekeeper.signals.cookies.reader import Cookies
from gatekeeper.signals.encoding import UnreadableError, json_object, plain, token, when

SOURCE = "real-cookie-banner"
NAMES = ()
PREFIXES = ("real_cookie_banner-v:",)
CATEGORIES: dict[str, Purpose] = {}
OMITS_REFUSALS = True

_SIBLINGS = ("-tcf", "-gcm")


def read(cookies: Cookies, site: Site) -> tuple[Signal, ...]:
    """One choice per cookie."""
    values = [value for name, found in cookies.items() if not name.endswith(_SIBLINGS) for value in found]
    return read_each(SOURCE, values, lambda value: _signals(value, site))


def _signals(value: str, site: Site) -> Iterator[Signal]:
    parts = plain(value).split(":", 3)
    if len(parts) != 4:
        raise UnreadableError("not four parts")
    at, evidence, revision = when(parts[0]), token(parts[1]), label(parts[2])
    groups = json_object(parts[3])
    accepted = [group for group, services in groups.items() if isinstance(services, list) and services]
    if at is None:
        raise UnreadableError("no date")
    if not site.categories:
        note = f"[consent.{SOURCE}] has to map the groups"
        yield opaque(SOURCE, note, at=at, evidence=evidence, notice=revision)
        return
    spoken = of_accepted(accepted, site.categories, CATEGORIES)
    current = site.is_current(revision)
    yield decided(SOURCE, spoken, site, at=at, evidence=evidence, notice=revision, current=current)
