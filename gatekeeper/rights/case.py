"""One request for erasure, as it is kept. Nouns, and their way into a row of the store and back.

`Case` holds no identifier: it is what lists, receipts and the log may show. `Secret` holds the identifiers, and what is
being asked of recipients; it is sealed, and only a salt is left of it once the last recipient has settled.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct, structs

from gatekeeper.installation.ring import KeyRing
from gatekeeper.rights.sealing import seal, unseal
from gatekeeper.rights.states import FOLLOWS, SETTLED, Event, Part, State
from gatekeeper.storage.erasing import ErasureRow


class Recipient(Struct, frozen=True, omit_defaults=True):
    """One destination of a request. Times are Unix seconds."""

    name: str
    kind: str
    state: Part
    since: float
    reason: str | None = None  # of `not_possible`
    reference: str | None = None  # the vendor's own name for the request; no person's
    asked: float | None = None
    assumed_by: float | None = None  # of `accepted`: when it counts as done
    why: str | None = None  # of the last answer that was none
    failing: float | None = None  # since when it refuses
    next: float | None = None
    evidence: str | None = None  # of an operator, such as a ticket
    by: str | None = None
    removed: bool = False  # from the policy since

    @property
    def settled(self) -> bool:
        """Whether nothing more is expected of it."""
        return self.state in SETTLED


class Case(Struct, frozen=True, omit_defaults=True):
    """A request. `told` are the times at which the person was told, `told_as` what they were told of each recipient."""

    id: str
    state: State
    received: float
    due: str  # the last day, ISO
    law: str
    by: str
    laws: tuple[str, ...] = ()
    times: dict[str, float] = {}
    confirm_by: str | None = None
    extended_to: str | None = None  # the last day if it is extended
    extended: str | None = None  # why it was
    appeal_days: int | None = None
    verified_by: str | None = None
    approved_by: str | None = None
    note_code: str | None = None
    kinds: tuple[str, ...] = ()  # of identifiers that were given
    stores: dict[str, int] = {}
    gone: dict[str, int] = {}
    recipients: tuple[Recipient, ...] = ()
    refusal: str | None = None
    duplicate_of: str | None = None
    suppressed: bool = False
    commitment: str = ""
    told: tuple[float, ...] = ()
    told_as: dict[str, str] = {}
    receipt: str | None = None  # SHA-256 of the receipt

    def after(self, event: Event, at: float, **changes: Any) -> Case:
        """The request after an event. Raises KeyError where it cannot happen."""
        state = FOLLOWS[self.state, event]
        times = self.times if state is self.state else {**self.times, state.value: at}
        return structs.replace(self, state=state, times=times, **changes)

    @property
    def settled(self) -> bool:
        """Whether every recipient is."""
        return all(one.settled for one in self.recipients)

    @property
    def states(self) -> dict[str, str]:
        """What is true of each recipient now."""
        return {one.name: one.state.value for one in self.recipients}

    def with_recipient(self, changed: Recipient) -> Case:
        """The request with one recipient as it is now."""
        return structs.replace(
            self, recipients=tuple(changed if one.name == changed.name else one for one in self.recipients)
        )

    def recipient(self, name: str) -> Recipient | None:
        """A recipient by its name."""
        return next((one for one in self.recipients if one.name == name), None)


class Secret(Struct, frozen=True, omit_defaults=True):
    """What is sealed. `given` are kinds and values, `names` pseudonyms, `ids` those of the index, by destination.

    `steps` are what is to be asked next of each destination, `ends` what its finished steps said.
    """

    salt: str
    given: tuple[tuple[str, str], ...] = ()
    names: tuple[str, ...] = ()
    linked: tuple[str, ...] = ()
    ids: dict[str, dict[str, tuple[str, ...]]] = {}
    steps: dict[str, tuple[tuple[str, dict[str, Any]], ...]] = {}
    ends: dict[str, tuple[str, ...]] = {}

    @property
    def wiped(self) -> Secret:
        """What is left when every recipient has been asked."""
        return Secret(self.salt)


def row(
    ring: KeyRing,
    case: Case,
    secret: Secret | None,
    *,
    version: int,
    next_at: float | None,
    changed: float,
    due: float,
    marks: tuple[bytes, ...],
) -> ErasureRow:
    """The request as a store keeps it. Raises ConfigError where it cannot be sealed."""
    sealed = None if secret is None else seal(ring, case.id, msgspec.json.encode(secret))
    record = msgspec.json.encode(case).decode()
    return ErasureRow(case.id, version, case.state.value, due, next_at, changed, record, sealed, marks)


def read(found: ErasureRow) -> Case:
    """The request of a row."""
    return msgspec.json.decode(found.record, type=Case)


def opened(ring: KeyRing, found: ErasureRow) -> Secret | None:
    """The sealed part of a row, None where there is none. Raises ConfigError where its key is lost."""
    return None if found.sealed is None else msgspec.json.decode(unseal(ring, found.id, found.sealed), type=Secret)
