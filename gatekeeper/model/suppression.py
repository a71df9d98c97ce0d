"""A person who is denied by an identifier, as the store keeps it. Nouns: frozen, typed, no logic."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from gatekeeper.model.consent import OPTIONAL, Purpose


class Why(StrEnum):
    """Why a person is suppressed."""

    ERASED = "erased"  # their data were deleted; ends with a later grant of their own
    OPTED_OUT = "opted_out"  # of sale or sharing; ends when an operator removes it
    OBJECTED = "objected"  # to marketing, GDPR Art. 21(3); ends when an operator removes it


class Suppression(NamedTuple):
    """One identifier of a suppressed person. Its value is not kept, and cannot be worked out without the key.

    `hash` is the keyed hash of kind and normal form, 16 bytes, made with the key of the id `key`. Entries of one person
    share `erasure`: `er_…` of the erasure they came with, else `sup_…`. `lifted` are the purposes that the person
    granted again by this identifier. Times are Unix seconds; `until` None: no end.
    """

    hash: bytes
    key: str
    kind: str
    why: Why
    since: float
    erasure: str
    purposes: frozenset[Purpose] = frozenset(OPTIONAL)
    until: float | None = None
    lifted: frozenset[Purpose] = frozenset()
