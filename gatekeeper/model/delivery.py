"""What became of a delivery. Nouns: frozen, typed, no logic."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Fate(StrEnum):
    """How one delivery attempt ended."""

    DELIVERED = "delivered"
    RETRY = "retry"
    DEAD = "dead"


class Outcome(Struct, frozen=True):
    """The fate of one event at one vendor after one answer; `why` is a short code, never vendor text."""

    fate: Fate
    why: str | None = None
    retry_after: float | None = None  # seconds
