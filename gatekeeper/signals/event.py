"""The consent object of an event. Pure. `{"analytics": true, "marketing": false}` in, a claim out.

It narrows what cookies and the ledger grant; where neither spoke, it is the signal (DESIGN, rule 6).
"""

from __future__ import annotations

from collections.abc import Mapping

from gatekeeper.model import OPTIONAL, Permission, Role, Signal, Standing

SOURCE = "event"


def read(claim: Mapping[str, bool]) -> tuple[Signal, ...]:
    """The claim, with a missing purpose left unspoken. `necessary` is not asked: it is always granted."""
    says = {
        purpose: Permission.GRANTED if claim[purpose] is True else Permission.DENIED
        for purpose in OPTIONAL
        if purpose in claim
    }
    return (Signal(SOURCE, Role.CLAIM, Standing.DECIDED, says, note="the event's own consent object"),)
