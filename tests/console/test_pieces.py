"""Pages of which a part takes longer: sent at once, and the part behind them, in one answer."""

import asyncio
import threading

import pytest

from gatekeeper.audit import query
from gatekeeper.errors import AuditError, ConfigError, EventError, StorageError
from gatekeeper.shells.asgi import IN_ONE_PIECE
from gatekeeper.shells.console import pieces, seats
from tests.console.visiting import Visitor
from tests.rights.people import send

ABSENT = "/gk/admin/audit/records/req_00000000000000000000000000"
ROWS = "/gk/admin/audit"


class Slow:
    """What stands in for a question to the log: it is answered when the test says so."""

    def __init__(self, monkeypatch, error=None):
        self.may, self.error, self.asks = threading.Event(), error, query.rows
        monkeypatch.setattr(query, "rows", self)
        monkeypatch.setattr(pieces, "PATIENCE", 0.0)

    def __call__(self, *given, **more):
        assert self.may.wait(30)
        if self.error is not None:
            raise self.error
        return self.asks(*given, **more)


async def answered(app, visitor, path, query_string=b"", *, method="GET", begun=lambda: None, gone=None, **extensions):
    """The messages of an answer; `begun` is called with its first part, `gone` says when the client goes away."""
    sent, gone = [], gone or asyncio.Event()
    headers = [(b"host", b"localhost"), (b"cookie", f"gatekeeper_console={visitor.cookie}".encode())]
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": query_string, "root_path": "", "headers": headers,
        "client": ("127.0.0.1", 1), "server": ("localhost", 80), "extensions": extensions,
    }  # fmt: skip

    async def receive():
        await gone.wait()
        return {"type": "http.disconnect"}

    async def give(message):
        sent.append(message)
        if message["type"] == "http.response.body" and message.get("body"):
            begun()

    async with asyncio.timeout(60):
        await app(scope, receive, give)
    return sent


@pytest.fixture(scope="module")
def seen(shared):
    """Somebody who may look, of a gate that decided an event."""
    send(shared.runtime.gate, {"order_value": 12}, consent={"necessary": True})
    shared.runtime.write()
    return Visitor(shared).enter("READER")


def texts(sent):
    """The parts of an answer that are not empty."""
    return [one["body"].decode() for one in sent[1:] if one["body"]]


def test_a_page_is_there_before_the_log_has_answered(seen, shared, monkeypatch):
    """Navigation, form and what it waits for come first; the rows follow in the same answer, which ends well."""
    slow = Slow(monkeypatch)
    sent = asyncio.run(answered(shared, seen, ROWS, b"destination=ads", begun=slow.may.set))
    first, rest = texts(sent)
    assert sent[0]["status"] == 200 and b"content-length" not in dict(sent[0]["headers"])
    assert '<nav aria-label="Console">' in first and "<legend>Which deliveries</legend>" in first
    assert first.rstrip().endswith('<p class="waits" role="status">The log is being asked …</p>')
    assert 'aria-label="Deliveries"' in rest and 'aria-label="Deliveries"' not in first
    assert rest.rstrip().endswith("</html>") and (first + rest).count("</main>") == 1


def test_a_page_in_parts_is_the_page_in_one_piece(seen, shared, monkeypatch):
    """But for the words that one waits with."""
    whole = seen.get("audit?destination=ads").text
    slow = Slow(monkeypatch)
    sent = asyncio.run(answered(shared, seen, ROWS, b"destination=ads", begun=slow.may.set))
    assert "waits" not in whole
    assert "".join(texts(sent)).replace('<p class="waits" role="status">The log is being asked …</p>', "") == whole


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (AuditError("the archive: there is no such bucket"), "The audit log cannot be read. The archive: there is no"),
        (StorageError("gone"), "The store does not answer. Gone."), (TimeoutError(), "The store does not answer."),
        (EventError(422, "is not a period", field="period"), "Period: is not a period."),
        (ConfigError("destination: nothing"), "destination: nothing"),
    ],
    ids=["log", "store", "time", "asked", "words"],
)  # fmt: skip
def test_what_goes_wrong_later_is_said_in_its_place(seen, shared, monkeypatch, error, words):
    """The page is there and whole; no part of it is missing without a word."""
    slow = Slow(monkeypatch, error)
    sent = asyncio.run(answered(shared, seen, ROWS, b"destination=ads", begun=slow.may.set))
    rest = texts(sent)[1]
    assert 'role="alert"' in rest and words in rest and "Is the log as it was written?" in rest
    assert rest.rstrip().endswith("</html>")


@pytest.mark.parametrize(("method", "extensions"), [("HEAD", {}), ("GET", {IN_ONE_PIECE: {}})], ids=["head", "django"])
def test_what_cannot_be_sent_in_parts_is_waited_for(seen, shared, monkeypatch, method, extensions):
    """With the status that it has then: a record that is not there is not found."""
    monkeypatch.setattr(pieces, "PATIENCE", 0.0)
    sent = asyncio.run(answered(shared, seen, ABSENT, method=method, **extensions))
    assert sent[0]["status"] == 404 and b"content-length" in dict(sent[0]["headers"])


def test_a_look_whose_client_has_gone_leaves_its_seat(seen, shared, monkeypatch):
    """When the work is done, and not before: threads are other requests', too."""
    slow, taken = Slow(monkeypatch), []
    take, leave = seats.Seats.take, seats.Seats.leave
    monkeypatch.setattr(seats.Seats, "take", lambda self: take(self) and (taken.append(self) or True))
    monkeypatch.setattr(seats.Seats, "leave", lambda self: leave(self) or taken.remove(self))

    async def go():
        for _ in range(2):
            gone = asyncio.Event()
            await answered(shared, seen, ROWS, b"destination=ads", begun=gone.set, gone=gone)
        assert len(taken) == 2
        slow.may.set()
        async with asyncio.timeout(60):
            while taken:
                await asyncio.sleep(0.01)

    asyncio.run(go())
