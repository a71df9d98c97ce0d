"""A decision made again. Pure. A decision line, its policy and laws in; what would be decided of that event out.

The stages are the real ones; valid values stand in for those that were not kept (`vendors/samples.py`). What the
line says of values is taken as it is: which were no valid ones, what was taken out of them, and whether a call that
was cut down was still enough for its vendor. A decision that cannot be made again is `Unknown`, with the reason why.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final, NamedTuple

from msgspec import structs

from gatekeeper.audit import lines
from gatekeeper.audit.vocabulary import GONE, Names
from gatekeeper.consent.resolve import resolve
from gatekeeper.decision import decide
from gatekeeper.gate.deciding import asked_of, filled, stance_of
from gatekeeper.gate.elements import TRUNCATED
from gatekeeper.gate.inputs import event_of, moment, place_of, signal_of
from gatekeeper.gate.settle import failed, full, insufficient, settled, unnamed
from gatekeeper.model import (
    Consent,
    Decision,
    Event,
    Law,
    Permission,
    Place,
    Verdict,
)
from gatekeeper.model.reasons import INSUFFICIENT, INTERNAL, NOT_ROUTED, QUEUE_FULL
from gatekeeper.policy import Policy
from gatekeeper.vendors import samples
from gatekeeper.vendors.kind import Destination, Shaping

_TC_STRING: Final = "TC string"  # begins the note of each signal that is one
_SENT: Final = ("fields_sent", "fields_stripped", "fields_derived")


class Unknown(StrEnum):
    """Why a decision cannot be made again."""

    OLD_LINE = "old_line"  # of format 1, which does not hold what is needed
    UNDECIDED = "undecided"  # the call could not be read, is not listed, or the gate itself failed
    GATE_FAILED = "gate_failed"  # for one destination
    CALL_MINIMUM = "call_minimum"  # other fields of a call would be left than were: whether they are enough is open
    NO_DESTINATION = "no_destination"  # the policy does not have it
    NAME_REMOVED = "name_removed"  # the event's name was removed from the log with the person it was about
    VENDOR = "vendor"  # what the TC string says of this vendor is not in the line, and bears on the decision
    FIELD_CHANGED = "field_changed"  # whether its value is valid as the policy now describes the field is open


class Unknowable(Exception):  # noqa: N818  # a finding about the line, not a fault
    """The decision cannot be made again."""

    def __init__(self, why: Unknown) -> None:
        self.why = why
        super().__init__(why)


class Apart(NamedTuple):
    """In which parts a policy differs from that of a line, where they bear on what the line does not hold.

    `fields` are those whose values are judged otherwise, by key; `vendors` the destinations of which TC strings may say
    something else; `strangers` those of which the line says nothing: they are new, or of another kind.
    """

    fields: frozenset[str] = frozenset()
    vendors: frozenset[str] = frozenset()
    strangers: frozenset[str] = frozenset()


SAME: Final = Apart()


class Remade(NamedTuple):
    """An event, decided again: what its visitor permits, each destination's decision, and which cannot be made."""

    consent: Consent
    decisions: Mapping[str, Decision]
    unknown: Mapping[str, Unknown]


def recompute(record: Mapping[str, Any], policy: Policy) -> dict[str, Any]:
    """What the gate decides of the event of a decision line: its consent and its deliveries, as a line has them.

    `record` is the line as it stands, or with its names put back. The laws are those that the line names. Raises
    Unknowable if one of the decisions cannot be made.
    """
    again = remake(record, policy)
    for why in again.unknown.values():
        raise Unknowable(why)
    consent = again.consent
    lost = [name.partition(":")[::2] for name in consent.overruled]
    return {
        "consent_state": lines.consent_state(consent),
        "gpc": {"detected": consent.gpc_detected, "honoured": consent.gpc_honoured},
        "overruled": [[purpose for source, purpose in lost if source == one.source and purpose in one.says]
                      for one in consent.signals],
        "deliveries": [lines.delivery(one, Names.all()) for one in again.decisions.values()],
    }  # fmt: skip


def remake(
    record: Mapping[str, Any], policy: Policy, *, laws: tuple[Law, ...] | None = None, apart: Apart = SAME
) -> Remade:
    """The decisions on the event of a decision line, each with its rules; what cannot be decided is named.

    `laws` take the place of those that the line names. `apart` says in what `policy` differs from the line's. Raises
    Unknowable if nothing can be decided.
    """
    given = record.get("inputs")
    if given is None:
        raise Unknowable(Unknown.OLD_LINE)
    if given.get("decided") is False:
        raise Unknowable(Unknown.UNDECIDED)
    if record["event_type"] == GONE:
        raise Unknowable(Unknown.NAME_REMOVED)
    at = moment(record)
    place = place_of(record, policy, at, laws)
    event = event_of(record, policy, at)
    table = policy.file.consent
    consent = resolve(
        tuple(map(signal_of, record["signals"])),
        place,
        at=at,
        event_time=at if given.get("held") else event.time,
        max_age=table.max_age,
        gpc_everywhere=table.gpc == "everywhere",
        age_band=given.get("age"),
    )
    told = {one["destination"]: one for one in record["deliveries"]}
    unknown: dict[str, Unknown] = {}
    if given["kind"] == "call" or given.get("unnamed"):  # where the event went by its name is not in the line
        wanted = tuple(policy.destinations[name] for name in told if name in policy.destinations)
        unknown = {name: Unknown.NO_DESTINATION for name in told if name not in policy.destinations}
    else:
        wanted = policy.destinations_for(event.name)
    again = _Again(record, policy, place, event, consent, at, apart)
    decisions: dict[str, Decision] = {}
    for to in wanted:
        try:
            decisions[to.name] = again.of(to, told.get(to.name, {}))
        except Unknowable as error:
            unknown[to.name] = error.why
    return Remade(consent, decisions, unknown)


def differences(record: Mapping[str, Any], again: Mapping[str, Any]) -> list[str]:
    """In which parts two decisions on one event differ: a line's, and the one `recompute` made."""
    found = [name for name in ("consent_state", "gpc") if record[name] != again[name]]
    if [signal["overruled"] for signal in record["signals"]] != again["overruled"]:
        found.append("overruled")
    told, made = ({one["destination"]: one for one in each["deliveries"]} for each in (record, again))
    found += [f"{name}: only in one" for name in told.keys() ^ made.keys()]
    for name in told.keys() & made.keys():
        for key in told[name].keys() | made[name].keys():
            one, other = told[name].get(key), made[name].get(key)
            if key in _SENT and one is not None and other is not None:  # their order says nothing
                one, other = sorted(one), sorted(other)
            if key == "native_stripped":
                one, other = one or {}, other or {}
            if one != other and not (key == "status" and {one, other} <= {"pending", "delivered", "failed"}):
                found.append(f"{name}: {key}")
    return sorted(found)


class _Again:
    """One event, decided again for any destination."""

    def __init__(
        self,
        record: Mapping[str, Any],
        policy: Policy,
        place: Place,
        event: Event,
        consent: Consent,
        at: float,
        apart: Apart,
    ) -> None:
        self.given = record["inputs"]
        self.policy = policy
        self.place = place
        self.event = event
        self.consent = consent
        self.at = at
        self.apart = apart
        self.tc_string = any((one["note"] or "").startswith(_TC_STRING) for one in record["signals"])

    def of(self, to: Destination, told: Mapping[str, Any]) -> Decision:
        """The decision; `told` is what the line says of it, empty if nothing."""
        if told.get("reason") == INTERNAL:
            raise Unknowable(Unknown.GATE_FAILED)
        if self.given.get("unnamed"):
            return unnamed(to)
        call = self.given["kind"] == "call"
        if call and to.events is not None and self.event.name not in to.events:
            return structs.replace(failed(to), reason=NOT_ROUTED)
        if to.name in self.apart.strangers:
            told = {}
        decision = self._decided(to, told)
        if decision.verdict is Verdict.BLOCK:
            return decision
        if not self.apart.fields.isdisjoint(to.fields) and not self.apart.fields.isdisjoint(self.event.names):
            raise Unknowable(Unknown.FIELD_CHANGED)
        causes = told.get("stripped_because", {})
        # What came and is unusable says nothing of what the gate offers in its place.
        refused = {name for name, why in causes.items() if why == "invalid"} - self.event.unusable.keys()
        unfit = {*self.given.get("unfit", {}).get(to.name, ()), *refused}
        kept = {name: value for name, value in decision.kept.items() if name not in unfit}
        if told.get("reason") == QUEUE_FULL:  # it had passed all else: what it would have been sent is not in the line
            return full(decision)
        return self._call(to, decision, kept, told) if call else self._event(to, decision, kept, told)

    def _decided(self, to: Destination, told: Mapping[str, Any]) -> Decision:
        """The verdict. Where the line does not say what a TC string says of the vendor, it must not matter."""
        vendor = Permission.UNKNOWN
        if to.vendor_id is not None:
            vendor = Permission(self.given.get("vendors", {}).get(to.name, Permission.UNKNOWN))
        decision = self._judged(to, vendor)
        if to.vendor_id is not None and self.tc_string and (to.name in self.apart.vendors or not told):
            others = (self._judged(to, one) for one in Permission)
            if any((one.verdict, one.reason) != (decision.verdict, decision.reason) for one in others):
                raise Unknowable(Unknown.VENDOR)
        return decision

    def _judged(self, to: Destination, vendor: Permission) -> Decision:
        return filled(decide(asked_of(self.event), stance_of(self.consent, self.place), to, vendor), self.event)

    def _event(
        self, to: Destination, decision: Decision, kept: Mapping[str, object], told: Mapping[str, Any]
    ) -> Decision:
        shaping = Shaping(to, self.consent, self.place, self.at, str)
        made = samples.shape(self.event, kept, shaping)
        if isinstance(made, str):
            return insufficient(decision, made)
        unfit = tuple(name for name in decision.kept if name not in kept)
        scrubbed = told.get("scrubbed", {})
        return settled(decision, self.event, made, scrubbed, unfit, to, self.policy.catalogue)

    def _call(
        self, to: Destination, decision: Decision, kept: Mapping[str, object], told: Mapping[str, Any]
    ) -> Decision:
        by_key, clear = self.policy.catalogue.by_key, to.kind.clear
        sent = {by_key[name].name if name in clear else name: value for name, value in kept.items()}
        if told.get("reason") == INSUFFICIENT:
            return insufficient(decision, "the permitted part is not a valid event")
        if "fields_sent" not in told or {*told["fields_sent"]} != {*sent}:
            raise Unknowable(Unknown.CALL_MINIMUM)
        stripped = {name: decision.stripped.get(name, "invalid") for name in self.event.names if name not in kept}
        cut = to.settings.get("truncate_ip") and "ip" in self.event.data and "ip" not in decision.kept
        return structs.replace(
            decision,
            kept=sent,
            stripped=stripped,
            derived=(TRUNCATED,) if cut else (),
            scrubbed=told.get("scrubbed", {}),
            native={name: tuple(found) for name, found in told.get("native_stripped", {}).items() if name in stripped},
        )
