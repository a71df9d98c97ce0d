"""Every store keeps what it promises of requests for erasure; deleted bytes are in none of SQLite's files."""

import threading

import pytest

from gatekeeper.storage.database import connect
from tests.storage.builders import MemoryEngine, PostgresEngine, SqliteEngine, accept, arrival, books
from tests.storage.contract import log, store  # noqa: F401  # fixtures
from tests.storage.erasure_contract import Contract, add, request


@pytest.fixture(params=[SqliteEngine, MemoryEngine, PostgresEngine], ids=["sqlite", "memory", "postgresql"])
def engine(request, tmp_path):  # pytest's own, not the builder
    """An engine without any worker."""
    engine = request.param(tmp_path)
    yield engine
    engine.close()


class TestErasures(Contract):
    """The suite."""


def test_what_was_deleted_is_in_no_file(tmp_path):
    """Neither in a free page nor in the write-ahead log, while the store is open."""
    engine = SqliteEngine(tmp_path)
    worker = engine.open()
    body = b'{"v":"CANARY-BODY"}'
    accept(worker, arrival("a", subjects=["p_canary"], body=body))
    add(worker, request(sealed=b"CANARY-SEALED"))
    books(worker)
    worker.barrier.withdraw(["p_canary"], {"own": "consent_withdrawn"}).result(10)
    worker.erasures.save(request(sealed=None, marks=())).result(10)
    worker.tables.close()
    worker.erasures.wipe(["p_canary"]).result(10)
    worker.erasures.overwrite()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    found = [path.name for path in files if b"CANARY" in (data := path.read_bytes()) or b"p_canary" in data]
    assert found == [] and len(files) > 1
    engine.close()


def test_the_log_is_emptied_when_a_reader_that_is_at_the_file_has_left(tmp_path):
    """Within two seconds: a look of another thread takes no longer, and is no reason to leave a person in a file."""
    engine = SqliteEngine(tmp_path)
    worker = engine.open()
    accept(worker, arrival("a", subjects=["p_canary"]))
    (path,) = tmp_path.rglob("*.db")
    reader = connect(path, read_only=True)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM outbox").fetchall()
    leaving = threading.Timer(0.3, reader.close)
    leaving.start()
    worker.erasures.wipe(["p_canary"]).result(10)
    worker.erasures.overwrite()
    assert b"p_canary" not in path.with_name(path.name + "-wal").read_bytes()
    leaving.join()
    engine.close()
