"""Every store keeps the contract: SQLite on a real file, PostgreSQL on a real server, and the one in memory."""

import itertools

import pytest

from tests.storage.builders import MemoryEngine, PostgresEngine, SqliteEngine
from tests.storage.contract import Contract, log, store  # noqa: F401  # fixtures

pytestmark = pytest.mark.engine
ENGINES = {"sqlite": SqliteEngine, "memory": MemoryEngine, "postgresql": PostgresEngine}


@pytest.fixture(params=ENGINES)
def fresh(request, tmp_path):
    """A way to make another engine, for tests that need one per example."""
    number = itertools.count()

    def make():
        folder = tmp_path / str(next(number))
        folder.mkdir()
        return ENGINES[request.param](folder)

    return make


@pytest.fixture
def engine(fresh):
    """An engine without any worker."""
    engine = fresh()
    yield engine
    engine.close()


class TestStore(Contract):
    """The suite."""
