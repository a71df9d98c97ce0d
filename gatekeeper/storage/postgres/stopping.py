"""How rows end that a withdrawal or a refusal is about: at once, or, of those under way, before their next request.

A transaction that ends them is alone: no other accepts, claims or settles beside it. So every row of before is seen.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Final

import orjson

from gatekeeper.errors import StorageError
from gatekeeper.model import Heard
from gatekeeper.storage.commits import Committer
from gatekeeper.storage.outbox import CANCELLED, ID, WORDS, Ending, Refusal, Row, Withdrawn
from gatekeeper.storage.postgres.changes import digest
from gatekeeper.storage.postgres.commits import Commit
from gatekeeper.storage.postgres.connecting import Connection, run
from gatekeeper.storage.postgres.members import CHANNEL, Members
from gatekeeper.storage.postgres.packets import Place, load, sort_out
from gatekeeper.storage.postgres.tables import Tables
from gatekeeper.storage.swept import settle

KEPT: Final = 3_600.0  # seconds that a withdrawal is known; what was decided before the oldest one is not sent
_THEIRS: Final = "subjects && %s::bigint[] AND destination = ANY(%s)"


def publish(commit: Commit, people: Collection[int]) -> int:
    """Give a commit its number, and have all processes know of it. Its transaction is alone."""
    if commit.published is None:
        ((n,),) = run(commit.link, "UPDATE generation SET n = n + 1 RETURNING n")
        commit.published = int(n)
        run(commit.link, "SELECT pg_notify(%s, '')", (CHANNEL,))
    commit.people.update(people)
    return commit.published


def announce(
    commit: Commit, names: Collection[str], reasons: Mapping[str, str] | None, now: float, *, suppresses: bool = False
) -> int:
    """Write down that the ledger says something else of names, and what they took back, by destination with why."""
    people = [*map(digest, names)]
    n = publish(commit, people)
    text = None if reasons is None else orjson.dumps(dict(reasons)).decode()
    commit.suppresses = commit.suppresses or suppresses
    values = (n, people, text, now, suppresses, " ".join(names) if reasons else "")
    run(commit.link, "INSERT INTO change VALUES (%s, %s::bigint[], %s, %s, %s, %s)", values)
    forget_old(commit.link, now)
    return n


def forget_old(link: Connection, now: float) -> None:
    """Forget who took something back more than KEPT seconds ago."""
    for (oldest,) in run(link, "SELECT max(n) FROM change WHERE at < %s", (now - KEPT,)):
        if oldest is not None:
            run(link, "DELETE FROM change WHERE at < %s", (now - KEPT,))
            run(link, "UPDATE generation SET oldest = greatest(oldest, %s)", (oldest,))


def withdrawn_since(link: Connection, names: Collection[str], since: int) -> Mapping[str, str]:
    """What names took back after a generation, by destination with the reason."""
    found: dict[str, str] = {}
    for (reasons,) in run(
        link,
        "SELECT reasons FROM change WHERE n > %s AND people && %s::bigint[] AND reasons IS NOT NULL ORDER BY n",
        (since, [*map(digest, names)]),
    ):
        found |= orjson.loads(reasons)
    return found


def stop(link: Connection, rows: Mapping[int, tuple[str, str | None]]) -> None:
    """Write down that rows begin no further request, by id with destination and reason; the first reason stays."""
    for row_id, (destination, why) in rows.items():
        run(link, "INSERT INTO stop VALUES (%s, %s, %s) ON CONFLICT DO NOTHING", (row_id, destination, why))


def is_about(one: Refusal, row: Row) -> bool:
    """Whether a refusal is about a row. Rows are looked for by digests: this tells two apart that have the same."""
    return (
        not set(one.subjects).isdisjoint(row.subjects)
        and row.event_time <= one.until
        and row.request_id not in one.spared
    )


class Stopping:
    """Ends rows and dead letters that refusals are about."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def end(self, commit: Commit, refusals: Sequence[Refusal]) -> int:
        """End them, inside a transaction that is alone; how many rows ended."""
        return sum(self._end(commit, one) for one in refusals)

    def _end(self, commit: Commit, one: Refusal) -> int:
        link = commit.link
        theirs = [*map(digest, one.subjects)], [*one.reasons]
        packets = load(link, f"WHERE {_THEIRS} ORDER BY id", theirs)
        hidden = {
            n
            for (n,) in run(
                link,
                "SELECT id FROM lines WHERE id = ANY(%s)",
                ([packet.record for packet in packets if packet.record is not None],),
            )
        } | {commit.record}
        gone: dict[object, Place | None] = {}
        ended: dict[str, list[Row]] = {}
        stopped: dict[int, tuple[str, str | None]] = {}
        for packet in packets:
            rows = [row for row in packet.rows if is_about(one, row)]
            if packet.place.flight is not None or packet.record in hidden:
                stopped |= {int(str(row.id)): (packet.destination, one.reasons[packet.destination]) for row in rows}
                if rows and packet.place.flight is not None:
                    publish(commit, theirs[0])
            else:
                gone |= {ID(row): None for row in rows}
                ended.setdefault(packet.destination, []).extend(rows)
        sort_out(link, packets, gone)
        stop(link, stopped)
        for destination, rows in ended.items():
            self._tables.end(commit, destination, Ending(CANCELLED, one.reasons[destination], tuple(rows)), 0)
        self._forget_dead(commit, one, theirs)
        return sum(map(len, ended.values()))

    def _forget_dead(self, commit: Commit, one: Refusal, theirs: tuple[list[int], list[str]]) -> None:
        """Dead letters are no rows in the books any more: they go, and a line of each says so."""
        letters = run(
            commit.link,
            f"SELECT id, destination, request_id, event_time, payload FROM dead WHERE {_THEIRS}",
            theirs,
        )
        for number, destination, request_id, event_time, payload in letters:
            subjects, head, body = orjson.loads(payload)
            row = Row(number, request_id, event_time, tuple(subjects), head, body)
            if is_about(one, row):
                run(commit.link, "DELETE FROM dead WHERE id = %s", (number,))
                line = self._tables.line(destination, [row], WORDS[CANCELLED], one.reasons[destination], 0)
                commit.outcomes.append(line)


class PostgresRefusals:
    """See `protocols.Refusals`."""

    def __init__(self, tables: Tables, commits: Committer[Commit], members: Members, stopping: Stopping) -> None:
        self._tables = tables
        self._commits = commits
        self._members = members
        self._stopping = stopping

    def sweep(self, refusals: Sequence[Refusal]) -> Future[int] | None:
        """End what the refusals are about; `None` if nothing of it is there: one look by an index."""
        swept = tuple(refusals)
        if not any(one.subjects and one.reasons for one in swept):
            return None
        done: Future[int] = Future()
        done.set_running_or_notify_cancel()
        try:
            if not self._tables.read(lambda link: self._perhaps(link, swept)):
                return None
        except StorageError as error:
            done.set_exception(error)
            return done
        self.end(lambda commit: swept, recorded=True).add_done_callback(lambda last: settle(last, done))
        return done

    def end(
        self, refused: Callable[[Commit], Sequence[Refusal]], *, recorded: bool = False, fresh: bool = False
    ) -> Future[Withdrawn]:
        """End what refusals are about, which the commit gives; done when all processes know of it, too.

        With `recorded`, and when the log has its lines. A withdrawal does not wait for a log that cannot be written.
        Of a `fresh` subject no process can remember anything: it is waited for where something is taken back only.
        """
        done: Future[Withdrawn] = Future()
        done.set_running_or_notify_cancel()

        def do(commit: Commit) -> tuple[int, int | None, bool]:
            refusals = refused(commit)
            return self._stopping.end(commit, refusals), commit.published, bool(refusals)

        def ended(future: Future[tuple[int, int | None, bool]]) -> None:
            error = future.exception()
            if error is not None:
                done.set_exception(error)
                return
            count, generation, withdrew = future.result()
            if generation is None or (fresh and not withdrew):
                done.set_result(Withdrawn(count, Heard.NOTHING))
                return
            self._members.passed(generation).add_done_callback(
                lambda passed: done.set_result(Withdrawn(count, passed.result() if withdrew else Heard.NOTHING))
            )

        self._commits.submit(do, last=True, recorded=recorded, pressing=True).add_done_callback(ended)
        return done

    def _perhaps(self, link: Connection, refusals: Sequence[Refusal]) -> bool:
        """Whether rows or dead letters of these subjects are there."""
        for one in refusals:
            theirs: tuple[Any, ...] = ([*map(digest, one.subjects)], [*one.reasons])
            for table in ("outbox", "dead"):
                if run(link, f"SELECT 1 FROM {table} WHERE {_THEIRS} LIMIT 1", theirs):
                    return True
        return False
