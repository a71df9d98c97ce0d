"""A gate at work in this process: the policy with its keys, clock, log, outbox and deliverer wired in.

The one place where the pure stages meet the real clock, the disk and the network.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from gatekeeper import context
from gatekeeper.audit import retention
from gatekeeper.audit.lines import Line, timestamp
from gatekeeper.audit.others import ASIDE, refuse_old_writers, set_aside
from gatekeeper.audit.recover import missing
from gatekeeper.audit.retention import Daily
from gatekeeper.audit.signing import Signer
from gatekeeper.audit.writer import AuditWriter, usable
from gatekeeper.delivery.deliverer import Deliverer, Orders
from gatekeeper.delivery.handover import Handover
from gatekeeper.errors import AuditError, ConfigError, StorageError
from gatekeeper.gate import Gate
from gatekeeper.gate.counted import Counted
from gatekeeper.geoip.reader import Locations
from gatekeeper.installation import forks, ids, keys
from gatekeeper.model.reasons import QUEUE_FULL
from gatekeeper.policy import Policy, archive, load_policy, trial
from gatekeeper.policy.load import read_policy
from gatekeeper.runtime import ends
from gatekeeper.runtime.beside import Beside
from gatekeeper.runtime.bodies import Bodies
from gatekeeper.runtime.hosts import refuse_green_threads
from gatekeeper.runtime.limits import Limits
from gatekeeper.runtime.metrics import Metrics, disk_left
from gatekeeper.runtime.unsent import UnsentIntake
from gatekeeper.signals.cookies import Reader
from gatekeeper.storage import database
from gatekeeper.storage.heads import SqliteHeads
from gatekeeper.storage.outbox import Count
from gatekeeper.storage.protocols import Books, Bounds, Needs, Opening, Recording
from gatekeeper.storage.sqlite import open_store
from gatekeeper.vendors.dialect import Dialect
from gatekeeper.vendors.kind import DestinationModule

DISK_LOW = 64 * 2**20  # bytes; below, `readyz` says so
TRY_AGAIN = 5.0  # seconds after a failed write, if no event comes to try by
LOOK_AT_KEYS = 1.0  # seconds between two looks at the key folder: one `stat`
DRAIN = 20.0  # seconds for deliveries that are ready when the gate is closed
KEEPING = 2.0  # seconds for the last events to be kept, before the deliverer ends
_FIXED = ("storage", "audit", "keys")  # tables that only a restart can change
_log = logging.getLogger("gatekeeper")


class Runtime:
    """Everything one process needs. Threads start with the first event, in a forked child with its own first event.

    `store` opens the store that keeps deliveries: the embedded one, unless you bring another (`storage/protocols.py`).
    `workers` is how many processes share the rates of `[limits]`.
    """

    def __init__(self, config: str | Path | Policy, *, store: Opening = open_store, workers: int = 1) -> None:
        refuse_green_threads()
        policy = in_test_mode(load_policy(config))
        if trial.on():
            store = open_store
        self.keys = prepare(policy)
        self.metrics = Metrics()
        self.limits = Limits(policy.file.limits, workers, self.metrics.limited)
        self._watchers: list[Callable[[Gate], None]] = []
        self._reloading = threading.Lock()
        self._failing_since: float | None = None
        self._writer = audit_writer(policy)
        self._writer.changed = self._log_changed
        self.store = store(needs(policy, self._writer))
        self._keys_seen = keys.state(policy.keys_folder)
        self._daily = Daily(
            policy.audit_folder, lambda: self.policy.file.retention.personal_references, self._writer,
            every=LOOK_AT_KEYS, also=self._look,
        )  # fmt: skip
        self.counted = Counted(self._writer, ids.request_id)
        self.beside = Beside()
        self.bodies = Bodies(lambda: self.policy.file.limits.bodies)
        self._deliverer = Deliverer(
            self.store.queue, self.store.barrier, orders(policy), metrics=self.metrics, clock=time.time
        )
        self.unsent = UnsentIntake(self.store.intake) if trial.on() else None
        self._intake = Handover(self.unsent or self.store.intake, self._deliverer.take)
        self.gate = self._gate(policy)
        self.started = False  # in this process; what calls `start` for every request looks here first
        forks.register(self)
        _alive.add(self)
        atexit.register(self.close)
        ends.watch(_end)

    @property
    def policy(self) -> Policy:
        """The policy in force: the gate's."""
        return self.gate.policy

    def start(self) -> None:
        """Deliver what is queued, also before the first event."""
        self._deliverer.start()
        self._daily.start()
        self.started = True

    def watch(self, swap: Callable[[Gate], None]) -> None:
        """Have `swap` called with the new gate after a reload."""
        self._watchers.append(swap)

    def reload(self) -> bool:
        """Read the policy file again; a policy that cannot be used is logged and the old one stays.

        Everything that arrives later is decided by the new policy. `[storage]`, `[audit]` and `[keys]` need a restart.
        """
        with forks.work, self._reloading:
            try:
                policy = reread(self.policy)
                archive.keep(policy)
            except ConfigError as error:
                for problem in error.problems:
                    _log.error("the new policy is refused, the old one stays: %s", problem)
                return False
            except AuditError as error:
                _log.error("the new policy is refused, the old one stays: %s", error)
                return False
            self.store.use(bounds(policy))
            self.limits.table = policy.file.limits
            old, self.gate = self.gate, self._gate(policy)
            context.replace(old, self.gate)
            for swap in self._watchers:
                swap(self.gate)
            self._deliverer.use(orders(policy))
            _log.info("policy %s is in force", policy.version)
            return True

    def write(self) -> None:
        """Wait until what was decided so far is in the log. Raises AuditError, or TimeoutError after some seconds."""
        self._intake.wait(KEEPING)
        self._writer.append(()).result(KEEPING)

    def idle(self) -> bool:
        """Whether every delivery has ended."""
        return self.store.books.idle()

    def problems(self) -> list[str]:
        """What stands against taking events now, one sentence each; empty if nothing does."""
        self._try_again()
        policy, place = self.policy, self.store.books.place
        problems = []
        if self._writer.failing() or not os.access(policy.audit_folder, os.W_OK):
            problems.append("the audit log cannot be written: nothing is sent")
        failure = self.store.books.failing()
        if failure is None and place is not None and not os.access(place, os.W_OK):
            failure = "not writable"
        if failure is not None:
            problems.append(f"the outbox cannot be written ({failure}): no event is accepted")
        try:
            folders = (policy.audit_folder, *([] if place is None else [place.parent]))
            problems += [f"the disk of {path.name} is nearly full" for path in folders if disk_left(path) < DISK_LOW]
        except OSError as error:
            problems.append(f"the disk cannot be looked at ({error.strerror})")
        return problems

    def notes(self) -> list[str]:
        """What an operator should look at though events are taken, one sentence each."""
        notes = [
            f"the queue of {name} is full: its deliveries are blocked ({QUEUE_FULL})"
            for name in self.policy.destinations
            if not self.store.intake.room(name, 1, ours=False)
        ]
        notes += troubles(self.store.books, self.policy)
        count = set_aside(self.policy.audit_folder)
        if count:
            notes.append(f"{count} streams in {ASIDE} were not written by this installation")
        return notes

    @forks.work
    def _look(self) -> None:
        """What is done once a second: counted lines that are due, and a look at the key folder."""
        self.counted.flush(time.time())
        self.look_at_keys()

    def look_at_keys(self) -> None:
        """A key was added or removed: from now on the ring as it is now, everywhere at once."""
        seen = keys.state(self.policy.keys_folder)
        if seen == self._keys_seen:
            return
        self._keys_seen = seen
        try:
            ring = keys.load(self.policy.keys_folder, create=False)
        except ConfigError as error:
            _log.error("the keys cannot be read again, the old ones stay: %s", error)
            return
        with forks.work, self._reloading:
            if ring != self.keys:
                self.keys = self.gate.keys = ring
                _log.info("the keys %s and %s are in use", ring.signing[0].id, ring.pseudonym[0].id)

    def _try_again(self) -> None:
        """Write nothing, where the last write failed: a gate that gets no events while it is not ready must recover.

        An empty write says less than a line: so not at once, and not at every look.
        """
        now = time.monotonic()
        if not self._writer.failing() and self.store.books.failing() is None:
            self._failing_since = None
            return
        if self._failing_since is None:
            self._failing_since = now
        if now - self._failing_since < TRY_AGAIN:
            return
        self._failing_since = now
        with contextlib.suppress(AuditError, StorageError, TimeoutError):
            if self._writer.failing():
                self._writer.append(()).result(5.0)
            if self.store.books.failing() is not None:
                self.store.books.try_again().result(5.0)

    @forks.work
    def scrape(self) -> bytes:
        """The metrics, in Prometheus' text format. Raises StorageError."""
        place = self.store.books.place
        return self.metrics.text(
            self.store.books.count(),
            troubles=self.store.books.troubles(),
            disk_left=None if place is None else disk_left(place.parent),
            overdue=retention.read(self.policy.audit_folder).overdue,
            set_aside=set_aside(self.policy.audit_folder),
            now=time.time(),
        )

    def _log_changed(self) -> None:
        self.metrics.log_is(failing=self._writer.failing(), anchor_failing=self._writer.anchor_failing())

    def close(self, drain: float = DRAIN) -> None:
        """Deliver what is ready, `drain` seconds at most, keep the rest, write the last lines, stop.

        An event starts it again.
        """
        self.started = False
        self._daily.close()
        self.beside.close()
        self.counted.flush(time.time(), everything=True)
        self._intake.wait(KEEPING)
        self._deliverer.close(drain)
        try:
            self.store.close()
        except StorageError:
            _log.error("the outbox could not be closed")
        self._writer.close()

    def flush(self, timeout: float) -> bool:
        """Wait until what was tracked is kept; whether all of it, since the last call, is. See `flush` below."""
        return self._intake.wait(timeout)

    def forked(self) -> None:
        """In a child: it begins with its first event, from nothing."""
        self._reloading, self.started = threading.Lock(), False

    def _gate(self, policy: Policy) -> Gate:
        return Gate(
            policy,
            self.keys,
            clock=time.time,
            new_id=ids.request_id,
            lookup=place_lookup(policy),
            recorder=self._writer,
            intake=self._intake,
            refusals=self.store.refusals,
            ledger=self.store.ledger,
            barrier=self.store.barrier,
            metrics=self.metrics,
            arrived=self._deliverer.start,
            counted=self.counted,
        )


_alive: weakref.WeakSet[Runtime] = weakref.WeakSet()


def runtimes() -> list[Runtime]:
    """Those of this process."""
    return list(_alive)


def flush(timeout: float = 5.0) -> bool:
    """Wait until everything that this process tracked is kept, `timeout` seconds at most; whether all of it is.

    For a process that ends in a way that lets nothing run: `os._exit`, an `exec`, a frozen serverless function. What is
    kept is delivered later, by whichever process delivers. `False`: the time was over, or something was refused since
    the last call.
    """
    end = time.monotonic() + timeout
    kept = [one.flush(max(0.0, end - time.monotonic())) for one in list(_alive)]
    return all(kept)


def _end() -> None:
    for one in list(_alive):
        one.close(ends.PATIENCE)


def start(
    config: str | Path | Policy = "gatekeeper.toml",
    *,
    kinds: Iterable[DestinationModule] = (),
    readers: Iterable[Reader] = (),
    dialects: Iterable[Dialect] = (),
    store: Opening = open_store,
) -> Runtime:
    """The gate of a process that serves no app: a worker, a script. `track`, `load` and caught clients work by it.

    `kinds`, `readers` and `dialects` are what you bring, as for `load_policy`. Raises ConfigError if the policy cannot
    be used.
    """
    runtime = Runtime(load_policy(config, kinds=kinds, readers=readers, dialects=dialects), store=store)
    context.install(runtime.gate)
    return runtime


def in_test_mode(policy: Policy) -> Policy:
    """The policy; in test mode with its files in the temporary folder, also if it was loaded before."""
    return replace(policy, file=trial.kept(policy.file)) if trial.on() else policy


def check(policy: Policy) -> None:
    """Make log, embedded store and keys if they are not there. Raises ConfigError if one of them cannot be used."""
    prepare(policy)
    database.prepare(policy.database_file)


def prepare(policy: Policy) -> keys.KeyRing:
    """Make log and keys if they are not there, and keep the policy for those who ask what was decided by it.

    Raises ConfigError if one of them cannot be used.
    """
    usable(policy.audit_folder)
    refuse_old_writers(policy.audit_folder)
    try:
        archive.keep(policy)
    except AuditError as error:
        raise ConfigError(f"audit.path: {error}; make it writable") from None
    keys.audit(policy.keys_folder)
    return keys.load(policy.keys_folder)


def bounds(policy: Policy) -> Bounds:
    """What a policy asks of the store."""
    table = policy.file.delivery
    return Bounds(tuple(policy.destinations), table.max_queued, table.dead_letters)


def orders(policy: Policy) -> Orders:
    """What a policy asks of the deliverer."""
    return Orders(policy.destinations, policy.file.delivery.timeout, policy.egress)


def needs(policy: Policy, recorder: Recording) -> Needs:
    """What a policy's store is opened with."""

    def lost(lines: Sequence[Line], since: float) -> list[Line]:
        return missing(policy.audit_folder, Signer(policy.keys_folder), lines, since, now=time.time())

    return Needs(
        url=policy.file.storage.url,
        folder=policy.folder,
        bounds=bounds(policy),
        recorder=recorder,
        missing=lost,
        clock=time.time,
    )


def audit_writer(policy: Policy) -> AuditWriter:
    """The writer of a policy's log."""
    table = policy.file.audit
    return AuditWriter(
        policy.audit_folder,
        signer=Signer(policy.keys_folder),
        rotate=table.rotate,
        checkpoint=table.checkpoint,
        anchor=table.anchor,
        base=policy.folder,
        heads=SqliteHeads(policy.database_file),
        fsync=table.fsync == "batch",
    )


def reread(policy: Policy) -> Policy:
    """The policy in the same file, as it is now. Raises ConfigError if it cannot take the old one's place."""
    if policy.path is None:
        raise ConfigError("the policy did not come from a file")
    new = read_policy(policy.path, policy.registry)
    for name in _FIXED:
        if getattr(new.file, name) != getattr(policy.file, name):
            raise ConfigError(f"{name}: cannot change while the gate runs; restart it")
    given = policy.egress is not None and policy.egress.given
    return replace(new, egress=policy.egress) if given else new


def troubles(books: Books, policy: Policy) -> list[str]:
    """One sentence for each destination whose vendor is failing. Raises nothing: without the books it has no number."""
    told = []
    counts: Mapping[str, Count] = {}
    with contextlib.suppress(StorageError):
        counts = books.count()
    for name, (since, why) in sorted(books.troubles().items()):
        if name in policy.destinations:
            waits = f"; {counts[name].queued} deliveries wait" if name in counts else ""
            told.append(f"{name} has taken nothing since {timestamp(since)} ({why}){waits}; it is probed")
    return told


def place_lookup(policy: Policy) -> Locations:
    """The look-up of addresses: the operator's own location database, or the bundled one."""
    return Locations(policy.database_path)
