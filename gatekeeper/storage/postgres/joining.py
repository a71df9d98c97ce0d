"""A process joins those that use one database: under a number of its own, if it names visitors as the others do."""

from __future__ import annotations

import socket
from collections.abc import Collection

from gatekeeper._version import __version__
from gatekeeper.storage.postgres.connecting import Connection, OtherKeys, run
from gatekeeper.storage.postgres.node import Names

_JOIN = """WITH m AS (INSERT INTO machine(log, host, version) VALUES (%s, %s, %s) ON CONFLICT (log) DO UPDATE
    SET host = excluded.host, version = excluded.version, last = clock_timestamp(), gone = NULL)
    INSERT INTO process(node, log, host, version, lease, applied, keys_check)
    VALUES (%s, %s, %s, %s, '-infinity', 0, %s) RETURNING no"""


def join(link: Connection, me: Names, keys_checks: Collection[str]) -> int:
    """The number of a process that has no lease yet. Raises OtherKeys, psycopg.Error."""
    _refuse_other_keys(link, keys_checks)
    host = socket.gethostname()
    ((number,),) = run(
        link,
        _JOIN,
        (me.log, host, __version__, me.node, me.log, host, __version__, " ".join(sorted(keys_checks))),
    )
    return int(number)


def _refuse_other_keys(link: Connection, keys_checks: Collection[str]) -> None:
    """Where nodes name visitors by different keys, each would find half of a person."""
    sql = "SELECT keys_check FROM process WHERE lease > clock_timestamp() AND keys_check <> ''"
    for (theirs,) in run(link, sql):
        if keys_checks and frozenset(keys_checks).isdisjoint(theirs.split()):
            raise OtherKeys("another node has other keys")
