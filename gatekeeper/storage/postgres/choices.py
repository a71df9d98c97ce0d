"""Rows of the ledger, in PostgreSQL: as `gatekeeper.storage.choices` says of the embedded store, in its columns.

Inside a commit that is alone, or read by any thread; no state of its own.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from typing import Any

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
from gatekeeper.storage.postgres.connecting import Connection, run


def persons(link: Connection, subject: Subject) -> list[int]:
    """The numbers of a subject; none if the ledger does not know it."""
    sql = "SELECT DISTINCT person FROM name WHERE kind = %s AND pseudonym = ANY(%s)"
    return [number for (number,) in run(link, sql, (subject.kind.value, [*subject.names]))]


def person(link: Connection, subject: Subject) -> int:
    """The number of a subject that chooses: made if it had none; all its pseudonyms lead there."""
    known = persons(link, subject)
    number = known[0] if known else secrets.randbits(62)
    for name in subject.names:
        run(link, "INSERT INTO name VALUES (%s, %s, %s) ON CONFLICT DO NOTHING", (name, subject.kind.value, number))
    return number


def rows(link: Connection, subjects: Iterable[Subject]) -> list[Row]:
    """All rows of subjects, the oldest first."""
    numbers = [number for subject in subjects for number in persons(link, subject)]
    sql = (
        f"SELECT {COLUMNS} FROM choice WHERE person = ANY(%s::bigint[]) OR account = ANY(%s::bigint[]) ORDER BY at, seq"
    )
    return [_row(link, one) for one in run(link, sql, (numbers, numbers))]


def find(link: Connection, receipt: str) -> Row | None:
    """The row of a receipt."""
    for one in run(link, f"SELECT {COLUMNS} FROM choice WHERE id = %s", (receipt,)):
        return _row(link, one)
    return None


def last(link: Connection, kind: Kind, number: int) -> tuple[Any, ...] | None:
    """The newest row of a device or account, as `COLUMNS`."""
    sql = f"SELECT {COLUMNS} FROM choice WHERE {column_of(kind)} = %s ORDER BY at DESC, seq DESC LIMIT 1"
    found = run(link, sql, (number,))
    return found[0] if found else None


def count_since(link: Connection, kind: Kind, number: int, at: float) -> int:
    """How many rows a device or account has that were chosen after a time."""
    sql = f"SELECT count(*) FROM choice WHERE {column_of(kind)} = %s AND at > %s"
    return int(run(link, sql, (number, milliseconds(at)))[0][0])


def voice(link: Connection, subject: Subject) -> Voice:
    """The newest word per purpose of a subject, and the GPC that is remembered of it."""
    numbers = persons(link, subject)
    if not numbers:
        return Voice()
    whose = f"{column_of(subject.kind)} = ANY(%s::bigint[])"
    words = {}
    for purpose in OPTIONAL:
        # Of rows of one moment a refusal is the newer: who is asked may not know which was first.
        for found in run(
            link,
            f"SELECT {purpose.value}, at, id, notice, scope, method FROM choice WHERE {whose} "
            f"AND {purpose.value} IS NOT NULL ORDER BY at DESC, {purpose.value}, seq DESC LIMIT 1",
            (numbers,),
        ):
            words[purpose] = word_of(*found)
    (seen, granted) = (
        run(link, f"SELECT max(at) FROM choice WHERE {whose} AND {which}", (numbers,))[0][0]
        for which in (f"gpc = {BINDS}", "gpc = 0 AND marketing = 1")
    )
    return Voice(words, remembered(seen, granted))


def linked(link: Connection, device: Subject) -> list[Subject]:
    """The account that a device is linked to, if there is one."""
    return [
        Subject(Kind.ACCOUNT, tuple(names.split()))
        for (names,) in run(
            link,
            "SELECT string_agg(pseudonym, ' ') FROM name JOIN link ON person = account "
            "WHERE device = ANY(%s::bigint[]) GROUP BY person",
            (persons(link, device),),
        )
    ]


def join(link: Connection, device: Subject, account: Subject | None) -> None:
    """Link a device to an account, or to none."""
    if account is None:
        run(link, "DELETE FROM link WHERE device = ANY(%s::bigint[])", (persons(link, device),))
        return
    run(
        link,
        "INSERT INTO link VALUES (%s, %s) ON CONFLICT (device) DO UPDATE SET account = excluded.account",
        (person(link, device), person(link, account)),
    )


def insert(link: Connection, choice: Choice, numbers: dict[Kind, int]) -> str:
    """Add a row; its digest."""
    values = values_of(choice)
    run(
        link,
        f"INSERT INTO choice(person, account, id, {', '.join(values)}) VALUES (%s, %s, %s{', %s' * len(values)})",
        (numbers.get(Kind.DEVICE), numbers.get(Kind.ACCOUNT), choice.receipt, *values.values()),
    )
    if choice.evidence is not None:
        run(link, "INSERT INTO evidence VALUES (%s, %s)", (choice.receipt, choice.evidence))
    return digest(choice.receipt, values)


def forget(link: Connection, subjects: Sequence[Subject]) -> int:
    """Remove all names of these subjects' persons, and evidence of rows that have no person any more; their number."""
    numbers = [number for subject in subjects for number in persons(link, subject)]
    run(link, "DELETE FROM name WHERE person = ANY(%s::bigint[])", (numbers,))
    run(
        link,
        "DELETE FROM link WHERE device = ANY(%s::bigint[]) OR account = ANY(%s::bigint[])",
        (numbers, numbers),
    )
    gone = [
        receipt
        for (receipt,) in run(
            link,
            "SELECT id FROM choice WHERE (person = ANY(%s::bigint[]) OR account = ANY(%s::bigint[])) "
            "AND NOT EXISTS (SELECT 1 FROM name WHERE name.person IN (choice.person, choice.account))",
            (numbers, numbers),
        )
    ]
    run(link, "DELETE FROM evidence WHERE id = ANY(%s)", (gone,))
    return len(gone)


def _row(link: Connection, columns: Sequence[Any]) -> Row:
    receipt = columns[1]
    evidence = next((text for (text,) in run(link, "SELECT text FROM evidence WHERE id = %s", (receipt,))), None)
    names = run(
        link,
        "SELECT min(kind), string_agg(pseudonym, ' ') FROM name, choice "
        "WHERE choice.id = %s AND name.person IN (choice.person, choice.account) GROUP BY name.person ORDER BY 1",
        (receipt,),
    )
    return row_of(columns, evidence, names)


def expire(link: Connection, before: float, limit: int) -> int:
    """Delete rows, names, links, evidence and words that are not needed any more; the number of rows."""
    at = milliseconds(before)
    ended = [
        person
        for (person,) in run(
            link,
            "SELECT DISTINCT old.person FROM (SELECT person FROM choice WHERE at < %s "
            "UNION SELECT account FROM choice WHERE at < %s) AS old "
            "WHERE EXISTS (SELECT 1 FROM name WHERE person = old.person) "
            "AND NOT EXISTS (SELECT 1 FROM choice WHERE person = old.person AND at >= %s) "
            "AND NOT EXISTS (SELECT 1 FROM choice WHERE account = old.person AND at >= %s) LIMIT %s",
            (at, at, at, at, limit),
        )
    ]
    theirs = "device = ANY(%s::bigint[]) OR account = ANY(%s::bigint[])"
    gone_links = run(link, f"DELETE FROM link WHERE {theirs} RETURNING device, account", (ended, ended))
    beside = [one for pair in gone_links for one in pair]
    run(link, "DELETE FROM name WHERE person = ANY(%s::bigint[])", (ended,))
    run(  # who was there for the link alone
        link,
        "DELETE FROM name WHERE person = ANY(%s::bigint[]) "
        "AND NOT EXISTS (SELECT 1 FROM choice WHERE choice.person = name.person) "
        "AND NOT EXISTS (SELECT 1 FROM choice WHERE choice.account = name.person) "
        "AND NOT EXISTS (SELECT 1 FROM link WHERE name.person IN (device, account))",
        (beside,),
    )
    gone = run(
        link,
        "SELECT seq, id FROM choice WHERE at < %s "
        "AND NOT EXISTS (SELECT 1 FROM name WHERE name.person = choice.person) "
        "AND NOT EXISTS (SELECT 1 FROM name WHERE name.person = choice.account) LIMIT %s",
        (at, limit),
    )
    run(link, "DELETE FROM evidence WHERE id = ANY(%s)", ([receipt for _, receipt in gone],))
    run(link, "DELETE FROM choice WHERE seq = ANY(%s::bigint[])", ([seq for seq, _ in gone],))
    unused = "NOT EXISTS (SELECT 1 FROM choice WHERE choice.notice = notice.hash)"
    run(link, f"DELETE FROM notice WHERE first_at < %s AND {unused}", (before,))
    return len(gone)
