"""What is going to happen to one event. Nouns: frozen, typed, no logic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from gatekeeper.model.consent import Consent
from gatekeeper.model.decision import Decision, Inputs, Shaped
from gatekeeper.model.event import Discreet, Event
from gatekeeper.model.place import Place


class Plan(Discreet, frozen=True):
    """What is going to happen to one event; nothing has happened yet."""

    hidden: ClassVar[frozenset[str]] = frozenset({"shaped", "left", "known"})

    request_id: str
    at: float
    event: Event
    place: Place
    consent: Consent | None  # None where the gate itself failed
    decisions: tuple[Decision, ...]
    shaped: Mapping[str, Shaped]  # by destination
    subjects: tuple[str, ...]  # pseudonyms
    inputs: Inputs = Inputs()
    left: Mapping[str, tuple[tuple[str, object], ...]] = {}  # by destination: identifiers that leave, with their kinds
    known: tuple[tuple[str, object], ...] = ()  # by which a person may ask later; both only where they are remembered
