"""What it means that an event has an identifier of a suppressed person. Pure. Entries in, a signal out. DESIGN rule 10.

erased      denied, until the person granted it again later by one of their own identifiers, and that one is in the
            event, too; then only grants that are younger than the erasure count
opted_out   denied, until an operator removes the entry
objected    the same
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from msgspec import structs

from gatekeeper.model import OPTIONAL, Permission, Purpose, Role, Signal, Standing, Suppression
from gatekeeper.model.reasons import SUPPRESSED
from gatekeeper.model.suppression import Why

SOURCE: Final = "suppression"
UNREADABLE: Final = Signal(
    SOURCE, Role.CHOICE, Standing.MALFORMED, note="it cannot be known whether the person is suppressed"
)
_NOTES: Final = {
    Why.ERASED: "it has an identifier of a person who was erased",
    Why.OPTED_OUT: "it has an identifier of a person who opted out of sale",
    Why.OBJECTED: "it has an identifier of a person who objected",
}


class Held(NamedTuple):
    """What suppression says of an event: signals to add, and by purpose since when grants count."""

    signals: tuple[Signal, ...] = ()
    since: Mapping[Purpose, float] = {}

    @property
    def whole(self) -> bool:
        """Whether nothing optional is left: then nothing of the event may lead to the person."""
        said = {purpose for signal in self.signals for purpose in signal.says}
        return said.issuperset(OPTIONAL) or any(one.standing is Standing.MALFORMED for one in self.signals)


def held(found: Sequence[Suppression]) -> Held | None:
    """What the entries of an event's identifiers say of it; `None` if nothing.

    The signals have no date: it would tell lines of the same person from others.
    """
    lifted = {(one.erasure, purpose) for one in found for purpose in one.lifted if one.why is Why.ERASED}
    denied: dict[Why, set[Purpose]] = {}
    since: dict[Purpose, float] = {}
    for one in found:
        for purpose in one.purposes:
            if one.why is Why.ERASED and (one.erasure, purpose) in lifted:
                since[purpose] = max(one.since, since.get(purpose, one.since))
            else:
                denied.setdefault(one.why, set()).add(purpose)
    if not denied and not since:
        return None
    signals = [
        Signal(
            SOURCE,
            Role.OPT_OUT,
            Standing.DECIDED,
            {purpose: Permission.DENIED for purpose in OPTIONAL if purpose in denied[why]},
            voice=f"{SOURCE}-{why}",
            denies_as=SUPPRESSED,
            note=_NOTES[why],
        )
        for why in Why
        if why in denied
    ]
    return Held(tuple(signals), since)


def heeded(heard: Iterable[Signal], what: Held) -> tuple[Signal, ...]:
    """All signals of an event, with what suppression says first, and without grants from before an erasure."""
    if not what.since:
        return (*what.signals, *heard)
    return (*what.signals, *[_since(one, what.since) for one in heard])


def _since(signal: Signal, since: Mapping[Purpose, float]) -> Signal:
    """A signal without grants that are undated, or not younger than the erasure."""
    if signal.role not in (Role.CHOICE, Role.CLAIM):
        return signal
    old = [
        purpose
        for purpose, word in signal.says.items()
        if word is Permission.GRANTED and purpose in since and (signal.at is None or signal.at <= since[purpose])
    ]
    if not old:
        return signal
    left = {purpose: word for purpose, word in signal.says.items() if purpose not in old}
    return structs.replace(signal, says=left, note=f"{signal.note}; from before the person was erased")
