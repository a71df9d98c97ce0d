"""What a self-audit finds. Nouns: findings, what each check looked at, and the numbers of the day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Final, NamedTuple

from gatekeeper.reports.rates import Numbers, Scores

MOST: Final = 200  # findings of a check that are told; more are counted


class Finding(NamedTuple):
    """One thing that is not as it should be. No value of a visitor is in it."""

    about: str  # a destination, a file, a key of the policy
    said: str
    times: int = 1
    example: str = ""  # a request id, for `gatekeeper audit show`


class Result(NamedTuple):
    """What a check found, and what it looked at, in words."""

    findings: tuple[Finding, ...]
    seen: str


@dataclass(frozen=True, slots=True)
class Checked:
    """A check's result under its name."""

    name: str
    question: str
    incident: bool  # what it finds is no housekeeping: something was sent, or may have been, against the policy
    result: Result


@dataclass(frozen=True, slots=True)
class Audited:
    """One self-audit."""

    day: date
    at: str  # when it was made, RFC 3339
    policy: str
    checks: tuple[Checked, ...]
    numbers: Numbers | None  # none if no check asked for the day's lines
    scores: Scores | None = None

    @property
    def findings(self) -> int:
        """How many there are in all."""
        return sum(len(one.result.findings) for one in self.checks)

    @property
    def incidents(self) -> Mapping[str, int]:
        """Check -> findings, of the checks whose findings are incidents."""
        return {one.name: len(one.result.findings) for one in self.checks if one.incident and one.result.findings}

    def as_data(self) -> dict[str, Any]:
        """What `gatekeeper self-audit --json` prints, and what is kept."""
        return {
            "day": self.day.isoformat(),
            "at": self.at,
            "policy": self.policy,
            "findings": self.findings,
            "incidents": dict(self.incidents),
            "checks": {
                one.name: {
                    "question": one.question,
                    "seen": one.result.seen,
                    "found": len(one.result.findings),
                    "findings": [finding._asdict() for finding in one.result.findings[:MOST]],
                }
                for one in self.checks
            },
            "numbers": None if self.numbers is None else asdict(self.numbers),
            "rates": None if self.scores is None else [score._asdict() for score in self.scores.scores],
        }
