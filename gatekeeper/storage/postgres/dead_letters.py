"""Dead letters: kept for a retry by hand, shown without what is in them, deleted by hand."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from typing import Final

import orjson

from gatekeeper.audit import lines
from gatekeeper.storage.commits import Committer
from gatekeeper.storage.outbox import DeadLetter, Row
from gatekeeper.storage.postgres.commits import Commit
from gatekeeper.storage.postgres.connecting import run
from gatekeeper.storage.postgres.packets import Numbers, Packet, Place, insert
from gatekeeper.storage.postgres.tables import Tables

_COLUMNS: Final = "id, destination, request_id, event_time, attempts, why, at"


class PostgresDeadLetters:
    """See `protocols.DeadLetters`."""

    def __init__(self, tables: Tables, commits: Committer[Commit]) -> None:
        self._tables = tables
        self._commits = commits
        self._numbers = Numbers()

    def page(self, destination: str | None = None, limit: int = 1_000) -> list[DeadLetter]:
        """The newest dead letters."""
        found = self._tables.read(
            lambda link: run(
                link,
                f"SELECT {_COLUMNS} FROM dead WHERE destination = %s OR %s::text IS NULL "
                "ORDER BY at DESC, id DESC LIMIT %s",
                (destination, destination, limit),
            )
        )
        return [DeadLetter(str(number), *rest) for number, *rest in found]

    def retry(self, ids: Sequence[str]) -> Future[int]:
        """Queue dead letters again; each counts as accepted once more."""

        def do(commit: Commit) -> int:
            gone = run(
                commit.link,
                "DELETE FROM dead WHERE id = ANY(%s::bigint[]) RETURNING destination, request_id, event_time, payload",
                (_numbers(ids),),
            )
            numbers, now, packets = self._numbers.take(commit.link, len(gone)), self._tables.clock(), list[Packet]()
            for number, (destination, request_id, event_time, payload) in zip(numbers, gone, strict=True):
                subjects, head, body = orjson.loads(payload)
                row = Row(number, request_id, event_time, tuple(subjects), head, body)
                packets.append(Packet(0, destination, head, now, None, Place(), (row,)))
                commit.count(destination, accepted=1)
                line = lines.outcome_line(
                    at=now, destination=destination, request_ids=[request_id], status="pending",
                    why="retried_by_hand", attempts=0,
                )  # fmt: skip
                commit.outcomes.append(line)
            insert(commit.link, packets)
            return len(gone)

        return self._commits.submit(do, recorded=True)

    def purge(self, ids: Sequence[str]) -> Future[int]:
        """Delete dead letters for good."""
        sql = "DELETE FROM dead WHERE id = ANY(%s::bigint[]) RETURNING 1"
        return self._commits.submit(lambda commit: len(run(commit.link, sql, (_numbers(ids),))))


def _numbers(ids: Sequence[str]) -> list[int]:
    """Letter ids out of text; what is not a number is the id of no letter."""
    return [int(text) for text in ids if text.isdecimal() and len(text) < 19]
