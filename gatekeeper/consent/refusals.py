"""What a visitor refuses, of what may be queued. Pure. A consent in, the refused purposes and their reasons out.

A refusal is the visitor's word, or what a law makes of their age. These are not refusals: that nothing was said, that
a grant became too old, that a context's token cannot be believed, and a flag or claim of one event against what the
visitor's own platform grants in the same request. Those block what they come with, and leave alone what was permitted
before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gatekeeper.model import OPTIONAL, Consent, Permission, Purpose, Role, Standing
from gatekeeper.model.reasons import EXPIRED, GPC, UNREADABLE

TOKEN: Final = "gatekeeper-context"  # noqa: S105  # the source of a context's own signal, no secret
_NONE: Final[Mapping[Purpose, str]] = {}


def refused(consent: Consent) -> Mapping[Purpose, str]:
    """Purpose → reason code, for every optional purpose that the visitor refuses."""
    found = {}
    for purpose in OPTIONAL:
        ruling = consent.rulings[purpose]
        reason = ruling.reason
        if ruling.permission is not Permission.DENIED or reason is None or reason == EXPIRED:
            continue
        if not (ruling.silent or ruling.narrowed) and (reason != UNREADABLE or _said(consent, purpose)):
            found[purpose] = reason
    return found or _NONE


def _said(consent: Consent, purpose: Purpose) -> bool:
    """Whether more than a token that cannot be believed denies a purpose."""
    for signal in consent.signals:
        if signal.standing is Standing.MALFORMED and signal.source != TOKEN:
            return True
        if signal.says.get(purpose) is Permission.DENIED and (
            signal.role is Role.CHOICE
            or (signal.role is Role.OPT_OUT and (signal.denies_as != GPC or consent.gpc_honoured))
        ):
            return True
    return False
