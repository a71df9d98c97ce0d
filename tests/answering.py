"""Servers that stand for a vendor, an app or a proxy where the product's own simulators would not do.

`answering` serves HTTP from a function of each request, `served` from a handler of the standard library's server, and
`Port` gives each connection to a function, for peers that break the rules of HTTP. All listen on loopback, in threads.
"""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from gatekeeper.model import Answer, Call


class Server(ThreadingHTTPServer):
    """A server on a free port, at `url`; a client that hangs up is not worth a word."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Print what went wrong in a handler, unless the client has hung up."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """HTTP/1.1 with kept connections, and no log of requests."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *args: object) -> None:
        """Keep the test's output clean."""


@contextmanager
def served(server: Server) -> Iterator[Server]:
    """The server, until the block ends."""
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def server_of(answer_to: Callable[[Call], Answer]) -> Server:
    """A server that answers each whole request like this; of half a request it takes no notice."""

    class Answering(Handler):
        def answer_call(self) -> None:
            size = int(self.headers.get("Content-Length", 0))
            body = self.rfile.read(size)
            if len(body) < size:
                return
            path, _, query = self.path.partition("?")
            headers = tuple((name.lower().encode(), value.encode("latin-1")) for name, value in self.headers.items())
            answer = answer_to(Call(self.command, path, query, headers, body))
            self.send_response(answer.status)
            for name, value in answer.headers:
                self.send_header(name, value)
            if answer.status != 204:
                self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        do_GET = do_POST = do_PUT = answer_call  # the names that http.server looks for

    return Server(Answering)


@contextmanager
def answering(answer_to: Callable[[Call], Answer]) -> Iterator[str]:
    """The URL of a server that answers every request like this, until the block ends."""
    with served(server_of(answer_to)) as server:
        yield server.url


class Port:
    """A port whose every connection is given to `serve`, in a thread of its own; the connection ends with it."""

    def __init__(self, serve: Callable[[socket.socket], None]) -> None:
        self._serve = serve
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.number = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.number}"
        self.links: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._listen, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        """Hang up on every peer, and wait until each thread has ended."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._threads[0].join()
        for link in self.links:
            with suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)
        for thread in self._threads[1:]:
            thread.join()

    def _listen(self) -> None:
        while True:
            try:
                link, _ = self._listener.accept()
            except OSError:
                return
            self.links.append(link)
            self._threads.append(threading.Thread(target=self._converse, args=(link,), daemon=True))
            self._threads[-1].start()

    def _converse(self, link: socket.socket) -> None:
        with link, suppress(EOFError, OSError):
            self._serve(link)
