"""From SQLite into PostgreSQL: nothing is lost, nothing is sent twice, and the old file is not used again."""

import pytest

from gatekeeper.errors import ConfigError
from gatekeeper.storage import database
from gatekeeper.storage.outbox import DEAD, Again
from gatekeeper.storage.postgres.moving import move
from tests.storage.builders import (
    NOW,
    Log,
    PostgresEngine,
    SqliteEngine,
    accept,
    arrival,
    books,
    claim,
    claim_all,
    names,
    put_off,
    settle,
)
from tests.storage.ledger_contract import ACCOUNT, DEVICE, NO, M, choice, record
from tests.storage.suppression_contract import add, entry, hashed

pytestmark = pytest.mark.engine


@pytest.fixture
def old(tmp_path):
    """A file with something in every table; closed."""
    engine = SqliteEngine(tmp_path)
    store = engine.open()
    accept(store, *[arrival(f"a{n}", "own", "other", key=b"%d" % n, subjects=[f"p_{n}"]) for n in range(5)])
    flying, dead, waits, done = claim(store, events=1, flights=4)
    settle(store, dead, DEAD, "http_400")
    put_off(store, waits, Again(NOW + 60, 1, (waits.rows[0].id,)))
    settle(store, done)
    record(store, choice(1, {M: NO}, evidence="form 17"))
    store.ledger.link(DEVICE, ACCOUNT).result(10)
    add(store, entry(1))
    books(store)
    engine.close()
    return engine, flying


@pytest.fixture
def new(tmp_path):
    """An empty database."""
    engine = PostgresEngine(tmp_path)
    yield engine
    engine.close()


def test_everything_is_there_afterwards(old, new):
    """Rows that wait, wait; one that was under way is found as such; a repetition is known; the ledger is the same."""
    engine, flying = old
    counts = move(engine.path, new.url, "log")
    assert (counts["outbox"], counts["dead"], counts["seen"], counts["choice"], counts["suppression"]) == (
        8,
        1,
        5,
        1,
        1,
    )
    store = new.open()
    assert store.queue.lead()
    left = store.queue.recover().result(10)
    assert names(left.flights) == names([flying]) and left.corrected == {}
    ((name, again),) = left.waiting
    assert name == "own" and store.queue.claim_again("own", again).result(10).attempt == 2
    assert len(names(claim_all(store))) == 1 and len(names(claim_all(store, "other"))) == 5
    count = books(store)
    assert (count.accepted, count.queued, count.dead, count.delivered) == (5, 3, 1, 1)
    assert accept(store, arrival("z", key=b"3")) == ["a3"]
    (row,) = store.ledger.history([DEVICE])
    assert (row.choice.says, row.choice.evidence) == ({M: NO}, "form 17") and row.digest
    assert len(store.ledger.choices([DEVICE]).subjects) == 2
    assert store.suppressions.of([hashed(1)]) == (entry(1),)
    record(store, choice(2, {M: NO}, at=NOW + 1))
    assert len(store.ledger.history([DEVICE])) == 2


def test_the_old_file_is_not_used_again(old, new):
    """By no version; and it is moved once."""
    engine, _ = old
    move(engine.path, new.url, "log")
    with pytest.raises(ConfigError, match="newer Gatekeeper"):
        database.prepare(engine.path)
    with pytest.raises(ConfigError, match="moved already"):
        move(engine.path, new.url, "log")


def test_a_file_that_a_gate_uses_stays(tmp_path, new):
    """Also where it only accepts, or has lines that no log has."""
    engine = SqliteEngine(tmp_path)
    log = Log()
    store = engine.open(log)
    accept(store, arrival("a"))
    with pytest.raises(ConfigError, match="stop it first"):
        move(engine.path, new.url, "log")
    settle_broken(store, log)
    engine.kill(store)
    with pytest.raises(ConfigError, match="lines wait"):
        move(engine.path, new.url, "log")
    with pytest.raises(ConfigError, match="there is no"):
        move(tmp_path / "nothing.db", new.url, "log")


def settle_broken(store, log):
    """End a row whose line the log does not take."""
    (flight,) = claim(store)
    log.broken = True
    settle(store, flight)
    books(store)


def test_a_database_that_is_used_is_not_filled(old, new):
    """Two histories in one cannot be told apart."""
    engine, _ = old
    store = new.open()
    accept(store, arrival("a"))
    books(store)
    with pytest.raises(ConfigError, match="not empty"):
        move(engine.path, new.url, "log")
    database.prepare(engine.path)
