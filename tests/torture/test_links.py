"""Links between gates, primary and standby are cut without a word: nothing is lost, and nothing is sent late."""

import contextlib
import time

import pytest

from gatekeeper.errors import StorageError
from gatekeeper.model import Heard
from gatekeeper.model.reasons import WITHDRAWN
from gatekeeper.storage.postgres import connecting, schema
from gatekeeper.storage.postgres.commits import Copies
from gatekeeper.storage.postgres.store import PostgresStore
from gatekeeper.storage.protocols import Bounds
from tests.storage.builders import Log, accept, arrival, kept, wait
from tests.torture.links import FarPair, Host, Net
from tests.torture.pair import REPLICATED, Worker
from tests.torture.scale import FULL, IN_TIME, at_most
from tests.torture.test_nodes import drained, opened

pytestmark = pytest.mark.engine
ROUNDS = 20 if FULL else 1


@pytest.fixture(scope="module")
def net():
    """A bridge without hosts."""
    net = Net()
    yield net
    net.remove()


@pytest.fixture(scope="module")
def pair(net):
    """Two servers on hosts of their own, with the gate's tables."""
    pair = FarPair(net)
    pair.primary.run("CREATE DATABASE gate")
    schema.prepare(pair.primary.url("gate"))
    yield pair
    pair.remove()


@pytest.fixture
def crew():
    """Worker processes; none outlives its test."""
    with contextlib.ExitStack() as stack:
        yield stack


@pytest.fixture
def store(pair, tmp_path):
    """A store of the test's own process, on the bridge."""
    one = opened(pair, tmp_path / "one")
    yield one
    one.close()


def refused_in_time(store, name):
    """What is sent now is answered, and not with success."""
    began = time.monotonic()
    with pytest.raises(StorageError):
        accept(store, arrival(name))
    assert time.monotonic() - began < IN_TIME


def again(store):
    """It can be written again."""
    wait(lambda: store.books.try_again().exception(10) is None, 60)


@pytest.mark.parametrize("ends", [("primary",), ("primary", "standby")], ids=["gate", "standby"])
def test_behind_a_link_that_is_cut_nothing_is_accepted_and_the_answer_comes_in_time(net, store, ends):
    """Between gate and primary, or primary and standby; and when it is mended all goes on, and nothing was lost."""
    told = []
    for n in range(ROUNDS):
        name = f"{ends[-1]}{n}"
        told += kept(store, arrival(f"{name}-before", key=f"{name}-before".encode()[-16:]))
        net.cut(*ends)
        try:
            refused_in_time(store, f"{name}-while")
            wait(lambda: store.barrier.now() is None, 10)  # a lease needs both, too
        finally:
            net.mend(*ends)
        again(store)
        told += kept(store, arrival(f"{name}-after", key=f"{name}-after".encode()[-16:]))
    wait(store.queue.lead, 10)
    got = drained(store)
    assert {name for name, _ in got} >= set(told) and max(got.values()) == 1


def test_a_gate_behind_a_cut_link_sends_nothing_that_was_withdrawn_meanwhile(net, pair, tmp_path, crew):
    """One of three: the withdrawal waits for its lease, no longer, and says so."""
    spaces = [net.host(f"gate{n}")[0] for n in range(3)]
    people = 40
    nodes = [
        crew.enter_context(Worker(pair.url("gate"), tmp_path, f"n{n}", people, module="sending", within=space))
        for n, space in enumerate(spaces)
    ]
    one = PostgresStore(pair.url("gate"), tmp_path / "one", Bounds(("own",)), Log())
    answered = {}
    try:
        wait(lambda: all(len(node.sent()) > 20 for node in nodes), 120)

        def withdraw(n):
            began = time.monotonic()
            done = one.barrier.withdraw([f"p_{n}"], {"own": WITHDRAWN}).result(30)
            assert done.heard in (Heard.HEARD, Heard.EXPIRED)
            answered[f"p_{n}"] = time.monotonic_ns()
            return done.heard, time.monotonic() - began

        for n in range(people // 4):
            withdraw(n)
        net.cut("gate1")
        heard, took = withdraw(people // 4)
        assert heard is Heard.EXPIRED and took < at_most(5.0)
        for n in range(people // 4 + 1, people // 2):
            assert withdraw(n)[0] is Heard.HEARD  # it is not waited for again
        net.mend("gate1")
        for n in range(people // 2, people):
            withdraw(n)
        time.sleep(0.3)
    finally:
        one.close()
    assert len(answered) == people
    assert [(who, at) for node in nodes for who, at in node.sent() if at > answered.get(who, at)] == []


def found(url):
    """Which promotion the server goes back to that a new connection finds."""
    with contextlib.closing(connecting.connect(url)) as link:
        return connecting.timeline(link)


def test_an_old_primary_that_comes_back_accepts_nothing(net, pair, tmp_path, store):
    """It was cut off, its standby was promoted and has another one; who finds the old one first loses nothing there."""
    before = kept(store, arrival("a-before", key=b"a-before"))
    old, both = pair.primary, pair.url("gate")  # the old one first
    was = found(both)
    net.cut("primary")
    refused_in_time(store, "a-while")
    pair.promote()
    pair.standby = Host(net, "third", **REPLICATED)
    pair.follow()
    late = PostgresStore(both, tmp_path / "late", Bounds(("own",)), Log(), copies=Copies(2))
    try:
        again(store)
        after = kept(store, arrival("a-after", key=b"a-after"))
        net.mend("primary")
        assert old.run("SELECT pg_is_in_recovery()") == [(False,)], "both take writes"
        wait(lambda: found(both) == was, 20)  # a link that was mended is used again after some seconds
        told = []
        # What does not answer in time is passed over, so the new one may be found, too; then it is kept there.
        with contextlib.suppress(StorageError):
            told = accept(late, arrival("a-lost", key=b"a-lost"))
        assert kept(store, arrival("a-last", key=b"a-last")) == ["a-last"]
        store.tables.close()
        shown = None
        with contextlib.suppress(StorageError):  # the old one is found first, and what it shows is over
            shown = store.books.count()["own"].accepted
        old.kill()  # an operator sees to that
        wait(store.queue.lead, 10)
        assert shown in (None, store.books.count()["own"].accepted)
        names = {name for name, _ in drained(store)}
        ours = {name for name in names if name.startswith("a-")}  # tests before this one left others
        assert ours - {"a-while"} == {*before, *after, *told, "a-last"}
    finally:
        late.close()
        old.remove()
