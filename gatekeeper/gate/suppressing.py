"""Whether an event's person is suppressed: their identifiers, hashed, are looked for in the store. DESIGN rule 10.

Asked outside every memory of the gate: what a browser said a moment ago may be remembered, who it is is not.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping

from msgspec import structs

from gatekeeper.audit import lines, subjects
from gatekeeper.consent.suppression import UNREADABLE, Held, held
from gatekeeper.errors import StorageError
from gatekeeper.fields import Catalogue
from gatekeeper.gate.incoming import Posted
from gatekeeper.installation.ring import KeyRing
from gatekeeper.model import Caller, Event, Signal
from gatekeeper.storage.protocols import Suppressions

Hidden = Callable[[Iterable[Signal]], Held | None]
"""What suppression says of an event, once its signals are known: they carry ids, too."""
_UNKNOWN = Held((UNREADABLE,))
_log = logging.getLogger("gatekeeper")


class Suppressing:
    """The suppressed persons, as one gate asks for them."""

    def __init__(self, keys: KeyRing, store: Suppressions | None, identifying: Mapping[str, str]) -> None:
        self._keys = keys
        self._store = store
        self._identifying = identifying

    def of(self, caller: Caller, event: Event | None, posted: Posted | None = None) -> Hidden | None:
        """How to ask whether an event, or a caller without one, is of a suppressed person; `None`: no person is."""
        try:
            if self._store is None or not self._store.any():
                return None
        except StorageError as error:
            _log.error("it cannot be known who is suppressed (%s)", error)
            return lambda signals: _UNKNOWN
        data = {} if event is None else event.data
        known = [(kind, data[name]) for name, kind in self._identifying.items() if name in data]
        if posted is not None and posted.subject is not None:
            known += posted.subject.items()
        account = caller.account
        if caller.visitor is not None:
            account = caller.visitor.account
            if caller.visitor.subject is not None:
                known.append(("consent", caller.visitor.subject))

        def ask(signals: Iterable[Signal]) -> Held | None:
            return self._held([*known, *subjects.of_signals(signals, lines.is_product)], account)

        return ask

    def lacking(self) -> frozenset[str]:
        """The ids of keys that entries need and this installation has not. Raises StorageError."""
        return frozenset() if self._store is None else self._store.keys({key.id for key in self._keys.suppression})

    def _held(self, known: list[tuple[str, object]], account: tuple[str, ...]) -> Held | None:
        try:
            if self._store is None or self.lacking():
                return _UNKNOWN
            found = self._store.of(subjects.hashes(self._keys, dict.fromkeys(subjects.of_values(known)), account))
        except StorageError as error:
            _log.error("it cannot be known who is suppressed (%s)", error)
            return _UNKNOWN
        return held(found)


def without_person(event: Event, catalogue: Catalogue) -> Event:
    """An event of which nothing leads to its person: identifiers are stripped, as after an opt-out."""
    lost = [name for name in event.data if name in catalogue.identifying]
    if not lost:
        return event
    data = {name: value for name, value in event.data.items() if name not in catalogue.identifying}
    return structs.replace(event, data=data, unusable={**event.unusable, **dict.fromkeys(lost, "opt_out")})
