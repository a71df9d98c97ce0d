"""Google consent mode: `gcs`, `gcd` and `npa` on hits, and `consent` objects in bodies.

Contract: `parse_gcs`, `parse_gcd` give a `GoogleConsent` or `None` where the value says nothing that is
known; the `read_…` functions give flags and never raise. Unknown is not refused: `gcd` is on every hit,
consent mode or not. Analytics is `analytics_storage`. Marketing needs all of `ad_storage`, `ad_user_data`
and `ad_personalization`; one refused refuses it, and `npa=1` refuses the last.
Source: https://developers.google.com/tag-platform/security/guides/consent (`gcs`),
https://developers.google.com/analytics/devguides/collection/protocol/ga4/reference (bodies); Google does not
document the letters of `gcd`: Markus Baersch in https://www.simoahava.com/analytics/consent-mode-v2-google-tags/
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gatekeeper.model import Permission, Purpose, Signal
from gatekeeper.signals.answers import both
from gatekeeper.signals.flags.answers import flag, malformed

SOURCE = "google"
NAMES = ("gcs", "gcd", "npa")
"""The parameters of a hit that are read."""

_GCS = re.compile(r"G1([01])([01])")
_GCD = re.compile(r"1[0-9]([A-Za-z])[0-9]([A-Za-z])[0-9]([A-Za-z])[0-9]([A-Za-z])[0-9](?:[A-Za-z][0-9]){0,8}")
_LETTERS = {"m": False, "n": True, "p": False, "q": False, "r": True, "t": True, "u": False, "v": True}
_WORDS = {
    "granted": True,
    "denied": False,
    "consent_granted": True,
    "consent_denied": False,
    "unspecified": None,
    "unknown": None,
    "consent_status_unspecified": None,
}
_KEYS = {
    "ad_storage": "ad_storage",
    "analytics_storage": "analytics_storage",
    "ad_user_data": "ad_user_data",
    "ad_personalization": "ad_personalization",
    "adStorage": "ad_storage",
    "analyticsStorage": "analytics_storage",
    "adUserData": "ad_user_data",
    "adPersonalization": "ad_personalization",
}


@dataclass(frozen=True, slots=True)
class GoogleConsent:
    """The four switches; `None` is not known."""

    ad_storage: bool | None = None
    analytics_storage: bool | None = None
    ad_user_data: bool | None = None
    ad_personalization: bool | None = None


def parse_gcs(value: str) -> GoogleConsent | None:
    """`G1<ad_storage><analytics_storage>`; `None` for anything else."""
    match = _GCS.fullmatch(value)
    return None if match is None else GoogleConsent(match[1] == "1", match[2] == "1")


def parse_gcd(value: str) -> GoogleConsent | None:
    """Letters at fixed places for ad_storage, analytics_storage, ad_user_data, ad_personalization."""
    match = _GCD.fullmatch(value)
    return None if match is None else GoogleConsent(*(_LETTERS.get(letter) for letter in match.groups()))


def read_query(query: Mapping[str, Sequence[str]]) -> tuple[Signal, ...]:
    """The flags of a hit's query: parameter name to all its values."""
    found = [parse_gcs(value) for value in query.get("gcs", ())]
    found += [parse_gcd(value) for value in query.get("gcd", ())]
    if "1" in query.get("npa", ()):
        found.append(GoogleConsent(ad_personalization=False))
    known = [consent for consent in found if consent is not None]
    return (flag(SOURCE, _says(known), "consent mode"),) if known else ()


def read_object(value: object) -> tuple[Signal, ...]:
    """The flag of a `consent` object: GA4's, Google Ads' or the Data Manager's words for the same switches.

    A value that is not one of their words is taken as refused.
    """
    if not isinstance(value, Mapping):
        return (malformed(SOURCE, "the consent object is none"),)
    switches = both((_KEYS[key], _switch(word)) for key, word in value.items() if key in _KEYS)
    return (flag(SOURCE, _says([GoogleConsent(**switches)]), "consent object"),) if switches else ()


def _switch(word: object) -> bool | None:
    return _WORDS.get(word.lower(), False) if isinstance(word, str) else False


def _says(consents: Sequence[GoogleConsent]) -> Mapping[Purpose, Permission]:
    says = {}
    analytics = [consent.analytics_storage for consent in consents]
    ads = [
        answer
        for consent in consents
        for answer in (consent.ad_storage, consent.ad_user_data, consent.ad_personalization)
    ]
    for purpose, answers in ((Purpose.ANALYTICS, analytics), (Purpose.MARKETING, ads)):
        known = [answer for answer in answers if answer is not None]
        if known:
            says[purpose] = Permission.GRANTED if all(known) else Permission.DENIED
    return says
