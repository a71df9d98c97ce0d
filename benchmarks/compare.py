"""Two results beside each other: a ratio per figure, and whether it is more than noise. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .spread import Verdict, verdict


@dataclass(frozen=True, slots=True)
class Change:
    """One figure, then and now."""

    scenario: str
    contestant: str
    metric: str
    unit: str
    old: float
    new: float
    ratio: float
    verdict: Verdict


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    """Each figure that both results have."""
    for name, scenario in new["scenarios"].items():
        before = old["scenarios"].get(name, {}).get("contestants", {})
        for contestant, found in scenario["contestants"].items():
            for metric, figure in found["metrics"].items():
                was = before.get(contestant, {}).get("metrics", {}).get(metric)
                if was is None:
                    continue
                ratio, meaning = verdict(was["rounds"], figure["rounds"], figure["better"])
                yield Change(name, contestant, metric, figure["unit"], was["median"], figure["median"], ratio, meaning)


def only_in_one(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Contestants measured only then, and only now, of scenarios that both ran, as `scenario: contestant`."""
    both = old["scenarios"].keys() & new["scenarios"].keys()

    def measured(result: Mapping[str, Any]) -> set[str]:
        return {
            f"{name}: {contestant}"
            for name, scenario in result["scenarios"].items()
            for contestant, found in scenario["contestants"].items()
            if name in both and found["metrics"]
        }

    then, now = measured(old), measured(new)
    return sorted(then - now), sorted(now - then)


def same_machine(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether the two were measured on machines that describe themselves alike."""
    keys = ("processor", "architecture", "cores", "system")
    return all(old["machine"].get(key) == new["machine"].get(key) for key in keys)
