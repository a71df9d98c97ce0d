"""One gate at work: the policy with its keys, clock, log, outbox and deliverer wired in, from its start to its end."""

from __future__ import annotations

import asyncio
import atexit
import logging
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path

from gatekeeper import context
from gatekeeper.audit import retention
from gatekeeper.audit.others import set_aside
from gatekeeper.audit.retention import Daily
from gatekeeper.delivery.deliverer import Deliverer
from gatekeeper.delivery.handover import Handover
from gatekeeper.errors import AuditError, ConfigError, StorageError
from gatekeeper.gate import Gate
from gatekeeper.gate.counted import Counted
from gatekeeper.installation import forks, ids, keys
from gatekeeper.policy import Policy, archive, load_policy, trial
from gatekeeper.rights import keeping
from gatekeeper.rights.drive import Driver, service
from gatekeeper.rights.remember import Remembering
from gatekeeper.runtime import ends
from gatekeeper.runtime.beside import Beside
from gatekeeper.runtime.bodies import Bodies
from gatekeeper.runtime.health import Health
from gatekeeper.runtime.hosts import refuse_green_threads
from gatekeeper.runtime.limits import Limits
from gatekeeper.runtime.metrics import Metrics, disk_left
from gatekeeper.runtime.nightly import Nightly
from gatekeeper.runtime.shipping import Shipping
from gatekeeper.runtime.unsent import UnsentIntake
from gatekeeper.runtime.wiring import (
    audit_writer,
    bounds,
    in_test_mode,
    machine,
    needs,
    orders,
    place_lookup,
    prepare,
    reread,
)
from gatekeeper.storage.opening import open_store
from gatekeeper.storage.protocols import Opening

LOOK_AT_KEYS = 1.0  # seconds between two looks at the key folder: one `stat`
DRAIN = 20.0  # seconds for deliveries that are ready when the gate is closed
KEEPING = 2.0  # seconds for the last events to be kept, before the deliverer ends
_log = logging.getLogger("gatekeeper")


class Runtime:
    """Everything one process needs. Threads start with the first event, in a forked child with its own first event.

    `store` opens the store that keeps deliveries: the embedded one, unless you bring another (`storage/protocols/`).
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
        self._writer = audit_writer(policy, changed=self._log_changed)
        self.store = store(needs(policy, self._writer))
        self.health = Health(
            self._writer,
            self.store,
            lambda: self.policy,
            lambda: self.gate.suppressing.lacking(),
            lambda: self._shipping.failure,
        )  # fmt: skip
        self._keys_seen = keys.state(policy.keys_folder)
        self._daily = Daily(
            policy.audit_folder, lambda: self.policy.file.retention.personal_references, self._writer,
            every=LOOK_AT_KEYS, also=self._look, rest=self.retain,
        )  # fmt: skip
        self.machine = None if trial.on() else machine(policy)
        self._shipping = Shipping(self.machine, policy.audit_folder, self._writer)
        self.erasing = Driver(
            service(lambda: self.policy, lambda: self.keys, self.store, self._writer, machine=self.machine)
        )
        self.remembering = Remembering(lambda: self.policy, lambda: self.keys, self.store.erasures)
        self._nightly = Nightly(lambda: self.policy, self._writer)
        self.counted = Counted(self._writer, ids.request_id)
        self.beside = Beside()
        self.bodies = Bodies(lambda: self.policy.file.limits.bodies)
        self._deliverer = Deliverer(
            self.store.queue, self.store.barrier, orders(policy), metrics=self.metrics, clock=time.time
        )
        self.unsent = UnsentIntake(self.store.intake) if trial.on() else None
        self._intake = Handover(self.unsent or self.store.intake, self._deliverer.take)
        self.gate = self._gate(policy)
        self._minded = False  # in this process: how it ends
        self.started = False  # in this process; what calls `start` for every request looks here first
        forks.register(self)
        _alive.add(self)
        atexit.register(self.close)
        ends.watch(_end)

    @property
    def policy(self) -> Policy:
        """The policy in force: the gate's."""
        return self.gate.policy

    def start(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        """Deliver what is queued, also before the first event.

        `loop` is one that is the gate's own to deliver on, as the sidecar's is; without one a thread does it.
        """
        self._deliverer.live_on(loop)
        self._deliverer.start()
        self._daily.start()
        if not trial.on():
            self.erasing.start()
            self._shipping.start()
        self.started = True

    def watch(self, swap: Callable[[Gate], None]) -> None:
        """Have `swap` called with the new gate, after a reload and after a change of keys."""
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
            self._swap(self._gate(policy))
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

    @forks.work
    def _look(self) -> None:
        """What is done once a second: counted lines that are due, and looks at the key folder and the time."""
        self.counted.flush(time.time())
        self.look_at_keys()
        self._nightly.look()

    def retain(self, now: float) -> dict[str, int]:
        """Remove what else is too old, once a day; what could not be, by its name."""
        kept = keeping.run(self.policy, self.store, self._writer, now=now, machine=self.machine)
        return {one.name: one.overdue for one in kept if one.overdue}

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
                self.keys = ring
                self._swap(self._gate(self.policy))  # what was remembered of signatures is forgotten with the old one
                _log.info("the keys %s and %s are in use", ring.signing[0].id, ring.pseudonym[0].id)

    @forks.work
    def scrape(self) -> bytes:
        """The metrics, in Prometheus' text format. Raises StorageError."""
        from gatekeeper.reports import self_audit  # no start waits for it

        place, now = self.store.books.place, time.time()
        retained = retention.read(self.policy.audit_folder)
        return self.metrics.text(
            self.store.books.count(),
            troubles=self.store.books.troubles(),
            standing=self.store.books.standing(),
            disk_left=None if place is None else disk_left(place.parent),
            overdue=retained.late,
            retained=retained.done or None,
            requests=self.store.erasures.outstanding(now),
            set_aside=set_aside(self.policy.audit_folder),
            audited=self_audit.latest(self.policy),
            archive_behind=self._shipping.behind,
            now=now,
        )

    def _log_changed(self) -> None:
        self.metrics.log_is(failing=self._writer.failing(), anchor_failing=self._writer.anchor_failing())

    def close(self, drain: float = DRAIN) -> None:
        """Deliver what is ready, `drain` seconds at most, keep the rest, write the last lines, stop.

        An event starts it again.
        """
        self.started = False
        self._daily.close()
        self.erasing.close()
        self._shipping.close()
        self._nightly.close()
        self.beside.close()
        self.counted.flush(time.time(), everything=True)
        self._intake.wait(KEEPING)
        self._deliverer.close(drain)
        try:
            self.store.close()
        except StorageError:
            _log.error("the outbox could not be closed")
        self._writer.close()
        self._shipping.last()

    def flush(self, timeout: float) -> bool:
        """Wait until what was tracked is kept; whether all of it, since the last call, is. See `flush` below."""
        return self._intake.wait(timeout)

    def forked(self) -> None:
        """In a child: it begins with its first event, from nothing."""
        self._reloading, self.started, self._minded = threading.Lock(), False, False

    def _arrived(self) -> None:
        """An event came: deliver, and in a child see to its end, as its pool has set its signals by now."""
        if not self._minded:
            self._minded = True
            ends.mind()
        self._deliverer.start()

    def _swap(self, gate: Gate) -> None:
        """Have everything that arrives from now on decided by another gate."""
        old, self.gate = self.gate, gate
        context.replace(old, gate)
        for swap in self._watchers:
            swap(gate)

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
            suppressions=self.store.suppressions,
            metrics=self.metrics,
            arrived=self._arrived,
            counted=self.counted,
            remember=self.remembering,
        )


_alive: weakref.WeakSet[Runtime] = weakref.WeakSet()


def runtimes() -> list[Runtime]:
    """Those of this process."""
    return list(_alive)


def _end() -> None:
    for one in list(_alive):
        one.close(ends.PATIENCE)
