"""Telephone numbers. Pure. Any spelling in, E.164 (`+` and digits) or `None` out.

A number says its country by a plus, by 00, or by being as long as no country's own numbers are. Else it needs the
event's own country, or the policy's `phone_region`. What cannot be told is dropped and never guessed: the hash of a
guessed number is another person's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

import iso3166
import phonenumbers

_E164 = re.compile(r"\+[1-9]\d{7,14}")
# North American numbers as people write them, with their 1 apart: eleven bare digits may be Chinese or Brazilian.
_NORTH_AMERICAN = re.compile(
    r"0{0,2}1[\s.-]*\(\d{3}\)[\s.-]*\d{3}[\s.-]*\d{2}[\s.-]*\d{2}|1[\s.-]+\d{3}[\s.-]+\d{3}[\s.-]+\d{2}[\s.-]*\d{2}"
)
_WHOLE = 12  # digits: without its zero, no country's own number is so long and another country's valid one as well


def e164(raw: str, region: str | None) -> str | None:
    """The number in E.164 (ITU-T), or `None`. `region` is an ISO 3166-1 alpha-2 code."""
    text = raw.strip()
    if _E164.fullmatch(text):
        return text
    digits = re.sub(r"\D", "", text)
    if not 7 <= len(digits) <= 17 or re.search(r"[^\W\d_]", re.sub(r"(?i)(ext|tel|x)\.?", "", text)):
        return None
    if text.startswith(("+", "00")):
        return _parse("+" + digits.lstrip("0"), None)
    whole = _NORTH_AMERICAN.fullmatch(text) is not None
    return (
        (None if region is None else _parse(text, region, strict=True))
        or (_parse("+" + digits.lstrip("0"), None) if whole else None)
        or (_parse("+" + digits, None, strict=True) if digits[0] != "0" and len(digits) >= _WHOLE else None)
        or (None if region is None else _parse(text, region))
    )


def region_of(countries: Iterable[object]) -> str | None:
    """The one country that an event names (ISO 3166-1 code or English name); `None` if it names none, or several."""
    found = {region for country in countries if (region := _region(country)) is not None}
    return found.pop() if len(found) == 1 else None


def _region(country: object) -> str | None:
    if not isinstance(country, str) or len(country) > 60:
        return None
    name = country.strip()
    code = "GB" if name.upper() == "UK" else str(getattr(iso3166.countries.get(name, None), "alpha2", ""))
    return code if code in regions() else None


def _parse(text: str, region: str | None, *, strict: bool = False) -> str | None:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    valid = phonenumbers.is_valid_number if strict else phonenumbers.is_possible_number
    if not valid(number):
        return None
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


@lru_cache(maxsize=1)
def regions() -> frozenset[str]:
    """The region codes a policy may name."""
    return frozenset(phonenumbers.SUPPORTED_REGIONS)
