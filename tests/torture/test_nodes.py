"""Several machines on a PostgreSQL with a standby: killed, promoted, frozen and cut off under load; nothing is lost.

Short in `make test`: one round of each. `make torture` makes ROUNDS.
"""

import contextlib
import os
import random
import signal
import time
from collections import Counter

import psycopg
import pytest

from gatekeeper.errors import StorageError
from gatekeeper.model import Heard
from gatekeeper.model.reasons import WITHDRAWN
from gatekeeper.storage.outbox import DELIVERED, Ending
from gatekeeper.storage.postgres import schema
from gatekeeper.storage.postgres.commits import Copies
from gatekeeper.storage.postgres.store import PostgresStore
from gatekeeper.storage.protocols import Bounds
from tests.storage.builders import Log, accept, arrival, claim_all, wait
from tests.storage.server import DATABASES
from tests.torture.noding import DESTINATIONS, FileLog
from tests.torture.pair import Pair, Worker
from tests.torture.scale import FULL, IN_TIME, SEED, at_most

pytestmark = pytest.mark.engine
ROUNDS = int(os.environ.get("NODE_ROUNDS") or 200) if FULL else 1
KILLS = ("primary", "gate", "both")


@pytest.fixture(scope="module")
def pair():
    """Two servers with the gate's tables."""
    pair = Pair()
    pair.primary.run("CREATE DATABASE gate")
    schema.prepare(pair.primary.url("gate"))
    yield pair
    pair.remove()


@pytest.fixture
def crew():
    """Worker processes; none outlives its test."""
    with contextlib.ExitStack() as stack:
        yield stack


def opened(pair, folder, log=None):
    """A store on another machine."""
    folder.mkdir(exist_ok=True)
    log = log or FileLog(folder / "log")
    return PostgresStore(
        pair.url("gate"), folder / "node", Bounds(DESTINATIONS, 10**7), log, missing=log.missing, copies=Copies(2)
    )


def drained(store):
    """All request ids that can be delivered, each delivery once, as (request id, destination)."""
    got = Counter()
    store.records.adopt().result(60)

    def settled():
        store.records.adopt().result(60)
        for name in DESTINATIONS:
            for flight in claim_all(store, name, events=1_000, flights=50):
                got.update((row.request_id, name) for row in flight.rows)
                ended = [Ending(DELIVERED, None, flight.rows)]
                # Until the store has it, as a deliverer does.
                wait(lambda f=flight, e=ended: store.queue.settle(f, e, [], None, True).exception(30) is None, 60)
        return store.books.idle()

    wait(settled, 120)
    return got


def test_nothing_acknowledged_is_lost_when_servers_and_gates_are_killed(pair, tmp_path, crew):
    """Primary, gate or both, with kill -9 and a promotion; each event is delivered once to each destination."""
    chance = random.Random(SEED)
    acknowledged, logs = [], []
    for n in range(ROUNDS):
        kill = KILLS[n % 3] if FULL else "both"
        workers = [crew.enter_context(Worker(pair.url("gate"), tmp_path, f"r{n}w{one}")) for one in range(2)]
        wait(lambda workers=workers: all(len(one.acknowledged()) > 20 for one in workers), 120)
        time.sleep(chance.uniform(0.0, 0.3))
        if kill in ("gate", "both"):
            workers[0].kill()
        if kill in ("primary", "both"):
            pair.primary.kill()
            pair.promote()
            pair.follow()
        before = len(workers[1].acknowledged())
        wait(lambda workers=workers, before=before: len(workers[1].acknowledged()) > before + 20, 60)
        for one in workers:
            if one.process.poll() is None:
                one.end()
            acknowledged += one.acknowledged()
            logs.append(FileLog(one.folder / "log"))
        last = opened(pair, tmp_path / f"heir{n}")
        try:
            assert last.queue.lead()
            wait(lambda last=last: last.barrier.now() is not None, 30)
            # What a killed gate had is found when its lease is over.
            wait(lambda last=last: last.books.idle() or gone(pair), 30)
            got = drained(last)
            logs.append(FileLog(tmp_path / f"heir{n}" / "log"))
        finally:
            last.close()
        told = [one for one in acknowledged if one.startswith(f"r{n}")]
        assert max(got.values(), default=1) == 1
        for name in DESTINATIONS:
            assert {one for one, to in got if to == name} >= set(told), "acknowledged, and lost"
        decided = {one for log in logs for one in log.decisions()}
        assert {one for one, _ in got} <= decided, "sent without a record"
    assert len(acknowledged) == len(set(acknowledged))


def gone(pair):
    """Whether every process but the newest has lost its lease."""
    with psycopg.connect(pair.url("gate")) as link:
        return link.execute("SELECT count(*) FROM process WHERE lease > clock_timestamp()").fetchone()[0] <= 1


@pytest.mark.parametrize("how", ["frozen", "killed"])
def test_without_its_standby_no_event_is_accepted_and_the_answer_comes_in_time(pair, tmp_path, how):
    """503 within three seconds, never 202; and 202 again when the standby is back."""
    store = opened(pair, tmp_path / "one")
    try:
        accept(store, arrival(f"{how}-before"))
        if how == "frozen":
            pair.pause(pair.standby)
        else:
            pair.standby.kill()
        began = time.monotonic()
        with pytest.raises(StorageError):
            accept(store, arrival(f"{how}-alone"))
        assert time.monotonic() - began < IN_TIME
        wait(lambda: store.barrier.now() is None, 10)  # a lease needs two machines, too
        if how == "frozen":
            pair.resume(pair.standby)
        else:
            pair.follow()
        wait(lambda: store.books.try_again().exception(10) is None, 30)
        assert accept(store, arrival(f"{how}-after")) == [f"{how}-after"]
        wait(lambda: store.barrier.now() is not None, 10)
    finally:
        store.close()


@pytest.mark.parametrize("how", ["pg_cancel_backend", "pg_terminate_backend"])
def test_a_commit_whose_wait_was_cancelled_is_no_success(pair, tmp_path, how):
    """The server says that it committed, with a warning: the standby does not have it."""
    store = opened(pair, tmp_path / "one")
    try:
        accept(store, arrival(f"{how}-before"))
        store.books.try_again().result(10)
        pair.pause(pair.standby)
        try:
            done = store.intake.accept([arrival(f"{how}-alone")])
            waiting = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND query = 'COMMIT'"
            wait(lambda: pair.primary.run(waiting) or done.done(), 5)
            pair.primary.run(f"SELECT {how}(pid) FROM ({waiting}) AS w")
            assert isinstance(done.exception(10), StorageError)
        finally:
            pair.resume(pair.standby)
        wait(lambda: store.books.try_again().exception(10) is None, 30)
    finally:
        store.close()


def test_a_frozen_primary_is_not_waited_for(pair, tmp_path):
    """Its clients are answered, and go on when it does."""
    store = opened(pair, tmp_path / "one")
    try:
        accept(store, arrival("frozen-before"))
        pair.pause(pair.primary)
        try:
            began = time.monotonic()
            with pytest.raises(StorageError):
                accept(store, arrival("frozen"))
            assert time.monotonic() - began < IN_TIME
        finally:
            pair.resume(pair.primary)
        wait(lambda: store.books.try_again().exception(20) is None, 30)
        assert accept(store, arrival("frozen-after")) == ["frozen-after"]
    finally:
        store.close()


def test_a_frozen_gate_holds_nobody_up(pair, tmp_path, crew):
    """Wherever it was stopped, also in a transaction that others wait for."""
    worker = crew.enter_context(Worker(pair.url("gate"), tmp_path, "frozen-gate"))
    store = opened(pair, tmp_path / "one")
    try:
        wait(lambda: len(worker.acknowledged()) > 20, 60)
        for n in range(5):
            worker.process.send_signal(signal.SIGSTOP)
            began = time.monotonic()
            assert store.barrier.withdraw([f"p_{n}"], {"own": "consent_withdrawn"}).exception(20) is None
            assert time.monotonic() - began < at_most(8.0)
            worker.process.send_signal(signal.SIGCONT)
            time.sleep(0.05)
        before = len(worker.acknowledged())
        wait(lambda: len(worker.acknowledged()) > before, 30)
    finally:
        store.close()


COUNT = int(os.environ.get("WITHDRAWALS") or (10_000 if FULL else 20))


def late(nodes, answered):
    """How many requests began after the answer to their person's withdrawal."""
    return sum(at > answered.get(who, at) for one in nodes for who, at in one.sent())


def withdrawn(url, folder, crew, *, bugs=(), freeze=True, count=COUNT, until_late=False):
    """Withdraw one person after another while three nodes send; how many requests were late, and of how many persons.

    It ends with the first late one where that is what is waited for.
    """
    chance, answered = random.Random(SEED), {}
    nodes = [
        crew.enter_context(Worker(url, folder, f"n{n}", count, *bugs[n : n + 1], module="sending")) for n in range(3)
    ]
    store = PostgresStore(url, folder / "one", Bounds(("own",)), Log())
    try:
        wait(lambda: all(len(one.sent()) > 20 for one in nodes), 120)
        for n in range(count):
            if until_late and n % 10 == 0 and late(nodes, answered):
                break
            stopped = nodes[1] if freeze and chance.random() < (0.002 if FULL else 0.05) else None
            if stopped is not None:
                stopped.process.send_signal(signal.SIGSTOP)
            done = store.barrier.withdraw([f"p_{n}"], {"own": WITHDRAWN}).result(30)
            if done.heard in (Heard.HEARD, Heard.EXPIRED):
                answered[f"p_{n}"] = time.monotonic_ns()
            if stopped is not None:
                stopped.process.send_signal(signal.SIGCONT)
        time.sleep(0.3)
    finally:
        store.close()
    return late(nodes, answered), len(answered)


@pytest.fixture
def database():
    """A database of the tests' one server."""
    url = DATABASES.fresh()
    yield url
    DATABASES.give_back(url)


def test_no_request_begins_after_a_withdrawal_was_answered(database, tmp_path, crew):
    """On three machines that send at the same time, one of which is frozen now and then; their clocks do not matter."""
    assert withdrawn(database, tmp_path, crew, bugs=["ahead", "behind"]) == (0, COUNT)


def test_a_node_that_speaks_too_early_is_noticed(database, tmp_path, crew):
    """The planted bug, so that the test above can fail."""
    noticed, _ = withdrawn(database, tmp_path, crew, bugs=["early"], freeze=False, count=2_000, until_late=True)
    assert noticed > 0
