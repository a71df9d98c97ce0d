"""What a connection reads, as its table says: every row of it happens to one that is fed by hand."""

import asyncio
from types import SimpleNamespace

import pytest

from gatekeeper.shells.asgi import Reply
from gatekeeper.shells.server.protocol import GuardedProtocol
from gatekeeper.shells.server.states import FOLLOWS, Reading
from gatekeeper.shells.server.watch import Clock, Limits, Watch
from gatekeeper.shells.server.ways import Ways

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n"
UPGRADE = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
DECLINED = POST.replace(b"\r\n\r\n", b"\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
LAST = GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
CHUNKED = POST.replace(b"Content-Length: 4", b"Transfer-Encoding: chunked")
NOTHING = DECLINED.replace(b"Length: 4", b"Length: 0")


class Wire(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self):
        super().__init__()
        self.sent, self.closed = b"", False

    def get_extra_info(self, name, default=None):
        return ("192.0.2.1", 1) if name == "peername" else default

    def write(self, data):
        self.sent += data

    def close(self):
        self.closed = True

    abort = close

    def is_closing(self):
        return self.closed

    def get_write_buffer_size(self):
        return 0

    def pause_reading(self):
        """It is fed by hand."""

    resume_reading = pause_reading


class Watched(GuardedProtocol):
    """One that says which rows happen."""

    def step(self, event):
        before = self.reading
        super().step(event)
        self.rows.append((before, event))


class Tunnels:
    """Takes up every upgrade to a websocket, once it is told to."""

    ready = False

    def takes_up(self, scope):
        return self.ready and dict(scope["headers"])[b"upgrade"] == b"websocket"

    def open(self, connection, scope, rest):
        """Nothing comes of it."""


class Client:
    """A connection, and the app behind it, which answers when it is told to."""

    def __init__(self, limits=None, rows=None):
        self.go_on = asyncio.Event()
        self.bodies, self.receives = [], []
        self.tunnels = Tunnels()
        ways = Ways(self.app, Watch(lambda: limits or Limits()), upgrades=self.tunnels)
        self.it = Watched(ways, SimpleNamespace(connections=set(), tasks=set(), default_headers=[]), {})
        self.it.rows = [] if rows is None else rows
        self.wire = Wire()
        self.it.connection_made(self.wire)

    async def app(self, scope, receive, send):
        self.receives.append(receive)
        body = b""
        if scope["method"] == "POST" and scope["path"] == "/":
            while (message := await receive())["type"] == "http.request":
                body += message.get("body", b"")
                if not message.get("more_body"):
                    break
        self.bodies.append(body)
        await self.go_on.wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    async def feed(self, *pieces):
        for piece in pieces:
            self.it.data_received(piece)
            for _ in range(10):
                await asyncio.sleep(0)

    async def answer(self):
        self.go_on.set()
        for _ in range(10):
            await asyncio.sleep(0)
        self.go_on.clear()

    def later(self, seconds):
        self.it.look(self.it.loop.time() + seconds)


async def one_after_the_other(c):
    """A request, its answer, the next one in two pieces, one that is answered while the next one's head comes."""
    await c.feed(GET[:9], GET[9:])
    await c.answer()
    assert c.it.reading is Reading.RESTING
    await c.feed(GET, GET[:5])
    await c.answer()
    assert c.it.reading is Reading.HEAD
    await c.feed(GET[5:])
    assert c.it.reading is Reading.BETWEEN


async def pipelined(c):
    """Two in one piece: the second begins in the bytes that ended the first."""
    await c.feed(GET + GET)
    await c.answer()
    await c.answer()
    assert c.wire.sent.count(b"200 OK") == 2


async def a_body_in_pieces(c):
    """And an answer that ends before it."""
    await c.feed(POST.replace(b"/ ", b"/at-once "), b"ab")
    await c.answer()
    assert c.it.reading is Reading.BODY
    await c.feed(b"cd")


async def upgraded(c):
    """Handed over: nothing more is read here."""
    c.tunnels.ready = True
    await c.feed(UPGRADE)
    assert c.it.reading is Reading.TUNNEL
    c.later(1e6)
    assert not c.wire.closed


async def refused_in_its_head(c):
    """400, and the end."""
    await c.feed(b"NONSENSE\r\n\r\n")
    assert c.wire.closed and b"400" in c.wire.sent


async def refused_in_its_body(c):
    """It came too slowly: 408."""
    await c.feed(POST, b"a")
    c.later(1e6)
    assert c.wire.closed and b"408" in c.wire.sent


async def refused_behind_another(c):
    """The answer that is under way ends whole, and the connection with it."""
    await c.feed(GET + b"NONSENSE\r\n\r\n")
    assert not c.wire.closed and c.it.reading is Reading.REFUSED
    await c.answer()
    assert c.wire.closed and b"400" not in c.wire.sent


async def refused_between(c):
    """Bytes behind a request that said it was the last one: they spoil no answer before them."""
    await c.feed(LAST + GET)
    await c.answer()
    assert c.wire.closed and c.wire.sent.count(b"HTTP/1.1 ") == c.wire.sent.count(b"200 OK") == 1


DAYS = [one_after_the_other, pipelined, a_body_in_pieces, upgraded, refused_in_its_head, refused_in_its_body,
        refused_behind_another, refused_between]  # fmt: skip


@pytest.mark.parametrize("day", DAYS, ids=lambda day: day.__name__)
async def test_a_connection_goes_by_its_table(day):
    """Whatever happens to it."""
    client = Client()
    await day(client)
    await client.answer()
    assert set(client.it.rows) <= set(FOLLOWS)


async def test_every_row_of_the_table_happens():
    """On some of those days, or where there are too many connections, or none has sent anything."""
    rows = []
    for day in DAYS:
        client = Client(rows=rows)
        await day(client)
        await client.answer()
    Client(Limits(connections=0), rows)
    assert set(FOLLOWS) - set(rows) == set()


@pytest.mark.parametrize("answered", [False, True], ids=["fresh", "resting"])
async def test_a_connection_that_sends_nothing_is_closed_without_an_answer(answered):
    """It never began a request."""
    client = Client()
    if answered:
        await client.feed(GET)
        await client.answer()
    sent = client.wire.sent
    client.later(5.0)
    assert not client.wire.closed
    client.later(31.0)
    assert client.wire.closed and client.wire.sent == sent


async def test_a_declined_upgrade_is_read_as_any_request():
    """Its body, and what comes behind it, in one piece or in many."""
    for pieces in ([DECLINED + b"abcd" + GET], [DECLINED, b"ab", b"cd" + GET[:7], GET[7:]]):
        client = Client()
        await client.feed(*pieces)
        await client.answer()
        await client.answer()
        assert client.wire.sent.count(b"200 OK") == 2 and client.bodies == [b"abcd", b""]
        assert client.it.reading is Reading.RESTING


async def test_a_declined_upgrade_may_say_that_it_has_no_body():
    """A length of nothing is one, too: the next request is read."""
    client = Client()
    await client.feed(NOTHING + GET)
    await client.answer()
    await client.answer()
    assert client.wire.sent.count(b"200 OK") == 2 and client.bodies == [b"", b""]
    assert client.it.reading is Reading.RESTING


async def test_a_body_behind_another_request_has_its_own_time():
    """The answer before it does not cut that short."""
    client = Client()
    await client.feed(GET + POST, b"ab")
    await client.answer()
    client.later(10.0)
    await client.feed(b"cd")
    await client.answer()
    assert client.bodies == [b"", b"abcd"] and client.wire.sent.count(b"200 OK") == 2


async def test_the_rest_of_a_body_that_is_answered_has_a_few_seconds():
    """Then the connection ends."""
    client = Client()
    await client.feed(POST.replace(b"/ ", b"/at-once "), b"ab")
    await client.answer()
    client.later(4.0)
    assert not client.wire.closed
    client.later(6.0)
    assert client.wire.closed


async def test_every_request_hears_that_the_client_has_gone():
    """Also one that others wait behind; those never begin."""
    client = Client()
    await client.feed(POST + b"abcd" + GET)
    client.it.connection_lost(None)
    assert [await asyncio.wait_for(receive(), 5) for receive in client.receives] == [{"type": "http.disconnect"}]
    await client.answer()
    assert client.bodies == [b"abcd"] and b"200 OK" not in client.wire.sent


async def test_a_server_that_stops_lets_what_has_begun_end_whole():
    """The last of several answers says that it is the last; a connection without a request ends at once."""
    idle, busy = Client(), Client()
    await busy.feed(GET + GET)
    for one in (idle, busy):
        one.it.shutdown()
    assert idle.wire.closed and not busy.wire.closed
    await busy.answer()
    await busy.answer()
    assert busy.wire.closed and busy.wire.sent.count(b"200 OK") == 2
    assert busy.wire.sent.count(b"connection: close") == 1
    assert busy.wire.sent.endswith(b"connection: close\r\n\r\n")


async def test_a_request_that_waits_stops_the_reading():
    """Until the one before it is answered: a client that pipelines fills no memory."""
    client = Client()
    await client.feed(GET + GET)
    assert client.it.flow.read_paused
    await client.answer()
    assert not client.it.flow.read_paused


async def test_a_faulty_body_behind_another_request_spoils_no_answer():
    """The first one is answered whole, and the connection ends without a word about the second."""
    client = Client()
    await client.feed(GET + CHUNKED, b"zz\r\n")
    await client.answer()
    assert client.wire.closed and client.wire.sent.count(b"HTTP/1.1 ") == 1 and client.bodies == [b""]


async def met(request, *more, lost=False):
    """How a request is answered that an endpoint of ours would answer: `direct`, with its body, or by ASGI."""
    ways = []

    async def direct(scope, read):
        ways.append(("direct", await read()))
        return Reply(204)

    async def app(scope, receive, send):
        ways.append(("asgi", scope["path"]))

    served = SimpleNamespace(connections=set(), tasks=set(), default_headers=[])
    limits = Limits(body=10)
    it = GuardedProtocol(Ways(app, Watch(lambda: limits), lambda target: direct), served, {})
    wire = Wire()
    it.connection_made(wire)
    for piece in (request, *more):
        it.data_received(piece)
    if lost:
        it.connection_lost(None)
    for _ in range(10):
        await asyncio.sleep(0)
    assert not served.tasks
    return ways, wire.sent, wire.closed


PLAIN = {
    "get": GET, "post": POST + b"abcd", "1.0": GET.replace(b"1.1", b"1.0"), "last": LAST,
    "10 bytes": POST.replace(b": 4", b": 10") + b"abcdefghij",
}  # fmt: skip
OTHERS = {
    "head": GET.replace(b"GET", b"HEAD"), "chunks": CHUNKED + b"4\r\nabcd\r\n0\r\n\r\n", "upgrade": NOTHING,
    "expect": POST.replace(b"Host", b"Expect: 100-Continue\r\nHost") + b"abcd",
    "11 bytes": POST.replace(b": 4", b": 11") + b"abcdefghijk", "a long number": POST.replace(b": 4", b": 0000000004"),
}  # fmt: skip


@pytest.mark.parametrize("name", PLAIN)
async def test_a_plain_request_for_an_endpoint_of_ours_goes_past_asgi(name):
    """With its whole body; its answer is one piece."""
    ways, sent, closed = await met(PLAIN[name])
    assert ways == [("direct", PLAIN[name].partition(b"\r\n\r\n")[2])]
    assert sent.startswith(b"HTTP/1.1 204 No Content\r\n") and (b"close" in sent) is closed is (name in ("1.0", "last"))


@pytest.mark.parametrize("name", OTHERS)
async def test_any_other_request_goes_by_asgi(name):
    """Its body has no bounded length, or its answer no one piece."""
    ways, *_ = await met(OTHERS[name])
    assert ways == [("asgi", "/")]


async def test_a_request_that_has_come_whole_is_worked_on_without_its_client():
    """A page that posts an event and closes has posted it."""
    assert await met(POST, b"abcd", lost=True) == ([("direct", b"abcd")], b"", False)
    assert await met(POST, b"abc", lost=True) == ([], b"", False)


def test_a_clock_waits_for_one_thing_at_a_time():
    """What is waited for already goes on; what moves its end does so from where it began."""
    now = SimpleNamespace(at=100.0)
    clock = Clock(lambda: now.at)
    clock.wait_for("head", 10.0)
    now.at = 105.0
    clock.wait_for("head", 10.0)
    assert not clock.over(109.0) and clock.over(111.0) and not clock.over(112.0)
    clock.wait_for("body", 10.0)
    clock.came(4096 * 5, 10.0)
    assert not clock.over(119.0)
    clock.paused()
    assert not clock.over(120.2) and clock.over(121.0)
    clock.wait_for(None)
    clock.hurry(1.0)
    assert clock.over(107.0)


def test_an_answer_that_is_not_read_is_stuck_after_a_minute():
    """Any of it that is read begins the minute again."""
    clock = Clock(lambda: 0.0)
    assert not clock.stuck(0.0, 100) and not clock.stuck(59.0, 90) and not clock.stuck(118.0, 90)
    assert clock.stuck(120.0, 90) and not clock.stuck(121.0, 0) and not clock.stuck(200.0, 90)
