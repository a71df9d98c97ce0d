"""Real Cookie Banner: `real_cookie_banner-v:3_…`, encoded `<seconds>:<uuid>:<revision>:<JSON>`.

The cookie is written with the answer. The JSON lists the accepted services per group id; a group that is
missing was refused. Group ids are the site's, so a map is needed. Sibling cookies (`…-tcf`, `…-gcm`) are
other things.
Source: https://devowl.io/wordpress-real-cookie-banner/ ; observed values
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gatekeeper.model import Purpose, Signal
from gatekeeper.signals.answers import label, listed, read_each, sibling
from gatekeeper.signals.cookies.reader import Cookies
from gatekeeper.signals.encoding import UnreadableError, json_object, plain, token, when
from gatekeeper.signals.site import Site

SOURCE = "real-cookie-banner"
NAMES = ()
PREFIXES = ("real_cookie_banner-v:",)
CATEGORIES: dict[str, Purpose] = {}
OMITS_REFUSALS = True

_SIBLING = re.compile(r".*-[a-z]+")


def read(cookies: Cookies, site: Site) -> tuple[Signal, ...]:
    """One choice per cookie."""
    own = {name: found for name, found in cookies.items() if not _SIBLING.fullmatch(name.removeprefix(PREFIXES[0]))}
    values = [value for found in own.values() for value in found]
    return read_each(SOURCE, values, lambda value: _signals(value, site)) if values else (sibling(SOURCE),)


def _signals(value: str, site: Site) -> Iterator[Signal]:
    parts = plain(value).split(":", 3)
    if len(parts) != 4:
        raise UnreadableError("not four parts")
    at, evidence, revision = when(parts[0]), token(parts[1]), label(parts[2])
    groups = json_object(parts[3])
    accepted = {group: found for group, found in groups.items() if isinstance(found, list) and found}
    if at is None:
        raise UnreadableError("no date")
    yield listed(
        SOURCE,
        list(accepted),
        site,
        CATEGORIES,
        at=at,
        evidence=evidence,
        notice=revision,
        current=site.is_current(revision),
        services=[str(service) for found in accepted.values() for service in found],
    )
