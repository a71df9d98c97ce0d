"""The ledger and the barrier of the embedded store: choices in the outbox's own database, and who is about to send.

A choice is one commit: its row, its audit line, what it takes back of the queue, and for an hour the withdrawal
itself, by which `intake` and the senders know what was decided too early. The rest is the shared `page`.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from concurrent.futures import Future
from typing import Final

import apsw

from gatekeeper.audit.lines import consent_line
from gatekeeper.errors import StorageError
from gatekeeper.model import Choice, Epoch, Notice, Permission, Recorded
from gatekeeper.model.choice import Counted, Kind, Outcome, Row, Subject
from gatekeeper.storage import choices
from gatekeeper.storage.commits import Commit, Committer
from gatekeeper.storage.database import run
from gatekeeper.storage.generations import generation_of, withdraw, withdrawn_since
from gatekeeper.storage.kept_notices import KeptNotices
from gatekeeper.storage.outbox import Refusal, Withdrawn
from gatekeeper.storage.page import Page
from gatekeeper.storage.protocols import Look, Slot
from gatekeeper.storage.rows import stopped_ids
from gatekeeper.storage.suppressions import lift
from gatekeeper.storage.sweeping import SqliteRefusals
from gatekeeper.storage.tables import Tables

DAILY: Final = 60  # rows of one device or account in a day
DAY: Final = 86_400.0
_EVER: Final = float("inf")


class SqliteLedger:
    """See `protocols.Ledger`."""

    def __init__(self, tables: Tables, commits: Committer[Commit], page: Page, refusals: SqliteRefusals) -> None:
        self._tables = tables
        self._commits = commits
        self._page = page
        self._refusals = refusals
        self._kept = KeptNotices()

    def choices(self, subjects: Sequence[Subject]) -> Look:
        """Read after the page: what was announced by then and is not in the database yet is not to be remembered."""
        seen = self._page.changes([name for subject in subjects for name in subject.names])

        def look(db: apsw.Connection) -> Look:
            ((generation,),) = run(db, "SELECT n FROM generation")
            asked = list(subjects)
            told = seen
            if all(one.kind is Kind.DEVICE for one in asked):
                accounts = [account for one in asked for account in choices.linked(db, one)]
                asked += accounts
                # Of an account that only the link named the page is read too late to say what was read.
                told += self._page.changes([name for account in accounts for name in account.names])
            voices = tuple([choices.voice(db, subject) for subject in asked])
            return Look(tuple(asked), voices, told if all(last <= generation for _, last in told) else None)

        return self._tables.read(look)

    def still(self, seen: Hashable) -> bool:
        """One look at the page."""
        return self._page.unchanged(seen)  # type: ignore[arg-type]  # made by `choices`

    def record(self, choice: Choice, reasons: Mapping[str, str]) -> Future[Recorded]:
        """One commit, and the barrier where it takes something back."""
        done: Future[Recorded] = Future()
        done.set_running_or_notify_cancel()
        row: list[Recorded] = []
        known = () if choice.fresh else [name for subject in choice.subjects for name in subject.names]
        names = tuple(dict.fromkeys([*known, *choice.hints]))
        refusal = Refusal(names, reasons)

        def add(commit: Commit) -> list[Refusal]:
            recorded = self._record(commit, choice)
            row[:] = [recorded]
            refused = recorded.outcome is Outcome.CONFLICT or (recorded.outcome is Outcome.CAPPED and choice.grants)
            if refused or not reasons or not refusal.subjects:
                return []
            withdraw(commit, self._page, refusal.subjects, reasons, self._tables.clock())
            return [refusal]

        def ended(future: Future[Withdrawn]) -> None:
            error = future.exception()
            if error is not None:
                done.set_exception(error)
                return
            withdrawn, recorded = future.result(), row[0]
            done.set_result(
                Recorded(
                    recorded.outcome, recorded.receipt, recorded.row, recorded.at, withdrawn.cancelled, withdrawn.heard
                )
            )

        self._refusals.end(add).add_done_callback(ended)
        return done

    def link(self, device: Subject, account: Subject | None) -> Future[None]:
        """One commit, announced to every process that remembers the device."""

        def do(commit: Commit) -> None:
            self._announce(commit, [device])
            choices.link(commit.db, device, account)

        return self._commits.submit(do, pressing=True)

    def keep(self, notice: Notice) -> Future[None]:
        """One commit for words that are new."""

        def do(commit: Commit) -> None:
            if not run(commit.db, "SELECT 1 FROM notice WHERE hash = ?", (notice.hash,)):
                run(
                    commit.db,
                    "INSERT INTO notice VALUES (?, ?, ?, ?, ?)",
                    (notice.hash, notice.version, notice.language, notice.text, self._tables.clock()),
                )

        return self._kept.keep(notice, lambda: self._commits.submit(do, pressing=True))

    def notice(self, digest: str) -> Notice | None:
        """The words of a hash."""
        sql = "SELECT hash, version, language, text FROM notice WHERE hash = ?"
        found = self._tables.read(lambda db: run(db, sql, (digest,)))
        return Notice(*found[0]) if found else None

    def history(self, subjects: Sequence[Subject]) -> list[Row]:
        """All rows, the oldest first."""
        return self._tables.read(lambda db: choices.rows(db, subjects))

    def find(self, receipt: str) -> Row | None:
        """The row of a receipt, `None` if there is none. Raises StorageError."""
        return self._tables.read(lambda db: choices.find(db, receipt))

    def count(self, since: float, until: float, step: float) -> list[Counted]:
        """One question, over the rows of that time."""
        return self._tables.read(lambda db: choices.count(db, since, until, step))

    def forget(self, subjects: Sequence[Subject]) -> Future[int]:
        """Remove the link; what is remembered of these subjects is stale."""

        def do(commit: Commit) -> int:
            self._announce(commit, subjects)
            return choices.forget(commit.db, subjects)

        return self._commits.submit(do, pressing=True)

    def expire(self, before: float, limit: int = 5_000) -> Future[int]:
        """Delete up to `limit` old rows in one commit; their number."""
        return self._commits.submit(lambda commit: choices.expire(commit.db, before, limit))

    def _record(self, commit: Commit, choice: Choice) -> Recorded:
        """What the ledger makes of a choice."""
        db, now = commit.db, self._tables.clock()
        before = {subject.kind: number for subject in choice.theirs for number in choices.persons(db, subject)[:1]}
        newest = [row for kind, number in before.items() if (row := choices.last(db, kind, number)) is not None]
        again = self._again(db, choice, newest)
        if again is not None:
            return again
        if choice.grants and choice.issued is not None and any(row[2] / 1000 > choice.issued for row in newest):
            return Recorded(Outcome.CONFLICT)
        if not choice.trusted and any(
            choices.count_since(db, kind, number, now - DAY) >= DAILY for kind, number in before.items()
        ):
            says = [choices.voice(db, subject).words for subject in choice.theirs]
            if choice.grants or all(
                purpose in words and words[purpose].says is word
                for words in says
                for purpose, word in choice.says.items()
            ):
                return Recorded(Outcome.CAPPED)
        self._announce(commit, choice.subjects)
        numbers = {subject.kind: choices.person(db, subject) for subject in choice.theirs}
        digest = choices.insert(db, choice, numbers)
        commit.outcomes.append(consent_line(choice, digest, now))
        if choice.lifts and choice.grants:
            lift(db, choice.lifts, choice.at, [one for one, says in choice.says.items() if says is Permission.GRANTED])
        return Recorded(Outcome.RECORDED, choice.receipt, digest, choice.at)

    def _again(self, db: apsw.Connection, choice: Choice, newest: Sequence[Sequence[object]]) -> Recorded | None:
        """The row that is there already, if the choice is a repetition of the newest one."""
        if choice.display is None or len(newest) != len(choice.theirs):
            return None
        rows = [choices.find(db, str(columns[1])) for columns in newest]
        same = [one for one in rows if one and (one.choice.display, one.choice.says) == (choice.display, choice.says)]
        if len(same) != len(rows):
            return None
        return Recorded(Outcome.REPLAYED, same[-1].choice.receipt, same[-1].digest, same[-1].choice.at)

    def _announce(self, commit: Commit, subjects: Sequence[Subject]) -> None:
        names = [name for subject in subjects for name in subject.names]
        self._page.announce(names, generation_of(commit, self._page))


class SqliteBarrier:
    """See `protocols.Barrier`."""

    def __init__(self, tables: Tables, page: Page, refusals: SqliteRefusals) -> None:
        self._tables = tables
        self.page = page
        self.leave = page.leave  # a withdrawal may be waiting for the slot
        self._refusals = refusals

    def now(self) -> Epoch | None:
        """On one node there is no lease: the page is as good as the process."""
        try:
            return Epoch(self.page.generation, _EVER)
        except StorageError:
            return None

    def enter(self) -> Slot | None:
        """Publish it on the page."""
        try:
            return self.page.enter()
        except StorageError:
            return None

    def withdrawn(self, subjects: Collection[str], destination: str, since: int) -> bool:
        """Read from the withdrawals of the last hour."""
        return self._tables.read(lambda db: destination in withdrawn_since(db, subjects, since))

    def stopped(self, destination: str) -> frozenset[Hashable]:
        """Read from the rows that were stopped."""
        no = self._tables.numbers.get(destination)
        return frozenset() if no is None else frozenset(self._tables.read(lambda db: stopped_ids(db, no)))

    def withdraw(self, subjects: Collection[str], reasons: Mapping[str, str]) -> Future[Withdrawn]:
        """One commit, and the page."""
        names = tuple(subjects)

        def add(commit: Commit) -> list[Refusal]:
            withdraw(commit, self.page, names, reasons, self._tables.clock())
            return [Refusal(names, reasons)]

        return self._refusals.end(add)
