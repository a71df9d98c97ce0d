"""Which vendors are failing: said by the process that delivers on a machine, read by all. A notice, not a record."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

from gatekeeper.errors import StorageError
from gatekeeper.storage.commits import Committer
from gatekeeper.storage.outbox import Trouble
from gatekeeper.storage.postgres.commits import Commit
from gatekeeper.storage.postgres.connecting import run
from gatekeeper.storage.postgres.tables import Tables


class Troubles:
    """This machine's, and a look at those of all."""

    def __init__(self, tables: Tables, commits: Committer[Commit]) -> None:
        self._tables = tables
        self._commits = commits
        self._said: dict[str, Trouble | None] = {}
        self._forgotten = False

    def say(self, destination: str, trouble: Trouble | None) -> None:
        """Say that a vendor is failing, or (`None`) that it works again. Does not wait for it to be written."""
        self._said[destination] = trouble
        node = self._tables.node()

        def do(commit: Commit) -> None:
            if trouble is None:
                run(commit.link, "DELETE FROM trouble WHERE node = %s AND destination = %s", (node, destination))
                return
            run(
                commit.link,
                "INSERT INTO trouble VALUES (%s, %s, %s, %s) "
                "ON CONFLICT (node, destination) DO UPDATE SET since = excluded.since, why = excluded.why",
                (node, destination, *trouble),
            )

        self._commits.submit(do).add_done_callback(_heed)

    def forget(self) -> None:
        """Begin with no trouble on this machine, whatever another process said."""
        self._said.clear()
        self._forgotten = True
        node = self._tables.node()
        self._commits.submit(
            lambda commit: run(commit.link, "DELETE FROM trouble WHERE node = %s", (node,))
        ).add_done_callback(self._is_forgotten)

    def read(self) -> dict[str, Trouble]:
        """What the deliverers of all machines said last; without the database, what this process said."""
        try:
            found = self._tables.read(
                lambda link: run(
                    link,
                    "SELECT destination, since, why FROM trouble "
                    "WHERE node IN (SELECT node FROM process WHERE lease > clock_timestamp()) ORDER BY since DESC",
                )
            )
        except StorageError:
            found = []
        told = {} if self._forgotten else {name: Trouble(since, why) for name, since, why in found}
        for name, trouble in self._said.items():
            told.pop(name, None)
            if trouble is not None:
                told[name] = trouble
        return told

    def _is_forgotten(self, done: Future[Any]) -> None:
        _heed(done)
        self._forgotten = False


def _heed(done: Future[Any]) -> None:
    """A notice that could not be written is left out."""
    done.exception()
