"""Every ledger keeps its contract; what SQLite promises beyond it: rows that cannot be changed."""

import contextlib
import os
import signal

import apsw
import pytest

from gatekeeper.model import Heard
from gatekeeper.storage.generations import KEPT
from tests.storage.builders import (
    NOW,
    MemoryEngine,
    PostgresEngine,
    SqliteEngine,
    accept,
    arrival,
    claim_all,
    names,
    withdraw,
)
from tests.storage.contract import log, store  # noqa: F401  # fixtures
from tests.storage.ledger_contract import NO, LedgerContract, M, choice, record
from tests.storage.suppression_contract import Placed, Suppressed


@pytest.fixture(params=[SqliteEngine, MemoryEngine, PostgresEngine], ids=["sqlite", "memory", "postgresql"])
def engine(request, tmp_path):
    """An engine without any worker."""
    engine = request.param(tmp_path)
    yield engine
    engine.close()


class TestLedger(LedgerContract):
    """The suite."""


class TestSuppressions(Suppressed, Placed):
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
        db.set_busy_timeout(5_000)
        db.execute("INSERT INTO notice VALUES ('h', 'v', 'de', '{}', 0)")
        with pytest.raises(apsw.ConstraintError):
            db.execute(sql)
        assert one.ledger.find("con_1").choice.says == {M: NO}
    finally:
        engine.close()


def test_a_forked_child_is_another_process_on_the_page(tmp_path):
    """It holds nothing of its parent's, sends under a number of its own, and is waited for as long as it is there."""
    engine = SqliteEngine(tmp_path)
    try:
        one = engine.open()
        slot = one.barrier.enter()
        went, ends = os.pipe(), os.pipe()
        child = os.fork()
        if not child:
            signal.alarm(20)  # it never outlives the test
            with contextlib.suppress(BaseException):
                one.barrier.leave(slot)  # which is not its own
                own = one.barrier.enter()
                os.write(went[1], b"x" if own is not None else b"-")
                os.read(ends[0], 1)
            os._exit(0)
        os.close(went[1])
        assert os.read(went[0], 1) == b"x"
        page, generation = one.barrier.page, slot.generation + 1
        one.barrier.leave(slot)
        waiting = page.passed(generation)
        assert not waiting.done(), "the child is about to send, and does not know"
        os.write(ends[1], b"x")
        os.waitpid(child, 0)
        assert waiting.result(5) is Heard.HEARD
    finally:
        engine.close()


def test_a_child_does_not_give_its_parents_slot_back(tmp_path):
    """Who is about to send in the parent is waited for, whatever a child does."""
    engine = SqliteEngine(tmp_path)
    try:
        one = engine.open()
        slot = one.barrier.enter()
        child = os.fork()
        if not child:
            signal.alarm(20)  # it never outlives the test
            with contextlib.suppress(BaseException):
                one.barrier.leave(slot)
                one.barrier.leave(one.barrier.enter())
            os._exit(0)
        os.waitpid(child, 0)
        waiting = one.barrier.page.passed(slot.generation + 1)
        assert not waiting.done()
        one.barrier.leave(slot)
        assert waiting.result(5) is Heard.HEARD
    finally:
        engine.close()


def test_who_took_something_back_is_forgotten_after_an_hour(tmp_path):
    """Without a later withdrawal; what was decided before it is not sent even then."""
    engine = SqliteEngine(tmp_path)
    try:
        one = engine.open()
        decided = one.barrier.now().generation
        withdraw(one, "p_1")
        engine.at = NOW + KEPT + 1
        one.queue.maintain().result(10)
        with contextlib.closing(apsw.Connection(str(engine.path))) as db:
            assert db.execute("SELECT count(*) FROM withdrawn").fetchall() == [(0,)]
        assert one.barrier.withdrawn(["p_1"], "own", decided)
        assert not one.barrier.withdrawn(["p_1"], "own", one.barrier.now().generation)
        accept(one, arrival("a", subjects=["p_1"])._replace(decided=decided))
        assert "a" not in names(claim_all(one, "own"))
    finally:
        engine.close()
