"""Matomo's own consent: `mtm_consent`, `mtm_consent_removed`, each the time of the choice in milliseconds.

They are for Matomo's measurement and say nothing of marketing. `mtm_cookie_consent` permits cookies only, the
measurement needs no consent on such a site: it grants nothing.
Source: https://developer.matomo.org/guides/tracking-consent ; matomo-org/matomo `js/piwik.js`
(`rememberConsentGiven`, `forgetConsentGiven`)
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from gatekeeper.model import Permission, Purpose, Role, Signal, Standing
from gatekeeper.signals.answers import read_each, undecided
from gatekeeper.signals.cookies.reader import Cookies
from gatekeeper.signals.encoding import plain, when
from gatekeeper.signals.site import Site

SOURCE = "matomo"
NAMES = ("mtm_consent", "mtm_consent_removed", "mtm_cookie_consent")
PREFIXES = ()
CATEGORIES: dict[str, Purpose] = {}
OMITS_REFUSALS = False

_ANSWERS = {"mtm_consent_removed": Permission.DENIED, "mtm_consent": Permission.GRANTED}


def read(cookies: Cookies, _site: Site) -> tuple[Signal, ...]:
    """The refusal if there is one, else the consent; a consent without a date does not count."""
    for name, answer in _ANSWERS.items():
        if name in cookies:
            return read_each(SOURCE, cookies[name], partial(_signals, answer=answer))
    return (undecided(SOURCE, "consent to cookies, not to the measurement"),)


def _signals(value: str, answer: Permission) -> Iterator[Signal]:
    at = when(plain(value))
    if at is None and answer is Permission.GRANTED:
        yield undecided(SOURCE, "no date of a consent")
    else:
        says = {Purpose.ANALYTICS: answer}
        yield Signal(SOURCE, Role.CHOICE, Standing.DECIDED, says, at=at, note="choice for measurement")
