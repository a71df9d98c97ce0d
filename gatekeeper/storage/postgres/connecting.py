"""Connections to PostgreSQL: bounded in time, apart from forks, and never cancelled. Raises psycopg.Error.

A cancelled COMMIT lies: where it waits for a standby, it reports success with a warning, and the standby does not have
it. So no statement is cancelled. What is not answered in time has its connection closed, and its outcome is unknown.
"""

from __future__ import annotations

import contextlib
import os
import select
import time
from collections.abc import Generator, Sequence
from typing import Any, Final, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.waiting import Ready, Wait

from gatekeeper.installation import forks

R = TypeVar("R")
ANSWER: Final = 2.5  # seconds for one statement; a request waits for it, and is answered with 503 after
LONG: Final = 60.0  # seconds for a statement that looks at all rows
_DEFAULTS: Final[dict[str, Any]] = {
    "application_name": "gatekeeper",
    "connect_timeout": 2,
    "tcp_user_timeout": 3_000,
    "target_session_attrs": "read-write",
}
_WANTED: Final = {Wait.R: select.POLLIN, Wait.W: select.POLLOUT, Wait.RW: select.POLLIN | select.POLLOUT}
_WORDS: Final = {
    "25006": "read-only",
    "53100": "its disk is full",
    "53300": "too many connections",
    "42P01": "not prepared",
    "42501": "a right is missing",
    "3D000": "there is no such database",
}
_CLASSES: Final = {"08": "unreachable", "28": "login refused", "57": "shutting down", "53": "out of resources"}


class NotReplicated(psycopg.OperationalError):
    """Two machines were asked for, and it is not known that two have it."""


class WentBack(psycopg.OperationalError):
    """The database knows of fewer withdrawals than this process: it has lost what it had acknowledged."""


class OtherKeys(psycopg.OperationalError):
    """Another node names visitors by other keys."""


class Unanswered(psycopg.OperationalError):
    """No answer in time: the connection is closed, and what was asked may have been done."""


class Connection(psycopg.Connection[tuple[Any, ...]]):
    """One connection, used by one thread at a time."""

    patience = ANSWER

    def forked(self) -> None:
        """In a child: its copy is closed without a word to the server; the connection is the parent's."""
        with contextlib.suppress(psycopg.Error, OSError):
            os.close(self.pgconn.socket)  # asked now: libpq closes it when the connection breaks
        forks.leave_behind(self)

    def wait(
        self, gen: Generator[Wait, Ready, R], interval: float = 0.0, timeout: float | None = None
    ) -> R:  # as psycopg calls it
        """Wait for an answer outside of `forks.work`, and not for ever; in time or not, nothing is cancelled."""
        until = time.monotonic() + (self.patience if timeout is None else timeout)
        try:
            wanted = next(gen)
            poll = select.poll()
            poll.register(self.pgconn.socket, _WANTED[wanted])
            while True:
                left = until - time.monotonic()
                if left <= 0:
                    raise Unanswered("no answer in time")
                with forks.aside():
                    events = poll.poll(left * 1000)
                if not events:
                    continue
                seen = events[0][1]
                ready = Ready.NONE
                if seen & ~select.POLLOUT:
                    ready = Ready.R
                if seen & select.POLLOUT:
                    ready = Ready.RW if ready is Ready.R else Ready.W
                wanted = gen.send(ready)
                poll.modify(self.pgconn.socket, _WANTED[wanted])
        except StopIteration as end:
            answer: R = end.value
            return answer
        except BaseException:
            self.pgconn.finish()  # never to be used again: its next answer would be this one's
            with contextlib.suppress(Exception):  # what it still wants to say is of a connection that is closed
                gen.close()
            raise


def connect(url: str, *, patience: float = ANSWER) -> Connection:
    """A connection of this process; a forked child closes its copy. Raises psycopg.Error."""
    given = conninfo_to_dict(url)
    link = Connection.connect(make_conninfo("", **{**_DEFAULTS, **given}), autocommit=True, prepare_threshold=None)
    link.patience = patience
    forks.register(link)
    return link


def close(link: Connection | None) -> None:
    """Close a connection; nothing happens to one that is closed."""
    if link is None:
        return
    with contextlib.suppress(psycopg.Error, OSError):
        link.close()


def run(link: Connection, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """One statement, and all its rows. Raises psycopg.Error."""
    cursor = link.execute(sql.encode(), values)
    return cursor.fetchall() if cursor.description else []


def timeline(link: Connection) -> str:
    """Which promotion a server goes back to: a former primary that comes back has a lower one. Raises psycopg.Error."""
    ((found,),) = run(link, "SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8)")
    return str(found)


def what(error: Exception) -> str:
    """What went wrong, in a few words without a name or an address."""
    if isinstance(error, NotReplicated):
        return "not replicated"
    if isinstance(error, WentBack):
        return "went back in time"
    if isinstance(error, OtherKeys):
        return "another node has other keys"
    if isinstance(error, Unanswered):
        return "no answer"
    state = getattr(error, "sqlstate", None) or ""
    if state in _WORDS:
        return _WORDS[state]
    if not state or isinstance(error, OSError):
        return "unreachable"
    return _CLASSES.get(state[:2], type(error).__name__)
