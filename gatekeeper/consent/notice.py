"""The notice: every word that a visitor is asked with, in one language. Pure. Texts and recipients in, a `Wording` out.

The hash of a notice is over the words that are shown, in the order in which `words` lists them: a banner that lists the
same words, as it put them there, has the same hash (`JSON.stringify` of the list, in UTF-8, SHA-256, base64url).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import orjson

from gatekeeper.fields import base64url
from gatekeeper.model import Notice, Purpose

Direction = Literal["ltr", "rtl"]
_PART: Final = re.compile(
    r"\s*([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*|\*)\s*(?:;\s*q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*)?"
)
_MOST_LANGUAGES: Final = 20
_TIME: Final = re.compile(r"(\d{1,4}(?:\.\d{1,2})?)\s*(h|d|w|y|month)s?")
_UNITS: Final = {"h": ("hours", 1), "d": ("days", 1), "w": ("days", 7), "month": ("months", 1), "y": ("months", 12)}


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who receives data for a purpose; parts that are not known are `None`. `country` is ISO 3166-1 alpha-2."""

    name: str
    company: str | None = None
    country: str | None = None
    policy: str | None = None
    retention: str | None = None


@dataclass(frozen=True, slots=True)
class PurposeWords:
    """One purpose that is asked for."""

    id: Purpose
    title: str
    text: str
    recipients: tuple[Recipient, ...]


@dataclass(frozen=True, slots=True)
class Wording:
    """A notice in one language, and its parts. `texts` keeps the order of the names in `texts/en.json`."""

    notice: Notice
    direction: Direction
    scope: str
    url: str | None
    texts: Mapping[str, str]
    purposes: tuple[PurposeWords, ...]

    @property
    def hash(self) -> str:
        """The notice's hash without the name of the algorithm."""
        return self.notice.hash.removeprefix("sha256-")


def wording(
    texts: Mapping[str, str],
    recipients: Mapping[Purpose, Sequence[Recipient]],
    *,
    version: str,
    language: str,
    direction: Direction,
    scope: str,
    url: str | None,
    controller: str,
) -> Wording:
    """The notice of these texts. `recipients` has the purposes that are asked for, in order."""
    filled = {name: text.replace("{controller}", controller) for name, text in texts.items()}
    purposes = tuple(
        PurposeWords(
            purpose,
            filled[f"{purpose}_title"],
            filled[f"{purpose}_text"],
            tuple([_in_words(one, filled) for one in recipients[purpose]]),
        )
        for purpose in recipients
    )
    text = orjson.dumps(words(filled, purposes, version=version, language=language, scope=scope, url=url))
    notice = Notice(f"sha256-{digest(text)}", version, language, text.decode())
    return Wording(notice, direction, scope, url, filled, purposes)


def words(
    texts: Mapping[str, str],
    purposes: Iterable[PurposeWords],
    *,
    version: str,
    language: str,
    scope: str,
    url: str | None,
) -> list[str]:
    """Version, language, scope, address, all texts, then of each purpose its own words and those of its recipients."""
    found = [version, language, scope, url or "", *texts.values()]
    for purpose in purposes:
        found += [purpose.title, purpose.text]
        for one in purpose.recipients:
            found += [one.name, *[part for part in (one.company, one.country, one.policy, one.retention) if part]]
    return found


def digest(text: bytes) -> str:
    """SHA-256 as base64url, without padding."""
    return base64url.write(hashlib.sha256(text).digest())


def preferred(accept_language: Iterable[str], known: Iterable[str]) -> str | None:
    """The language that a visitor prefers of those there are, `None` for none of them (RFC 9110 section 12.5.4).

    A range fits the language itself, its longer forms and, at last, its first part (RFC 4647 section 3.4): `de-AT` fits
    `de`. Of equal weights the first one counts; a weight of 0 excludes.
    """
    languages = {one.lower(): one for one in known}
    ranges = []
    for part in ",".join(accept_language).split(",")[:_MOST_LANGUAGES]:
        found = _PART.fullmatch(part)
        if found is not None:
            ranges.append((found[1].lower(), float(found[2] or 1)))
    excluded = {name for name, weight in ranges if not weight}
    for name, weight in sorted(ranges, key=lambda one: -one[1]):
        if not weight:
            continue
        for candidate in (name, name.partition("-")[0]):
            for lower, language in languages.items():
                fits = candidate == "*" or lower == candidate or lower.startswith(candidate + "-")
                if fits and lower not in excluded:
                    return language
    return None


def _in_words(one: Recipient, texts: Mapping[str, str]) -> Recipient:
    """The recipient with its retention as it is said in the language; what is no duration stays as it is."""
    found = None if one.retention is None else _TIME.fullmatch(one.retention.strip())
    if found is None:
        return one
    name, times = _UNITS[found[2]]
    exact = float(found[1]) * times
    if exact != int(exact):
        return one
    number = int(exact)
    if number == 1:  # each language has the plural alone
        if name == "hours":
            return one
        name, number = ("hours", 24) if name == "days" else ("days", 31)
    retention = texts[name].replace("{number}", str(number))
    return Recipient(one.name, one.company, one.country, one.policy, retention)
