"""After a failed sync nothing that was to be synced is trusted: what is accepted later survives a cut of the power."""

import threading

import pytest

from gatekeeper.errors import StorageError
from gatekeeper.storage import database
from tests.storage.builders import accept, arrival, books, claim, opened, wait
from tests.storage.failing_disk import FailingDisk


@pytest.fixture
def disk():
    """The disk under every connection that is opened meanwhile."""
    made = FailingDisk()
    yield made
    made.leave()


def checkpoint(store):
    """Copy the write-ahead log into the database, after the next commit."""
    return store.commits.submit(store.upkeep.checkpoint)


def there(folder):
    """The request ids that a node finds after the cut."""
    database.prepare(folder / "gatekeeper.db")
    db = database.connect(folder / "gatekeeper.db")
    try:
        return [name for (name,) in database.run(db, "SELECT payload ->> 0 FROM outbox ORDER BY id")]
    finally:
        db.close()


def test_the_disk_of_these_tests_forgets_what_was_not_synced(tmp_path, disk):
    """And keeps what was."""
    with opened(tmp_path / "node") as store:
        accept(store, arrival("req_a"))
        disk.cut_power(tmp_path / "node", tmp_path / "cut")
    assert there(tmp_path / "cut") == ["req_a"]


@pytest.mark.parametrize("broken", ["-wal", "gatekeeper.db"], ids=["log", "database"])
def test_what_is_accepted_after_a_failed_sync_survives_the_power(tmp_path, disk, broken):
    """The commit whose sync failed is refused; what it may have taken with it is written anew before the next one."""
    with opened(tmp_path / "node") as store:
        accept(store, arrival("req_a"))
        books(store)  # the release of req_a was committed, and not synced yet
        disk.broken = broken
        if broken == "-wal":
            with pytest.raises(StorageError):
                accept(store, arrival("req_b"))
        else:
            checkpoint(store).result(10)
            with pytest.raises(StorageError):  # the first that comes after it finds out
                for _ in range(10):
                    accept(store, arrival("req_b"))
        assert disk.failures and store.books.failing() == "io"
        disk.broken = None
        accept(store, arrival("req_c"))
        assert store.books.failing() is None
        disk.cut_power(tmp_path / "node", tmp_path / "cut")
        taken = there(tmp_path / "node")
    assert there(tmp_path / "cut") == taken and {"req_a", "req_c"} <= set(taken)


def test_a_checkpoint_that_fails_takes_back_no_commit_that_went_before_it(tmp_path, disk):
    """Both in one go: the event was accepted, and its row may leave."""
    go_on = threading.Event()
    with opened(tmp_path / "node") as store:
        store.commits.submit(lambda commit: go_on.wait(10))
        accepted = store.intake.accept([arrival("req_a")])
        checkpoint(store)
        disk.broken = "gatekeeper.db"
        go_on.set()
        assert accepted.result(10).request_ids == ["req_a"]
        wait(lambda: disk.failures)
        disk.broken = None
        assert books(store).queued == 1 and [len(flight.rows) for flight in claim(store)] == [1]
