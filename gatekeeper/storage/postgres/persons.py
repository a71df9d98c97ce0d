"""Where a person stands in PostgreSQL: rows of every table that name one of their pseudonyms. Only read."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import orjson

from gatekeeper.audit.packed import decided, unpack
from gatekeeper.storage.outbox import Whereabouts
from gatekeeper.storage.postgres.changes import digest
from gatekeeper.storage.postgres.connecting import LONG, Connection, run
from gatekeeper.storage.postgres.packets import load
from gatekeeper.storage.postgres.tables import Tables


class PostgresPersons:
    """See `protocols.Persons`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def where(self, names: Collection[str]) -> Whereabouts:
        """One look at all tables: those of the queue by the index of persons, the lines that wait are read through."""
        wanted = frozenset(names)
        return self._tables.read(lambda link: _where(link, wanted), patience=LONG)


def _where(link: Connection, wanted: frozenset[str]) -> Whereabouts:
    people = [*map(digest, wanted)]
    found = [
        (one, row)
        for one in load(link, "WHERE subjects && %s::bigint[] ORDER BY id", (people,))
        for row in one.rows
        if not wanted.isdisjoint(row.subjects)
    ]
    dead = [
        (destination, frozenset(orjson.loads(payload)[0]))
        for destination, payload in run(
            link, "SELECT destination, payload FROM dead WHERE subjects && %s::bigint[]", (people,)
        )
        if not wanted.isdisjoint(orjson.loads(payload)[0])
    ]
    stopped = run(link, "SELECT count(*) FROM stop WHERE id = ANY(%s::bigint[])", ([row.id for _, row in found],))
    unwritten = [
        line
        for (blob,) in run(link, "SELECT lines FROM lines")
        for line in unpack(blob)
        if not wanted.isdisjoint(line.refs)
    ]
    persons = [
        number for (number,) in run(link, "SELECT DISTINCT person FROM name WHERE pseudonym = ANY(%s)", ([*wanted],))
    ]
    ledger = _names(
        link, "SELECT string_agg(pseudonym, ' ') FROM name WHERE person = ANY(%s::bigint[]) GROUP BY person", [persons]
    )
    beside = _names(
        link,
        "SELECT string_agg(pseudonym, ' ') FROM name JOIN link ON person IN (device, account) "
        "WHERE device = ANY(%s::bigint[]) OR account = ANY(%s::bigint[]) GROUP BY device, account",
        [persons, persons],
    )
    ((rows,),) = run(
        link,
        "SELECT count(*) FROM choice WHERE person = ANY(%s::bigint[]) OR account = ANY(%s::bigint[])",
        (persons, persons),
    )
    return Whereabouts(
        ledger=rows,
        links=len(beside),
        queued=len(found),
        flying=sum(one.place.flight is not None for one, _ in found),
        waiting=sum(one.place.due is not None for one, _ in found),
        stopped=int(stopped[0][0]),
        dead=len(dead),
        unwritten=len(unwritten),
        decided=decided(unwritten),
        destinations=frozenset([*(one.destination for one, _ in found), *(destination for destination, _ in dead)]),
        together=(
            *(frozenset(row.subjects) for _, row in found), *(names for _, names in dead),
            *(frozenset(line.refs) for line in unwritten), *ledger, *beside,
        ),
    )  # fmt: skip


def _names(link: Connection, sql: str, values: Sequence[Any]) -> list[frozenset[str]]:
    return [frozenset(names.split()) for (names,) in run(link, sql, values)]
