"""How rows end that a withdrawal or a refusal is about: at once, or, of those under way, before their next request."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future

import orjson

from gatekeeper.model import Heard
from gatekeeper.storage.commits import Commit
from gatekeeper.storage.database import run
from gatekeeper.storage.generations import publish
from gatekeeper.storage.outbox import CANCELLED, ID, WORDS, Ending, Row, Withdrawn
from gatekeeper.storage.page import Page
from gatekeeper.storage.rows import SHIFT, flying_ids, forget_waiting, load
from gatekeeper.storage.tables import Tables


class Stopping:
    """What `withdrawals` and `sweeping` share."""

    def __init__(self, tables: Tables, page: Page) -> None:
        self._tables = tables
        self._page = page

    def stop(self, commit: Commit, found: Mapping[int, str | None]) -> int:
        """End rows and dead letters, by id with the reason; of a row under way, write down that it is stopped.

        How many rows ended.
        """
        tables = self._tables
        under_way = False
        flying, hidden = flying_ids(commit.db), tables.hidden(commit)
        ended: dict[tuple[int, str | None], list[Row]] = {}
        wanted = orjson.dumps(list(found)).decode()
        for row in load(commit.db, "WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id", (wanted,)):
            row_id = ID(row)
            if row_id in flying or any(first <= row_id <= last for first, last in hidden):
                run(commit.db, "INSERT OR IGNORE INTO stop(id, why) VALUES (?, ?)", (row_id, found[row_id]))
                if row_id in flying:
                    under_way = True
            else:
                ended.setdefault((row_id >> SHIFT, found[row_id]), []).append(row)
        for (no, why), rows in ended.items():
            forget_waiting(commit.db, [ID(row) for row in rows])
            tables.end(commit, no, Ending(CANCELLED, why, tuple(rows)), 0)
        self._forget_dead(commit, found, wanted)
        if under_way:
            publish(commit, self._page)
        return sum(map(len, ended.values()))

    def once_over(self, count: int, generation: int | None) -> Future[Withdrawn]:
        """Done when no request can begin that a withdrawal ended: who sends looks at the page before each.

        `None` where nothing of it can be under way.
        """
        done: Future[Withdrawn] = Future()
        done.set_running_or_notify_cancel()
        if generation is None:
            done.set_result(Withdrawn(count, Heard.NOTHING))
        else:
            self._page.passed(generation).add_done_callback(
                lambda passed: done.set_result(Withdrawn(count, passed.result()))
            )
        return done

    def _forget_dead(self, commit: Commit, found: Mapping[int, str | None], wanted: str) -> None:
        """Dead letters are no rows in the books any more: they go, and a line of each says so."""
        for row in load(commit.db, "WHERE id IN (SELECT value FROM json_each(?))", (wanted,), table="dead"):
            line = self._tables.line(ID(row) >> SHIFT, [row], WORDS[CANCELLED], found[ID(row)], 0)
            commit.outcomes.append(line)
        run(commit.db, "DELETE FROM dead WHERE id IN (SELECT value FROM json_each(?))", (wanted,))
