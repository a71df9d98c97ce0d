"""Audit lines of a store in memory: kept with the rows that wait for them until the log has them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future

from gatekeeper.audit.lines import Line, outcome_line
from gatekeeper.audit.segments import Head
from gatekeeper.storage.protocols import Recording
from gatekeeper.testing.store.memory import Commit
from gatekeeper.testing.store.worker import Worker


def nothing() -> None:
    """What follows a line that nothing waits for."""


class Lines:
    """Has lines written, and keeps those that the log refused."""

    def __init__(self, worker: Worker, recorder: Recording) -> None:
        self._worker = worker
        self._recorder = recorder

    def record(self, commit: Commit, written: Callable[[], object], refused: Callable[[], object]) -> None:
        """Have a commit's lines written, then call `written`; `refused` if the log cannot be written.

        What the log refused is kept, unless `refused` took the commit's decisions back and no outcome is left.
        """
        lines = [*commit.decisions, *commit.outcomes]
        if not lines:
            written()
            return
        memory = self._worker.memory
        memory.commits.append(commit)
        commit.offered = True

        def recorded(future: Future[Head | None]) -> None:
            with memory.lock:
                commit.offered = False
                if commit not in memory.commits:  # adopted meanwhile
                    return
                if future.exception() is None:
                    memory.commits.remove(commit)
                    written()
                    commit.over.set_result(None)
                    return
                refused()
                if not commit.outcomes:
                    memory.commits.remove(commit)

        self._recorder.append(lines).add_done_callback(recorded)

    def write(self, lines: list[Line]) -> None:
        """Have outcome lines written; `Upkeep` offers those that the log refuses again."""
        if lines:
            self.record(Commit(self._worker.number, self._worker.clock(), outcomes=lines), nothing, nothing)

    def outcome(self, destination: str, names: Iterable[str], status: str, why: str | None, attempts: int) -> Line:
        """The line that says what became of events at a destination."""
        return outcome_line(
            at=self._worker.clock(),
            destination=destination,
            request_ids=names,
            status=status,
            why=why,
            attempts=attempts,
        )
