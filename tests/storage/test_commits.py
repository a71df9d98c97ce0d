"""The life of a commit, as its table says: every row of it happens to a real store."""

import apsw
import pytest

from gatekeeper.errors import AuditError, StorageError
from gatekeeper.storage.commits import FOLLOWS, Commits
from tests.storage.builders import Log, accept, arrival, books, claim, opened, settle, wait


def test_every_row_of_the_table_happens(tmp_path, monkeypatch):
    """Good days, a log that refuses, a database that fails."""
    seen = set()
    real = Commits.move

    def move(self, commit, event):
        seen.add((commit.phase, event))
        real(self, commit, event)

    monkeypatch.setattr(Commits, "move", move)
    log = Log()
    with opened(tmp_path, log) as store:
        accept(store, arrival("req_a", "own", key=b"k"), arrival("req_c"))
        books(store)  # without lines, and it releases the rows
        first, second = claim(store, events=1)
        log.broken = True
        with pytest.raises(AuditError):
            accept(store, arrival("req_b"))
        with pytest.raises(AuditError):  # an outcome goes with it: the old destination has had it
            accept(store, arrival("req_d", "own", "other", key=b"k"))
        settle(store, first)
        books(store)
        log.broken = False
        wait(lambda: {"req_a", "req_d"} <= {name for name, _ in log.outcomes()})

        def failing(commit):
            raise apsw.FullError()

        with pytest.raises(StorageError):
            store.commits.submit(failing).result(10)
        settle(store, second)
        assert books(store).delivered == 2
    assert seen == set(FOLLOWS)


def test_what_is_not_in_the_table_does_not_happen():
    """An event out of place is a fault of the program, not a state."""
    from gatekeeper.storage.commits import Commit, Event

    with pytest.raises(KeyError):
        Commits().move(Commit(None, None), Event.RELEASED)
