"""A row's way through a store in memory: released when its line is durable, claimed, under way, ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gatekeeper.storage.outbox import CANCELLED, DEAD, WORDS, Ending, Flight, Row
from gatekeeper.testing.store.lines import Lines
from gatekeeper.testing.store.memory import Commit, number_of
from gatekeeper.testing.store.worker import Worker

REMOVED: Final = "destination_removed"


class Rows:
    """Every change of a row that has been accepted. Called under the memory's lock."""

    def __init__(self, worker: Worker, lines: Lines, *, owns: bool) -> None:
        self._worker = worker
        self._memory = worker.memory
        self._lines = lines
        self._owns = owns

    def release(self, commit: Commit) -> tuple[Flight, ...]:
        """Let a commit's rows be claimed, now that their lines are durable; flights, if the worker owns its rows."""
        memory = self._memory
        memory.hidden.difference_update(commit.rows)
        owned: list[tuple[str, Row]] = []
        for row_id in commit.rows:
            destination, row = memory.rows[row_id]
            memory.count(destination, accepted=1, queued=1)
            if row_id in memory.stopped:
                self.end(destination, Ending(CANCELLED, None, (row,)), 0)
            else:
                owned.append((destination, row))
        if self._owns and commit.decisions:
            return tuple(self.fly(destination, 1, [row]) for destination, row in owned)
        if commit.rows:
            memory.tell()
        return ()

    def claimable(self, destination: str) -> list[Row]:
        """Rows that can be claimed; those that were cancelled under way and came back end here."""
        memory = self._memory
        busy = memory.hidden | memory.waiting.keys() | memory.flying()
        rows = [row for row_id, (name, row) in memory.rows.items() if name == destination and row_id not in busy]
        stopped = tuple(row for row in rows if row.id in memory.stopped)
        self.end(destination, Ending(CANCELLED, None, stopped), 0)
        return [row for row in rows if row not in stopped]

    def fly(self, destination: str, attempt: int, rows: Sequence[Row]) -> Flight:
        """Put rows under way."""
        number = self._memory.id()
        flight = self._memory.flights[number] = Flight(number, destination, attempt, tuple(rows))
        return flight

    def end(self, destination: str, ending: Ending, attempt: int) -> None:
        """End rows, write the lines that say so, and answer the withdrawals that waited for them."""
        memory = self._memory
        ids = [number_of(row.id) for row in ending.rows if row.id in memory.rows]
        whys = {row_id: memory.stopped[row_id].why for row_id in ids if row_id in memory.stopped}
        for row_id in ids:
            _, row = memory.rows.pop(row_id)
            memory.waiting.pop(row_id, None)
            memory.stopped.pop(row_id, None)
            if ending.state == DEAD:
                memory.dead[row_id] = (destination, row, attempt, ending.why or "", self._worker.clock())
        if ids:
            memory.count(destination, queued=-len(ids), **{ending.state: len(ids)})
            withdrawn = ending.state == CANCELLED and ending.why is None
            together: dict[str | None, list[str]] = {}
            for row in ending.rows:
                why = whys.get(number_of(row.id)) if withdrawn else ending.why
                together.setdefault(why, []).append(row.request_id)
            word = WORDS[ending.state]
            self._lines.write(
                [self._lines.outcome(destination, names, word, why, attempt) for why, names in together.items()]
            )
        memory.answer()

    def bury(self) -> int:
        """Make dead letters of the rows of destinations that are gone; how many."""
        memory, buried = self._memory, 0
        busy = memory.hidden | memory.flying()
        for row_id, (name, row) in list(memory.rows.items()):
            if name not in self._worker.bounds.destinations and row_id not in busy:
                withdrawn = row_id in memory.stopped
                self.end(name, Ending(CANCELLED, None, (row,)) if withdrawn else Ending(DEAD, REMOVED, (row,)), 0)
                buried += not withdrawn
        return buried
