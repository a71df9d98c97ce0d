"""An app behind the gate, on the standard library's server: it says what it was asked, byte for byte."""

from __future__ import annotations

import hashlib
import json
import threading
from contextlib import contextmanager

from tests.answering import Handler, Server, served

PIECE = b"0123456789abcdef" * 4096  # 64 KiB


class App(Handler):
    def body(self):
        """Length and hash of the body, read piece by piece."""
        size, digest = 0, hashlib.sha256()
        for part in self.parts():
            size += len(part)
            digest.update(part)
        return size, digest.hexdigest()

    def parts(self):
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            while count := int(self.rfile.readline(), 16):
                yield self.rfile.read(count)
                self.rfile.readline()
            while self.rfile.readline() != b"\r\n":
                pass
        left = int(self.headers.get("Content-Length", 0))
        while left and (part := self.rfile.read(min(left, 65536))):
            left -= len(part)
            yield part

    def send(self, status, headers, body=b"", length=True):
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        if length:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def answer(self):
        path = self.path.partition("?")[0]
        self.server.asked.append(self.requestline)
        known = getattr(self, path.strip("/").replace("-", "_") + "_page", None)
        if known is not None:
            known()
            return
        size, digest = self.body()
        said = {
            "line": self.requestline, "headers": list(self.headers.items()), "size": size, "sha256": digest,
            "connection": id(self.connection),
        }  # fmt: skip
        self.send(200, [("Content-Type", "application/json")], json.dumps(said).encode())

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_HEAD = answer

    def page_page(self):
        """What the test put there."""
        self.send(200, [("Content-Type", "text/html; charset=utf-8")], self.server.page)

    def cookies_page(self):
        """Two cookies, a date of its own, hop-by-hop headers and one nominated in Connection."""
        self.send(
            200,
            [
                ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("Date", "Mon, 01 Jan 2024 00:00:00 GMT"),
                ("Connection", "X-Hop"), ("X-Hop", "1"), ("Keep-Alive", "timeout=5"), ("Server", "app"),
                ("Content-Encoding", "gzip"),
            ],
            b"\x1f\x8bnot really",
        )  # fmt: skip

    def stream_page(self):
        """Server-sent events: one, then the rest when the test says so."""
        self.send(200, [("Content-Type", "text/event-stream"), ("Transfer-Encoding", "chunked")], length=False)
        for n in range(3):
            event = f"data: {n}\n\n".encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))
            self.wfile.flush()
            self.server.turns.acquire(timeout=5)
        self.wfile.write(b"0\r\nX-Trailer: canary\r\n\r\n")

    def endless_page(self):
        """Until the client is gone; then the test is told."""
        self.send(200, [("Transfer-Encoding", "chunked")], length=False)
        try:
            while True:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(PIECE), PIECE))
                self.server.poured += len(PIECE)
        except OSError:
            self.server.left.set()
            self.close_connection = True

    def large_page(self):
        """So many pieces, by length."""
        count = int(self.path.partition("=")[2])
        self.send_response_only(200)
        self.send_header("Content-Length", str(count * len(PIECE)))
        self.end_headers()
        for _ in range(0 if self.command == "HEAD" else count):
            self.wfile.write(PIECE)

    def unmodified_page(self):
        self.send_response_only(304)
        self.send_header("Content-Length", "1000")
        self.send_header("ETag", '"x"')
        self.end_headers()

    def old_page(self):
        """HTTP/1.0's way: until the end of the connection."""
        self.wfile.write(b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nold")
        self.close_connection = True

    def hints_page(self):
        self.wfile.write(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n")
        self.send(200, [], b"hinted")

    def broken_page(self):
        self.send_response_only(200)
        self.send_header("Content-Length", "100")
        self.end_headers()
        self.wfile.write(b"only this")
        self.close_connection = True

    def garbage_page(self):
        self.wfile.write(b"hello\r\n\r\n")
        self.close_connection = True

    def refuse_page(self):
        """Answers before it has read anything, and hangs up."""
        self.send(413, [("Connection", "close")], b"no")
        self.close_connection = True

    def hang_up_page(self):
        self.close_connection = True


@contextmanager
def app_behind():
    """The server; `url` is its origin."""
    server = Server(App)
    server.turns, server.left, server.poured = threading.Semaphore(0), threading.Event(), 0
    server.page, server.asked = b"", []
    with served(server):
        yield server
