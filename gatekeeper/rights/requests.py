"""A request for erasure, kept version by version: what operators' acts, the gate's progress and callbacks share.

Before a change is kept, a line in the log says so: no record, no act. Of two that act on one version, the second is
told that it came late (409).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

import orjson
from msgspec import structs

from gatekeeper.audit.lines import Line, timestamp
from gatekeeper.audit.shared.machine import Machine
from gatekeeper.audit.subjects import KINDS
from gatekeeper.audit.writer import AuditWriter
from gatekeeper.errors import ConfigError, RightsError, StorageError
from gatekeeper.installation.ring import KeyRing
from gatekeeper.policy import Policy
from gatekeeper.rights import proof
from gatekeeper.rights.case import Case, Secret, opened, read, row
from gatekeeper.rights.identifiers import Sought, sought
from gatekeeper.rights.sealing import Index
from gatekeeper.rights.states import ON_ITS_WAY, Event, Part, State
from gatekeeper.storage.erasing import ErasureRow
from gatekeeper.storage.protocols import Store
from gatekeeper.vendors.kind import DAY

PATIENCE: Final = 30.0  # seconds for a commit or a line
WIPED: Final = 90 * DAY  # seconds after the term in which identifiers go, also where a recipient has not answered
_log = logging.getLogger("gatekeeper")


@dataclass(frozen=True, slots=True)
class Ports:
    """What requests need of the outside."""

    policy: Callable[[], Policy]
    ring: Callable[[], KeyRing]
    store: Store
    writer: AuditWriter
    clock: Callable[[], float] = time.time
    machine: Machine | None = None  # of a log over several

    @property
    def folder(self) -> Path:
        """The folder of the audit log."""
        return self.policy().audit_folder


class Requests:
    """Requests as they are kept. Methods raise RightsError, and pass on StorageError and AuditError."""

    def __init__(self, ports: Ports) -> None:
        self.ports = ports

    def of(self, erasure: str) -> tuple[ErasureRow, Case]:
        """A request by its id. RightsError (404) where there is none."""
        kept = self.ports.store.erasures.get(erasure)
        if kept is None:
            raise RightsError(404, "there is no such request")
        return kept, read(kept)

    def secret(self, kept: ErasureRow) -> Secret:
        """The sealed part of a request. RightsError (409) where it cannot be opened, or is gone."""
        try:
            found = opened(self.ports.ring(), kept)
        except ConfigError as error:
            raise RightsError(409, str(error)) from None
        if found is None:
            raise RightsError(409, "its identifiers are wiped")
        return found

    def progressed(self, kept: ErasureRow, case: Case, secret: Secret | None) -> tuple[ErasureRow, Case, Secret | None]:
        """Keep a request after something became of a recipient; with the last one the identifiers go, in one commit."""
        now = self.ports.clock()
        if case.state is State.ASKED and case.settled:
            case = case.after(Event.SETTLE, now)
            case = structs.replace(case, receipt=proof.digest(proof.receipt(case)))
            secret = None if secret is None else secret.wiped
            next_at: float | None = None
        else:
            if case.receipt is not None:
                case = structs.replace(case, receipt=proof.digest(proof.receipt(case)))
            times = [one.next or now for one in case.recipients if not one.settled and one.state is not Part.MANUAL]
            next_at = min([*times, self.wiping(case)]) if case.state in ON_ITS_WAY else kept.next
        marks = kept.marks if case.state in ON_ITS_WAY else ()
        case = self.keep(kept, case, secret=secret, marks=marks, next_at=next_at)
        return self.row(case, secret, kept.version + 1, marks, next_at), case, secret

    def wiping(self, case: Case) -> float:
        """When the identifiers go at the latest."""
        return time_of(date.fromisoformat(case.extended_to or case.due)) + WIPED

    def recalled(self, who: Sought) -> dict[str, dict[str, tuple[str, ...]]]:
        """Which ids each destination got of the person, by the index; and those that are derived of a session's."""
        index, ring = Index(self.ports.ring()), self.ports.ring()
        named = {name: one for one in who.references for name in index.names(*one)}
        found: dict[str, dict[str, dict[str, None]]] = {}
        for entry in self.ports.store.erasures.recall(list(named)):
            for kind, value in (index.open(*named[entry.name], entry.sealed) or {}).items():
                found.setdefault(entry.destination, {}).setdefault(kind, {})[value] = None
        for kind, value in who.given:
            for name in self.ports.policy().destinations if kind == "session_id" else ():
                found.setdefault(name, {}).setdefault("client_id", {})[ring.derived_id(name, value)] = None
        return {name: {kind: tuple(values) for kind, values in kinds.items()} for name, kinds in found.items()}

    def aliases(self, who: Sought) -> list[bytes]:
        """The names of the person's entries in the index."""
        index = Index(self.ports.ring())
        return [name for one in who.references for name in index.names(*one)]

    def who(self, secret: Secret) -> Sought:
        """The person of a request."""
        catalogue = self.ports.policy().catalogue
        given = [(KINDS[kind].option, value) for kind, value in secret.given]
        return sought(self.ports.ring(), given, catalogue.identifying, catalogue.phone_region)

    _AS_IT_WAS: Final = object()

    def keep(
        self,
        kept: ErasureRow,
        case: Case,
        *,
        secret: object = _AS_IT_WAS,
        marks: tuple[bytes, ...] | None = None,
        next_at: float | None = None,
    ) -> Case:
        """Record a change, then keep it. RightsError (409) where another worker was faster."""
        if _record(case) != _record(read(kept)):
            self.write(case)
        changed = self.row(case, None, kept.version, kept.marks if marks is None else marks, next_at or None)
        if secret is self._AS_IT_WAS:
            changed = changed._replace(sealed=kept.sealed)
        elif isinstance(secret, Secret):
            changed = self.row(case, secret, kept.version, changed.marks, next_at)
        if not self.ports.store.erasures.save(changed).result(PATIENCE):
            raise RightsError(409, "it was changed meanwhile; look again")
        if secret is None or (isinstance(secret, Secret) and secret == secret.wiped):
            self._overwrite()
        return case

    def _overwrite(self) -> None:
        """Let what the identifiers were sealed as go from the files, now or at the next hourly tidying."""
        try:
            self.ports.store.erasures.overwrite()
        except StorageError as error:
            _log.error("sealed identifiers wait: %s", error)

    def row(
        self, case: Case, secret: Secret | None, version: int, marks: tuple[bytes, ...], next_at: float | None = None
    ) -> ErasureRow:
        return row(
            self.ports.ring(), case, secret, version=version, next_at=next_at, changed=self.ports.clock(),
            due=time_of(date.fromisoformat(case.extended_to or case.due)), marks=marks,
        )  # fmt: skip

    def write(self, case: Case) -> None:
        """The line before the act. Raises AuditError where the log cannot be written."""
        line = {"kind": "erasure", "timestamp": timestamp(self.ports.clock())} | _record(case)
        self.ports.writer.append([Line(orjson.dumps(line))]).result(PATIENCE)


def _record(case: Case) -> dict[str, Any]:
    """What the log says of a request: closed words and numbers, no identifier."""
    return {
        "erasure": case.id,
        "state": case.state.value,
        "law": case.law,
        "refusal": case.refusal,
        "extended": case.extended is not None,
        "told": len(case.told),
        "stores": case.stores,
        "states": sorted([one.state.value for one in case.recipients]),
        "receipt": case.receipt,
    }


def time_of(day: date) -> float:
    """The beginning of a day in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
