"""An app's own gate, under test: what it sent to whom, what it blocked and why, and visitors who consented.

    gate = TrialGate.of_process()
    with gate.granted(analytics=True):
        checkout()
    assert [one.destination for one in gate.sent] == ["ga4"]

The process is in test mode (`policy/trial.py`): the log, the store and the keys are temporary, missing secrets have
placeholders, and the gate delivers nothing. Calls of the app's own HTTP clients go out as without a test.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gatekeeper import context
from gatekeeper.audit.read import records
from gatekeeper.context.here import newest
from gatekeeper.errors import GatekeeperError
from gatekeeper.model import Caller
from gatekeeper.policy import Policy, trial
from gatekeeper.runtime import Runtime, runtimes, start
from gatekeeper.shells.asgi.issue import issue_consent

_TOO_LATE = (
    "a gate of this process keeps its log in {}, because it was made before test mode began; set "
    "`gatekeeper_test = true` in pytest's options (docs/in-your-tests.md)"
)


@dataclasses.dataclass(frozen=True, slots=True)
class Sent:
    """A destination gets an event or a call: `fields` by name, `stripped` with the cause of each, by name.

    `body` is the event as it would be delivered; `None` of a call, which the app's own client sends.
    """

    destination: str
    event: str
    fields: tuple[str, ...]
    stripped: dict[str, str]
    body: bytes | None


@dataclasses.dataclass(frozen=True, slots=True)
class Blocked:
    """A destination does not get an event or a call; `reason` is one of docs/reasons.md."""

    destination: str
    event: str
    reason: str


class TrialGate:
    """A gate of this process, and what it decided since the object was made, or since `clear`."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._seen = 0
        self.clear()

    @classmethod
    def of_process(cls, config: str | Path | Policy = "gatekeeper.toml") -> TrialGate:
        """The newest gate of this process; if there is none yet, one by `config`. Begins test mode.

        Raises GatekeeperError if a gate was made before test mode began, and ConfigError as `start` does.
        """
        folder = trial.begin()
        found = runtimes()
        for one in found:
            if not one.policy.audit_folder.is_relative_to(folder):
                raise GatekeeperError(_TOO_LATE.format(one.policy.audit_folder))
        gate = newest()
        return cls(next((one for one in found if one.gate is gate), None) or start(config))

    @property
    def policy(self) -> Policy:
        """The policy in force."""
        return self._runtime.policy

    def cookies(self, *, analytics: bool = False, marketing: bool = False) -> dict[str, str]:
        """The cookie of a visitor who chose so, for a test client: name and value."""
        line = issue_consent(config=self.policy, analytics=analytics, marketing=marketing)
        name, _, value = line.partition(";")[0].partition("=")
        return {name: value}

    @contextmanager
    def granted(self, *, analytics: bool = False, marketing: bool = False) -> Iterator[None]:
        """Run code as for a request of a visitor who chose so: for `track` and calls without a test client."""
        pairs = [f"{name}={value}" for name, value in self.cookies(analytics=analytics, marketing=marketing).items()]
        caller = Caller(headers=((b"cookie", "; ".join(pairs).encode()),))
        here = context.Here(self._runtime.gate, lambda: caller)
        mark = context.current.set(here)
        try:
            yield
        finally:
            context.leave(mark)
            here.end()

    @property
    def sent(self) -> list[Sent]:
        """What destinations get of events and calls, in the order of the decisions."""
        unsent = self._runtime.unsent
        bodies = {} if unsent is None else {(one.request_id, one.destination): one.body for one in unsent.unsent}
        return [
            Sent(
                one["destination"],
                record["event_type"],
                tuple(one.get("fields_sent", ())),
                dict(one.get("stripped_because", {})),
                bodies.get((record["request_id"], one["destination"])),
            )
            for record, one in self._deliveries()
            if one["status"] != "blocked"
        ]

    @property
    def blocked(self) -> list[Blocked]:
        """What destinations do not get, and why, in the order of the decisions."""
        return [
            Blocked(one["destination"], record["event_type"], one["reason"])
            for record, one in self._deliveries()
            if one["status"] == "blocked"
        ]

    def clear(self) -> None:
        """Forget what was decided so far."""
        self._seen = len(self._records())

    def _deliveries(self) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        decided = [record for record in self._records()[self._seen :] if record["kind"] == "decision"]
        return [(record, one) for record in decided for one in record["deliveries"]]

    def _records(self) -> list[dict[str, Any]]:
        """Every decision and outcome of this process, the oldest first."""
        for one in runtimes():
            one.write()
        found = list(records(self.policy.audit_folder))
        return sorted(found, key=lambda record: str(record["timestamp"]))
