"""What the log over several machines asks of the engine that they share."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from gatekeeper.audit.lines import Line
from gatekeeper.audit.segments import Head

DESTROYED: Final = "destroyed"  # how a machine is gone whose log is expected nowhere any more


class Peer(NamedTuple):
    """A machine by its log. `keys` are the audit keys that it began with; `gone` is how an operator took it out."""

    log: str
    host: str
    lives: bool  # a process of it has a lease
    gone: str | None
    seen: float  # Unix seconds
    keys: tuple[str, ...]


class Kept(NamedTuple):
    """Lines of one commit that the archive has not: in a log, up to the n-th of a stream, or in none (no stream)."""

    id: int
    log: str
    stream: str
    n: int
    lines: tuple[Line, ...]


class Wish(NamedTuple):
    """Persons to be forgotten in every log, by their pseudonyms; without any, what was copied of other logs."""

    id: int
    names: frozenset[str]
    erasure: str
    at: float  # Unix seconds


class Trail(Protocol):
    """The engine's side. All methods raise StorageError; `log` is the name of this machine's log."""

    @property
    def log(self) -> str:
        """The name of this machine's log."""

    def peers(self) -> list[Peer]:
        """Every machine that was ever there, this one among them."""

    def heads(self) -> Mapping[str, Sequence[Head]]:
        """The last known ends of every log's streams."""

    def introduce(self, keys: Sequence[str]) -> None:
        """Say with which audit keys this machine's log begins. What was said first is kept."""

    def kept(self, others: bool = True) -> list[Kept]:
        """Lines that the archive lacks, in their order, of the other machines, or of all; and those in no log yet.

        One look: a line that moves on meanwhile is in it once.
        """

    def lacking(self) -> Mapping[str, int]:
        """The first line that the archive lacks of each stream of this machine."""

    def archived(self, ends: Mapping[str, int]) -> None:
        """Streams of this machine are in the archive up to their n-th lines, which need not be kept any more."""

    def cut(self, cut: Callable[[Line], Line]) -> int:
        """Put other lines in the place of kept ones, of all machines; how many are changed."""

    def wish(self, names: Collection[str], erasure: str, at: float) -> int:
        """Ask every machine to forget persons; the number of the wish."""

    def wishes(self) -> list[Wish]:
        """What this machine has not done yet."""

    def done(self, wish: int, lines: int) -> None:
        """This machine has done it, in so many lines."""

    def waits_for(self, wish: int) -> tuple[list[Peer], int]:
        """The machines that have not done it, of those whose logs are expected; and in how many lines others did."""

    def tidy(self) -> None:
        """Drop wishes that no machine has to do any more."""
