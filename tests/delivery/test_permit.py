"""The last question before the first byte: of a call, of rows, and where nothing can be known."""

import asyncio

import pytest

from gatekeeper.delivery.permit import WITHHELD, CallPermit, RowsPermit, Stopped
from gatekeeper.delivery.send import Sender
from gatekeeper.errors import DeliveryError, StorageError
from gatekeeper.model import Outgoing
from gatekeeper.model.reasons import WITHDRAWN
from gatekeeper.storage.protocols import Bounds
from gatekeeper.testing.store import MemoryStore
from tests.storage.builders import Log, accept, arrival, claim


@pytest.fixture
def store():
    """One worker in memory."""
    return MemoryStore(Bounds(("own", "other")), Log())


def withdraw(store, who="p_1"):
    return store.barrier.withdraw([who], {"own": WITHDRAWN})


@pytest.mark.parametrize(
    ("who", "to", "may"), [("p_1", "own", False), ("p_1", "other", True), ("p_2", "own", True)],
    ids=["withdrawn", "another-destination", "another-person"],
)  # fmt: skip
def test_a_call_that_was_decided_before_its_withdrawal_may_not_begin(store, who, to, may):
    """And its slot is given back either way: a withdrawal after it is answered."""
    permit = CallPermit(store.barrier, [who], to, store.barrier.now().generation)
    withdraw(store).result(10)
    assert permit.begin() is may
    permit.end()
    withdraw(store, "p_9").result(10)


def test_a_withdrawal_waits_for_the_first_byte(store):
    """Between `begin` and `end`, and no longer."""
    permit = CallPermit(store.barrier, ["p_1"], "own", store.barrier.now().generation)
    assert permit.begin()
    done = withdraw(store)
    assert not done.done()
    permit.end()
    assert done.result(10).heard == "heard"


def test_rows_that_were_stopped_may_not_begin(store):
    """Others of the same flight's destination may."""
    accept(store, arrival("a", subjects=["p_1"]), arrival("b", subjects=["p_2"]))
    (flight,) = claim(store)
    stopped = Stopped(store.barrier, "own")
    withdraw(store).result(10)
    assert not RowsPermit(stopped, [flight.rows[0].id]).begin()
    other = RowsPermit(stopped, [flight.rows[1].id])
    assert other.begin()
    other.end()


def test_nothing_begins_where_it_cannot_be_known(store, monkeypatch):
    """Neither without a slot, nor where the withdrawals cannot be read."""
    permit = CallPermit(store.barrier, ["p_1"], "own", 0)

    def fails(*args):
        raise StorageError("x")

    monkeypatch.setattr(store.barrier, "withdrawn", fails)
    assert not permit.begin()
    monkeypatch.setattr(store.barrier, "enter", lambda: None)
    assert not permit.begin()


async def test_the_permit_is_asked_with_the_connection_open(store):
    """A consent that is withdrawn while the connection is being opened: not a byte of the request arrives."""
    got, connected = [], asyncio.Event()

    async def serve(reader, writer):
        connected.set()
        got.append(await reader.read(100))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    permit = CallPermit(store.barrier, ["p_1"], "own", store.barrier.now().generation)
    withdraw(store).result(10)
    async with Sender(5.0) as sender:
        with pytest.raises(DeliveryError, match=WITHHELD):
            await sender.send(Outgoing("POST", f"http://127.0.0.1:{port}/", (), b"{}"), permit=permit)
        await asyncio.wait_for(connected.wait(), 5)
    server.close()
    await server.wait_closed()
    assert got in ([], [b""])
