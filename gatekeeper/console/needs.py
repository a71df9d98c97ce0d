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
from gatekeeper.console.render import ago, size
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


class Alarm(NamedTuple):
    """A metric, the value over which (`below`: under which) somebody is needed, and what is said then."""

    metric: str
    limit: float
    level: str
    sentence: str  # with the value as `n`, `ago`, `size` or `lines`, and the first label's value
    path: str | None = None
    below: bool = False


# The limits are those of deploy/prometheus. What `readyz` says in words (vendors that fail, lines that wait for a log,
# transactions beside ours, strange streams) and what the store knows (erasures, dead letters) is not here again.
ALARMS: Final = (
    Alarm("audit_failing", 0, BAD, "the audit log cannot be written: nothing is sent"),
    Alarm("anchor_failing", 0, BAD, "checkpoints of the log cannot be put outside: what happens now is proven nowhere",
          "audit"),
    Alarm("lease_seconds", 1e-9, BAD, "this process has no lease on the database: it takes no events", below=True),
    Alarm("self_audit_incidents", 0, BAD, "the last self-audit found what is against the policy: {n}"),
    Alarm("outbound_uncaught_total", 0, BAD, "calls to tracking hosts that were not caught: {n}"),
    Alarm("outbound_unlisted_hosts", 0, WARN, "hosts that were called and are in no table: {n}"),
    Alarm("disk_left_bytes", 1e9, WARN, "little is free on the disk of the outbox: {size}", below=True),
    Alarm("oldest_queued_seconds", 3_600, WARN, "the oldest delivery to {label} has waited for {ago}",
          "destinations/{label}"),
    Alarm("commit_seconds", 0.5, WARN, "the database is slow: this process's last commit took more than half a second"),
    Alarm("audit_archive_behind_seconds", 3_600, WARN, "closed segments of the log wait for the archive, for {ago}"),
    Alarm("self_audit_age_seconds", 2 * 86_400, WARN, "the last self-audit is older than two days"),
    Alarm("retention_overdue", 0, WARN, "retention could not remove {lines} that is overdue"),
    Alarm("retention_age_seconds", 2 * 86_400, WARN, "retention has not removed all that is too old for {ago}"),
)  # fmt: skip


def numbers(desk: Desk) -> dict[tuple[str, str], float]:
    """The metrics that have one label at most, summed over the others."""
    found: dict[tuple[str, str], float] = {}
    for family in text_string_to_metric_families(desk.metrics().decode()):
        for sample in family.samples:
            label = next(iter(sample.labels.values()), "")
            key = sample.name.removeprefix("gatekeeper_"), label
            found[key] = found.get(key, 0.0) + sample.value
    return found


def needs(desk: Desk, told: Numbers, host: str | None = None) -> list[Need]:
    """All of it. `host`: this machine's name, where there are several. Raises StorageError."""
    own = [Need(BAD, one) for one in desk.problems()] + [*_metrics(told)] + [Need(WARN, one) for one in desk.notes()]
    found = [one if host is None else one._replace(sentence=f"{host}: {one.sentence}") for one in own]
    found += [*_erasures(desk), *_letters(desk)]
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
    for (name, label), value in sorted(told.items()):
        for one in ALARMS:
            if one.metric == name and (value < one.limit if one.below else value > one.limit):
                given = {"n": f"{value:,.0f}", "ago": ago(value), "size": size(value), "lines": counted(value, "line")}
                path = None if one.path is None else one.path.format(label=label)
                yield Need(one.level, one.sentence.format(label=label, **given), path)
        if name == "self_audit_findings" and value and label in _ADVICE:
            yield Need(WARN, f"the self-audit's check of {label} found: {value:,.0f}")
