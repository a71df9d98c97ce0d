"""A store that cannot be trusted does not start; one that fails while it runs loses nothing that was accepted."""

import apsw
import pytest

from gatekeeper.errors import ConfigError, StorageError
from gatekeeper.storage import database
from tests.storage.builders import accept, arrival, books, claim, opened


@pytest.mark.parametrize(
    ("version", "sound"),
    [("3.40.1", False), ("3.44.5", False), ("3.44.6", True), ("3.50.6", False), ("3.50.7", True), ("3.51.2", False),
     ("3.51.3", True), ("3.54.1", True), ("4.0.0", True)],
)  # fmt: skip
def test_versions_with_the_wal_reset_bug_are_known(version, sound):
    """Two connections, a checkpoint and a commit at once: data loss."""
    assert database.sound(version) is sound


def test_an_affected_sqlite_is_refused(tmp_path, monkeypatch):
    """With what to do."""
    monkeypatch.setattr("gatekeeper.storage.database.apsw.sqlite_lib_version", lambda: "3.40.1")
    with pytest.raises(ConfigError, match=r"WAL-reset bug.*install apsw"):
        database.prepare(tmp_path / "a.db")


def test_what_is_no_database_is_refused_with_a_repair_hint(tmp_path):
    """Nothing is overwritten."""
    path = tmp_path / "a.db"
    path.write_bytes(b"not a database, but somebody's notes" * 200)
    with pytest.raises(ConfigError, match=r"\.recover"):
        database.prepare(path)
    assert path.read_bytes().startswith(b"not a database")


def test_a_damaged_database_is_refused(tmp_path):
    """Flipped bytes in a page of rows are found before the first event."""
    with opened(tmp_path) as store:
        accept(store, *(arrival(f"a{n}", body=b'{"x":"%s"}' % (b"y" * 400)) for n in range(200)))
        claim(store)
    db = apsw.Connection(str(store.books.place))
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    ((page,),) = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'outbox'").fetchall()
    db.close()
    data = bytearray(store.books.place.read_bytes())
    data[(page - 1) * 4096 : (page - 1) * 4096 + 64] = b"\xff" * 64
    store.books.place.write_bytes(data)
    with pytest.raises(ConfigError, match=r"damaged|cannot use"):
        database.prepare(store.books.place)


def test_a_newer_file_is_refused(tmp_path):
    """A downgrade must not guess."""
    path = tmp_path / "a.db"
    database.prepare(path)
    db = apsw.Connection(str(path))
    db.execute("PRAGMA user_version = 99").fetchall()
    db.close()
    with pytest.raises(ConfigError, match="newer Gatekeeper"):
        database.prepare(path)


def test_a_folder_that_cannot_be_written_is_refused(tmp_path):
    """In one sentence."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"storage.url: cannot use"):
        database.prepare(tmp_path / "file" / "a.db")


def test_a_worker_starts_while_another_one_writes(tmp_path):
    """It needs no lock that the other has: a disk that is slow at the moment keeps nobody from starting."""
    path = tmp_path / "a.db"
    database.prepare(path)
    other = database.connect(path)
    other.execute("BEGIN IMMEDIATE").fetchall()
    database.prepare(path)
    other.close(force=True)


def test_a_file_that_stays_locked_is_said_to_be_locked(tmp_path, monkeypatch):
    """No advice to make room on a disk that has room."""
    path = tmp_path / "a.db"
    database.prepare(path)
    other = database.connect(path)
    other.execute("PRAGMA user_version = 1").fetchall()
    other.execute("BEGIN IMMEDIATE").fetchall()
    monkeypatch.setattr(database, "STARTING", 1)
    with pytest.raises(ConfigError, match=r"\(busy\); another process has kept it locked for 0 s"):
        database.prepare(path)
    other.close(force=True)


def test_commits_are_durable_before_they_are_answered(tmp_path):
    """FULL and WAL: NORMAL would lose the last commits with the power."""
    database.prepare(tmp_path / "a.db")
    db = database.connect(tmp_path / "a.db")
    assert db.execute("PRAGMA synchronous").fetchall() == [(2,)]
    assert db.execute("PRAGMA journal_mode").fetchall() == [("wal",)]
    assert db.execute("PRAGMA secure_delete").fetchall() == [(1,)]
    db.close()


def test_a_full_disk_refuses_and_recovers_by_itself(tmp_path):
    """StorageError, nothing half done; then everything as before."""
    with opened(tmp_path) as store:
        accept(store, arrival("a"))
        claim(store)
        store.commits.submit(lambda commit: commit.db.execute("PRAGMA max_page_count = 1").fetchall()).result(10)
        body = b'{"x":"%s"}' % (b"y" * 20_000)
        with pytest.raises(StorageError):
            for n in range(100):
                accept(store, arrival(f"big{n}", body=body))
        assert store.books.failing() == "full"
        # The connection was opened anew, and with it the limit is gone: the disk has room again.
        assert accept(store, arrival("b")) == ["b"]
        claim(store)
        assert store.books.failing() is None and books(store).queued >= 2
