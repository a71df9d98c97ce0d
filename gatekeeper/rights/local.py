"""Deleting a person where the gate itself keeps something. May be interrupted anywhere and done again.

Lines that still wait for the log are let through first: a line can only be cut where it stands. Then open segments
are closed, subjects are cut out of lines, remains of crashes that name the person go, and with them the files that
were made of lines. The ledger forgets whose choices they were. At last the store forgets who took something back, and
its files are emptied of what was deleted.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Collection
from functools import partial
from pathlib import Path
from typing import Final

from gatekeeper.audit import about, columns, redact, segments
from gatekeeper.audit.others import ASIDE
from gatekeeper.audit.shared.machine import Machine
from gatekeeper.audit.shared.trail import Wish
from gatekeeper.audit.writer import AuditWriter
from gatekeeper.counting import counted
from gatekeeper.errors import AuditError, StorageError
from gatekeeper.model import Heard, Suppression
from gatekeeper.model.choice import Kind, Subject
from gatekeeper.model.reasons import SUPPRESSED
from gatekeeper.storage.protocols import Store

AGAIN: Final = 0.1  # seconds after which it is done again for what was under way
PATIENCE: Final = 30.0  # seconds for a commit, and for lines on their way to the log


def suppress(
    store: Store, entries: Collection[Suppression], names: Collection[str], destinations: Collection[str]
) -> int:
    """Suppress a person and end what is queued of theirs; how many deliveries ended.

    Raises StorageError where a request of theirs may still begin: nothing may be deleted before it cannot.
    """
    told = store.suppressions.add(list(entries), names, dict.fromkeys(destinations, SUPPRESSED)).result(PATIENCE)
    if told.heard is Heard.NOT_YET:
        raise StorageError("a process is about to send; what was under way may still be sent")
    return told.cancelled


def take_over(store: Store) -> None:
    """Where no gate runs, give back what an ended one had under way: nobody else would say that it is not any more.

    Not for a process that delivers: it has under way what it gave back.
    """
    if store.queue.lead():
        try:
            for flight in store.queue.recover().result(PATIENCE).flights:
                store.queue.give_back(flight).result(PATIENCE)
        finally:
            store.queue.leave()


def erase(
    store: Store,
    folder: Path,
    writer: AuditWriter,
    names: frozenset[str],
    destinations: Collection[str],
    *,
    at: float,
    erasure: str,
    machine: Machine | None = None,
) -> dict[str, int]:
    """Delete what names the person; what was removed, by store. Not done where it raises AuditError or StorageError.

    `machine` has it deleted in the logs of the other machines, too, at the end.

    What was decided before the person was suppressed may still come in, and what was under way is there until its
    vendor has answered: then it is done again.
    """
    gone: dict[str, int] = {}
    deadline = time.monotonic() + PATIENCE
    while True:
        for name, count in _erase(store, folder, writer, names, at, erasure).items():
            gone[name] = gone.get(name, 0) + count
        left = store.persons.where(names)
        there = left.queued or left.dead or left.unwritten or left.ledger
        if not there and not redact.find(folder, redact.about(names)).lines:
            break
        if time.monotonic() > deadline:
            raise StorageError("something of the person is under way; it is deleted next time")
        if left.queued > left.flying or left.dead:
            store.barrier.withdraw(names, dict.fromkeys(destinations, SUPPRESSED)).result(PATIENCE)
        time.sleep(AGAIN)
    if machine is not None:
        own = partial(as_others_wish, folder, writer)
        gone |= machine.forget(names, erasure=erasure, at=at, writer=writer, cut=own)
    return gone


def as_others_wish(folder: Path, writer: AuditWriter, wish: Wish) -> int:
    """Delete persons in this machine's log, for a request that another machine carries out; in how many lines."""
    gone = _from_log(folder, writer, wish.names, wish.at, wish.erasure)
    return gone["audit_lines"]


def _erase(
    store: Store, folder: Path, writer: AuditWriter, names: frozenset[str], at: float, erasure: str
) -> dict[str, int]:
    _let_through(store, writer, names)
    gone = _from_log(folder, writer, names, at, erasure)
    ledger = store.ledger.forget([Subject(Kind.DEVICE, tuple(sorted(names)))]).result(PATIENCE)
    store.erasures.wipe(names).result(PATIENCE)
    store.books.try_again().result(PATIENCE)  # what is deleted is written over after its commit was answered
    return {"ledger": ledger, **gone}


def _from_log(folder: Path, writer: AuditWriter, names: frozenset[str], at: float, erasure: str) -> dict[str, int]:
    found = redact.remove(folder, redact.about(names), writer, reason="erasure", at=at, erasure=erasure)
    if found.waiting:
        lines = counted(found.waiting, "line")
        raise AuditError(f"a process did not close its segment, in which the person has {lines}")
    torn = about.torn(folder, names)
    try:
        for path in torn:
            path.unlink(missing_ok=True)
        aside = _cut_aside(folder / ASIDE, names)
        columns.forget(folder)
    except (OSError, EOFError, zlib.error) as error:
        raise AuditError(f"{folder}: the audit log cannot be rewritten ({type(error).__name__})") from None
    return {"audit_lines": found.lines + aside, "torn": len(torn)}


def _let_through(store: Store, writer: AuditWriter, names: frozenset[str]) -> None:
    """Wait until no line about the person is kept in the store alone. Raises AuditError after a while."""
    deadline = time.monotonic() + PATIENCE
    while store.persons.where(names).unwritten:
        if writer.failing() or time.monotonic() > deadline:
            raise AuditError("lines about the person wait for a log that cannot be written")
        store.records.adopt().result(PATIENCE)
        writer.append(()).result(PATIENCE)
        store.books.try_again().result(PATIENCE)
        time.sleep(0.02)


def _cut_aside(folder: Path, names: frozenset[str]) -> int:
    """Cut the person out of streams that were set aside; in how many lines. Raises OSError and what gzip raises."""
    if not folder.is_dir():
        return 0
    wanted, cut = redact.about(names), 0
    for segment in (one for parts in segments.streams(folder).values() for one in parts):
        count = redact.count(segment, wanted)
        if count:
            redact.cut(segment, wanted)
            cut += count
    return cut
