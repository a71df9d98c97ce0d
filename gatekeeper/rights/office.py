"""What an operator may do with people's data: the one code of the commands and of the admin API.

Each act writes its `admin` line first, durably. If it cannot be written, AuditError is raised and nothing is done.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gatekeeper.audit.admin import admin_line
from gatekeeper.audit.lines import timestamp
from gatekeeper.audit.shared.machine import Machine
from gatekeeper.audit.subjects import hashes
from gatekeeper.errors import AuditError, ConfigError
from gatekeeper.installation.ring import KeyRing
from gatekeeper.model import OPTIONAL, Purpose, Suppression
from gatekeeper.model.reasons import SUPPRESSED
from gatekeeper.model.suppression import Why
from gatekeeper.policy import Policy
from gatekeeper.rights import copy
from gatekeeper.rights.identifiers import Sought, entries, sought, too_broad
from gatekeeper.rights.search import Found, search
from gatekeeper.storage.outbox import Withdrawn
from gatekeeper.storage.protocols import Recording, Store

Given = Sequence[tuple[str, str]]  # types and values
PATIENCE: Final = 30.0  # seconds for the log, and for a store
AT_ONCE: Final = 1_000  # persons of a list that are kept in one step
USUAL: Final[Mapping[Why, tuple[Purpose, ...]]] = {
    Why.ERASED: OPTIONAL, Why.OPTED_OUT: (Purpose.MARKETING,), Why.OBJECTED: (Purpose.MARKETING,),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Office:
    """An operator at work: `who` stands in the log. `requests` looks up a person's earlier ones."""

    who: str
    policy: Policy
    ring: KeyRing
    store: Store
    writer: Recording
    clock: Callable[[], float]
    requests: Callable[[Sought], Sequence[Mapping[str, Any]]] = lambda who: ()
    machine: Machine | None = None  # of a log over several

    @property
    def others(self) -> AbstractContextManager[Sequence[Path]]:
        """The folders of other machines' logs, which stay as they are for a block; none of a log of one machine."""
        return nullcontext(()) if self.machine is None else self.machine.folders()

    def record(
        self,
        action: str,
        *,
        kinds: Iterable[str] = (),
        counts: Mapping[str, int] | None = None,
        erasure: str | None = None,
        result: str = "allowed",
    ) -> None:
        """Write down what is about to be done. Raises AuditError: then it must not be."""
        line = admin_line(
            at=self.clock(), who=self.who, action=action, kinds=kinds, counts=counts, erasure=erasure, result=result
        )
        try:
            self.writer.append([line]).result(PATIENCE)
        except TimeoutError:
            raise AuditError("the audit log did not answer; nothing was done") from None

    def sought(self, given: Given) -> Sought:
        """The person behind identifiers. Raises ConfigError."""
        catalogue = self.policy.catalogue
        return sought(self.ring, given, catalogue.identifying, catalogue.phone_region)

    def search(self, given: Given, link: Collection[str] = (), *, action: str = "subjects/search") -> Found:
        """Where a person is. Raises ConfigError, AuditError, StorageError."""
        who = self.sought(given)
        if too_broad(who):
            raise ConfigError(TOO_BROAD)
        self.record(action, kinds=who.kinds, counts={"identifiers": len(who.given), "linked": len({*link})})
        with self.others as others:
            return search(self.store, self.policy.audit_folder, who, link, others=others)

    def export(self, given: Given, form: str, link: Collection[str] = ()) -> bytes:
        """A person's copy, in one of `copy.FORMATS`. Raises ConfigError, AuditError, StorageError."""
        who = self.sought(given)
        copy.may_be_handed_out(who)
        found = self.search(given, link, action="subjects/export")
        return copy.written(self._document(who, found), form)

    def look(self, given: Given, link: Collection[str] = ()) -> tuple[dict[str, Any], dict[str, Any]]:
        """A person's copy as an object, to be read by an operator, and what the search offers to tick."""
        who = self.sought(given)
        found = self.search(given, link)
        return self._document(who, found), copy.summary(found, self.policy)

    def _document(self, who: Sought, found: Found) -> dict[str, Any]:
        hashed = {row.choice.notice for row in found.history if row.choice.notice}
        notices = {one: words for one in hashed if (words := self.store.ledger.notice(one)) is not None}
        return copy.document(
            found, who, self.policy, at=self.clock(), notices=notices,
            suppressed=self.store.suppressions.find(hashes(self.ring, who.references)),
            requests=self.requests(who),
        )  # fmt: skip

    def suppress(
        self,
        given: Given,
        *,
        why: Why,
        purposes: Sequence[Purpose] | None = None,
        until: float | None = None,
    ) -> tuple[str, Withdrawn]:
        """Suppress a person, and end what is queued for them; the id of the entries, and what ended."""
        who = self.sought(given)
        return self._add([who], "suppressions/add", why, purposes, until)

    def import_list(
        self,
        rows: Sequence[tuple[str, str]],
        *,
        why: Why,
        purposes: Sequence[Purpose] | None = None,
        until: float | None = None,
        told: Callable[[int], None] = lambda done: None,
    ) -> tuple[str, int]:
        """Suppress the persons of a list, one identifier each; the id of the entries, and how many ended of the queue.

        All rows are good, or nothing is done. `told` hears how many are kept.
        """
        people, faults = [], []
        for n, row in enumerate(rows, 1):
            try:
                people.append(self.sought([row]))
            except ConfigError as error:
                faults.append(f"row {n}: {error}")
        if faults:
            raise ConfigError(*faults[:20], *([f"and {len(faults) - 20} more rows"] if len(faults) > 20 else []))
        group, ended = "", 0
        for n in range(0, len(people), AT_ONCE):
            some = people[n : n + AT_ONCE]
            group, withdrawn = self._add(some, "suppressions/import", why, purposes, until, group)
            ended += withdrawn.cancelled
            told(n + len(some))
        return group, ended

    def _add(
        self,
        people: Sequence[Sought],
        action: str,
        why: Why,
        purposes: Sequence[Purpose] | None,
        until: float | None,
        group: str = "",
    ) -> tuple[str, Withdrawn]:
        now = self.clock()
        if until is not None and until <= now:
            raise ConfigError("until: is in the past")
        chosen = tuple(purposes or USUAL[why])
        group = group or f"sup_{secrets.token_hex(8)}"
        made = [
            one
            for who in people
            for one in entries(self.ring, who, why=why, since=now, erasure=group, purposes=chosen, until=until)
        ]
        kinds = {kind for who in people for kind in who.kinds}
        self.record(action, kinds=kinds, counts={"persons": len(people), "entries": len(made)}, erasure=group)
        names = frozenset().union(*[who.names for who in people])
        reasons = {name: SUPPRESSED for name, to in self.policy.destinations.items() if to.purpose in chosen}
        return group, self.store.suppressions.add(made, names, reasons).result(PATIENCE)

    def check(self, given: Given) -> tuple[Suppression, ...]:
        """The entries by which a person is suppressed."""
        who = self.sought(given)
        self.record("suppressions/check", kinds=who.kinds, counts={"identifiers": len(who.given)})
        return self.store.suppressions.find(hashes(self.ring, who.references))

    def remove(self, given: Given, whys: Collection[Why] = tuple(Why)) -> int:
        """Delete the entries of a person's identifiers; how many there were."""
        who = self.sought(given)
        self.record("suppressions/remove", kinds=who.kinds, counts={"identifiers": len(who.given)})
        return self.store.suppressions.remove(hashes(self.ring, who.references), whys).result(PATIENCE)

    def remove_group(self, group: str) -> int:
        """Delete all entries that came together, by their `sup_…` or `er_…`."""
        found: list[Suppression] = []
        last = b""
        while page := self.store.suppressions.page(last, AT_ONCE):
            found += [one for one in page if one.erasure == group]
            last = page[-1].hash
        self.record("suppressions/remove", counts={"entries": len(found)}, erasure=group if found else None)
        gone = 0
        for why in Why:
            wanted = [one.hash for one in found if one.why is why]
            gone += self.store.suppressions.remove(wanted, [why]).result(PATIENCE) if wanted else 0
        return gone


TOO_BROAD: Final = (
    "identifiers: a client id alone is too broad: the browser may be several people's; "
    "give another identifier of the person beside it"
)


def shown(one: Suppression) -> dict[str, Any]:
    """An entry for people: when, why and until when; its hash, and no identifier."""
    return {
        "id": one.hash.hex(), "type": one.kind, "why": one.why.value,
        "purposes": [purpose.value for purpose in OPTIONAL if purpose in one.purposes],
        "lifted": [purpose.value for purpose in OPTIONAL if purpose in one.lifted],
        "since": timestamp(one.since), "until": None if one.until is None else timestamp(one.until),
        "erasure": one.erasure,
    }  # fmt: skip
