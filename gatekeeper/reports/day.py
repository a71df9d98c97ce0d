"""The decision lines of one day, read once: decided again, and counted by what was sent where. Acts: reads the log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

from gatekeeper.model.reasons import UNLISTED
from gatekeeper.reports.outcome import Replay
from gatekeeper.reports.period import decisions
from gatekeeper.reports.rates import Numbers
from gatekeeper.reports.replay import By, replay

_OFTEN: Final = 50  # lines between two breaks: some milliseconds


class Sent(NamedTuple):
    """What a delivery that was not blocked says; equal ones are counted together."""

    policy: str  # hash
    destination: str
    fields: tuple[str, ...]
    basis: str | None
    country: str | None
    region: str | None


@dataclass(slots=True)
class Day:
    """What the lines of a day show."""

    replay: Replay
    sent: Counter[Sent] = field(default_factory=Counter)
    examples: dict[Sent, str] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)  # host in no table -> calls that were blocked
    numbers: Numbers = field(default_factory=Numbers)

    def see(self, record: Mapping[str, Any]) -> None:
        """Count a line."""
        self.numbers.count(record)
        many = record.get("count", 1)
        place = record.get("jurisdiction", {})
        for one in record.get("deliveries", ()):
            if one["status"] != "blocked":
                sent = Sent(
                    record["policy"]["hash"], one["destination"], tuple(one["fields_sent"]), one.get("legal_basis"),
                    place.get("country"), place.get("region"),
                )  # fmt: skip
                self.sent[sent] += many
                self.examples.setdefault(sent, record["request_id"])
            elif one["reason"] == UNLISTED:
                self.refused[one["destination"]] += many


def bounds(day: date) -> tuple[str, str]:
    """When a day begins and ends, UTC, as lines write it."""
    return f"{day.isoformat()}T00:00:00Z", f"{(day + timedelta(days=1)).isoformat()}T00:00:00Z"


def read(folder: Path, day: date, by: By, progress: Callable[[float, int], None], between: Callable[[], None]) -> Day:
    """A day of the log, each line decided again `by` its own policy. Raises AuditError.

    `between` is called after some lines: a gate that reads its own log rests there.
    """
    found = Day(Replay())
    found.replay = replay(_seen(decisions(folder, *bounds(day), progress), found, between), by)
    return found


def numbers(folder: Path, days: Iterable[date], between: Callable[[], None]) -> dict[date, Numbers]:
    """The numbers of some days, which no earlier self-audit has kept. Raises AuditError."""
    wanted = {day.isoformat(): Numbers() for day in days}
    if not wanted:
        return {}
    begin, end = bounds(date.fromisoformat(min(wanted)))[0], bounds(date.fromisoformat(max(wanted)))[1]
    for n, record in enumerate(decisions(folder, begin, end, lambda part, count: None)):
        one = wanted.get(record["timestamp"][:10])
        if one is not None:
            one.count(record)
        if n % _OFTEN == 0:
            between()
    return {date.fromisoformat(day): one for day, one in wanted.items()}


def _seen(records: Iterable[Mapping[str, Any]], day: Day, between: Callable[[], None]) -> Iterator[Mapping[str, Any]]:
    for n, record in enumerate(records):
        day.see(record)
        yield record
        if n % _OFTEN == 0:
            between()
