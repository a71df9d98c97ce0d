"""Audit lines. Pure. A plan or an outcome in, one JSON line out (docs/audit.md lists every key).

The keys of the guide's record come first and under the guide's names. No value of a field is ever in a line.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from gatekeeper.destinations import normalise
from gatekeeper.model import Consent, Decision, Permission, Personal, Purpose, Signal, Verdict

if TYPE_CHECKING:
    from gatekeeper.gate import Plan
    from gatekeeper.policy import Policy

TIME: Final = "%Y-%m-%dT%H:%M:%SZ"  # RFC 3339, UTC


class Line(NamedTuple):
    """One line on its way to the log: a JSON object, and the pseudonyms that may have to be forgotten later.

    Callers pass it on whole; only `audit/` looks inside.
    """

    core: bytes
    refs: tuple[str, ...] = ()


def pack(batch: Sequence[Line]) -> bytes:
    """Lines as bytes, to be kept until the log has them."""
    return orjson.dumps([(line.core.decode(), line.refs) for line in batch])


def unpack(data: bytes) -> list[Line]:
    """The lines of `pack`."""
    return [Line(core.encode(), tuple(refs)) for core, refs in orjson.loads(data)]


_PURPOSES = tuple((purpose.value, purpose) for purpose in Purpose)
NOTHING_GRANTED = {"necessary": True, "analytics": False, "marketing": False}


def timestamp(at: float) -> str:
    """RFC 3339 in UTC with whole seconds, as the guide writes it."""
    return _timestamp(int(at // 1))


@lru_cache(maxsize=1024)
def _timestamp(second: int) -> str:
    return timestamp_of(datetime.fromtimestamp(second, UTC))


def timestamp_of(at: datetime) -> str:
    """The same of a UTC datetime."""
    return at.strftime(TIME)


def decision_line(plan: Plan, policy: Policy) -> Line:
    """The line written before anything is sent."""
    record = decision_record(plan, policy)
    del record["subjects"]  # they stand in a part of the line that can be removed
    return Line(orjson.dumps(record), plan.subjects)


def decision_record(plan: Plan, policy: Policy) -> dict[str, Any]:
    """The same as an object; what will be sent is `pending` until an outcome says more."""
    consent = plan.consent
    return {
        "kind": "decision",
        "timestamp": timestamp(plan.at),
        "request_id": plan.request_id,
        "event_type": plan.event.name,
        "consent_state": consent_state(consent),
        "deliveries": [delivery(decision) for decision in plan.decisions],
        "country": plan.place.country,
        "jurisdiction": {
            "country": plan.place.country,
            "region": plan.place.region,
            "how": plan.place.how,
            "laws": [law.id for law in plan.place.laws],
        },
        "gpc": {
            "detected": consent is not None and consent.gpc_detected,
            "honoured": consent is not None and consent.gpc_honoured,
        },
        "signals": [] if consent is None else [_signal(signal, consent) for signal in consent.signals],
        "notice_version": None if consent is None else _notice(consent.signals),
        "policy": {"version": policy.version, "hash": policy.hash},
        "subjects": plan.subjects,
    }


def consent_state(consent: Consent | None) -> dict[str, bool]:
    """The effective permission per purpose."""
    if consent is None:
        return NOTHING_GRANTED
    return {name: consent.rulings[purpose].permission is Permission.GRANTED for name, purpose in _PURPOSES}


def delivery(decision: Decision) -> dict[str, Any]:
    """One element of `deliveries`."""
    if decision.verdict is Verdict.BLOCK:
        return {"destination": decision.destination, "status": "blocked", "reason": decision.reason}
    of_a_call = {"native_stripped": decision.native} if decision.native else {}
    return {
        "destination": decision.destination,
        "status": "pending",
        "fields_sent": list(decision.kept),
        "fields_stripped": list(decision.stripped),
        "fields_derived": decision.derived,
        "consent_basis": decision.basis,
        "legal_basis": decision.legal_basis,
        "stripped_because": decision.stripped,
        "scrubbed": decision.scrubbed,
    } | of_a_call


def outcome_line(
    *, at: float, destination: str, request_ids: Iterable[str], status: str, why: str | None, attempts: int
) -> Line:
    """The line written after a vendor's answer: one per request, naming the events it carried."""
    record = {
        "kind": "outcome",
        "timestamp": timestamp(at),
        "request_ids": list(request_ids),
        "destination": destination,
        "status": status,
        "reason": why,
        "attempts": attempts,
    }
    return Line(orjson.dumps(record))


def email_reference(email: Personal) -> str | None:
    """What an e-mail address is searched by: the SHA-256 of its normal form, or the hash that came in."""
    return normalise.hashed(email, None if email.hashed else normalise.email(email.value))


def _signal(signal: Signal, consent: Consent) -> dict[str, Any]:
    lost = [name.partition(":")[2] for name in consent.overruled if name.startswith(signal.source + ":")]
    return {
        "source": signal.source,
        "standing": signal.standing,
        "says": {purpose.value: word for purpose, word in signal.says.items()},
        "given_at": None if signal.at is None else timestamp(signal.at),
        "evidence": signal.evidence,
        "overruled": [purpose for purpose in lost if purpose in signal.says],
        "note": signal.note,
    }


def _notice(heard: Iterable[Signal]) -> str | None:
    return next((signal.notice for signal in heard if signal.notice is not None), None)
