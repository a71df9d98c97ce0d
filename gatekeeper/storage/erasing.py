"""Nouns of requests for erasure, and of the index of ids that were sent. No engine; see `protocols/erasures.py`.

A row is a request: what may be seen of it, and a part that is sealed (`rights.sealing`) and goes when the last
recipient has answered. The index says, for an identifier that a person may bring, which ids a destination got of
them; its rows cannot be read without that identifier.
"""

from __future__ import annotations

from typing import Final, NamedTuple

ENDED: Final = ("closed", "refused")
ANSWERED: Final = ("told", *ENDED)
"""States of requests whose person has had the answer that the law wants by the due date."""
DAY: Final = 86_400.0  # seconds: a request is overdue when the day on which it is due is over


class Outstanding(NamedTuple):
    """How many requests wait for their answer, and how many of them are overdue."""

    open: int = 0
    overdue: int = 0


class ErasureRow(NamedTuple):
    """One request. `record` is JSON without any identifier, `sealed` what only the sealing key opens.

    `due` is the beginning of the last day (Unix seconds). `version` is how often it was kept. `next` is when there is
    something to do about it (Unix seconds), None: nothing. `marks` are keyed hashes of its identifiers, by which a
    second request of the same person is known while this one is open.
    """

    id: str
    version: int
    state: str
    due: float
    next: float | None
    changed: float
    record: str
    sealed: bytes | None = None
    marks: tuple[bytes, ...] = ()


class Alias(NamedTuple):
    """Ids that a destination got of a person: under a keyed hash of an identifier, sealed with a key made of it."""

    name: bytes
    destination: str
    sealed: bytes
    until: int  # Unix seconds
