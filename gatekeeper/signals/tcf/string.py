"""The TC string of the IAB Transparency & Consent Framework 2.2 and 2.3, and what is left of version 1.

Contract: `parse` turns one string into a `TcString` or raises `UnreadableError`; it never takes half a
string. The core segment stands first and once (a second one would overwrite the first in some decoders
and turn a refusal into a consent). Bit positions: `layout.toml`, with a link per field.
"""

from __future__ import annotations

from dataclasses import dataclass

from gatekeeper.signals import layout
from gatekeeper.signals.bits import NO_IDS, Bits, Ids
from gatekeeper.signals.encoding import LONGEST, UnreadableError
from gatekeeper.signals.layout import Restriction

_LAYOUTS = layout.layouts(__package__, "layout.toml")
_CORES = {1: _LAYOUTS["core_1"], 2: _LAYOUTS["core"]}
_SEGMENTS = {1: _LAYOUTS["disclosed"], 2: _LAYOUTS["allowed"], 3: _LAYOUTS["publisher"]}

_POLICY_OF_TCF_2_2, _POLICY_OF_TCF_2_3 = 4, 5
_DISCLOSURE_MANDATORY = 1772323200.0  # 2026-03-01: strings made after 2026-02-28 need the segment (TCF 2.3)


@dataclass(frozen=True, slots=True)
class TcString:
    """One TC string, decoded. Times are Unix seconds. Version 1 has only the fields up to `vendor_consents`.

    `vendors_disclosed` and `vendors_allowed` are `None` where the string has no such segment.
    """

    version: int
    created: float
    last_updated: float
    cmp_id: int
    cmp_version: int
    consent_screen: int
    consent_language: str
    vendor_list_version: int
    purpose_consents: Ids
    vendor_consents: Ids
    policy_version: int = 0
    is_service_specific: bool = False
    use_non_standard_texts: bool = False
    special_feature_optins: Ids = NO_IDS
    purpose_li: Ids = NO_IDS
    purpose_one_treatment: bool = False
    publisher_cc: str = ""
    vendor_li: Ids = NO_IDS
    publisher_restrictions: tuple[Restriction, ...] = ()
    vendors_disclosed: Ids | None = None
    vendors_allowed: Ids | None = None
    pub_purpose_consents: Ids = NO_IDS
    pub_purpose_li: Ids = NO_IDS
    pub_custom: tuple[Ids, Ids] = (NO_IDS, NO_IDS)  # consents, legitimate interests

    @property
    def faults(self) -> tuple[str, ...]:
        """Why the framework calls this string invalid; empty for a valid one. Its grants count only if empty.

        The deadlines of the framework lie years back except one, so only that one is compared with a date.
        """
        if self.version == 1:
            return ("tcf_v1",)
        found = []
        if not self.is_service_specific:
            found.append("global_scope")
        if self.policy_version < _POLICY_OF_TCF_2_2:
            found.append("policy_lt_4")
        if self.vendors_disclosed is None and self.created >= _DISCLOSURE_MANDATORY:
            found.append("no_disclosed_vendors")
        if self.cmp_id < 2:
            found.append("cmp_id_lt_2")  # no CMP has these ids; official decoders refuse them
        return tuple(found)

    @property
    def disclosed(self) -> Ids | None:
        """The vendors that were disclosed, `None` where the string does not tell.

        Before TCF 2.3 the segment was optional and encoders appended an empty one that meant nothing.
        """
        tells = self.policy_version >= _POLICY_OF_TCF_2_3 or self.created >= _DISCLOSURE_MANDATORY
        found = self.vendors_disclosed
        return found if found is not None and (tells or found.intervals()) else None


def parse(text: str) -> TcString:
    """Decode a TC string. Raises `UnreadableError` for anything a strict decoder would not take."""
    if len(text) > LONGEST:
        raise UnreadableError("longer than any consent string may be")
    core, *segments = text.split(".")
    bits = Bits(core)
    fields = _CORES.get(bits.number(6))
    if fields is None:
        raise UnreadableError("no TC string of version 1 or 2")
    bits.at = 0
    values = fields.read(bits)
    if values["version"] == 1:
        if segments:
            raise UnreadableError("version 1 has no segments")
        return TcString(**values)
    seen = set()
    for segment in segments:
        bits = Bits(segment)
        kind = bits.number(3)
        if kind not in _SEGMENTS or kind in seen:
            raise UnreadableError("a segment that is unknown or there twice")
        seen.add(kind)
        bits.at = 0
        values.update(_SEGMENTS[kind].read(bits))
    values.pop("segment_type", None)
    return TcString(**values)
