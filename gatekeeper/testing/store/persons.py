"""Where a person stands in a store in memory."""

from __future__ import annotations

from collections.abc import Collection

from gatekeeper.audit.packed import decided
from gatekeeper.storage.outbox import Whereabouts
from gatekeeper.testing.store.worker import Worker


class MemoryPersons:
    """See `gatekeeper.storage.protocols.Persons`."""

    def __init__(self, worker: Worker) -> None:
        self._memory = worker.memory

    def where(self, names: Collection[str]) -> Whereabouts:
        """A look at everything."""
        memory, wanted = self._memory, frozenset(names)
        with memory.lock:
            queued = {n: row for n, (_, row) in memory.rows.items() if not wanted.isdisjoint(row.subjects)}
            dead = {n: row for n, (_, row, *_) in memory.dead.items() if not wanted.isdisjoint(row.subjects)}
            unwritten = [
                line
                for commit in memory.commits
                for line in (*commit.decisions, *commit.outcomes)
                if not wanted.isdisjoint(line.refs)
            ]
            persons = {number for name, (_, number) in memory.names.items() if name in wanted}
            ledger = [frozenset(n for n, (_, whose) in memory.names.items() if whose == one) for one in sorted(persons)]
            linked = [pair for pair in memory.links.items() if not persons.isdisjoint(pair)]
            beside = [frozenset(n for n, (_, whose) in memory.names.items() if whose in pair) for pair in linked]
            return Whereabouts(
                ledger=sum(not persons.isdisjoint(one.persons.values()) for one in memory.said),
                links=len(linked),
                queued=len(queued),
                flying=len(memory.flying().intersection(queued)),
                waiting=len(memory.waiting.keys() & queued.keys()),
                stopped=len(memory.stopped.keys() & queued.keys()),
                dead=len(dead),
                unwritten=len(unwritten),
                decided=decided(unwritten),
                destinations=frozenset([*(memory.rows[n][0] for n in queued), *(memory.dead[n][0] for n in dead)]),
                together=(
                    *(frozenset(row.subjects) for row in (*queued.values(), *dead.values())),
                    *(frozenset(line.refs) for line in unwritten),
                    *ledger,
                    *beside,
                ),
            )
