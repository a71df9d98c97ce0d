"""Decisions of one gate: an event and a consent by their names, judged once; the event's values put in each time.

What `decide` said is remembered by all of its arguments. Of names that a sender made up nothing is kept
(`formats/table.may_be_kept`), and of an event with very many names neither.
"""

from __future__ import annotations

from itertools import count
from typing import Final

from gatekeeper.decision import Asked, Judgement, Stance, decide, exempt
from gatekeeper.fields import Catalogue
from gatekeeper.memory import Compiled
from gatekeeper.model import Consent, Decision, Event, Permission, Place, Purpose
from gatekeeper.vendors.formats.table import may_be_kept
from gatekeeper.vendors.kind import Destination

MOST_NAMES: Final = 64  # of an event of which a judgement is remembered
_PURPOSES: Final = tuple(Purpose)
_Key = tuple[Asked, int, Destination, Permission]


class Deciding:
    """Judgements, by the names that they were made from; each stance has a number, which no other one ever gets.

    `words` are those of the policy's tables of native names.
    """

    __slots__ = ("_catalogue", "_count", "_known", "_numbers", "_stances", "_words")

    def __init__(self, catalogue: Catalogue, words: frozenset[str]) -> None:
        self._catalogue = catalogue
        self._words = words
        self._count = count()
        self._known: Compiled[_Key, Judgement] = Compiled()
        self._numbers: Compiled[Stance, int] = Compiled()
        self._stances: Compiled[int, tuple[Consent, Place, Stance, int]] = Compiled()

    def __len__(self) -> int:
        return len(self._known)

    def of(
        self,
        event: Event,
        asked: Asked,
        consent: Consent,
        place: Place,
        to: Destination,
        vendor: Permission = Permission.UNKNOWN,
    ) -> Decision:
        """What a destination gets of an event, and why; `asked` is this event's."""
        return filled(self.judged(asked, consent, place, to, vendor), event)

    def judged(
        self,
        asked: Asked,
        consent: Consent,
        place: Place,
        to: Destination,
        vendor: Permission = Permission.UNKNOWN,
    ) -> Judgement:
        """The same of the event's names, without its values."""
        stance, number = self._stance(consent, place)
        key = (asked, number, to, vendor)
        known = self._known.get(key)
        if known is None:
            known = decide(asked, stance, to, vendor)
            if len(asked.names) <= MOST_NAMES and all(map(self._may_be_kept, asked.names)):
                self._known.keep(key, known)
        return known

    def _stance(self, consent: Consent, place: Place) -> tuple[Stance, int]:
        """The stance of a consent in a place, and its number. A gate gives one consent to all events of a visitor."""
        known = self._stances.get(id(consent))
        if known is not None and known[0] is consent and known[1] is place:
            return known[2], known[3]
        stance = stance_of(consent, place)
        number = self._numbers.get(stance)
        if number is None:
            number = self._numbers.keep(stance, next(self._count))
        self._stances.keep(id(consent), (consent, place, stance, number))
        return stance, number

    def _may_be_kept(self, name: str) -> bool:
        return name in self._catalogue.by_key or may_be_kept(name, self._words)


def asked_of(event: Event) -> Asked:
    """The event by its names."""
    data = event.data
    unusable = tuple([pair for pair in event.unusable.items() if pair[0] not in data])
    return Asked(event.name, event.purposes, event.names, unusable, tuple(event.offered))


def stance_of(consent: Consent, place: Place) -> Stance:
    """What of a consent and a place a verdict depends on."""
    rulings = tuple([consent.rulings[purpose] for purpose in _PURPOSES])
    return Stance(rulings, consent.refused, consent.steps, place.country, place.region, exempt(place.laws))


def filled(judged: Judgement, event: Event) -> Decision:
    """The decision with the event's own values."""
    made, data = judged.decision, event.data
    if not judged.kept and not judged.offered:
        return made
    kept = {name: data[name] for name in judged.kept}
    for name in judged.offered:
        kept[name] = event.offered[name]
    return Decision(
        destination=made.destination,
        verdict=made.verdict,
        reason=made.reason,
        kept=kept,
        stripped=made.stripped,
        derived=made.derived,
        basis=made.basis,
        legal_basis=made.legal_basis,
        steps=made.steps,
    )
