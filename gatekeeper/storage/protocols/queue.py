"""What the deliverer asks of a store: rows to claim, to settle and to recover."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Protocol

from gatekeeper.storage.outbox import Again, Claimed, Ending, Flight, Recovered, Trouble


class Queue(Protocol):
    """The deliverer's side. One deliverer at a time holds a row."""

    def lead(self) -> bool:
        """Whether this process may deliver now; asked again until it may. An engine whose claims exclude one another
        says yes to all.
        """

    def leave(self) -> None:
        """Stop leading: another process may."""

    def watch(self, claimable: Callable[[], None]) -> None:
        """Have `claimable` called when rows may have become so.

        From any thread, at any time, also without cause; it must return at once.
        """

    def recover(self) -> Future[Recovered]:
        """Take over what ended processes left: lines they could not write, flights under way, rows that wait.

        Called by the process that leads, before its first claim. The flights get new ids: their former owner can settle
        nothing. Books that differ from the rows are corrected, rows of destinations that are gone become dead letters.
        """

    def ready(self, destination: str) -> int:
        """About how many rows could be claimed now."""

    def claim(self, destination: str, *, events: int, size: int, flights: int) -> Future[Claimed]:
        """At most `flights` flights of at most `events` rows and `size` bytes (one row may have more).

        Rows whose lines are durable, which are not under way and wait for no other attempt. Durable before it is
        done, so that a row is known to have been under way if the process ends.
        """

    def claim_again(self, destination: str, again: Again) -> Future[Flight | None]:
        """A flight of rows whose waiting is over; `None` if they all have ended meanwhile."""

    def settle(
        self, flight: Flight, endings: Sequence[Ending], again: Sequence[Again], why: str | None, landed: bool
    ) -> Future[bool]:
        """What became of (some of) a flight's rows; `landed` ends the flight. Lines are written after.

        `False` if the flight is not (or no longer) this caller's: then nothing was changed. Rows that were cancelled
        while they were under way do not wait again: they end. May be repeated where it is not known whether it was
        committed.
        """

    def give_back(self, flight: Flight) -> Future[bool]:
        """No request was begun with a flight: its rows can be claimed as before, and who watches is told.

        `False` as for `settle`.
        """

    def troubled(self, destination: str, trouble: Trouble | None) -> None:
        """Say that a destination's vendor is failing, or works again (`None`); for `Books.troubles`. Returns at once.

        What an ended deliverer said is forgotten by `recover`.
        """

    def maintain(self) -> Future[Recovered | None]:
        """Do what is due in the house: what ended processes left, old dead letters and keys, the engine's own files.

        Called every few hundredths of a second by the process that leads; cheap if nothing is due. What deliverers of
        other machines left, which are gone, comes out of it, to be settled as by `recover`.
        """
