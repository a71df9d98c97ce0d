"""What deliverers left that ended: flights under way, rows that wait. Found by another one of the node, or of another.

The flights get another `epoch`, so that their former owner can settle nothing.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

from gatekeeper.storage.outbox import ID, Again, Flight, Recovered
from gatekeeper.storage.postgres.commits import Commit
from gatekeeper.storage.postgres.connecting import run
from gatekeeper.storage.postgres.packets import load
from gatekeeper.storage.postgres.tables import Tables
from gatekeeper.storage.postgres.under_way import UnderWay

# The nodes of which no process has a lease.
GONE: Final = "node NOT IN (SELECT node FROM process WHERE lease > clock_timestamp())"


class Left:
    """Its methods run in the thread that writes."""

    def __init__(self, tables: Tables, under_way: UnderWay) -> None:
        self._tables, self._under_way = tables, under_way

    def orphans(self, commit: Commit) -> Recovered | None:
        """What nodes left that are gone; and flights of this node that no answer told this process of."""
        known, link = self._under_way.flights, commit.link
        mine = run(
            link,
            "SELECT id FROM flight WHERE node = %s AND id <> ALL(%s::bigint[]) FOR UPDATE",
            (self._tables.node(), known),
        )
        if mine:  # no request was begun with them
            ids = [number for (number,) in mine]
            run(link, "UPDATE outbox SET flight = NULL, node = NULL WHERE flight = ANY(%s)", (ids,))
            run(link, "DELETE FROM flight WHERE id = ANY(%s)", (ids,))
        flights, waiting = self.take_over(commit, own=False)
        return Recovered(flights, waiting, {}, 0) if flights or waiting else None

    def take_over(self, commit: Commit, *, own: bool) -> tuple[tuple[Flight, ...], tuple[tuple[str, Again], ...]]:
        """Flights of deliverers that ended, under new names, and rows that wait for another attempt."""
        link, node = commit.link, self._tables.node()
        theirs = f"(({own} AND node = %s) OR {GONE})"  # TRUE or FALSE, as SQL spells them, too
        flights: list[Flight] = []
        for number, epoch, destination, attempt in run(
            link,
            f"UPDATE flight SET node = %s, epoch = epoch + 1 WHERE {theirs} RETURNING id, epoch, destination, attempt",
            (node, node),
        ):
            found = load(link, "WHERE flight = %s ORDER BY id FOR UPDATE", (number,))
            rows = tuple(row for one in found for row in one.rows)
            if rows:
                run(link, "UPDATE outbox SET node = %s WHERE flight = %s", (node, number))
                flights.append(Flight((number, epoch), destination, attempt, rows))
                self._under_way.take(commit, destination, [number], rows)
            else:
                run(link, "DELETE FROM flight WHERE id = %s", (number,))
        groups: dict[tuple[str, float, int], list[Hashable]] = {}
        for one in load(link, f"WHERE due IS NOT NULL AND {theirs} ORDER BY id FOR UPDATE", (node,)):
            groups.setdefault((one.destination, one.place.due or 0.0, one.place.attempt), []).extend(map(ID, one.rows))
            self._under_way.take(commit, one.destination, [], one.rows)
        run(link, f"UPDATE outbox SET node = %s WHERE due IS NOT NULL AND {theirs}", (node, node))
        waiting = tuple((name, Again(due, attempt, tuple(ids))) for (name, due, attempt), ids in groups.items())
        return tuple(flights), waiting
