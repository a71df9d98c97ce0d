"""Medians, spread, and whether a difference is more than noise. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Literal

Verdict = Literal["better", "worse", "noise"]

# The same program measured twice in one run, medians of five rounds, differed by 7 %; single rounds by 10 %.
FLOOR = 0.07
# Two rounds of each lie apart by chance in one case of three: then only a large difference says anything.
FEW, FLOOR_OF_FEW = 3, 0.25


def middle(rounds: Sequence[float]) -> dict[str, float]:
    """`median`, `low` and `high` of the rounds. Raises ValueError without any."""
    if not rounds:
        raise ValueError("there is no round to take a median of")
    return {"median": statistics.median(rounds), "low": min(rounds), "high": max(rounds)}


def verdict(old: Sequence[float], new: Sequence[float], better: Literal["lower", "higher"]) -> tuple[float, Verdict]:
    """New median / old median, and what that means.

    It is noise unless the medians differ by more than the floor and no round of one lies among the other's.
    """
    before, after = statistics.median(old), statistics.median(new)
    ratio = after / before if before else float("inf") if after else 1.0
    apart = min(new) > max(old) or max(new) < min(old)
    floor = FLOOR if min(len(old), len(new)) >= FEW else FLOOR_OF_FEW
    if abs(ratio - 1.0) <= floor or not apart:
        return ratio, "noise"
    return ratio, "better" if (ratio < 1.0) == (better == "lower") else "worse"
