"""The string of the IAB Global Privacy Platform: a header that lists sections, then the sections.

Contract: `parse` gives a `GppString` or raises `UnreadableError` where the whole is broken; one broken
section is a `Broken` among the others, so that an opt-out in the rest still counts.
Source:
https://github.com/InteractiveAdvertisingBureau/Global-Privacy-Platform/blob/b27beb4/Core/Consent%20String%20Specification.md
and, for the ids, Sections/Section%20Information.md beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

from gatekeeper.signals import tcf, usprivacy
from gatekeeper.signals.bits import Bits
from gatekeeper.signals.encoding import LONGEST, UnreadableError
from gatekeeper.signals.gpp import canada, section
from gatekeeper.signals.gpp.canada import CanadaString
from gatekeeper.signals.gpp.section import US_SECTIONS, UsSection
from gatekeeper.signals.tcf import TcString
from gatekeeper.signals.usprivacy import UsPrivacy

_HEADER_TYPE, _HEADER_VERSION = 3, 1
TCF_EU, TCF_CANADA, US_PRIVACY = 2, 5, 6


@dataclass(frozen=True, slots=True)
class Broken:
    """A section that could not be read; `why` is a note without values."""

    why: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """A section with an id that has no reader here."""


Section = UsSection | TcString | CanadaString | UsPrivacy | Broken | Unknown


@dataclass(frozen=True, slots=True)
class GppString:
    """One GPP string: its sections with their ids, ascending."""

    sections: tuple[tuple[int, Section], ...]


def parse(text: str) -> GppString:
    """Decode a GPP string. `UnreadableError` if header and sections disagree or none can be read."""
    if len(text) > LONGEST:
        raise UnreadableError("longer than any consent string may be")
    header, *texts = text.split("~")
    bits = Bits(header)
    if bits.number(6) != _HEADER_TYPE or bits.number(6) != _HEADER_VERSION:
        raise UnreadableError("no GPP string of version 1")
    ids = bits.fibonacci_ranges(len(texts))
    if len(ids) != len(texts) or not all(texts):
        raise UnreadableError("sections are missing or too many")
    sections = tuple((number, _section(number, part)) for number, part in zip(ids, texts, strict=True))
    if sections and all(isinstance(part, Broken) for _number, part in sections):
        raise UnreadableError("no section can be read")
    return GppString(sections)


def _section(number: int, text: str) -> Section:
    try:
        if number in US_SECTIONS:
            return section.parse(number, text)
        if number == TCF_EU:
            return tcf.parse(text)
        if number == TCF_CANADA:
            return canada.parse(text)
        if number == US_PRIVACY:
            return usprivacy.parse(text)
    except UnreadableError as why:
        return Broken(str(why))
    return Unknown()
