"""The ledger of a store in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from concurrent.futures import Future
from typing import Final

from msgspec import structs

from gatekeeper.audit.lines import consent_line
from gatekeeper.model import OPTIONAL, Choice, Notice, Permission, Purpose, Recorded, Voice, Word
from gatekeeper.model.choice import Counted, Kind, Outcome, Row, Subject
from gatekeeper.storage.choice_rows import digest, values_of
from gatekeeper.storage.outbox import Refusal, Withdrawn
from gatekeeper.storage.protocols import Look
from gatekeeper.testing.store.lines import Lines
from gatekeeper.testing.store.memory import Said
from gatekeeper.testing.store.suppressions import lift
from gatekeeper.testing.store.withdrawals import Stopping
from gatekeeper.testing.store.worker import Worker

DAILY: Final = 60
DAY: Final = 86_400.0


class MemoryLedger:
    """See `gatekeeper.storage.protocols.Ledger`."""

    def __init__(self, worker: Worker, lines: Lines, stopping: Stopping) -> None:
        self._worker = worker
        self._memory = worker.memory
        self._lines = lines
        self._stopping = stopping

    def choices(self, subjects: Sequence[Subject]) -> Look:
        """What was said, and the number of the last choice of any visitor."""
        with self._memory.lock:
            asked = list(subjects)
            if all(one.kind is Kind.DEVICE for one in asked):
                asked += [account for one in asked for account in self._linked(one)]
            return Look(tuple(asked), tuple([self._voice(one) for one in asked]), self._memory.changed)

    def still(self, seen: Hashable) -> bool:
        """Whether no choice was made since."""
        return bool(seen == self._memory.changed)

    def record(self, choice: Choice, reasons: Mapping[str, str]) -> Future[Recorded]:
        """Keep it, unless it is there, is late, or one too many."""
        memory, done = self._memory, Future[Recorded]()
        done.set_running_or_notify_cancel()
        with memory.lock:
            recorded = self._record(choice)
            refused = recorded.outcome is Outcome.CONFLICT or (recorded.outcome is Outcome.CAPPED and choice.grants)
            known = () if choice.fresh else [name for subject in choice.subjects for name in subject.names]
            names = tuple(dict.fromkeys([*known, *choice.hints]))
            if refused or not reasons or not names:
                done.set_result(recorded)
                return done
            generation = self._stopping.withdraw(names, reasons)
            ended = self._stopping.end([Refusal(names, reasons)], generation)

        def over(last: Future[Withdrawn]) -> None:
            number, heard = last.result()
            done.set_result(structs.replace(recorded, cancelled=number, heard=heard))

        ended.add_done_callback(over)
        return done

    def link(self, device: Subject, account: Subject | None) -> Future[None]:
        """Of the one person to the other."""

        def step() -> None:
            self._memory.changed += 1
            for number in self._persons(device):
                self._memory.links.pop(number, None)
            if account is not None:
                self._memory.links[self._person(device)] = self._person(account)

        return self._worker.do(step)

    def _linked(self, device: Subject) -> list[Subject]:
        memory = self._memory
        found = []
        for number in [memory.links[one] for one in self._persons(device) if one in memory.links]:
            names = tuple(name for name, whose in memory.names.items() if whose == (Kind.ACCOUNT, number))
            found += [Subject(Kind.ACCOUNT, names)] if names else []
        return found

    def keep(self, notice: Notice) -> Future[None]:
        """Keep the words that came first."""

        def step() -> None:
            self._memory.notices.setdefault(notice.hash, notice)

        return self._worker.do(step)

    def notice(self, digest: str) -> Notice | None:
        """The notice with this hash, `None` if there is none."""
        return self._memory.notices.get(digest)

    def history(self, subjects: Sequence[Subject]) -> list[Row]:
        """All rows, the oldest first."""
        with self._memory.lock:
            persons = {number for subject in subjects for number in self._persons(subject)}
            said = [one for one in self._memory.said if not persons.isdisjoint(one.persons.values())]
            return [self._row(one) for one in sorted(said, key=_time)]

    def find(self, receipt: str) -> Row | None:
        """The row of a receipt, `None` if there is none."""
        with self._memory.lock:
            return next((self._row(one) for one in self._memory.said if one.choice.receipt == receipt), None)

    def count(self, since: float, until: float, step: float) -> list[Counted]:
        """Of all that was said in that time."""
        found: Counter[Counted] = Counter()
        with self._memory.lock:
            for choice in [one.choice for one in self._memory.said if since <= one.choice.at < until]:
                notice = self._memory.notices.get(choice.notice or "")
                found[
                    Counted(
                        since + (choice.at - since) // step * step, choice.says.get(Purpose.ANALYTICS),
                        choice.says.get(Purpose.MARKETING), choice.method, choice.surface,
                        None if notice is None else notice.version, choice.country, choice.region, choice.gpc, 0,
                    )
                ] += 1  # fmt: skip
        return sorted([one._replace(many=many) for one, many in found.items()], key=lambda one: one.begins)

    def forget(self, subjects: Sequence[Subject]) -> Future[int]:
        """Remove names, and the evidence of rows that have none any more."""

        def step() -> int:
            memory = self._memory
            persons = {number for subject in subjects for number in self._persons(subject)}
            memory.names = {name: whose for name, whose in memory.names.items() if whose[1] not in persons}
            memory.changed += 1
            left = {number for _, number in memory.names.values()}
            gone = [
                one
                for one in memory.said
                if not persons.isdisjoint(one.persons.values()) and left.isdisjoint(one.persons.values())
            ]
            for one in gone:
                one.evidence = None
            return len(gone)

        return self._worker.do(step)

    def expire(self, before: float, limit: int = 5_000) -> Future[int]:
        """Persons who chose nothing since, and rows without one."""

        def step() -> int:
            memory = self._memory
            newest: dict[int, float] = {}
            for one in memory.said:
                for number in one.persons.values():
                    newest[number] = max(one.choice.at, newest.get(number, 0.0))
            linked = {number for pair in memory.links.items() for number in pair}
            ended = {
                number
                for _, number in memory.names.values()
                if (newest[number] < before if number in newest else number not in linked)
            }
            memory.names = {name: whose for name, whose in memory.names.items() if whose[1] not in ended}
            memory.links = {one: other for one, other in memory.links.items() if not ended & {one, other}}
            left = {number for _, number in memory.names.values()}
            gone = [one for one in memory.said if one.choice.at < before and left.isdisjoint(one.persons.values())]
            gone = gone[:limit]
            memory.said = [one for one in memory.said if one not in gone]
            needed = {one.choice.notice for one in memory.said}
            memory.notices = {digest: words for digest, words in memory.notices.items() if digest in needed}
            return len(gone)

        return self._worker.do(step)

    def _record(self, choice: Choice) -> Recorded:
        memory, now = self._memory, self._worker.clock()
        before = {one.kind: number for one in choice.theirs for number in self._persons(one)[:1]}
        newest = [
            max(theirs, key=_time)
            for kind, number in before.items()
            if (theirs := [one for one in memory.said if one.persons.get(kind) == number])
        ]
        if choice.display is not None and len(newest) == len(choice.theirs):
            last = newest[-1]
            if all((one.choice.display, one.choice.says) == (choice.display, choice.says) for one in newest):
                return Recorded(Outcome.REPLAYED, last.choice.receipt, last.digest, last.choice.at)
        if choice.grants and choice.issued is not None and any(one.choice.at > choice.issued for one in newest):
            return Recorded(Outcome.CONFLICT)
        if not choice.trusted and any(self._count(kind, number, now - DAY) >= DAILY for kind, number in before.items()):
            voices = [self._voice(one).words for one in choice.theirs]
            nothing = all(
                purpose in words and words[purpose].says is word
                for words in voices
                for purpose, word in choice.says.items()
            )
            if choice.grants or nothing:
                return Recorded(Outcome.CAPPED)
        persons = {one.kind: self._person(one) for one in choice.theirs}
        made = digest(choice.receipt, values_of(choice))
        memory.changed += 1
        memory.said.append(Said(memory.changed, choice, persons, made, choice.evidence))
        self._lines.write([consent_line(choice, made, now)])
        granted = [one for one, says in choice.says.items() if says is Permission.GRANTED]
        lift(memory, choice.lifts, choice.at, granted)
        return Recorded(Outcome.RECORDED, choice.receipt, made, choice.at)

    def _count(self, kind: Kind, number: int, since: float) -> int:
        return sum(one.persons.get(kind) == number and one.choice.at > since for one in self._memory.said)

    def _persons(self, subject: Subject) -> list[int]:
        names = self._memory.names
        return sorted({names[name][1] for name in subject.names if names.get(name, (None, 0))[0] is subject.kind})

    def _person(self, subject: Subject) -> int:
        known = self._persons(subject)
        number = known[0] if known else self._memory.id()
        for name in subject.names:
            self._memory.names.setdefault(name, (subject.kind, number))
        return number

    def _voice(self, subject: Subject) -> Voice:
        persons = set(self._persons(subject))
        said = [one.choice for one in self._memory.said if one.persons.get(subject.kind) in persons]
        words = {}
        for purpose in OPTIONAL:
            spoken = [one for one in said if purpose in one.says]
            if spoken:
                last = max(spoken, key=lambda one: (one.at, one.says[purpose] is Permission.DENIED))
                words[purpose] = Word(last.says[purpose], last.at, last.receipt, last.notice, last.scope, last.method)
        seen = max([one.at for one in said if one.gpc_binds], default=None)
        granted = [one.at for one in said if not one.gpc and one.says.get(Purpose.MARKETING) is Permission.GRANTED]
        return Voice(words, None if seen is None or seen < max(granted, default=seen) else seen)

    def _row(self, said: Said) -> Row:
        subjects = []
        for kind, number in sorted(said.persons.items()):
            names = sorted(name for name, whose in self._memory.names.items() if whose == (kind, number))
            subjects += [Subject(kind, tuple(names))] if names else []
        choice = structs.replace(said.choice, subjects=tuple(subjects), evidence=said.evidence, hints=(), fresh=False)
        hidden = values_of(said.choice)["evidence"]
        return Row(said.seq, said.digest, structs.replace(choice, issued=None), hidden)


def _time(said: Said) -> tuple[float, int]:
    return said.choice.at, said.seq
