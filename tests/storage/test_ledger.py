"""Every ledger keeps its contract; what SQLite promises beyond it: rows that cannot be changed."""

import apsw
import pytest

from tests.storage.builders import NOW, MemoryEngine, SqliteEngine
from tests.storage.contract import log, store  # noqa: F401  # fixtures
from tests.storage.ledger_contract import NO, LedgerContract, M, choice, record


@pytest.fixture(params=[SqliteEngine, MemoryEngine], ids=["sqlite", "memory"])
def engine(request, tmp_path):
    """An engine without any worker."""
    engine = request.param(tmp_path)
    yield engine
    engine.close()


class TestLedger(LedgerContract):
    """The suite."""


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE choice SET marketing = 1",
        "DELETE FROM choice",
        "INSERT OR REPLACE INTO choice SELECT * FROM choice",
        "UPDATE notice SET text = ''",
    ],
)
def test_rows_are_only_added(tmp_path, sql):
    """Whoever writes into the database."""
    engine = SqliteEngine(tmp_path)
    try:
        one = engine.open()
        record(one, choice(1, {M: NO}, at=NOW))
        db = apsw.Connection(str(engine.path))
        db.execute("INSERT INTO notice VALUES ('h', 'v', 'de', '{}', 0)")
        with pytest.raises(apsw.ConstraintError):
            db.execute(sql)
        assert one.ledger.find("con_1").choice.says == {M: NO}
    finally:
        engine.close()
