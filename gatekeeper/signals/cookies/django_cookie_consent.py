"""django-cookie-consent: `cookie_consent`, `analytics=<date>|marketing=-1` in double quotes.

Each group is decided separately: `-1` declined, else the group's version at the time of the answer (not
the time of the answer itself). With `versions` configured an older version is no longer a choice; the
library compares strings, and so do we. The cookie name is a common one: one without any version is foreign.
Source: https://github.com/django-commons/django-cookie-consent `cookie_consent/util.py` (run: 1.0.0 on
Django 5.2)
"""

from __future__ import annotations

from collections.abc import Iterator

from gatekeeper.model import Purpose, Signal
from gatekeeper.signals.answers import both, decided, read_each
from gatekeeper.signals.cookies.reader import Cookies
from gatekeeper.signals.encoding import ForeignError, UnreadableError, plain, when
from gatekeeper.signals.site import Site

SOURCE = "django-cookie-consent"
NAMES = ("cookie_consent",)
PREFIXES = ()
CATEGORIES = {"analytics": Purpose.ANALYTICS, "marketing": Purpose.MARKETING}
OMITS_REFUSALS = False

_DECLINED = "-1"
_SHORTEST = 10  # characters: a version is a date, and a number as short as 1 or 2026 is none


def read(cookies: Cookies, site: Site) -> tuple[Signal, ...]:
    """One choice per cookie."""
    return read_each(SOURCE, cookies["cookie_consent"], lambda value: _signals(value, site))


def _signals(value: str, site: Site) -> Iterator[Signal]:
    groups = [entry.partition("=")[::2] for entry in plain(value).split("|")]
    broken = [version != _DECLINED and (len(version) < _SHORTEST or when(version) is None) for _name, version in groups]
    if all(broken):
        raise ForeignError("not written by django-cookie-consent")
    if any(broken):
        raise UnreadableError("a group without a version")
    yield decided(SOURCE, both((name, _answer(name, version, site)) for name, version in groups), site)


def _answer(name: str, version: str, site: Site) -> bool | None:
    if version == _DECLINED:
        return False
    return True if version >= site.versions.get(name, "") else None
