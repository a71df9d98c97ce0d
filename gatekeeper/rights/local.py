"""Deleting persons where the gate itself keeps something. May be interrupted anywhere and done again.

Lines that still wait for the log are let through first: a line can only be cut where it stands. Then open segments
are closed, subjects are cut out of lines, remains of crashes that name the person go, and with them the files that
were made of lines. The ledger forgets whose choices they were. At last the store forgets who took something back, and
its files are emptied of what was deleted. Several persons cost one reading of the log and one rewriting of a segment.
"""

from __future__ import annotations

import logging
import time
import zlib
from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from gatekeeper.audit import about, columns, redact
from gatekeeper.audit.others import ASIDE
from gatekeeper.audit.shared.machine import Machine
from gatekeeper.audit.shared.trail import Wish
from gatekeeper.audit.writer import AuditWriter
from gatekeeper.errors import AuditError, StorageError
from gatekeeper.model import Heard, Suppression
from gatekeeper.model.choice import Kind, Subject
from gatekeeper.model.reasons import SUPPRESSED
from gatekeeper.storage.outbox import Whereabouts
from gatekeeper.storage.protocols import Store

AGAIN: Final = 0.1  # seconds after which it is done again for what was under way
_log = logging.getLogger("gatekeeper")
PATIENCE: Final = 30.0  # seconds for a commit, and for lines on their way to the log


class Erased(NamedTuple):
    """What was removed, by request and store; and the requests of which something was still under way."""

    gone: Mapping[str, Mapping[str, int]]
    late: frozenset[str]


def suppress(
    store: Store, entries: Collection[Suppression], names: Collection[str], destinations: Collection[str]
) -> int:
    """Suppress a person and end what is queued of theirs; how many deliveries ended.

    Raises StorageError where a request of theirs may still begin: nothing may be deleted before it cannot.
    """
    told = store.suppressions.add(list(entries), names, dict.fromkeys(destinations, SUPPRESSED)).result(PATIENCE)
    if told.heard is Heard.NOT_YET:
        raise StorageError("a process is about to send; requests in progress may still be sent")
    return told.cancelled


def expire(store: Store, before: float) -> int:
    """Delete requests that ended before a time, and entries of the index that are over; how many requests.

    Also what other deletions have left in the store's files goes. Raises StorageError.
    """
    gone = store.erasures.expire(before).result(PATIENCE)
    store.erasures.overwrite()
    return gone


def take_over(store: Store) -> None:
    """Where no gate runs, give back what an ended one had under way, which no other process would do.

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
    people: Mapping[str, frozenset[str]],
    destinations: Collection[str],
    *,
    at: float,
    machine: Machine | None = None,
) -> Erased:
    """Delete what names some persons, each known by pseudonyms under the id of a request.

    Raises AuditError or StorageError where it could not be done for any of them. It is done again for what was decided
    before a person was suppressed and came in meanwhile, for what is under way until its vendor has answered, and for a
    line until the process that writes its segment has closed it. `machine` has it done in the logs of the other
    machines, too, at the end.
    """
    gone: dict[str, dict[str, int]] = {erasure: {} for erasure in people}
    every, whose = frozenset().union(*people.values()), redact.each(people)
    clean: set[str] = set()  # segments that need not be read again
    deadline = time.monotonic() + PATIENCE
    while True:
        for erasure, counts in _erase(store, folder, writer, people, at, clean).items():
            for name, count in counts.items():
                gone[erasure][name] = gone[erasure].get(name, 0) + count
        left = store.persons.where(every)
        log = redact.find_each(folder, whose, skip=lambda segment: segment.mark in clean)
        if not _there(left) and not log.lines and not log.waiting:
            store.erasures.overwrite()
            return Erased(gone, _elsewhere(folder, writer, people, gone, at, machine))
        if time.monotonic() > deadline:
            store.erasures.overwrite()
            stored = {erasure for erasure, names in people.items() if _there(store.persons.where(names))}
            return Erased(gone, frozenset(stored | log.of.keys() | log.held))
        if left.queued > left.flying or left.dead:
            store.barrier.withdraw(every, dict.fromkeys(destinations, SUPPRESSED)).result(PATIENCE)
        time.sleep(AGAIN)


def _there(left: Whereabouts) -> bool:
    return bool(left.queued or left.dead or left.unwritten or left.ledger)


def _erase(
    store: Store,
    folder: Path,
    writer: AuditWriter,
    people: Mapping[str, frozenset[str]],
    at: float,
    clean: set[str],
) -> dict[str, dict[str, int]]:
    every = frozenset().union(*people.values())
    _let_through(store, writer, every)
    counts = _from_log(folder, writer, people, at, clean)
    for erasure, names in people.items():
        ledger = store.ledger.forget([Subject(Kind.DEVICE, tuple(sorted(names)))]).result(PATIENCE)
        counts[erasure] = {"ledger": ledger, **counts[erasure]}
    store.erasures.wipe(every).result(PATIENCE)
    return counts


def as_others_wish(folder: Path, writer: AuditWriter, wish: Wish) -> int:
    """Delete a person in this machine's log, for a request that another machine carries out; in how many lines.

    Raises AuditError, also where a process has not closed its segment: then it is done again.
    """
    people = {wish.erasure: wish.names}
    lines = _from_log(folder, writer, people, wish.at, set())[wish.erasure]["audit_lines"]
    if redact.find_each(folder, redact.each(people)).waiting:
        raise AuditError("a process did not close its segment, in which a person stands")
    return lines


def _elsewhere(
    folder: Path, writer: AuditWriter, people: Mapping[str, frozenset[str]], gone: dict[str, dict[str, int]],
    at: float, machine: Machine | None,
) -> frozenset[str]:  # fmt: skip
    """Have it done in the logs of the other machines; the requests that have to be done again."""
    late = set[str]()
    if machine is None:
        return frozenset()
    for erasure, names in people.items():
        machine.ask(names, erasure=erasure, at=at)
    for erasure, names in people.items():
        try:
            gone[erasure] |= machine.forget(
                names, erasure=erasure, at=at, writer=writer, cut=partial(as_others_wish, folder, writer)
            )
        except (AuditError, StorageError) as error:
            if len(people) == 1:
                raise
            _log.error("%s: %s", erasure, error)
            late.add(erasure)
    return frozenset(late)


def _from_log(
    folder: Path, writer: AuditWriter, people: Mapping[str, frozenset[str]], at: float, clean: set[str]
) -> dict[str, dict[str, int]]:
    found = redact.remove_each(
        folder, redact.each(people), writer, reason="erasure", at=at, more=lambda erasure: {"erasure": erasure},
        skip=lambda segment: segment.mark in clean,
    )  # fmt: skip
    clean |= found.clean
    try:
        torn = {erasure: about.torn(folder, names) for erasure, names in people.items()}
        for path in {path for paths in torn.values() for path in paths}:
            path.unlink(missing_ok=True)
        aside = _cut_aside(folder / ASIDE, people)
        columns.forget_stale(folder)
    except (OSError, EOFError, zlib.error) as error:
        raise AuditError(f"{folder}: the audit log cannot be rewritten ({type(error).__name__})") from None
    return {
        erasure: {
            "audit_lines": (found.of[erasure].count if erasure in found.of else 0) + aside.get(erasure, 0),
            "torn": len(torn[erasure]),
        }
        for erasure in people
    }


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


def _cut_aside(folder: Path, people: Mapping[str, frozenset[str]]) -> dict[str, int]:
    """Cut persons out of streams that were set aside; in how many lines, by request. Raises OSError and AuditError."""
    if not folder.is_dir():
        return {}
    whose = redact.each(people)
    found = redact.find_each(folder, whose)
    for segment in found.segments:
        redact.cut(segment, lambda sealed: bool(whose(sealed)))
    return {erasure: lines.count for erasure, lines in found.of.items()}
