"""A request for erasure as operators may see it. Pure: states, counts and days, never an identifier or a pseudonym."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from gatekeeper.audit.lines import timestamp
from gatekeeper.rights import due, proof
from gatekeeper.rights.case import Case, Recipient
from gatekeeper.rights.search import Linked
from gatekeeper.rights.states import State


def shown(case: Case, now: float) -> dict[str, Any]:
    """A request as it may be shown: states, counts and days, never an identifier."""
    end = case.extended_to or case.due
    tell = case.state in (State.SETTLED, State.TOLD, State.ASKED) and case.states != case.told_as
    near = date.fromisoformat(end).toordinal() - due.EARLY <= datetime.fromtimestamp(now, UTC).date().toordinal()
    return {
        "id": case.id,
        "state": case.state.value,
        "received": proof.day(case.received),
        "due": end,
        "overdue": case.state not in (State.TOLD, State.CLOSED, State.REFUSED) and proof.day(now) > end,
        "law": case.law,
        "laws": list(case.laws),
        "confirm_by": case.confirm_by,
        "extended": case.extended,
        "by": case.by,
        "verified_by": case.verified_by,
        "approved_by": case.approved_by,
        "note_code": case.note_code,
        "kinds": list(case.kinds),
        "times": {name: timestamp(at) for name, at in case.times.items()},
        "stores": case.stores,
        "refusal": case.refusal,
        "duplicate_of": case.duplicate_of,
        "suppressed": case.suppressed,
        "to_tell": tell and (near or case.state is not State.ASKED),
        "told": [timestamp(at) for at in case.told],
        "destinations": [_recipient(one) for one in case.recipients],
        "receipt": case.receipt,
    }


def _recipient(one: Recipient) -> dict[str, Any]:
    told = {
        "name": one.name, "kind": one.kind, "state": one.state.value, "reason": one.reason, "why": one.why,
        "asked": None if one.asked is None else timestamp(one.asked),
        "next": None if one.next is None or one.settled else timestamp(one.next),
        "assumed_by": None if one.assumed_by is None else proof.day(one.assumed_by),
        "reference": one.reference, "evidence": one.evidence, "by": one.by, "removed": one.removed or None,
    }  # fmt: skip
    return {key: value for key, value in told.items() if value is not None}


def linked(one: Linked) -> dict[str, Any]:
    """An identifier that is offered to be ticked."""
    return {"id": one.id, "lines": one.lines, "shared": one.shared}
