"""A gate at work in this process: the policy with its keys, clock, log and deliveries wired in.

The one place where the pure stages meet the real clock, the disk and the network.
"""

from __future__ import annotations

import atexit
import time
from collections.abc import Sequence
from pathlib import Path

from gatekeeper import ids, keys
from gatekeeper.audit.lines import Line
from gatekeeper.audit.writer import AuditWriter, usable
from gatekeeper.delivery.memory import MemoryDeliverer
from gatekeeper.gate import Gate
from gatekeeper.geoip.reader import Locations
from gatekeeper.policy import Policy, load_policy


class Runtime:
    """Everything one process needs; threads start with the first event, so a fork before it is harmless."""

    def __init__(self, config: str | Path | Policy) -> None:
        self.policy = load_policy(config)
        usable(self.policy.audit_folder)
        self.keys = keys.load(self.policy.keys_folder)
        self._writer = AuditWriter(self.policy.audit_folder)
        table = self.policy.file.delivery
        self._deliverer = MemoryDeliverer(
            self.policy.destinations,
            record=self._record,
            clock=time.time,
            timeout=table.timeout,
            max_queued=table.max_queued,
        )
        self.gate = Gate(
            self.policy,
            self.keys,
            clock=time.time,
            new_id=ids.request_id,
            lookup=place_lookup(self.policy),
            recorder=self._writer,
            deliverer=self._deliverer,
        )
        atexit.register(self.close)

    def idle(self) -> bool:
        """Whether every delivery has ended."""
        return self._deliverer.idle()

    def close(self) -> None:
        """Finish what is under way, write the last lines, stop. May be called again; an event starts it anew."""
        self._deliverer.close()
        self._writer.close()

    def _record(self, batch: Sequence[Line]) -> object:
        return self._writer.append(batch)


def place_lookup(policy: Policy) -> Locations:
    """The look-up of addresses: the operator's own location database, or the bundled one."""
    return Locations(policy.database_path)
