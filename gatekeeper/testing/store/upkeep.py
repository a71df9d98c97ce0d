"""The house of a store in memory: lines to offer again, ended workers' lines, what is old."""

from __future__ import annotations

from gatekeeper.storage.outbox import Recovered
from gatekeeper.storage.protocols import Missing
from gatekeeper.testing.store.intake import SEEN_FOR
from gatekeeper.testing.store.lines import Lines, nothing
from gatekeeper.testing.store.memory import Commit
from gatekeeper.testing.store.rows import Rows
from gatekeeper.testing.store.worker import Worker


class Upkeep:
    """What is due. Called under the memory's lock."""

    def __init__(self, worker: Worker, lines: Lines, rows: Rows, missing: Missing) -> None:
        self._worker = worker
        self._memory = worker.memory
        self._lines = lines
        self._rows = rows
        self._missing = missing

    def adopt(self) -> int:
        """Write the lines that ended workers could not write, and release their rows; their commits."""
        ended = [commit for commit in self._memory.commits if commit.worker in self._memory.gone]
        for commit in ended:
            self._memory.commits.remove(commit)
            self._inherit(commit)
        return len(ended)

    def _inherit(self, commit: Commit) -> None:
        lines = self._missing([*commit.decisions, *commit.outcomes], commit.at)
        heir = Commit(self._worker.number, commit.at, outcomes=lines, rows=commit.rows, request_ids=commit.request_ids)

        def over() -> None:
            if not commit.over.done():
                commit.over.set_result(None)

        def written() -> None:
            self._rows.release(heir)
            over()

        self._lines.record(heir, written, over)

    def do_what_is_due(self) -> Recovered | None:
        """Offer refused lines again, adopt, bury, forget old dead letters and keys."""
        memory, now = self._memory, self._worker.clock()
        for commit in [one for one in memory.commits if one.worker == self._worker.number and not one.offered]:
            if not commit.decisions:
                memory.commits.remove(commit)
                self._lines.record(commit, lambda commit=commit: self._rows.release(commit), nothing)  # type: ignore[misc]  # bound here
        self.adopt()
        self._rows.bury()
        oldest = now - self._worker.bounds.dead_for
        memory.dead = {number: letter for number, letter in memory.dead.items() if letter[4] >= oldest}
        memory.seen = {key: first for key, first in memory.seen.items() if first.at > now - SEEN_FOR}
        return None
