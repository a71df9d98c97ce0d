"""What `gatekeeper check` says of PostgreSQL: what stands against using it, and what will cost something."""

from __future__ import annotations

import contextlib
import select
import time
from typing import Any, Final

import psycopg

from gatekeeper.errors import ConfigError
from gatekeeper.storage.postgres import schema
from gatekeeper.storage.postgres.connecting import Connection, close, connect, run, what
from gatekeeper.storage.postgres.members import CHANNEL
from gatekeeper.storage.protocols import Place

HEARD_WITHIN: Final = 0.5  # seconds for a notification
SKEW: Final = 1.0  # seconds between the server's clock and ours
EACH: Final = 3  # connections of a process: one that writes, one that reads, one for its lease
_SETTINGS: Final = """SELECT current_setting('server_version_num')::int, current_setting('fsync'),
    current_setting('full_page_writes'), current_setting('synchronous_standby_names'),
    extract(epoch FROM clock_timestamp())::float8,
    current_setting('max_connections')::int
        - (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
    (SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r'
        AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND c.relname <> ALL(%s))"""


def findings(place: Place) -> tuple[list[str], list[str]]:
    """Errors and warnings, one sentence each."""
    try:
        link = connect(place.url)
    except psycopg.Error as error:
        return [f"storage.url: PostgreSQL cannot be used ({what(error)}); {schema.remedy(error)}"], []
    try:
        return _look(link, place)
    except ConfigError as error:
        return [*error.problems], []
    except psycopg.Error as error:
        return [f"storage.url: PostgreSQL cannot be looked at ({what(error)}); {schema.remedy(error)}"], []
    finally:
        close(link)


def _look(link: Connection, place: Place) -> tuple[list[str], list[str]]:
    errors: list[str] = []
    warned: list[str] = []
    before = time.time()
    ((version, fsync, pages, standbys, now, free, others),) = run(link, _SETTINGS, (schema.names(),))
    after = time.time()
    if version < schema.OLDEST * 10_000:
        errors.append(f"storage.url: the server is PostgreSQL {version // 10_000}; {schema.OLDEST} is the oldest")
    if schema.version(link) < schema.VERSION:
        errors.append("storage.url: its tables are not there, or older; run `gatekeeper storage prepare`")
    for name, value in (("fsync", fsync), ("full_page_writes", pages)):
        if value != "on":
            errors.append(f"storage.url: the server has {name} off: it can lose what it acknowledged; turn it on")
    if place.copies > 1 and place.replicated_by == "postgres" and not standbys:
        errors.append(
            "storage.copies: is 2, but the server waits for no standby; set synchronous_standby_names there, "
            'or write replicated_by = "storage" where the disk is replicated, or copies = 1'
        )
    if not before - SKEW <= now <= after + SKEW:
        errors.append("storage.url: the clocks of the server and of this machine differ by more than a second")
    if free < EACH:
        errors.append(f"storage.url: the server has {free} connections left; a process of the gate takes {EACH}")
    if others:
        warned.append(
            f"storage.url: the database holds {others} tables of others; give the gate one of its own: "
            "a long transaction in the same database stops its cleaning up"
        )
    if not place.archived and not errors and run(link, "SELECT count(*) FROM machine WHERE gone IS NULL") > [(1,)]:
        warned.append(
            "audit.archive: is not set, and several machines use the database: each sees its own log alone; set it"
        )
    if place.copies == 1:
        warned.append("storage.copies: is 1: what the gate accepted is lost with the server's machine")
    if not errors and not hears(place):
        warned.append(
            "storage.url: notifications are not heard (a pooler in transaction mode?): a withdrawal takes half a "
            "second; set storage.listen_url to the server itself"
        )
    return errors, warned


def hears(place: Place) -> bool:
    """Whether a notification of another connection arrives on one that listens and says nothing meanwhile.

    A pooler in transaction mode drops it without a word, though it lets both statements succeed.
    """
    heard: list[Any] = []
    address = place.listen_url or place.url
    try:
        with contextlib.closing(connect(address)) as listening, contextlib.closing(connect(address)) as other:
            listening.add_notify_handler(heard.append)
            run(listening, f"LISTEN {CHANNEL}")
            run(other, f"NOTIFY {CHANNEL}")
            poll = select.poll()
            poll.register(listening.fileno(), select.POLLIN)
            if poll.poll(HEARD_WITHIN * 1000):
                run(listening, f"UNLISTEN {CHANNEL}")
    except psycopg.Error:
        return False
    return bool(heard)
