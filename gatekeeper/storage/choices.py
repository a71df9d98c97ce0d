"""Rows of the ledger, in the embedded store. Inside a commit, or read by any thread; no state of its own.

A row belongs to a `person`, which is a number that says nothing, and to that of an `account`; `name` links pseudonyms
to it and can be erased. What a row says is never changed: triggers of the database see to that.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

import apsw
import orjson

from gatekeeper.model import OPTIONAL, Choice, Voice
from gatekeeper.model.choice import Kind, Row, Subject
from gatekeeper.storage.choice_rows import (
    BINDS,
    COLUMNS,
    column_of,
    digest,
    milliseconds,
    remembered,
    row_of,
    values_of,
    word_of,
)
from gatekeeper.storage.database import run

_SILENT: Final = Voice()


def persons(db: apsw.Connection, subject: Subject) -> list[int]:
    """The numbers of a subject; none if the ledger does not know it."""
    return [
        number
        for (number,) in run(
            db,
            "SELECT DISTINCT person FROM name WHERE kind = ? AND pseudonym IN (SELECT value FROM json_each(?))",
            (subject.kind.value, _array(subject.names)),
        )
    ]


def person(db: apsw.Connection, subject: Subject) -> int:
    """The number of a subject that chooses: made if it had none; all its pseudonyms lead there."""
    known = persons(db, subject)
    number = known[0] if known else secrets.randbits(62)
    for name in subject.names:
        run(db, "INSERT OR IGNORE INTO name VALUES (?, ?, ?)", (name, subject.kind.value, number))
    return number


def rows(db: apsw.Connection, subjects: Iterable[Subject]) -> list[Row]:
    """All rows of subjects, the oldest first."""
    numbers = _array([number for subject in subjects for number in persons(db, subject)])
    found = run(
        db,
        f"SELECT {COLUMNS} FROM choice WHERE person IN (SELECT value FROM json_each(?1)) "  # noqa: S608  # ours
        "OR account IN (SELECT value FROM json_each(?1)) ORDER BY at, seq",
        (numbers,),
    )
    return [_row(db, one) for one in found]


def find(db: apsw.Connection, receipt: str) -> Row | None:
    """The row of a receipt."""
    for one in run(db, f"SELECT {COLUMNS} FROM choice WHERE id = ?", (receipt,)):  # noqa: S608  # ours
        return _row(db, one)
    return None


def last(db: apsw.Connection, kind: Kind, number: int) -> tuple[Any, ...] | None:
    """The newest row of a device or account, as `COLUMNS`."""
    column = column_of(kind)
    for one in run(
        db,
        f"SELECT {COLUMNS} FROM choice WHERE {column} = ? ORDER BY at DESC, seq DESC LIMIT 1",  # noqa: S608  # ours
        (number,),
    ):
        return tuple(one)
    return None


def count_since(db: apsw.Connection, kind: Kind, number: int, at: float) -> int:
    """How many rows a device or account has that were chosen after a time."""
    ((count,),) = run(
        db,
        f"SELECT count(*) FROM choice WHERE {column_of(kind)} = ? AND at > ?",  # noqa: S608  # ours
        (number, milliseconds(at)),
    )
    return int(count)


def voice(db: apsw.Connection, subject: Subject) -> Voice:
    """The newest word per purpose of a subject, and the GPC that is remembered of it.

    A GPC that was seen is forgotten for a grant of marketing that was given later, without it.
    """
    numbers = _array(persons(db, subject))
    if numbers == "[]":
        return _SILENT
    column = column_of(subject.kind)
    whose = column + " IN (SELECT value FROM json_each(?))"  # noqa: S608  # ours
    words = {}
    for purpose in OPTIONAL:
        # Of rows of one moment a refusal is the newer: who is asked may not know which was first.
        for found in run(
            db,
            f"SELECT {purpose.value}, at, id, notice, scope, method FROM choice WHERE {whose} "  # noqa: S608  # ours
            f"AND {purpose.value} IS NOT NULL ORDER BY at DESC, {purpose.value}, seq DESC LIMIT 1",
            (numbers,),
        ):
            words[purpose] = word_of(*found)
    (seen, granted) = (
        run(db, f"SELECT max(at) FROM choice WHERE {whose} AND {which}", (numbers,))[0][0]  # noqa: S608  # ours
        for which in (f"gpc = {BINDS}", "gpc = 0 AND marketing = 1")
    )
    return Voice(words, remembered(seen, granted))


def linked(db: apsw.Connection, device: Subject) -> list[Subject]:
    """The account that a device is linked to, if there is one."""
    return [
        Subject(Kind.ACCOUNT, tuple(names.split()))
        for (names,) in run(
            db,
            "SELECT group_concat(pseudonym, ' ') FROM name JOIN link ON person = account "
            "WHERE device IN (SELECT value FROM json_each(?)) GROUP BY person",
            (_array(persons(db, device)),),
        )
    ]


def link(db: apsw.Connection, device: Subject, account: Subject | None) -> None:
    """Link a device to an account, or to none."""
    if account is None:
        numbers = _array(persons(db, device))
        run(db, "DELETE FROM link WHERE device IN (SELECT value FROM json_each(?))", (numbers,))
    else:
        run(db, "INSERT OR REPLACE INTO link VALUES (?, ?)", (person(db, device), person(db, account)))


def insert(db: apsw.Connection, choice: Choice, numbers: dict[Kind, int]) -> str:
    """Add a row; its digest."""
    values = values_of(choice)
    fields = ("id", *values)
    run(
        db,
        f"INSERT INTO choice(person, account, {', '.join(fields)}) VALUES (?, ?{', ?' * len(fields)})",  # noqa: S608  # ours
        (numbers.get(Kind.DEVICE), numbers.get(Kind.ACCOUNT), choice.receipt, *values.values()),
    )
    if choice.evidence is not None:
        run(db, "INSERT INTO evidence VALUES (?, ?)", (choice.receipt, choice.evidence))
    return digest(choice.receipt, values)


def forget(db: apsw.Connection, subjects: Sequence[Subject]) -> int:
    """Remove all names of these subjects' persons, and evidence of rows that have no person any more; their number."""
    numbers = _array([number for subject in subjects for number in persons(db, subject)])
    run(db, "DELETE FROM name WHERE person IN (SELECT value FROM json_each(?))", (numbers,))
    run(
        db,
        "DELETE FROM link WHERE device IN (SELECT value FROM json_each(?1)) "
        "OR account IN (SELECT value FROM json_each(?1))",
        (numbers,),
    )
    gone = [
        receipt
        for (receipt,) in run(
            db,
            "SELECT id FROM choice WHERE (person IN (SELECT value FROM json_each(?1)) "
            "OR account IN (SELECT value FROM json_each(?1))) "
            "AND NOT EXISTS (SELECT 1 FROM name WHERE name.person IN (choice.person, choice.account))",
            (numbers,),
        )
    ]
    run(db, "DELETE FROM evidence WHERE id IN (SELECT value FROM json_each(?))", (_array(gone),))
    return len(gone)


def expire(db: apsw.Connection, before: float, limit: int) -> int:
    """Delete rows, names, links, evidence and words that are not needed any more; the number of rows."""
    at = milliseconds(before)
    ended = _array(
        [
            person
            for (person,) in run(
                db,
                "SELECT DISTINCT old.person FROM (SELECT person FROM choice WHERE at < ?1 "
                "UNION SELECT account FROM choice WHERE at < ?1) AS old "
                "WHERE EXISTS (SELECT 1 FROM name WHERE person = old.person) "
                "AND NOT EXISTS (SELECT 1 FROM choice WHERE person = old.person AND at >= ?1) "
                "AND NOT EXISTS (SELECT 1 FROM choice WHERE account = old.person AND at >= ?1) LIMIT ?2",
                (at, limit),
            )
        ]
    )
    theirs = "WHERE device IN (SELECT value FROM json_each(?1)) OR account IN (SELECT value FROM json_each(?1))"
    beside = [one for pair in run(db, f"SELECT device, account FROM link {theirs}", (ended,)) for one in pair]  # noqa: S608  # ours
    run(db, f"DELETE FROM link {theirs}", (ended,))  # noqa: S608  # ours
    run(db, "DELETE FROM name WHERE person IN (SELECT value FROM json_each(?))", (ended,))
    run(  # who was there for the link alone
        db,
        "DELETE FROM name WHERE person IN (SELECT value FROM json_each(?)) "
        "AND NOT EXISTS (SELECT 1 FROM choice WHERE choice.person = name.person) "
        "AND NOT EXISTS (SELECT 1 FROM choice WHERE choice.account = name.person) "
        "AND NOT EXISTS (SELECT 1 FROM link WHERE name.person IN (device, account))",
        (_array(beside),),
    )
    gone = run(
        db,
        "SELECT seq, id FROM choice WHERE at < ? AND NOT EXISTS (SELECT 1 FROM name WHERE name.person = choice.person) "
        "AND NOT EXISTS (SELECT 1 FROM name WHERE name.person = choice.account) LIMIT ?",
        (at, limit),
    )
    receipts = _array([receipt for _, receipt in gone])
    run(db, "DELETE FROM evidence WHERE id IN (SELECT value FROM json_each(?))", (receipts,))
    run(db, "DELETE FROM choice WHERE seq IN (SELECT value FROM json_each(?))", (_array([seq for seq, _ in gone]),))
    unused = "NOT EXISTS (SELECT 1 FROM choice WHERE notice = notice.hash)"
    run(db, f"DELETE FROM notice WHERE first_at < ? AND {unused}", (before,))  # noqa: S608  # ours
    return len(gone)


def _row(db: apsw.Connection, columns: Sequence[Any]) -> Row:
    receipt = columns[1]
    evidence = next((text for (text,) in run(db, "SELECT text FROM evidence WHERE id = ?", (receipt,))), None)
    names = run(
        db,
        "SELECT kind, group_concat(pseudonym, ' ') FROM name, choice "
        "WHERE choice.id = ? AND name.person IN (choice.person, choice.account) GROUP BY name.person ORDER BY kind",
        (receipt,),
    )
    return row_of(columns, evidence, names)


def _array(values: Collection[object]) -> str:
    return orjson.dumps(list(values)).decode()
