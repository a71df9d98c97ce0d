"""What needs somebody: one sentence each, the worst first, with the page where it is done.

Everything comes from the stores' protocols, `readyz` and the metrics, so that page and alarm (docs/alarms.md) agree.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from prometheus_client.parser import text_string_to_metric_families

from gatekeeper.console.page import Desk
from gatekeeper.counting import counted
from gatekeeper.rights.states import State

BAD: Final = "bad"
WARN: Final = "warn"
LETTERS: Final = 1_000  # dead letters that are looked at
_SOON: Final = timedelta(days=7)
_ADVICE: Final = ("anchors", "references", "lines", "papers", "consent")  # checks whose findings are no incidents
_OVER: Final = frozenset({State.CLOSED.value, State.REFUSED.value})
Numbers = Mapping[tuple[str, str], float]  # name without its prefix, and the first label's value


class Need(NamedTuple):
    """One thing: how bad it is, a sentence, and a page of the console, if it is done there."""

    level: str
    sentence: str
    path: str | None = None


def numbers(desk: Desk) -> dict[tuple[str, str], float]:
    """The metrics that have one label at most, summed over the others."""
    found: dict[tuple[str, str], float] = {}
    for family in text_string_to_metric_families(desk.metrics().decode()):
        for sample in family.samples:
            label = next(iter(sample.labels.values()), "")
            key = sample.name.removeprefix("gatekeeper_"), label
            found[key] = found.get(key, 0.0) + sample.value
    return found


def needs(desk: Desk, told: Numbers) -> list[Need]:
    """All of it. Raises StorageError."""
    found = [Need(BAD, one) for one in desk.problems()]
    found += [*_erasures(desk), *_letters(desk), *_metrics(told)]
    found += [Need(WARN, one) for one in desk.notes()]
    return sorted(found, key=lambda one: one.level != BAD)


def _letters(desk: Desk) -> Iterator[Need]:
    counts = Counter(one.destination for one in desk.store.dead_letters.page(None, LETTERS))
    for name, count in sorted(counts.items()):
        what = counted(count, "dead letter") + (" or more" if sum(counts.values()) >= LETTERS else "")
        yield Need(WARN, f"{name} did not take everything: {what}", f"destinations/{name}")


def _erasures(desk: Desk) -> Iterator[Need]:
    today = datetime.fromtimestamp(desk.now, UTC).date()
    open_ones = [one for one in desk.erasures.all(None, today + _SOON) if one["state"] not in _OVER]
    late = [one for one in open_ones if one["overdue"]]
    if late:
        yield Need(BAD, f"requests for erasure whose answer is overdue: {len(late)}", "people")
    soon = len(open_ones) - len(late)
    if soon:
        yield Need(WARN, f"requests for erasure whose answer is due within a week: {soon}", "people")


def _metrics(told: Numbers) -> Iterator[Need]:
    def value(name: str) -> float:
        return told.get((name, ""), 0.0)

    if value("audit_failing"):
        yield Need(BAD, "the audit log cannot be written: nothing is sent")
    if value("anchor_failing"):
        yield Need(BAD, "checkpoints of the log cannot be put outside: what happens now is not proven there", "audit")
    if value("self_audit_incidents"):
        yield Need(BAD, f"the last self-audit found what is against the policy: {value('self_audit_incidents'):,.0f}")
    for (name, check), count in sorted(told.items()):
        if name == "self_audit_findings" and count and check in _ADVICE:
            yield Need(WARN, f"the self-audit's check of {check} found: {count:,.0f}")
    if value("self_audit_age_seconds") > 2 * 86_400:
        yield Need(WARN, "the last self-audit is older than two days")
    if value("retention_overdue"):
        yield Need(WARN, f"retention could not remove {counted(value('retention_overdue'), 'line')} that is overdue")
    if value("outbound_uncaught_total"):
        yield Need(BAD, f"calls to tracking hosts that were not caught: {value('outbound_uncaught_total'):,.0f}")
    if value("outbound_unlisted_hosts"):
        yield Need(WARN, f"hosts that were called and are in no table: {value('outbound_unlisted_hosts'):,.0f}")
