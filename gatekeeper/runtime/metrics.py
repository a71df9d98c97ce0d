"""What an operator sees at `/gk/metrics` (docs/delivery.md lists every name).

The books (accepted, queued, ended) come out of the database in one look, so that they add up at every scrape, with
any number of workers and after any crash. The rest is prometheus-client's, in its multi-process mode where
`PROMETHEUS_MULTIPROC_DIR` is set before the first import (`gatekeeper serve --workers` does that).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, multiprocess, values
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from gatekeeper.outbound import tripwire, unlisted
from gatekeeper.storage.erasing import Outstanding
from gatekeeper.storage.outbox import Count, Standing, Trouble

MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"
CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
SAMPLED = 16  # one decision in so many is timed
_BOOKS = ("accepted", "delivered", "dead", "expired", "cancelled", "retried")
_FAST = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1)
_SLOW = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_SIZES = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2000)


class Metrics:
    """One process's counters. `registry` is one of its own, so that two gates in a process do not collide."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._blocked = Counter(
            "gatekeeper_blocked", "Deliveries not made", ["destination", "reason"], registry=self.registry
        )
        self._refused = Counter("gatekeeper_refused", "Requests answered 503", ["why"], registry=self.registry)
        self._calls = Counter(
            "gatekeeper_calls", "Vendor-native requests", ["destination", "decision"], registry=self.registry
        )
        self._undeclared = Counter(
            "gatekeeper_undeclared_proxy",
            "Requests through a proxy that trusted_proxies does not name",
            registry=self.registry,
        )
        self._limited = Counter(
            "gatekeeper_limited", "Requests over a rate of [limits]", ["what", "by"], registry=self.registry
        )
        self._deciding = Histogram(
            "gatekeeper_decision_seconds",
            f"Time to decide one event (1 in {SAMPLED})",
            buckets=_FAST,
            registry=self.registry,
        )
        self._asking = Histogram(
            "gatekeeper_delivery_seconds",
            "Time to a vendor's answer",
            ["destination"],
            buckets=_SLOW,
            registry=self.registry,
        )
        self._batches = Histogram(
            "gatekeeper_batch_events", "Events in a request", ["destination"], buckets=_SIZES, registry=self.registry
        )
        self._failing = Gauge(
            "gatekeeper_audit_failing",
            "1 while the log cannot be written",
            multiprocess_mode="livemax",
            registry=self.registry,
        )
        self._anchor_failing = Gauge(
            "gatekeeper_anchor_failing",
            "1 while checkpoints cannot be put outside",
            multiprocess_mode="livemax",
            registry=self.registry,
        )
        self._seen = 0
        self._call: dict[tuple[str, str], Counter] = {}  # fast: looking a labelled counter up takes 0.7 µs

    def decided(self, blocked: Iterable[tuple[str, str]]) -> None:
        """An event was decided; `blocked` are (destination, reason)."""
        for destination, reason in blocked:
            self._blocked.labels(destination, reason).inc()

    def timed(self) -> bool:
        """Whether the next decision's time is wanted."""
        self._seen += 1
        return self._seen % SAMPLED == 0

    def took(self, seconds: float) -> None:
        """How long a decision took."""
        self._deciding.observe(seconds)

    def refused(self, why: str) -> None:
        """Events were answered 503: `audit` or `storage`."""
        self._refused.labels(why).inc()

    def asked(self, destination: str, events: int, seconds: float) -> None:
        """A request to a vendor has ended."""
        self._asking.labels(destination).observe(seconds)
        self._batches.labels(destination).observe(events)

    def count_call(self, destination: str, decision: str) -> None:
        """A vendor-native request was decided: `sent`, or the reason code of its blocking."""
        key = destination, decision
        counter = self._call.get(key)
        if counter is None:
            counter = self._call[key] = self._calls.labels(*key)
        counter.inc()

    def came_undeclared(self) -> None:
        """A request came through a proxy that the policy does not declare: its visitor's place is unknown."""
        self._undeclared.inc()

    def limited(self, what: str, by: str) -> None:
        """A request was over a rate: `events` or `consents`, of `all`, of its `address`'s network, or `trusted`."""
        self._limited.labels(what, by).inc()

    def log_is(self, *, failing: bool, anchor_failing: bool) -> None:
        """How this process's log does. Told when it changes: a scrape may reach another worker."""
        self._failing.set(failing)
        self._anchor_failing.set(anchor_failing)

    def text(
        self,
        books: Mapping[str, Count],
        *,
        disk_left: int | None,
        overdue: int,
        retained: float | None = None,
        requests: Outstanding | None = None,
        set_aside: int,
        now: float,
        troubles: Mapping[str, Trouble],
        standing: Standing | None = None,
        audited: Mapping[str, Any] | None = None,
        archive_behind: float = 0.0,
    ) -> bytes:
        """Everything, in Prometheus' text format. `retained`: when retention last removed all there was."""
        waiting, late = (None, None) if requests is None else requests
        registry = CollectorRegistry()
        registry.register(_Books(books, troubles, now))
        registry.register(_Outbound())
        registry.register(_SelfAudit(audited, now))
        registry.register(
            _Numbers(
                {
                    "disk_left_bytes": ("Free space where the outbox is", disk_left),
                    "retention_overdue": ("What retention should have removed, and could not", overdue),
                    "audit_archive_behind_seconds": (
                        "How long the oldest closed segment has waited for the archive, in the process that ships",
                        archive_behind,
                    ),
                    "retention_age_seconds": (
                        "Since retention removed all that is too old",
                        None if retained is None else max(0.0, now - retained),
                    ),
                    "erasures_open": ("Requests for erasure that wait for their answer", waiting),
                    "erasures_overdue": ("Requests for erasure that were not answered in time", late),
                    "audit_set_aside": ("Streams in the log's folder that this installation did not begin", set_aside),
                }
            )
        )
        if standing is not None:
            registry.register(_Numbers({name: (what, getattr(standing, key)) for key, name, what in _STANDING}))
        own = self.registry
        if MULTIPROCESS in os.environ:
            own = CollectorRegistry()
            multiprocess.MultiProcessCollector(own)  # type: ignore[no-untyped-call]  # untyped there
        return generate_latest(registry) + generate_latest(own)


_STANDING: Final = (
    ("nodes", "nodes", "Machines that have a lease on the store"),
    ("processes", "processes", "Processes that have one"),
    ("behind", "processes_behind", "Processes that do not know of the last withdrawal yet"),
    ("lease", "lease_seconds", "What is left of this process's lease"),
    ("commit", "commit_seconds", "How long this process's last commit took"),
    ("unwritten", "unwritten_commits", "Commits whose lines no log has yet"),
    ("waited", "unwritten_seconds", "How long the oldest of them has waited"),
    ("unarchived", "unarchived_bytes", "Lines that the store keeps until the archive has them"),
    ("dead_rows", "store_dead_rows", "Rows that the server has to clean up"),
    ("horizon", "store_horizon_seconds", "Age of the transaction that keeps it from doing so"),
)


class _Books:
    """The database's numbers as a collector."""

    def __init__(self, books: Mapping[str, Count], troubles: Mapping[str, Trouble], now: float) -> None:
        self._books, self._troubles, self._now = books, troubles, now

    def collect(self) -> Iterable[Metric]:
        """accepted == queued + delivered + dead + expired + cancelled, per destination."""
        for name in _BOOKS:
            family = CounterMetricFamily(f"gatekeeper_{name}", f"Deliveries {name}", labels=["destination"])
            for destination, count in self._books.items():
                family.add_metric([destination], getattr(count, name))
            yield family
        queued = GaugeMetricFamily("gatekeeper_queued", "Deliveries waiting or under way", labels=["destination"])
        oldest = GaugeMetricFamily(
            "gatekeeper_oldest_queued_seconds", "Age of the oldest queued delivery", labels=["destination"]
        )
        for destination, count in self._books.items():
            queued.add_metric([destination], count.queued)
            oldest.add_metric([destination], 0.0 if count.oldest is None else max(0.0, self._now - count.oldest))
        yield queued
        yield oldest
        failing = GaugeMetricFamily(
            "gatekeeper_destination_failing_seconds", "For how long a vendor has been failing", labels=["destination"]
        )
        for destination in self._books:
            trouble = self._troubles.get(destination)
            failing.add_metric([destination], 0.0 if trouble is None else max(0.0, self._now - trouble.since))
        yield failing


class _SelfAudit:
    """What the newest page of a self-audit says, as a collector; nothing before there is one."""

    def __init__(self, audited: Mapping[str, Any] | None, now: float) -> None:
        self._audited, self._now = audited, now

    def collect(self) -> Iterable[Metric]:
        """The findings of each check, those that are incidents, and how old they are."""
        found = self._audited
        if found is None:
            return
        findings = GaugeMetricFamily("gatekeeper_self_audit_findings", "Findings of a check", labels=["check"])
        for name, one in found["checks"].items():
            findings.add_metric([name], one["found"])
        yield findings
        incidents = sum(found["incidents"].values())
        yield GaugeMetricFamily(
            "gatekeeper_self_audit_incidents", "Findings that are against the policy", value=incidents
        )
        made = datetime.fromisoformat(found["at"]).timestamp()
        yield GaugeMetricFamily(
            "gatekeeper_self_audit_age_seconds", "Age of the newest self-audit", value=max(0.0, self._now - made)
        )


class _Numbers:
    """Numbers that are looked up at each scrape, by name: what they are, and the value; `None` is left out."""

    def __init__(self, numbers: Mapping[str, tuple[str, float | None]]) -> None:
        self._numbers = numbers

    def collect(self) -> Iterable[Metric]:
        """One gauge each."""
        for name, (what, value) in self._numbers.items():
            if value is not None:  # disk: the store is not on this machine's
                yield GaugeMetricFamily(f"gatekeeper_{name}", what, value=value)


class _Outbound:
    """What this process's own clients call, as a collector: numbers, never names."""

    def collect(self) -> Iterable[Metric]:
        """Hosts that are in no table, and connections that were not caught."""
        hosts, more = unlisted.counted()
        yield GaugeMetricFamily(
            "gatekeeper_outbound_unlisted_hosts", "Hosts called that are in no table", value=len(hosts)
        )
        yield CounterMetricFamily(
            "gatekeeper_outbound_unlisted_calls",
            "Calls to hosts that are in no table",
            value=sum(hosts.values()) + more,
        )
        yield CounterMetricFamily(
            "gatekeeper_outbound_uncaught",
            "Connections to tracking hosts not caught",
            value=sum(tripwire.seen.values()),
        )


def disk_left(folder: Path) -> int:
    """Free bytes on a folder's file system."""
    return shutil.disk_usage(folder).free


def share() -> None:
    """Count in files that the other workers read; for a worker that was forked after prometheus-client's import."""
    made: Any = values.get_value_class
    values.ValueClass = made()


def forget_worker(pid: int) -> None:
    """A worker has ended: its gauges no longer count, its counters still do."""
    mark: Any = multiprocess.mark_process_dead
    if MULTIPROCESS in os.environ:
        mark(pid)
