"""Which engine a `[storage] url` names, and what every engine is asked for: to open, to be made ready, to be looked at.

sqlite:///…                      the embedded one: a file of this machine
postgresql://…, postgres://…     several machines; with the extra `gatekeeper-consent[postgres]`
"""

from __future__ import annotations

import importlib.util
from typing import Final

from gatekeeper.audit.heads import Heads
from gatekeeper.audit.shared.trail import Trail
from gatekeeper.errors import missing
from gatekeeper.storage import database
from gatekeeper.storage.erasures import late as late_sqlite
from gatekeeper.storage.heads import SqliteHeads
from gatekeeper.storage.protocols import Needs, Place, Store
from gatekeeper.storage.sqlite import open_store as open_sqlite

SERVERS: Final = ("postgresql://", "postgres://")


def elsewhere(url: str) -> bool:
    """Whether a store is on a server, that several machines share."""
    return url.startswith(SERVERS)


def open_store(needs: Needs) -> Store:
    """The store of a policy. Raises ConfigError with a remedy; a server that cannot be reached now is tried later."""
    if not elsewhere(needs.place.url):
        return open_sqlite(needs)
    need_driver()
    from gatekeeper.storage.postgres.opening import open_postgres

    return open_postgres(needs)


def make_ready(place: Place) -> None:
    """Make a file if it is not there; of a server that answers, see that it has the tables. Raises ConfigError."""
    if not elsewhere(place.url):
        database.prepare(database.path_of(place.url, place.folder))
        return
    need_driver()
    from gatekeeper.storage.postgres.opening import see

    see(place)


def findings(place: Place) -> tuple[list[str], list[str]]:
    """Errors and warnings about a store on a server, one sentence each; a file is looked at when it is opened."""
    if not elsewhere(place.url):
        return [], []
    need_driver()
    from gatekeeper.storage.postgres.checking import findings

    return findings(place)


def exists(place: Place) -> bool:
    """Whether a gate can have run there: of a server that is not asked."""
    return elsewhere(place.url) or database.path_of(place.url, place.folder).exists()


def late(place: Place, now: float) -> list[tuple[str, float]]:
    """Requests for erasure whose answer is overdue, and when it was due (Unix seconds). Raises StorageError."""
    if not elsewhere(place.url):
        return late_sqlite(database.path_of(place.url, place.folder), now)
    need_driver()
    from gatekeeper.storage.postgres.opening import late_of

    return late_of(place, now)


def heads(place: Place) -> Heads:
    """Where the ends of the log's streams are kept a second time."""
    if not elsewhere(place.url):
        return SqliteHeads(database.path_of(place.url, place.folder))
    need_driver()
    from gatekeeper.storage.postgres.opening import heads_of

    return heads_of(place)


def trail(place: Place) -> Trail | None:
    """What machines that share a store on a server share of the log; `None` of a file: there is one machine."""
    if not elsewhere(place.url):
        return None
    need_driver()
    from gatekeeper.storage.postgres.opening import trail_of

    return trail_of(place)


def need_driver() -> None:
    """Raises ConfigError where the driver of PostgreSQL is not installed."""
    if importlib.util.find_spec("psycopg") is None:
        raise missing("storage.url", "psycopg", "postgres")
