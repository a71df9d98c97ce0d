"""Bugs to be planted: each changes the product in one process, before it begins. Nothing in the product knows.

A check that does not notice these would not notice their like.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from concurrent.futures import Future

from gatekeeper.audit import writer
from gatekeeper.delivery import flights
from gatekeeper.installation import disk
from gatekeeper.storage import database, intake, tables, writing
from gatekeeper.storage.outbox import DELIVERED, Accepted, Ending
from gatekeeper.vendors import first_party


class Changed:
    """`os`, with something else in one place."""

    def __init__(self, **changed: Callable[..., object]) -> None:
        self.__dict__.update(changed)

    def __getattr__(self, name: str) -> object:
        return getattr(os, name)


def skip_fdatasync() -> None:
    """The log is not synced."""
    disk.os = Changed(fdatasync=lambda descriptor: None)  # type: ignore[assignment]


def _no_full(run: Callable[..., list]) -> Callable[..., list]:
    def changed(db, sql, values=()):
        return run(
            db, "PRAGMA synchronous = OFF" if sql.replace(" ", "").startswith("PRAGMAsynchronous") else sql, values
        )

    return changed


def synchronous_off() -> None:
    """The database is not synced."""
    database.run = writing.run = _no_full(database.run)


def answer_before_the_commit() -> None:
    """202 while the event is in memory only."""
    real = intake.SqliteIntake.accept

    def accept(self, arrivals):
        real(self, arrivals)
        done: Future = Future()
        done.set_result(Accepted([one.request_id for one in arrivals]))
        return done

    intake.SqliteIntake.accept = accept


def settle_before_the_send() -> None:
    """Rows end as delivered, then the request is made."""
    real = flights.Flights._answers

    async def answers(self, flight):
        await self._settle(flight, [Ending(DELIVERED, None, flight.rows)], [], None, landed=True)
        return await real(self, flight)

    flights.Flights._answers = answers


def send_before_the_line() -> None:
    """Rows may leave as soon as they are committed."""
    tables.Tables.hidden = lambda self, commit: []
    real = writing.Writing._transact

    def transact(self, db, owner, work):
        result = real(self, db, owner, work)
        self._claimable.call()
        return result

    writing.Writing._transact = transact
    written = writer.AuditWriter._write

    def late(self, lines):
        import time

        time.sleep(0.3)  # a slow disk: the order, not the speed, must keep the promise
        written(self, lines)

    writer.AuditWriter._write = late


def forget_unwritten_lines() -> None:
    """A commit does not keep its lines for the case that the log does not get them."""
    real = writing.run

    def run(db, sql, values=()):
        if sql.startswith("INSERT INTO unwritten"):
            return []
        return real(db, sql, values)

    writing.run = run


def put_decisions() -> None:
    """A decision's line is written, and its sync is left to the next one."""

    def append(self, batch, *, signed=False):
        self.put(batch)
        done: Future = Future()
        done.set_result(None)
        return done

    writer.LAZY = 60.0  # type: ignore[misc]  # planted
    writer.AuditWriter.append = append


def forget_repetitions() -> None:
    """Events are not recognised when they come again."""
    intake.SqlitePosting._seen = lambda self, commit: {}


def one_key_for_all() -> None:
    """The key of an event does not depend on its id."""
    from gatekeeper.installation.ring import KeyRing

    KeyRing.event_key = lambda self, name, event_id, *, ours: b"x" * 16


def new_id_for_every_attempt() -> None:
    """The vendor cannot tell a repetition."""
    real, sent = first_party.assemble, []

    def assemble(to, head, bodies):
        sent.append(None)
        return real(to, head, [one.replace(b'"event_id":"', b'"event_id":"%d-' % len(sent), 1) for one in bodies])

    first_party.assemble = assemble


def ignore_failed_writes() -> None:
    """A log that cannot be written is as good as one that can."""
    real = writer.AuditWriter._write

    def write(self, lines):
        with contextlib.suppress(OSError):
            real(self, lines)

    writer.AuditWriter._write = write


def release_twice() -> None:
    """Rows are counted when their line is written, and once more."""
    real = tables.Tables.release

    def release(self, commit, ranges):
        real(self, commit, ranges)
        real(self, commit, ranges)

    tables.Tables.release = release


def forget_flights() -> None:
    """A claim is kept in memory only."""
    real = tables.run

    def run(db, sql, values=()):
        return [] if sql.startswith("INSERT INTO flight") else real(db, sql, values)

    tables.run = run


BUGS: dict[str, Callable[[], None]] = {
    bug.__name__: bug
    for bug in (
        skip_fdatasync, synchronous_off, answer_before_the_commit, settle_before_the_send, send_before_the_line,
        forget_unwritten_lines, forget_repetitions, one_key_for_all, new_id_for_every_attempt, ignore_failed_writes,
        release_twice, forget_flights, put_decisions,
    )
}  # fmt: skip
