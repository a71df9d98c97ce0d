"""Telephone numbers. Pure. Any spelling in, E.164 (`+` and digits) or `None` out.

A number without country code needs the policy's `phone_region`; without it, only a number that is plainly
international passes. What cannot be told is dropped: a hash of half a number matches nobody, or somebody else.
"""

from __future__ import annotations

import re
from functools import lru_cache

import phonenumbers

_E164 = re.compile(r"\+[1-9]\d{7,14}")


def e164(raw: str, region: str | None) -> str | None:
    """The number in E.164 (ITU-T), or `None`. `region` is an ISO 3166-1 alpha-2 code."""
    text = raw.strip()
    if _E164.fullmatch(text):
        return text
    digits = re.sub(r"\D", "", text)
    if not 7 <= len(digits) <= 17 or re.search(r"[^\W\d_]", re.sub(r"(?i)(ext|tel|x)\.?", "", text)):
        return None
    if not text.startswith(("+", "00")) and region is not None:
        national = _parse(text, region)
        if national is not None:
            return national
    international = digits.lstrip("0")
    if text.startswith(("+", "00")):
        return _parse("+" + international, None)
    # No plus and no region: a North American number with its 1, or one that is valid as it stands.
    strict = not (len(international) == 11 and international[0] == "1")
    return _parse("+" + international, None, strict=strict)


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
