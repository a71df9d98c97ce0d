"""A vendor of few words, on the loop of the test: it keeps what came, and answers as told."""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
_LENGTH = re.compile(rb"\r\nContent-Length: (\d+)\r\n")


class Link(asyncio.Protocol):
    """One connection."""

    def __init__(self, vendor):
        self.vendor, self.got, self.lost = vendor, b"", asyncio.get_running_loop().create_future()

    def connection_made(self, transport):
        self.transport = transport
        self.vendor.links.append(self)

    def data_received(self, data):
        self.got += data
        while (end := self.got.find(b"\r\n\r\n") + 4) >= 4:
            length = _LENGTH.search(self.got[:end])
            end += int(length[1]) if length else 0
            if len(self.got) < end:
                break
            request, self.got = self.got[:end], self.got[end:]
            self.vendor.requests.append(request)
            self.vendor.play(self)

    def connection_lost(self, exc):
        if not self.lost.done():
            self.lost.set_result(exc)

    def write(self, raw):
        if not self.transport.is_closing():
            self.transport.write(raw)


class Vendor:
    """`play` is called with the link of every request that is whole."""

    def __init__(self):
        self.links, self.requests, self.url = [], [], ""
        self.answer(OK)

    def answer(self, raw):
        self.play = lambda link: link.write(raw)

    def end(self, raw):
        def play(link):
            link.write(raw)
            link.transport.close()

        self.play = play

    def silence(self):
        self.play = lambda link: None

    async def gone(self):
        """Every connection has ended."""
        async with asyncio.timeout(5):
            for link in self.links:
                await link.lost


@asynccontextmanager
async def vendor(tls=None):
    """Listening, at `url`."""
    one = Vendor()
    server = await asyncio.get_running_loop().create_server(lambda: Link(one), "127.0.0.1", 0, ssl=tls)
    one.port = server.sockets[0].getsockname()[1]
    one.url = f"{'https' if tls else 'http'}://127.0.0.1:{one.port}"
    try:
        yield one
    finally:
        server.close()
        for link in one.links:
            if not link.lost.done():
                link.transport.abort()
        await one.gone()
        await server.wait_closed()
