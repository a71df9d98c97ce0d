"""Audit lines. A plan or an outcome in, one JSON line out (docs/audit.md lists every key).

The keys of the guide's record come first and under the guide's names. No value of a field is ever in a line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from gatekeeper.audit import inputs
from gatekeeper.audit.vocabulary import Names, put_back, vocabulary
from gatekeeper.memory import Compiled, Memory
from gatekeeper.model import OPTIONAL, Choice, Consent, Decision, Permission, Place, Purpose, Signal, Verdict

if TYPE_CHECKING:
    from gatekeeper.model import Plan
    from gatekeeper.policy import Policy

_PRODUCT: Final = re.compile(r"cmp-\d{1,4}")
TIME: Final = "%Y-%m-%dT%H:%M:%SZ"  # RFC 3339, UTC


class Line(NamedTuple):
    """One line on its way to the log: a JSON object, and what may have to be forgotten later.

    `refs` are pseudonyms of the visitor's identifiers, `names` the names that a sender chose and that are neither known
    nor plain; `core` holds `~0`, `~1`, … in their places. Callers pass it on whole; only `audit/` looks inside.
    """

    core: bytes
    refs: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


# Looked up once: an enum's member costs as much as a call.
_BLOCK: Final = Verdict.BLOCK
_PURPOSES = tuple((purpose.value, purpose) for purpose in Purpose)
CHOSEN: Final = {Permission.GRANTED: "granted", Permission.DENIED: "refused", None: None}
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


class _Visitor(NamedTuple):
    """What lines say of one visitor, as JSON, and the place that it is true of."""

    place: Place
    state: orjson.Fragment
    rest: bytes
    names: tuple[str, ...]
    more: dict[str, Any]  # inputs


class _Kept:
    """A consent that is kept, so that its `id` is no other's meanwhile, and what the last line said of its visitor."""

    __slots__ = ("consent", "visitor")

    def __init__(self, consent: Consent) -> None:
        self.consent = consent
        self.visitor: _Visitor | None = None


class Lines:
    """The decision lines of one policy; a gate has one of its own.

    What a line says of a visitor is remembered of the consents that `keep` was told of, and holds for this very object
    alone: a gate gives one consent to all events of a visitor for a minute.
    """

    __slots__ = ("_kept", "_known", "_plain", "policy")

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self._known = vocabulary(policy.names, policy.catalogue)
        self._kept = Memory[_Kept](entries=1_024, each=4_096)
        self._plain: Compiled[tuple[str, ...], bool] = Compiled()

    def keep(self, consent: Consent, size: int) -> None:
        """Remember what lines say of this consent, which more events will have; `size` is that of what was heard."""
        self._kept.put(id(consent), _Kept(consent), size)

    def line(self, plan: Plan, count: int = 1) -> Line:
        """The line written before anything is sent; with a `count`, of as many events that are alike."""
        place, consent = plan.place, plan.consent
        kept = self._kept.get(id(consent))
        known = None if kept is None or kept.consent is not consent else kept.visitor
        if known is None or known.place is not place:
            known = self._visitor(plan, place, consent)
            if kept is not None and kept.consent is consent:
                kept.visitor = known
        names = Names(self._known, known.names, self._plain)
        core = orjson.dumps(_of_event(plan, self.policy, known.state, names, known.more, count))[:-1] + known.rest
        # Without `subjects`: they stand in a part of the line that can be removed.
        return Line(core, plan.subjects, names.removable)

    def lines(self, plans: Sequence[Plan]) -> list[tuple[str, Line | None]]:
        """The lines of one request's events: for each its id, and its line, `None` where an earlier one tells of it.

        Events of which nothing leaves and whose lines would differ in the id alone are one line with a `count`: their
        ids are `req_x.0`, `req_x.1`, …
        """
        made: list[tuple[str, Line | None]] = [(plan.request_id, self.line(plan)) for plan in plans]
        if len(plans) <= 1:
            return made
        alike: dict[tuple[Any, ...], list[int]] = {}
        for n, (plan, (request_id, line)) in enumerate(zip(plans, made, strict=True)):
            if line is not None and all(one.verdict is _BLOCK for one in plan.decisions):
                core = line.core.replace(request_id.encode(), b"", 1)
                alike.setdefault((core, line.refs, line.names), []).append(n)
        for group in alike.values():
            if len(group) > 1:
                first = plans[group[0]]
                for place, n in enumerate(group):
                    made[n] = (f"{first.request_id}.{place}", None)
                made[group[0]] = (f"{first.request_id}.0", self.line(first, len(group)))
        return made

    def record(self, plan: Plan) -> dict[str, Any]:
        """The same as an object with all its names; what will be sent is `pending` until an outcome says more."""
        names = Names(self._known)
        state, rest = consent_state(plan.consent), _of_visitor(plan.place, plan.consent, self.policy, names)
        record = _of_event(plan, self.policy, state, names, inputs.of_place(plan, self.policy), 1) | rest
        return put_back(record | {"subjects": plan.subjects, "names": names.removable})

    def _visitor(self, plan: Plan, place: Place, consent: Consent | None) -> _Visitor:
        names = Names(self._known)
        state = orjson.Fragment(orjson.dumps(consent_state(consent)))
        rest = orjson.dumps(_of_visitor(place, consent, self.policy, names))
        return _Visitor(place, state, b"," + rest[1:], names.removable, inputs.of_place(plan, self.policy))


def decision_line(plan: Plan, policy: Policy, count: int = 1) -> Line:
    """One line of a policy's `Lines`, where nothing is to be remembered."""
    return Lines(policy).line(plan, count)


def decision_record(plan: Plan, policy: Policy) -> dict[str, Any]:
    """One decision's record, as a line of the log has it."""
    return Lines(policy).record(plan)


def _of_event(
    plan: Plan, policy: Policy, state: object, names: Names, more: dict[str, Any], count: int
) -> dict[str, Any]:
    record = {
        "kind": "decision",
        "timestamp": timestamp(plan.at),
        "request_id": plan.request_id,
        "event_type": names(plan.event.name),
        "consent_state": state,
        "deliveries": [delivery(decision, names) for decision in plan.decisions],
        "inputs": inputs.of_event(plan, policy, names, more),
    }
    return record if count == 1 else record | {"count": count}


def _of_visitor(place: Place, consent: Consent | None, policy: Policy, names: Names) -> dict[str, Any]:
    heard = () if consent is None else consent.signals
    notice = next((signal.notice for signal in heard if signal.notice is not None), None)
    return {
        "country": place.country,
        "jurisdiction": {
            "country": place.country,
            "region": place.region,
            "how": place.how,
            "laws": [law.id for law in place.laws],
        },
        "gpc": {
            "detected": consent is not None and consent.gpc_detected,
            "honoured": consent is not None and consent.gpc_honoured,
        },
        "signals": [] if consent is None else [_signal(signal, consent) for signal in heard],
        "notice_version": None if notice is None else names(notice),
        "policy": {"version": policy.version, "hash": policy.hash},
    }


def consent_state(consent: Consent | None) -> dict[str, bool]:
    """The effective permission per purpose."""
    if consent is None:
        return NOTHING_GRANTED
    return {name: consent.rulings[purpose].permission is Permission.GRANTED for name, purpose in _PURPOSES}


def delivery(decision: Decision, names: Names) -> dict[str, Any]:
    """One element of `deliveries`; `names` gives what stands there for a name."""
    destination = names(decision.destination)  # of a call that the policy does not list it is a host
    if decision.verdict is _BLOCK:
        return {"destination": destination, "status": "blocked", "reason": decision.reason}
    stripped = names.keys(decision.stripped)
    told: dict[str, Any] = {
        "destination": destination,
        "status": "pending",
        "fields_sent": [*decision.kept],
        "fields_stripped": [*stripped],
        "fields_derived": decision.derived,
        "consent_basis": decision.basis,
        "legal_basis": decision.legal_basis,
        "stripped_because": stripped,
        "scrubbed": decision.scrubbed,
    }
    if decision.native:  # of a call
        told["native_stripped"] = {name: names.each(native) for name, native in decision.native.items()}
    return told


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


def consent_line(choice: Choice, row: str, at: float) -> Line:
    """The line of a row of the ledger, written `at`. Its head says what was chosen, and holds the digest of the row.

    So the proof outlives the subjects, and the row itself.
    """
    record = {
        "kind": "consent",
        "timestamp": timestamp(at),
        "given_at": timestamp(choice.at),
        "receipt": choice.receipt,
        "row": row,
        "choices": {purpose.value: CHOSEN.get(choice.says.get(purpose)) for purpose in OPTIONAL},
        "method": choice.method,
        "surface": choice.surface,
        "notice": choice.notice,
        "policy": choice.policy,
    }
    return Line(orjson.dumps(record), tuple([name for subject in choice.subjects for name in subject.names[:1]]))


def _signal(signal: Signal, consent: Consent) -> dict[str, Any]:
    lost = [name.partition(":")[2] for name in consent.overruled if name.startswith(signal.source + ":")]
    told: dict[str, Any] = {
        "source": signal.source,
        "role": signal.role,
        "standing": signal.standing,
        "says": {purpose.value: word for purpose, word in signal.says.items()},
        "given_at": None if signal.at is None else timestamp(signal.at),
        "evidence": signal.evidence if is_product(signal.evidence) else None,
        "overruled": [purpose for purpose in lost if purpose in signal.says],
        "note": signal.note,
    }
    if signal.denies_as is not None:
        told["denies_as"] = signal.denies_as
    if signal.voice:
        told["voice"] = signal.voice
    if signal.beside:
        told["beside"] = signal.beside
    if signal.refuses:  # names of the policy's destinations
        told["refuses"] = signal.refuses
    if signal.at is not None and signal.at != signal.at // 1:
        told["at"] = signal.at
    return told


def is_product(evidence: str | None) -> bool:
    """Whether a signal's evidence names the software that wrote it: all others are ids that one visitor has."""
    return evidence is not None and _PRODUCT.fullmatch(evidence) is not None
