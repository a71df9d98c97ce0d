"""A database server on a bad day: full, out of connections, restarted. Gates answer in time, and recover."""

import contextlib
import os
import subprocess
import time

import psycopg
import pytest

from gatekeeper.errors import StorageError
from gatekeeper.model import Heard
from gatekeeper.model.reasons import WITHDRAWN
from gatekeeper.storage.postgres import members, schema
from gatekeeper.storage.postgres.passing import LEASE, MARGIN
from gatekeeper.storage.postgres.store import PostgresStore
from gatekeeper.storage.protocols import Bounds
from tests.storage.builders import Log, accept, arrival, books, wait
from tests.storage.pooler import Pooler
from tests.storage.server import DATABASES, Server
from tests.torture.scale import IN_TIME, at_most

pytestmark = pytest.mark.engine


def opened(url, folder):
    """A store on a machine of its own."""
    return PostgresStore(url, folder, Bounds(("own",)), Log())


@pytest.fixture
def database():
    """A database of the tests' one server."""
    url = DATABASES.fresh()
    yield url
    DATABASES.give_back(url)


def prepared(server):
    """The address of the gate's tables on a server."""
    server.run("CREATE DATABASE gate")
    schema.prepare(server.url("gate"))
    return server.url("gate")


def refused_in_time(store, name):
    """What is sent now is answered, and not with success."""
    began = time.monotonic()
    with pytest.raises(StorageError):
        accept(store, arrival(name))
    assert time.monotonic() - began < IN_TIME


def again(store):
    """It can be written again."""
    wait(lambda: store.books.try_again().exception(10) is None, 30)


def test_a_server_without_connections_refuses_a_new_gate_and_keeps_the_old_ones(tmp_path):
    """Those that are there go on; a new one gets in as soon as there is room."""
    server = Server(max_connections="12", superuser_reserved_connections="0").make().start()
    old = new = None
    try:
        url = prepared(server)
        old = opened(url, tmp_path / "old")
        accept(old, arrival("a"))
        books(old)
        new = opened(url, tmp_path / "new")
        new.members.first = 0.5
        with contextlib.ExitStack() as taken:
            with contextlib.suppress(psycopg.OperationalError):
                for _ in range(20):
                    taken.enter_context(psycopg.connect(server.url("postgres")))
            refused_in_time(new, "b")
            assert accept(old, arrival("c")) == ["c"]
        again(new)
        assert accept(new, arrival("d")) == ["d"]
    finally:
        for one in (old, new):
            if one is not None:
                one.close()
        server.remove()


def test_a_disk_that_is_full_is_said_in_time_and_nothing_acknowledged_is_lost(tmp_path):
    """The server may stop; when there is room and it runs again, all that was accepted is there."""
    if os.getuid() != 0:
        pytest.skip("a small disk needs root")
    server = Server()
    small = server.folder / "data"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100m,mode=700", "tmpfs", small], check=False).returncode:
        server.remove()
        pytest.skip("no file system can be mounted here")
    store = None
    try:
        subprocess.run(["chown", "postgres:postgres", small], check=True)
        server.make().start()
        store = opened(prepared(server), tmp_path / "one")
        told = accept(store, arrival("a", key=b"a"))
        full = small / "full"
        with contextlib.suppress(OSError), full.open("wb") as file:
            while True:
                file.write(bytes(2**20))
        blocked = 0
        for n in range(400):
            try:
                told += accept(store, arrival(f"b{n}", key=f"b{n}".encode(), body=os.urandom(60_000)))
            except StorageError:
                blocked += 1
                break
        assert blocked, "there was room"
        began = time.monotonic()
        with contextlib.suppress(StorageError):
            accept(store, arrival("c", key=b"c"))
        assert time.monotonic() - began < IN_TIME
        full.unlink()
        if server.process.poll() is not None:
            server.start()
        again(store)
        told += accept(store, arrival("d", key=b"d"))
        assert {accept(store, arrival(f"x{one}", key=one.encode()))[0] for one in told} == set(told)
    finally:
        if store is not None:
            store.close()
        server.stop()
        subprocess.run(["umount", "-l", small], check=False)
        server.remove()


def test_a_pooler_that_is_restarted_is_found_again(database, tmp_path):
    """What was sent meanwhile is refused in time."""
    pooler = Pooler(DATABASES.server()).start()
    store = opened(pooler.url(database.partition("@/")[2].partition("?")[0]), tmp_path / "one")
    try:
        accept(store, arrival("a"))
        pooler.stop()
        refused_in_time(store, "b")
        pooler.start()
        again(store)
        assert accept(store, arrival("c")) == ["c"]
    finally:
        store.close()
        pooler.stop()


def test_a_process_whose_listening_connection_was_ended_hears_withdrawals_again(database, tmp_path):
    """Within its lease, and nothing is answered before."""
    one, two = (opened(database, tmp_path / name) for name in ("a", "b"))
    try:
        assert one.barrier.now() is not None and two.barrier.now() is not None
        with psycopg.connect(database, autocommit=True) as link:
            link.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'UPDATE process%'")
        for n in range(5):
            began = time.monotonic()
            done = one.barrier.withdraw([f"p_{n}"], {"own": WITHDRAWN}).result(10)
            assert done.heard in (Heard.HEARD, Heard.EXPIRED)
            assert time.monotonic() - began < at_most(LEASE + MARGIN + 2.0)
            if done.heard is Heard.HEARD:
                wait(lambda done=done: (two.barrier.now() or one.barrier.now()).generation >= 1)
        assert two.barrier.withdrawn(["p_4"], "own", 1)
    finally:
        one.close()
        two.close()


def test_a_lease_counts_from_before_it_was_asked_for(database, tmp_path, monkeypatch):
    """However long the answer takes: the server began to count earlier."""
    real, took = members.run, []

    def slow(link, sql, values=()):
        found = real(link, sql, values)
        if sql == members._RENEW:  # noqa: SLF001  # the one statement that gives a lease
            time.sleep(0.3)
            took.append(time.monotonic())
        return found

    monkeypatch.setattr(members, "run", slow)
    store = opened(database, tmp_path / "one")
    try:
        wait(lambda: store.barrier.now() is not None)
        assert store.members.until <= took[-1] - 0.3 + LEASE - MARGIN + 0.05
    finally:
        store.close()
