"""The Canadian TC string (GPP section 5): express and implied consent per TCF purpose.

Contract: `parse` gives a `CanadaString` or raises `UnreadableError`; `spoken` says what it adds up to.
Implied consent is not a choice that was made: it neither grants nor refuses. Bit positions:
`canada.toml`, with a link per field.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from gatekeeper.model import Permission, Purpose
from gatekeeper.signals.bits import Bits, Ids
from gatekeeper.signals.encoding import UnreadableError
from gatekeeper.signals.layout import layouts
from gatekeeper.signals.tcf import PurposeTable

_LAYOUTS = layouts(__package__, "canada.toml")


@dataclass(frozen=True, slots=True)
class CanadaString:
    """One Canadian TC string. Times are Unix seconds; vendors are `None` where their coding is unsettled."""

    version: int
    created: float
    last_updated: float
    cmp_id: int
    cmp_version: int
    consent_screen: int
    consent_language: str
    vendor_list_version: int
    policy_version: int
    use_non_standard_stacks: bool
    special_feature_express_consent: Ids
    purposes_express_consent: Ids
    purposes_implied_consent: Ids
    vendor_express_consent: Ids | None = None
    vendor_implied_consent: Ids | None = None


def parse(text: str) -> CanadaString:
    """Decode the core of a Canadian TC string. Raises `UnreadableError`."""
    bits = Bits(text.split(".", 1)[0])
    values = _LAYOUTS["core"].read(bits)
    if values["version"] != 1:
        raise UnreadableError("no Canadian TC string of version 1")
    with suppress(UnreadableError):
        values.update(_LAYOUTS["vendors"].read(bits))
    return CanadaString(**values)


def spoken(string: CanadaString, table: PurposeTable) -> Mapping[Purpose, Permission]:
    """All purposes consented to expressly: granted. One without either consent: refused. Else silent."""
    says = {}
    for purpose, needs_all in table.items():
        express = [number in string.purposes_express_consent for number in needs_all]
        either = [
            consented or number in string.purposes_implied_consent
            for number, consented in zip(needs_all, express, strict=True)
        ]
        if not all(either):
            says[purpose] = Permission.DENIED
        elif express and all(express):
            says[purpose] = Permission.GRANTED
    return says
