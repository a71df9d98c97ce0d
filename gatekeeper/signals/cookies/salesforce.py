"""Salesforce Experience Cloud: `CookieConsentPolicy`, two digits such as `0:1`, also as `LSKey-c$CookieConsentPolicy`.

Salesforce does not document what the digits stand for, and the cookie is set before any choice: opaque. The site
has to forward the choice from the browser as the event's consent.
Source: observed values
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gatekeeper.model import Purpose, Signal
from gatekeeper.signals.answers import opaque, read_each
from gatekeeper.signals.cookies.reader import Cookies
from gatekeeper.signals.encoding import ForeignError, plain
from gatekeeper.signals.site import Site

SOURCE = "salesforce"
NAMES = ("CookieConsentPolicy", "LSKey-c$CookieConsentPolicy")
PREFIXES = ()
CATEGORIES: dict[str, Purpose] = {}
OMITS_REFUSALS = False

_DIGITS = re.compile(r"[0-9]:[0-9]")


def read(cookies: Cookies, _site: Site) -> tuple[Signal, ...]:
    """One opaque signal per cookie."""
    return read_each(SOURCE, [value for found in cookies.values() for value in found], _signals)


def _signals(value: str) -> Iterator[Signal]:
    if _DIGITS.fullmatch(plain(value)) is None:
        raise ForeignError("not written by Salesforce")
    yield opaque(SOURCE, "not documented: forward the choice from the browser")
