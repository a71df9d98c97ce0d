"""Opening the SQLite file: the right version, durable settings, migrations, and a check for damage at start.

apsw brings its own SQLite: versions up to 3.51.2 lose commits when a checkpoint races another connection's commit
(the WAL-reset bug; fixed in 3.51.3, 3.50.7 and 3.44.6), and several workers share this file.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import apsw

from gatekeeper.errors import ConfigError
from gatekeeper.installation import forks
from gatekeeper.installation.forks import work
from gatekeeper.installation.owners import hindrance

BUSY: Final = 5_000  # milliseconds to wait for another worker's commit
STARTING: Final = 60_000  # the same for a worker that starts: a slow disk or a long migration is no reason not to

# Every entry brings `user_version` from its index to the next. Never change one that was released.
MIGRATIONS: Final = (
    """
    CREATE TABLE destination(
        no INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, seq INTEGER NOT NULL DEFAULT 0,
        accepted INTEGER NOT NULL DEFAULT 0, queued INTEGER NOT NULL DEFAULT 0,
        delivered INTEGER NOT NULL DEFAULT 0, dead INTEGER NOT NULL DEFAULT 0, expired INTEGER NOT NULL DEFAULT 0,
        cancelled INTEGER NOT NULL DEFAULT 0, retried INTEGER NOT NULL DEFAULT 0) STRICT;
    CREATE TABLE outbox(id INTEGER PRIMARY KEY, frame TEXT NOT NULL) STRICT;
    CREATE TABLE flight(id INTEGER PRIMARY KEY, destination INTEGER NOT NULL, attempt INTEGER NOT NULL,
        ids TEXT NOT NULL) STRICT;
    CREATE TABLE again(id INTEGER PRIMARY KEY, attempt INTEGER NOT NULL, due REAL NOT NULL, why TEXT) STRICT;
    CREATE TABLE stop(id INTEGER PRIMARY KEY, heard INTEGER NOT NULL DEFAULT 0) STRICT;
    CREATE TABLE unwritten(id INTEGER PRIMARY KEY, owner TEXT NOT NULL, at REAL NOT NULL, ranges TEXT NOT NULL,
        lines BLOB NOT NULL) STRICT;
    CREATE TABLE seen(key INTEGER PRIMARY KEY, rest BLOB NOT NULL, request_id TEXT NOT NULL, destinations TEXT NOT NULL,
        at INTEGER NOT NULL) STRICT;
    CREATE TABLE dead(id INTEGER PRIMARY KEY, frame TEXT NOT NULL, attempts INTEGER NOT NULL, why TEXT NOT NULL,
        at REAL NOT NULL) STRICT;
    """,
    "ALTER TABLE stop ADD COLUMN why TEXT",  # why a row under way was cancelled
    "CREATE TABLE head(stream TEXT PRIMARY KEY, n INTEGER NOT NULL, hash BLOB NOT NULL) STRICT, WITHOUT ROWID;",
    """
    ALTER TABLE outbox RENAME COLUMN frame TO payload;
    ALTER TABLE dead RENAME COLUMN frame TO payload;
    """,
    # The ledger of choices, and the withdrawals of the last hour; no address, no user agent.
    """
    CREATE TABLE notice(hash TEXT PRIMARY KEY, version TEXT NOT NULL, language TEXT NOT NULL, text TEXT NOT NULL,
        first_at REAL NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE name(pseudonym TEXT PRIMARY KEY, kind TEXT NOT NULL, person INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE INDEX name_person ON name(person);
    CREATE TABLE choice(seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, person INTEGER, account INTEGER,
        at INTEGER NOT NULL, analytics INTEGER, marketing INTEGER, method TEXT NOT NULL, surface TEXT NOT NULL,
        scope TEXT NOT NULL, trusted INTEGER NOT NULL, notice TEXT, display TEXT, translated INTEGER NOT NULL,
        laws TEXT NOT NULL, country TEXT, region TEXT, policy TEXT NOT NULL, gpc INTEGER NOT NULL,
        conflict TEXT NOT NULL, evidence TEXT, CHECK(coalesce(person, account) IS NOT NULL)) STRICT;
    CREATE INDEX choice_person ON choice(person, at) WHERE person IS NOT NULL;
    CREATE INDEX choice_account ON choice(account, at) WHERE account IS NOT NULL;
    CREATE TABLE link(device INTEGER PRIMARY KEY, account INTEGER NOT NULL) STRICT;
    CREATE TABLE evidence(id TEXT PRIMARY KEY, text TEXT NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE generation(one INTEGER PRIMARY KEY CHECK(one = 1), n INTEGER NOT NULL, oldest INTEGER NOT NULL) STRICT;
    INSERT INTO generation VALUES (1, 1, 0);
    CREATE TABLE withdrawn(generation INTEGER NOT NULL, pseudonym TEXT NOT NULL, reasons TEXT NOT NULL,
        at REAL NOT NULL, PRIMARY KEY(pseudonym, generation)) STRICT, WITHOUT ROWID;
    CREATE INDEX withdrawn_at ON withdrawn(at);
    CREATE TRIGGER choice_is_not_changed BEFORE UPDATE ON choice BEGIN SELECT raise(ABORT, 'rows are only added'); END;
    CREATE TRIGGER choice_is_not_replaced BEFORE INSERT ON choice
        WHEN EXISTS (SELECT 1 FROM choice WHERE seq = new.seq OR id = new.id)
        BEGIN SELECT raise(ABORT, 'rows are only added'); END;
    CREATE TRIGGER choice_is_not_deleted BEFORE DELETE ON choice
        WHEN EXISTS (SELECT 1 FROM name WHERE person IN (old.person, old.account))
        BEGIN SELECT raise(ABORT, 'rows of a person are not deleted'); END;
    CREATE TRIGGER notice_is_not_changed BEFORE UPDATE ON notice BEGIN SELECT raise(ABORT, 'rows are only added'); END;
    CREATE TRIGGER notice_is_not_replaced BEFORE INSERT ON notice
        WHEN EXISTS (SELECT 1 FROM notice WHERE hash = new.hash)
        BEGIN SELECT raise(ABORT, 'rows are only added'); END;
    CREATE TRIGGER notice_is_not_deleted BEFORE DELETE ON notice
        WHEN EXISTS (SELECT 1 FROM choice WHERE notice = old.hash)
        BEGIN SELECT raise(ABORT, 'a row needs it'); END;
    ALTER TABLE stop DROP COLUMN heard;
    """,
    # Who is suppressed: keyed hashes of identifiers, with a key of their own.
    """
    CREATE TABLE suppression(hash BLOB NOT NULL, why TEXT NOT NULL, key TEXT NOT NULL, kind TEXT NOT NULL,
        since REAL NOT NULL, erasure TEXT NOT NULL, purposes INTEGER NOT NULL, until REAL, lifted INTEGER NOT NULL,
        generation INTEGER NOT NULL, PRIMARY KEY(hash, why)) STRICT, WITHOUT ROWID;
    CREATE INDEX suppression_generation ON suppression(generation);
    """,
    # Requests for erasure, with what only the sealing key opens; and the ids that destinations got of a person.
    """
    CREATE TABLE erasure(id TEXT PRIMARY KEY, version INTEGER NOT NULL, state TEXT NOT NULL, due REAL NOT NULL,
        next REAL, changed REAL NOT NULL, record TEXT NOT NULL, sealed BLOB, marks BLOB NOT NULL)
        STRICT, WITHOUT ROWID;
    CREATE INDEX erasure_next ON erasure(next) WHERE next IS NOT NULL;
    CREATE TABLE alias(name BLOB NOT NULL, destination TEXT NOT NULL, sealed BLOB NOT NULL, until INTEGER NOT NULL,
        PRIMARY KEY(name, destination, sealed)) STRICT, WITHOUT ROWID;
    CREATE INDEX alias_until ON alias(until);
    """,
)


def path_of(url: str, folder: Path) -> Path:
    """The file of a `[storage] url` (`sqlite:///relative` or `sqlite:////absolute`), relative to `folder`."""
    return folder / url.removeprefix("sqlite:///")


def sound(version: str) -> bool:
    """Whether a SQLite version is free of the WAL-reset bug."""
    major, minor, patch = (int(part) for part in [*version.split("."), "0", "0"][:3])
    return (major, minor, patch) >= (3, 51, 3) or (minor, patch) in {(50, p) for p in range(7, 100)} | {
        (44, p) for p in range(6, 100)
    }


def connect(path: Path, *, read_only: bool = False) -> apsw.Connection:
    """A connection with our settings, to be opened, used and closed inside of `forks.work`. Raises apsw.Error.

    SQLite knows for a whole process which locks it has on a file. A child of a process that forked in the middle of its
    work has a SQLite that believes in the parent's locks.
    """
    if forks.cut():
        raise apsw.CantOpenError("this process was forked while its parent was at the database")
    flags = apsw.SQLITE_OPEN_READONLY if read_only else apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
    db = apsw.Connection(str(path), flags=flags)
    db.set_busy_timeout(BUSY)
    for setting in ("foreign_keys=OFF", "temp_store=MEMORY"):
        run(db, f"PRAGMA {setting}")
    if not read_only:
        for setting in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON", "wal_autocheckpoint=0"):
            run(db, f"PRAGMA {setting}")
    return db


def part(db: apsw.Connection) -> None:
    """Close a connection for a fork: at once, the write-ahead log stays as it is."""
    db.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    db.close(force=True)


@contextlib.contextmanager
def opened(path: Path, *, read_only: bool = False) -> Iterator[apsw.Connection]:
    """A connection for one use. Raises apsw.Error."""
    with work, contextlib.closing(connect(path, read_only=read_only)) as db:
        yield db


def run(db: apsw.Connection, sql: str, values: Sequence[Any] = ()) -> list[Any]:
    """One statement, and all its rows. Raises apsw.Error."""
    return db.execute(sql, values).fetchall()


def write_anew(db: apsw.Connection) -> None:
    """Put everything into the database file and begin a new write-ahead log, after a write or a sync failed.

    The kernel reports a failed sync once; what was not written counts as clean then, and the next sync of the same
    file says nothing of it. So no file is trusted that failed: all of its pages are written again elsewhere and that is
    synced, before anything else is. Raises apsw.Error if it cannot be done now.
    """
    ((busy, _, _),) = run(db, "PRAGMA wal_checkpoint(TRUNCATE)")
    if busy:
        raise apsw.BusyError("another worker reads")
    ((verdict,),) = run(db, "PRAGMA quick_check(1)")
    if verdict != "ok":
        raise apsw.CorruptError("damaged")


@work
def prepare(path: Path) -> None:
    """Make the file usable: folder, mode, version, damage, migrations. Raises ConfigError with a remedy."""
    version = apsw.sqlite_lib_version()
    if not sound(version):
        raise ConfigError(
            f"storage.url: SQLite {version} can lose commits (the WAL-reset bug); install apsw 3.51.3 or newer"
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o640))
        db = connect(path)
        db.set_busy_timeout(STARTING)
    except (OSError, apsw.Error) as error:
        raise ConfigError(f"storage.url: {reason(path, error)}") from None
    with contextlib.closing(db):
        try:
            ((verdict,),) = run(db, "PRAGMA quick_check(1)")
            if verdict != "ok":
                raise ConfigError(f"storage.url: {path} is damaged; {_repair(path)}")
            _migrate(db, path)
        except apsw.Error as error:
            raise ConfigError(f"storage.url: {reason(path, error)}") from None


def _migrate(db: apsw.Connection, path: Path) -> None:
    if run(db, "PRAGMA user_version") == [(len(MIGRATIONS),)]:
        return  # without the write lock, which the other workers are using
    run(db, "BEGIN IMMEDIATE")
    try:
        ((version,),) = run(db, "PRAGMA user_version")
        if version > len(MIGRATIONS):
            raise ConfigError(f"storage.url: {path} was written by a newer Gatekeeper; install that version")
        for script in MIGRATIONS[version:]:
            run(db, script)
        run(db, f"PRAGMA user_version = {len(MIGRATIONS)}")
        run(db, "COMMIT")
    finally:
        if db.in_transaction:
            run(db, "ROLLBACK")


def reason(path: Path, error: Exception) -> str:
    """Why the database cannot be used, and the remedy."""
    what = "use the database"
    if isinstance(error, OSError):
        return hindrance(path, error, what)
    for one in (path, path.parent):
        if os.access(one, os.F_OK) and not os.access(one, os.R_OK | os.W_OK):
            return hindrance(path, PermissionError(errno.EACCES, "", str(one)), what)
    return f"cannot {what} at {path} ({_what(error)}); {_remedy(error, path)}"


def _what(error: Exception) -> str:
    return type(error).__name__.removesuffix("Error").lower()


def _remedy(error: Exception, path: Path) -> str:
    if isinstance(error, (apsw.CorruptError, apsw.NotADBError)):
        return _repair(path)
    if isinstance(error, apsw.BusyError):
        return f"another process has kept it locked for {STARTING // 1000} s: end it, and see that the disk keeps up"
    return "make its folder writable, and see that the disk is not full"


def _repair(path: Path) -> str:
    return (
        f"stop every worker, keep a copy, and run `sqlite3 {path.name} .recover | sqlite3 new.db` "
        "in its folder, or move it away to begin with an empty outbox"
    )
