"""Whether a day's consent rates are like those of the days before. Pure. Numbers of days in, what jumped out.

The z-score of a day is how many standard deviations its rate is from the mean of the 28 days before: of those that have
500 events or more. The deviation is at least the one that chance alone gives a day of so many events: where rates
have hardly moved, a hundredth is no alarm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from math import sqrt
from statistics import mean, stdev
from typing import Any, Final, NamedTuple

from gatekeeper.counting import counted

BEFORE: Final = 28  # days
ENOUGH: Final = 500  # events of a day, else its rates say nothing
FEWEST: Final = 7  # days that count, else there is nothing to compare with
BEYOND: Final = 3.0  # standard deviations
RATES: Final = ("analytics", "marketing", "gpc")


@dataclass(slots=True)
class Numbers:
    """One day's decisions: how many events there were, and of how many the visitor permitted what."""

    events: int = 0
    analytics: int = 0
    marketing: int = 0
    gpc: int = 0

    def count(self, record: Mapping[str, Any]) -> None:
        """Count a decision line; events of which nothing was decided say nothing of consent."""
        if record.get("inputs", {}).get("decided") is False:
            return
        many, state = record.get("count", 1), record.get("consent_state", {})
        self.events += many
        self.analytics += many * bool(state.get("analytics"))
        self.marketing += many * bool(state.get("marketing"))
        self.gpc += many * bool(record.get("gpc", {}).get("detected"))

    def rate(self, of: str) -> float:
        """The part of the events, 0 to 1."""
        part: int = getattr(self, of)
        return part / self.events if self.events else 0.0


class Score(NamedTuple):
    """A rate beside those before it."""

    of: str
    rate: float
    usual: float  # the mean of the days before
    z: float

    @property
    def jumps(self) -> bool:
        """Whether it is beyond what chance and habit explain."""
        return abs(self.z) > BEYOND


@dataclass(slots=True)
class Scores:
    """What can be said of a day; `why_not` if nothing can."""

    days: int = 0  # that counted
    scores: list[Score] = field(default_factory=list)
    why_not: str | None = None


def scores(day: Numbers, before: Mapping[date, Numbers], of: date) -> Scores:
    """The rates of the day `of` beside those of the 28 days before it."""
    known = [
        numbers
        for back in range(1, BEFORE + 1)
        if (numbers := before.get(of - timedelta(days=back))) is not None and numbers.events >= ENOUGH
    ]
    if day.events < ENOUGH:
        return Scores(len(known), why_not=f"the day has {counted(day.events, 'event')}, and {ENOUGH} are needed")
    if len(known) < FEWEST:
        return Scores(
            len(known),
            why_not=f"{counted(len(known), 'day')} before with {ENOUGH} events or more, and {FEWEST} are needed",
        )
    return Scores(len(known), [_score(rate, day, known) for rate in RATES])


def _score(of: str, day: Numbers, known: Sequence[Numbers]) -> Score:
    rates = [numbers.rate(of) for numbers in known]
    usual = mean(rates)
    likely = (usual * day.events + 1) / (day.events + 2)  # never quite 0 or 1: that would leave no room for chance
    chance = sqrt(likely * (1 - likely) / day.events)
    return Score(of, day.rate(of), usual, (day.rate(of) - usual) / max(stdev(rates), chance))
