"""What is kept for how long, and its end: a row per kind of data, with the policy's key. Daily, and by command.

Personal references in the log have a run of their own (`audit/retention.py`), which comes first.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from gatekeeper.audit import pruning, statistics
from gatekeeper.audit.lines import timestamp
from gatekeeper.audit.shared.machine import Machine
from gatekeeper.audit.writer import AuditWriter
from gatekeeper.counting import counted
from gatekeeper.errors import GatekeeperError
from gatekeeper.policy import Policy
from gatekeeper.rights import local
from gatekeeper.rights.erasures import KEPT
from gatekeeper.storage.protocols import Store

LATE: Final = 2 * 86_400.0  # seconds after which what should be gone is overdue: a daily run comes in between
SEEN: Final = 7 * 86_400.0
_AT_ONCE: Final = 5_000  # rows of the ledger that are deleted in one commit
_PATIENCE: Final = 60.0  # seconds for one of them
_log = logging.getLogger("gatekeeper")


class Kept(NamedTuple):
    """One kind of data: the policy's key and how long (seconds), what ends it, and what a run did."""

    name: str
    key: str
    age: float | None
    how: str
    removed: int = 0
    overdue: int = 0


def table(policy: Policy) -> list[Kept]:
    """Every kind of data, before any run."""
    file = policy.file
    return [
        Kept(REFERENCES, "retention.personal_references", file.retention.personal_references,
             "cut out of lines, daily; a signed redaction line says which"),
        Kept(ELSEWHERE, "retention.personal_references", file.retention.personal_references,
             "those of machines that are gone, in the log's archive: cut out daily by another machine"),
        Kept("lines", "audit.lines", file.audit.lines, "whole closed segments, daily; a signed pruned line says which"),
        Kept("statistics", "retention.statistics", file.retention.statistics, "written before lines go; deleted daily"),
        Kept("consent", "retention.consent", file.retention.consent, "deleted daily, after the newest choice"),
        Kept("suppression", "--until of each entry", None, "kept while it protects; ended entries are deleted daily"),
        Kept("outbox", "destinations.*.expires", None, "ends when it is delivered, or older than the vendor accepts"),
        Kept("dead letters", "delivery.dead_letters", file.delivery.dead_letters, "deleted every minute"),
        Kept("seen event ids", "fixed", SEEN, "keyed hashes, deleted in slices"),
        Kept("withdrawals", "fixed", 3_600.0, "deleted every minute"),
        Kept("requests for erasure", "fixed", KEPT, "ids go with the last recipient; the rest is deleted daily"),
        Kept("ids that were sent", "destinations.*.retention", None, "an index, if rights.remember; deleted daily"),
        Kept("backups", "yours", None, "yours to delete; replay erasures after one was restored"),
    ]  # fmt: skip


REFERENCES: Final = "personal references"
ELSEWHERE: Final = "references of machines that are gone"


def run(
    policy: Policy, store: Store, writer: AuditWriter | None, *, now: float, machine: Machine | None = None
) -> list[Kept]:
    """Remove what is too old, all but references; without a writer only say what would be.

    What fails is overdue and logged, and the other steps go on. Raises nothing.
    """
    steps: dict[str, Callable[[], tuple[int, int]]] = {
        "lines": lambda: _lines(policy, writer, now),
        "statistics": lambda: _statistics(policy, now, dry=writer is None),
        "consent": lambda: _consent(policy, store, now, dry=writer is None),
        "requests for erasure": lambda: (
            0 if writer is None else local.expire(store, now - KEPT),
            0,
        ),
        ELSEWHERE: lambda: _elsewhere(policy, writer, now, machine),
        "suppression": lambda: (0 if writer is None else store.suppressions.expire(now).result(_PATIENCE), 0),
    }
    found = []
    for one in table(policy):
        step = steps.get(one.name)
        if step is not None:
            try:
                removed, overdue = step()
            except (GatekeeperError, OSError, TimeoutError) as error:
                _log.error("retention of %s: %s", one.name, error)
                removed, overdue = 0, 1
            one = one._replace(removed=removed, overdue=overdue)
        found.append(one)
    return found


def _lines(policy: Policy, writer: AuditWriter | None, now: float) -> tuple[int, int]:
    folder, before = policy.audit_folder, now - policy.file.audit.lines
    if writer is None:
        old = pruning.old(folder, before)
        return sum(gap.lines for segment in old for gap in pruning.gaps(segment)), 0
    done = pruning.prune(folder, before, writer, at=now, first=lambda found: statistics.keep(folder, found))
    return done.lines, len(pruning.old(folder, before - LATE))


def _elsewhere(policy: Policy, writer: AuditWriter | None, now: float, machine: Machine | None) -> tuple[int, int]:
    if machine is None or writer is None:
        return 0, 0
    return machine.expire(now - policy.file.retention.personal_references, writer, at=now), 0


def _statistics(policy: Policy, now: float, *, dry: bool) -> tuple[int, int]:
    return statistics.forget(policy.audit_folder, _day(now - policy.file.retention.statistics), only_count=dry), 0


def _consent(policy: Policy, store: Store, now: float, *, dry: bool) -> tuple[int, int]:
    if dry:
        return 0, 0
    before, gone = now - policy.file.retention.consent, 0
    while count := store.ledger.expire(before, _AT_ONCE).result(_PATIENCE):
        gone += count
    return gone, 0


def _day(at: float) -> str:
    return timestamp(at)[:10]


def words(seconds: float | None) -> str:
    """An age for people."""
    if seconds is None:
        return "-"
    years = seconds / (365.25 * 86_400)
    if years >= 1 and years.is_integer():
        return counted(years, "year")
    days = seconds / 86_400
    return counted(days, "day") if days >= 1 else counted(round(seconds / 3600, 2), "hour")


def overdue(kept: Sequence[Kept]) -> int:
    """Everything that should be gone and is not."""
    return sum(one.overdue for one in kept)
