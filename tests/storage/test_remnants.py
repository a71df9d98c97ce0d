"""What SQLite leaves of deleted rows goes: from its file, its log, and from the memory of other connections."""

import contextlib
import os
import random
import signal
import subprocess
import sys

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.errors import StorageError
from gatekeeper.storage import database, remnants
from gatekeeper.storage.database import run
from tests.sizes import sized

CANARY = b"p_canary of an erased person"
TABLES = {
    "outbox": "INSERT INTO outbox(id, payload) VALUES (?2, ?1)",
    "dead": "INSERT INTO dead VALUES (?2, ?1, 1, 'why', 1.0)",
    "withdrawn": "INSERT INTO withdrawn VALUES (?2, ?1, '{}', 1.0)",
    "alias": "INSERT INTO alias VALUES (CAST(?1 AS BLOB), 'ga4', x'00', ?2)",
    "name": "INSERT INTO name VALUES (?1, 'device', ?2)",
    "erasure": "INSERT INTO erasure VALUES (?1, 1, 'found', ?2, ?2, 1.0, '{}', x'00', x'')",
}
"""A row of each table that has pages of another kind; the first column named is the row's text."""
COLUMNS = {"outbox": "payload", "dead": "payload", "withdrawn": "pseudonym", "alias": "name", "name": "pseudonym",
           "erasure": "id"}  # fmt: skip

EMPTY = {}
"""The file without a row, by the size of its pages."""


def fresh(path, page=4096):
    """The store's file with pages of a size; no fsync is waited for, as the machine keeps its power."""
    for one in path.parent.glob(path.name + "*"):
        if one.is_file():
            one.unlink()
    if page not in EMPTY:
        with contextlib.closing(apsw.Connection(str(path))) as db:
            run(db, f"PRAGMA page_size = {page}")
            run(db, "VACUUM")
        database.prepare(path)
        EMPTY[page] = path.read_bytes()
    path.write_bytes(EMPTY[page])
    return connection(path)


def connection(path):
    db = database.connect(path)
    run(db, "PRAGMA synchronous = OFF")
    return db


def held(path):
    """All bytes of the database and its log."""
    return b"".join(one.read_bytes() for one in path.parent.glob(path.name + "*") if one.is_file())


def filled(path, seed, page=4096, longest=200):
    """A file in which rows came, grew and went; the texts that are gone and those that stay, by table."""
    chance, db = random.Random(seed), fresh(path, page)
    gone, stay = [], {}
    for table, insert in TABLES.items():
        texts = [f"{chance.getrandbits(96):024x}" + "x" * chance.randrange(longest) for _ in range(120)]
        numbers = chance.sample(range(10_000), 2 * len(texts))
        run(db, "BEGIN")
        for text in texts:
            run(db, insert, (text, numbers.pop()))
        run(db, "COMMIT")
        deleted, changed = texts[:60], texts[60:75]
        kept = texts[75:]
        if table in ("outbox", "dead", "withdrawn"):
            column = COLUMNS[table]
            for text in changed:
                longer = f"{chance.getrandbits(96):024x}" + "y" * chance.randrange(longest)
                run(db, f"UPDATE {table} SET {column} = ? WHERE {column} = ?", (longer, text))
                kept.append(longer)
            deleted = deleted + changed
        else:
            kept += changed
        run(db, "BEGIN")
        for text in texts[:60]:
            value = text.encode() if table == "alias" else text
            run(db, f"DELETE FROM {table} WHERE {COLUMNS[table]} = ?", (value,))
        run(db, "COMMIT")
        gone += deleted
        stay[table] = sorted(kept)
    return db, gone, stay


def rows(db):
    """The texts of every table."""
    return {
        table: sorted(one for (one,) in run(db, f"SELECT CAST({column} AS TEXT) FROM {table}"))
        for table, column in COLUMNS.items()
    }


def left(path, texts):
    data = held(path)
    return [text for text in texts if text[:24].encode() in data]


def leaf(db, path):
    """Where the part of a page begins that belongs to no row, in a page of rows of the table of withdrawals."""
    ((root,),) = run(db, "SELECT rootpage FROM sqlite_schema WHERE name = 'withdrawn'")
    data = path.read_bytes()[(root - 1) * 4096 : root * 4096]
    return (root - 1) * 4096 + 8 + 2 * int.from_bytes(data[3:5]) + 64


def planted(path):
    """A file whose page of withdrawals has a remnant beside one row; no connection has read it."""
    with contextlib.closing(fresh(path)) as db:
        run(db, TABLES["withdrawn"], ("p_neighbour", 1))
    with contextlib.closing(connection(path)) as db:
        at = leaf(db, path)
    with path.open("r+b") as file:
        file.seek(at)
        file.write(CANARY)
    assert CANARY in held(path)


@settings(max_examples=sized(1_000, 6), deadline=None)  # each makes a database on the disk
@given(
    seed=st.integers(0, 2**32),
    page=st.sampled_from([512, 1024, 4096, 65_536]),
    longest=st.sampled_from([1, 200, 3_000]),
)
def test_no_byte_of_a_deleted_row_is_left_and_every_other_row_is_as_it_was(tmp_path_factory, seed, page, longest):
    """Rows of every kind of page, tiny and over several pages; what was overwritten by a change is gone, too."""
    path = tmp_path_factory.getbasetemp() / "law" / "gatekeeper.db"
    path.parent.mkdir(exist_ok=True)
    db, gone, stay = filled(path, seed, page, longest)
    with contextlib.closing(db):
        remnants.overwrite(path)
        assert left(path, gone) == [] and rows(db) == stay
        assert run(db, "PRAGMA integrity_check") == [("ok",)]


def test_sqlite_alone_leaves_remnants_in_its_file_and_then_there_are_none(tmp_path):
    """The fault that all of this is for; deleted texts of a few files are among the remnants."""
    path, found = tmp_path / "gatekeeper.db", 0
    for seed in range(4):
        db, gone, _ = filled(path, seed)
        with contextlib.closing(db):
            run(db, "PRAGMA wal_checkpoint(TRUNCATE)")
            found += len(pages(path))
            remnants.overwrite(path)
            assert left(path, gone) == [] and pages(path) == []
    assert found


def pages(path):
    """The pages with remnants."""
    with contextlib.closing(remnants.File(path)) as file:
        return file.look()


def test_a_page_that_is_read_while_it_is_written_is_looked_at_again(tmp_path, monkeypatch):
    """When nothing is written; until then it may have remnants."""
    path = tmp_path / "gatekeeper.db"
    planted(path)
    real, halves = remnants.remnants, [None]

    def torn(page, usable):
        found = real(page, usable)
        return halves.pop() if found and halves and CANARY in page else found

    monkeypatch.setattr(remnants, "remnants", torn)
    remnants.overwrite(path)
    assert CANARY not in held(path) and halves == []


def look(db):
    """Have a connection keep the page of withdrawals in memory."""
    assert run(db, "SELECT reasons FROM withdrawn") == [("{}",)]  # of the table itself, not of an index


def change(db):
    """Have a connection write the page of withdrawals as it knows it."""
    run(db, "UPDATE withdrawn SET reasons = '{\"a\":1}'")
    run(db, "PRAGMA wal_checkpoint(PASSIVE)")


@pytest.mark.parametrize("moment", ["alone", "look", "write_over", "sync"])
def test_what_another_connection_has_in_memory_does_not_come_back(tmp_path, monkeypatch, moment):
    """It reads the page again before it changes it, whenever it has looked."""
    path = tmp_path / "gatekeeper.db"
    planted(path)
    with contextlib.closing(connection(path)) as other:

        def looked(real):
            def call(*given):
                look(other)
                return real(*given)

            return call

        home = remnants.File if hasattr(remnants.File, moment) else remnants
        monkeypatch.setattr(home, moment, looked(getattr(home, moment)))
        remnants.overwrite(path)
        assert CANARY not in held(path)
        change(other)
        assert CANARY not in held(path) and run(other, "PRAGMA integrity_check") == [("ok",)]


def test_what_a_killed_process_had_written_over_does_not_come_back(tmp_path):
    """It was killed before its commit told the others of it: the next one tells them, though it finds nothing."""
    path = tmp_path / "gatekeeper.db"
    planted(path)
    with contextlib.closing(connection(path)) as other:
        look(other)
        with contextlib.closing(remnants.File(path)) as file:
            for page in file.look():
                file.write_over(page)
        assert CANARY not in held(path)
        remnants.overwrite(path)
        change(other)
        assert CANARY not in held(path)


SHARED = """
import fcntl, sys
with open(sys.argv[1], "r+b") as file:
    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 510, 0x40000002)
"""
"""Takes the bytes by which SQLite's connections share a file (`SHARED_FIRST` in its os.h); the module is `fcntl`."""


def test_the_locks_of_the_process_are_not_lost(tmp_path):
    """A connection that is open goes on to keep another process from taking the log away from under it."""
    path = tmp_path / "gatekeeper.db"
    planted(path)
    with contextlib.closing(connection(path)) as other:
        look(other)
        remnants.overwrite(path)
        ended = subprocess.run([sys.executable, "-c", SHARED, path], capture_output=True, text=True, check=False)
        assert "BlockingIOError" in ended.stderr
    subprocess.run([sys.executable, "-c", SHARED, path], check=True)


def refused_until_it_has_left(path, other):
    """An error while a connection is in the way, and all of it once its transaction is over."""
    with pytest.raises(StorageError, match=r"what was deleted cannot be written over \(busy\)"):
        remnants.overwrite(path)
    assert CANARY in held(path)
    run(other, "COMMIT")
    remnants.overwrite(path)
    assert CANARY not in held(path)


@pytest.mark.parametrize("begin", ["BEGIN", "BEGIN IMMEDIATE"], ids=["reads", "writes"])
def test_a_connection_that_is_in_the_way_is_an_error_and_nothing_is_taken_for_gone(tmp_path, monkeypatch, begin):
    """When it has left, the next attempt finds all of it."""
    monkeypatch.setattr(remnants, "PATIENCE", 20)
    monkeypatch.setattr(database, "BUSY", 20)
    path = tmp_path / "gatekeeper.db"
    planted(path)
    with contextlib.closing(connection(path)) as other:
        run(other, TABLES["withdrawn"], ("p_other", 2))
        run(other, begin)
        run(other, "SELECT * FROM withdrawn")
        refused_until_it_has_left(path, other)


def test_a_reader_who_keeps_the_log_from_being_emptied_is_an_error(tmp_path, monkeypatch):
    """There is nothing to write over in the database, and the log holds what was deleted."""
    monkeypatch.setattr(remnants, "PATIENCE", 20)
    path = tmp_path / "gatekeeper.db"
    with contextlib.closing(fresh(path)) as db, contextlib.closing(connection(path)) as other:
        remnants.overwrite(path)  # what the making of tables has left
        run(db, TABLES["outbox"], (CANARY.decode(), 1))
        run(other, "BEGIN")
        assert run(other, "SELECT count(*) FROM outbox") == [(1,)]
        run(db, "DELETE FROM outbox")
        refused_until_it_has_left(path, other)


def test_one_process_at_a_time_is_at_it(tmp_path, monkeypatch):
    """A second one waits, and then says so."""
    monkeypatch.setattr(remnants, "BUSY", 0.02)
    path = tmp_path / "gatekeeper.db"
    planted(path)
    with remnants.alone(path), pytest.raises(StorageError, match="busy"):
        remnants.overwrite(path)
    remnants.overwrite(path)
    assert CANARY not in held(path)


def test_a_commit_that_comes_in_between_is_waited_out(tmp_path, monkeypatch):
    """Nothing is written over while a page may stand in the log; with commit after commit it is an error."""
    path = tmp_path / "gatekeeper.db"
    planted(path)
    real, between = remnants.empty_log, []
    with contextlib.closing(connection(path)) as other:

        def empty(db):
            real(db)
            if between:
                between.pop()(other)

        monkeypatch.setattr(remnants, "empty_log", empty)
        monkeypatch.setattr(remnants, "TRIES", 4)
        commit = [lambda db: run(db, TABLES["name"], (f"p_{len(run(db, 'SELECT * FROM name'))}", 1))]
        between += commit * 5
        with pytest.raises(StorageError, match="busy"):
            remnants.overwrite(path)
        between += commit * 3
        remnants.overwrite(path)
        assert CANARY not in held(path) and between == []


@pytest.mark.parametrize("behind", ["File.write_over", "File.sync", "empty_log"])
@pytest.mark.parametrize("times", [1, 2])
def test_a_process_that_is_killed_at_it_leaves_a_sound_file(tmp_path, behind, times):
    """The next one ends the work."""
    path = tmp_path / "gatekeeper.db"
    db, gone, stay = filled(path, 3)
    db.close()
    child = os.fork()
    if child == 0:
        place, _, name = behind.rpartition(".")
        home = getattr(remnants, place) if place else remnants
        real, calls = getattr(home, name), []

        def call(*given):
            real(*given)
            calls.append(name)
            if len(calls) == times:
                os.kill(os.getpid(), signal.SIGKILL)

        setattr(home, name, call)
        try:
            remnants.overwrite(path)
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    with contextlib.closing(connection(path)) as db:
        assert run(db, "PRAGMA integrity_check") == [("ok",)] and rows(db) == stay
        remnants.overwrite(path)
        assert left(path, gone) == [] and rows(db) == stay


WORKER = """
import sys
from pathlib import Path
from gatekeeper.storage import database
from gatekeeper.storage.database import run
db = database.connect(Path(sys.argv[1]))
run(db, "PRAGMA synchronous = OFF")
reader = database.connect(Path(sys.argv[1]), read_only=True)
for n, _ in enumerate(sys.stdin):
    run(db, "INSERT INTO name VALUES (?, 'device', ?)", (f"p_other_{n}", n))
    run(db, "UPDATE withdrawn SET reasons = ?", (f'{{"n":{n}}}',))
    print(len(run(reader, "SELECT * FROM name")), flush=True)
"""


def test_another_process_reads_and_writes_meanwhile(tmp_path):
    """What it commits stays, and it brings nothing back."""
    path = tmp_path / "gatekeeper.db"
    db, gone, stay = filled(path, 4)
    with contextlib.closing(db):
        with subprocess.Popen(
            [sys.executable, "-c", WORKER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        ) as other:
            for n in range(6):
                other.stdin.write("\n")
                assert int(other.stdout.readline()) == len(stay["name"]) + n + 1
                if n in (1, 3):
                    remnants.overwrite(path)
                    assert left(path, gone) == []
            other.stdin.close()
        assert other.returncode == 0
        assert left(path, gone) == [] and run(db, "PRAGMA integrity_check") == [("ok",)]
        assert rows(db) == stay | {"name": sorted([*stay["name"], *(f"p_other_{n}" for n in range(6))])}


@pytest.mark.parametrize(
    ("page", "spans"),
    [
        pytest.param(b"\x0d\0\0\0\x01\0\x0f\0\0\x0f" + b"ABCDE" + b"r", [(10, 15)], id="leaf"),
        pytest.param(b"\x0d\0\0\0\0\0\0\0" + bytes(65_520) + b"ABCDEFGH", [(8, 65_536)], id="largest-and-empty"),
        pytest.param(b"\x0d\0\0\0\x01\0\x0f\0\0\x0f" + bytes(5) + b"r", [], id="clean"),
        pytest.param(b"\x05\0\0\0\0\0\x0f\0\0\0\0\x09" + b"ABC" + b"r", [(12, 15)], id="interior"),
        pytest.param(b"\x0d\0\x0a\0\0\0\x0a\0" + b"\0\0" + b"\0\0\0\x06" + b"AB", [(14, 16)], id="free-block"),
        pytest.param(b"\x0d\0\x0a\0\0\0\x0a\0" + b"\0\0" + b"\0\0\0\x07" + b"AB", None, id="block-too-long"),
        pytest.param(b"\x0d\0\x0f\0\0\0\x0a\0" + b"ABABABAB", None, id="block-out-of-the-page"),
        pytest.param(b"\x0d\0\x09\0\0\0\x0a\0" + b"\0" + b"\0\0\0\x06" + b"ABC", None, id="block-before-the-rows"),
        pytest.param(b"\x0d\0\0\0\x07\0\x0f\0" + b"ABABABAB", None, id="too-many-rows"),
        pytest.param(b"\x0d\0\0\0\0\xff\xff\0" + b"ABABABAB", None, id="rows-out-of-the-page"),
        pytest.param(b"\0\0\0\x02" + b"overflowing.", [], id="overflow"),
    ],
)  # fmt: skip
def test_remnants_are_found_by_the_format_of_a_page(page, spans):
    """What is not a page of rows, or is not whole, is left alone; of the latter nothing is known."""
    assert remnants.remnants(page, len(page)) == spans


@pytest.mark.parametrize("setting", ["auto_vacuum = FULL", "auto_vacuum = INCREMENTAL"])
def test_a_file_whose_pages_cannot_be_told_apart_is_refused(tmp_path, setting):
    """Pages of pointers begin like pages of rows."""
    path = tmp_path / "gatekeeper.db"
    with contextlib.closing(apsw.Connection(str(path))) as db:
        run(db, f"PRAGMA {setting}")
        run(db, "CREATE TABLE t(x)")
    with pytest.raises(StorageError, match="VACUUM INTO"):
        remnants.overwrite(path)


def test_a_file_of_the_size_at_which_numbers_look_like_pages_is_refused(tmp_path, monkeypatch):
    """At 4 KiB a page these are 128 GiB."""
    monkeypatch.setattr(remnants, "LARGEST", 3)
    path = tmp_path / "gatekeeper.db"
    planted(path)
    with pytest.raises(StorageError, match="cannot be searched"):
        remnants.overwrite(path)


def test_a_database_that_is_not_there_is_not_made(tmp_path):
    """It was moved away."""
    with pytest.raises(StorageError, match="filenotfound"):
        remnants.overwrite(tmp_path / "gatekeeper.db")
    assert list(tmp_path.iterdir()) == []
