"""What a replay finds. Nouns: what became otherwise at one destination, how often, whom it concerns, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from gatekeeper.gate.recompute import Unknown
from gatekeeper.reports.edits import Edit


class Turn(StrEnum):
    """In what a delivery would be decided otherwise."""

    NEWLY_SENT = "newly_sent"
    NEWLY_BLOCKED = "newly_blocked"
    OTHER_FIELDS = "other_fields"
    OTHER_BASIS = "other_basis"  # sent as before, on another ground
    OTHER_REASON = "other_reason"  # not sent as before, for another reason


class Open(StrEnum):
    """Why a line cannot be decided by another policy at all, besides what `recompute.Unknown` says."""

    NO_POLICY = "no_policy"  # that of the line was not kept, or cannot be read
    NO_INPUTS = "no_inputs"  # a part of the line is missing, or is not what the gate writes
    SIGNALS = "signals"  # the other policy reads other signals, and the line does not hold what was not read
    LAWS = "laws"  # both the law table and the policy's own laws are other ones


# Nothing of these was decided when they were written, or not in a form that holds what is needed.
UNDECIDED_THEN = frozenset({Unknown.OLD_LINE, Unknown.UNDECIDED, Unknown.GATE_FAILED, Unknown.NAME_REMOVED})


class Change(NamedTuple):
    """One difference, alike for all events that are counted under it."""

    turn: Turn
    destination: str
    was: str  # a reason code, or the basis it was sent on
    now: str
    gained: tuple[str, ...]
    lost: tuple[str, ...]

    @property
    def more(self) -> bool:
        """Whether more is sent than before."""
        return self.turn is Turn.NEWLY_SENT or bool(self.gained)


@dataclass(slots=True)
class Tally:
    """How often a change was found, and of whom; `rule` and `because` are those of the example."""

    events: int = 0
    subjects: set[str] = field(default_factory=set)
    places: Counter[str] = field(default_factory=Counter)
    example: str = ""
    rule: str = ""
    because: tuple[str, ...] = ()


@dataclass(slots=True)
class Replay:
    """All that a replay found."""

    policies: Counter[str] = field(default_factory=Counter)  # hash of the policy then -> lines
    lines: int = 0
    events: int = 0
    distinct: int = 0  # inputs that were decided
    deliveries: Counter[str] = field(default_factory=Counter)  # `unchanged`, each `Turn`, `undecided` -> deliveries
    destinations: dict[str, Counter[str]] = field(default_factory=dict)
    changes: dict[Change, Tally] = field(default_factory=dict)
    undecided: dict[tuple[str, str], Tally] = field(default_factory=dict)  # destination (`*` for all) and why
    edits: dict[str, tuple[Edit, ...]] = field(default_factory=dict)  # policy of then -> what differs
    unseen: dict[str, Edit] = field(default_factory=dict)  # by key: no line shows what it does

    @property
    def more(self) -> bool:
        """Whether more is sent than before, to any destination."""
        return any(change.more for change in self.changes)

    @property
    def open(self) -> bool:
        """Whether it cannot be told that no more is sent: by what differs, or because nothing could be decided."""
        found = {why for _, why in self.undecided} - UNDECIDED_THEN
        return bool(found or self.unseen or (self.lines and not self.distinct))

    def as_data(self) -> Mapping[str, Any]:
        """What `gatekeeper replay --json` prints."""
        return {
            "lines": self.lines,
            "events": self.events,
            "distinct_inputs": self.distinct,
            "policies": dict(self.policies),
            "deliveries": _plain(self.deliveries),
            "destinations": {name: _plain(found) for name, found in sorted(self.destinations.items())},
            "more_is_sent": self.more,
            "changes": [
                {**change._asdict(), "more": change.more, **_tally(tally), "rule": tally.rule,
                 "because": list(tally.because)}
                for change, tally in self.ordered()
            ],
            "undecided": [
                {"destination": name, "why": why, **_tally(tally)}
                for (name, why), tally in sorted(self.undecided.items())
            ],
            "edits": {digest: [edit._asdict() for edit in found] for digest, found in self.edits.items()},
            "not_shown_by_lines": sorted(self.unseen),
        }  # fmt: skip

    def ordered(self) -> list[tuple[Change, Tally]]:
        """The changes: more first, then by how often."""
        return sorted(self.changes.items(), key=lambda one: (not one[0].more, [*Turn].index(one[0].turn),
                                                             -one[1].events, one[0]))  # fmt: skip


def _plain(counted: Mapping[str, int]) -> dict[str, int]:
    return {str(name): count for name, count in counted.items()}


def _tally(tally: Tally) -> dict[str, Any]:
    return {
        "events": tally.events,
        "persons": len(tally.subjects),
        "places": dict(tally.places.most_common()),
        "example": tally.example,
    }
