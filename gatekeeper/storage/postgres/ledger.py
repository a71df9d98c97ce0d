"""The ledger and the barrier in PostgreSQL: choices in the outbox's own database, and who is about to send.

A choice is one transaction that is alone: its row, its audit line, what it takes back of the queue, and for an hour the
withdrawal itself, by which `intake` and each sender know what was decided too early. It is answered when every process
knows of it, so that none goes by what it remembers.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from concurrent.futures import Future
from typing import Final

from gatekeeper.audit.lines import consent_line
from gatekeeper.model import Choice, Epoch, Notice, Permission, Recorded
from gatekeeper.model.choice import Kind, Outcome, Row, Subject
from gatekeeper.storage.commits import Committer
from gatekeeper.storage.kept_notices import KeptNotices
from gatekeeper.storage.outbox import Refusal, Withdrawn
from gatekeeper.storage.postgres import choices
from gatekeeper.storage.postgres.commits import Commit
from gatekeeper.storage.postgres.connecting import Connection, run
from gatekeeper.storage.postgres.members import Members
from gatekeeper.storage.postgres.stopping import PostgresRefusals, announce, withdrawn_since
from gatekeeper.storage.postgres.suppressions import lift
from gatekeeper.storage.postgres.tables import Tables
from gatekeeper.storage.protocols import Look, Slot

DAILY: Final = 60  # rows of one device or account in a day
DAY: Final = 86_400.0


class PostgresLedger:
    """See `protocols.Ledger`."""

    def __init__(
        self, tables: Tables, commits: Committer[Commit], members: Members, refusals: PostgresRefusals
    ) -> None:
        self._tables = tables
        self._commits = commits
        self._members = members
        self._refusals = refusals
        self._kept = KeptNotices()

    def choices(self, subjects: Sequence[Subject]) -> Look:
        """Read after the changes that this process knows: what is committed meanwhile is not to be remembered."""
        self._members.start()
        seen = self._members.changes([name for subject in subjects for name in subject.names])

        def look(link: Connection) -> Look:
            ((generation,),) = run(link, "SELECT n FROM generation")
            asked, told = list(subjects), seen
            if all(one.kind is Kind.DEVICE for one in asked):
                accounts = [account for one in asked for account in choices.linked(link, one)]
                asked += accounts
                told += self._members.changes([name for account in accounts for name in account.names])
            voices = tuple([choices.voice(link, subject) for subject in asked])
            sure = self._members.valid and generation >= self._members.generation
            return Look(tuple(asked), voices, told if sure and all(last <= generation for _, last in told) else None)

        return self._tables.read(look)

    def still(self, seen: Hashable) -> bool:
        """One look at what this process knows, as long as it has a lease."""
        return self._members.unchanged(seen)  # type: ignore[arg-type]  # made by `choices`

    def record(self, choice: Choice, reasons: Mapping[str, str]) -> Future[Recorded]:
        """One commit, and all processes know of it."""
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
            announce(commit, refusal.subjects, reasons, self._tables.clock())
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

        self._refusals.end(add, fresh=choice.fresh).add_done_callback(ended)
        return done

    def link(self, device: Subject, account: Subject | None) -> Future[None]:
        """One commit, of which every process that remembers the device hears."""

        def do(commit: Commit) -> int:
            choices.join(commit.link, device, account)
            return self._announce(commit, [device])

        return self._heard(self._commits.submit(do, pressing=True), None)

    def keep(self, notice: Notice) -> Future[None]:
        """One commit for words that are new."""

        def do(commit: Commit) -> None:
            run(
                commit.link,
                "INSERT INTO notice VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
                (notice.hash, notice.version, notice.language, notice.text, self._tables.clock()),
            )

        return self._kept.keep(notice, lambda: self._commits.submit(do, pressing=True))

    def notice(self, digest: str) -> Notice | None:
        """The words of a hash."""
        sql = "SELECT hash, version, language, text FROM notice WHERE hash = %s"
        found = self._tables.read(lambda link: run(link, sql, (digest,)))
        return Notice(*found[0]) if found else None

    def history(self, subjects: Sequence[Subject]) -> list[Row]:
        """All rows, the oldest first."""
        return self._tables.read(lambda link: choices.rows(link, subjects))

    def find(self, receipt: str) -> Row | None:
        """The row of a receipt, `None` if there is none. Raises StorageError."""
        return self._tables.read(lambda link: choices.find(link, receipt))

    def forget(self, subjects: Sequence[Subject]) -> Future[int]:
        """Remove the link; what is remembered of these subjects is stale."""
        gone: list[int] = []

        def do(commit: Commit) -> int:
            gone[:] = [choices.forget(commit.link, subjects)]
            return self._announce(commit, subjects)

        done: Future[int] = Future()
        done.set_running_or_notify_cancel()

        def ended(future: Future[None]) -> None:
            error = future.exception()
            if error is not None:
                done.set_exception(error)
            else:
                done.set_result(gone[0])

        self._heard(self._commits.submit(do, pressing=True), None).add_done_callback(ended)
        return done

    def expire(self, before: float, limit: int = 5_000) -> Future[int]:
        """One commit, alone: a person who chooses meanwhile does so before or after it."""
        return self._commits.submit(lambda commit: choices.expire(commit.link, before, limit), pressing=True)

    def _heard(self, committed: Future[int], result: None) -> Future[None]:
        """Done when all processes know of a commit, by its number."""
        done: Future[None] = Future()
        done.set_running_or_notify_cancel()

        def ended(future: Future[int]) -> None:
            error = future.exception()
            if error is not None:
                done.set_exception(error)
                return
            self._members.passed(future.result()).add_done_callback(lambda passed: done.set_result(result))

        committed.add_done_callback(ended)
        return done

    def _record(self, commit: Commit, choice: Choice) -> Recorded:
        """What the ledger makes of a choice."""
        link, now = commit.link, self._tables.clock()
        before = {subject.kind: number for subject in choice.theirs for number in choices.persons(link, subject)[:1]}
        newest = [row for kind, number in before.items() if (row := choices.last(link, kind, number)) is not None]
        again = self._again(link, choice, newest)
        if again is not None:
            return again
        if choice.grants and choice.issued is not None and any(row[2] / 1000 > choice.issued for row in newest):
            return Recorded(Outcome.CONFLICT)
        if not choice.trusted and any(
            choices.count_since(link, kind, number, now - DAY) >= DAILY for kind, number in before.items()
        ):
            says = [choices.voice(link, subject).words for subject in choice.theirs]
            if choice.grants or all(
                purpose in words and words[purpose].says is word
                for words in says
                for purpose, word in choice.says.items()
            ):
                return Recorded(Outcome.CAPPED)
        self._announce(commit, choice.subjects)
        numbers = {subject.kind: choices.person(link, subject) for subject in choice.theirs}
        digest = choices.insert(link, choice, numbers)
        if choice.lifts and choice.grants:
            lift(
                link, choice.lifts, choice.at, [one for one, says in choice.says.items() if says is Permission.GRANTED]
            )
        commit.outcomes.append(consent_line(choice, digest, now))
        return Recorded(Outcome.RECORDED, choice.receipt, digest, choice.at)

    def _again(self, link: Connection, choice: Choice, newest: Sequence[Sequence[object]]) -> Recorded | None:
        """The row that is there already, if the choice is a repetition of the newest one."""
        if choice.display is None or len(newest) != len(choice.theirs):
            return None
        rows = [choices.find(link, str(columns[1])) for columns in newest]
        same = [one for one in rows if one and (one.choice.display, one.choice.says) == (choice.display, choice.says)]
        if len(same) != len(rows):
            return None
        return Recorded(Outcome.REPLAYED, same[-1].choice.receipt, same[-1].digest, same[-1].choice.at)

    def _announce(self, commit: Commit, subjects: Sequence[Subject]) -> int:
        names = [name for subject in subjects for name in subject.names]
        return announce(commit, names, None, self._tables.clock())


class PostgresBarrier:
    """See `protocols.Barrier`."""

    def __init__(self, tables: Tables, members: Members, refusals: PostgresRefusals) -> None:
        self._tables = tables
        self.members = members
        self._refusals = refusals

    def now(self) -> Epoch | None:
        """What this process knows, as long as it has a lease."""
        self.members.start()
        return Epoch(self.members.generation, self.members.until) if self.members.valid else None

    def enter(self) -> Slot | None:
        """Take a slot; `None` without a lease."""
        return self.members.enter()

    def leave(self, slot: Slot) -> None:
        """Give the slot back; a withdrawal may be waiting for it."""
        self.members.leave(slot)

    def withdrawn(self, subjects: Collection[str], destination: str, since: int) -> bool:
        """Read from the withdrawals of the last hour."""

        def look(link: Connection) -> bool:
            ((oldest,),) = run(link, "SELECT oldest FROM generation")
            return since < oldest or destination in withdrawn_since(link, subjects, since)

        return self._tables.read(look)

    def stopped(self, destination: str) -> frozenset[Hashable]:
        """Read from the rows that were stopped."""
        return frozenset[Hashable](self._tables.read(lambda link: self._tables.stopped(link, destination)))

    def withdraw(self, subjects: Collection[str], reasons: Mapping[str, str]) -> Future[Withdrawn]:
        """One commit, and all processes know of it."""
        names = tuple(subjects)

        def add(commit: Commit) -> list[Refusal]:
            announce(commit, names, reasons, self._tables.clock())
            return [Refusal(names, reasons)]

        return self._refusals.end(add)
