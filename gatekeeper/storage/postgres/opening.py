"""The store in PostgreSQL of a policy: opened, looked at, and the ends of streams that are kept there."""

from __future__ import annotations

from typing import Final

import psycopg

from gatekeeper.errors import ConfigError, StorageError
from gatekeeper.storage.erasing import ANSWERED, DAY
from gatekeeper.storage.postgres import schema
from gatekeeper.storage.postgres.commits import Copies
from gatekeeper.storage.postgres.connecting import close, connect, run, what
from gatekeeper.storage.postgres.heads import PostgresHeads
from gatekeeper.storage.postgres.node import log_of
from gatekeeper.storage.postgres.store import PostgresStore
from gatekeeper.storage.postgres.trail import PostgresTrail
from gatekeeper.storage.protocols import Needs, Place

_LATER: Final = frozenset({"unreachable", "no answer", "shutting down", "read-only", "too many connections"})


def open_postgres(needs: Needs) -> PostgresStore:
    """The store. A server that cannot be reached is tried again with each use. Raises ConfigError for wrong tables."""
    place = needs.place
    see(place)
    return PostgresStore(
        place.url,
        place.here,
        needs.bounds,
        needs.recorder,
        missing=needs.missing,
        clock=needs.clock,
        copies=Copies(place.copies, place.replicated_by),
        listen_url=place.listen_url,
        keys_checks=place.keys_checks,
        archived=place.archived,
    )


def see_tables(place: Place) -> None:
    """Raises ConfigError where the tables are not this version's, psycopg.Error where that cannot be known."""
    link = connect(place.url)
    try:
        there = schema.version(link)
    finally:
        close(link)
    if there < schema.VERSION:
        raise ConfigError("storage.url: its tables are not there, or older; run `gatekeeper storage prepare`")


def see(place: Place) -> None:
    """Raises ConfigError with a remedy for wrong tables, a wrong role, a database that is not there.

    A server that cannot be reached now is no fault: it is tried again with each use.
    """
    try:
        see_tables(place)
    except psycopg.Error as error:
        if what(error) not in _LATER:
            raise ConfigError(
                f"storage.url: PostgreSQL cannot be used ({what(error)}); {schema.remedy(error)}"
            ) from None


def heads_of(place: Place) -> PostgresHeads:
    """Where the ends of streams are kept."""
    return PostgresHeads(place.url, lambda: log_of(place.here))


def trail_of(place: Place) -> PostgresTrail:
    """The log's part in the database."""
    return PostgresTrail(place.url, log_of(place.here))


def late_of(place: Place, now: float) -> list[tuple[str, float]]:
    """Requests for erasure whose answer is overdue, and when it was due. Raises StorageError."""
    sql = "SELECT id, due FROM erasure WHERE due <= %s AND state <> ALL(%s) ORDER BY due"
    try:
        link = connect(place.url)
        try:
            return [(erasure, due) for erasure, due in run(link, sql, (now - DAY, [*ANSWERED]))]
        finally:
            close(link)
    except psycopg.Error as error:
        raise StorageError(f"requests for erasure cannot be read ({what(error)})") from None
