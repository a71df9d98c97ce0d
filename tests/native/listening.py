"""A loopback port that real SDKs post to: every call goes through the gate, what may be sent to a vendor's stand-in."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from gatekeeper.calls import finish_call, plan_call, record_call
from gatekeeper.gate import Caller, Gate
from gatekeeper.model import Answer, Call, Outgoing

Vendor = Callable[[Outgoing], Answer]


class Listening:
    """What came in and what went out."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.calls: list[Call] = []
        self.sent: list[Outgoing] = []
        self.reasons: list[str | None] = []


@contextmanager
def listening(gate: Gate, vendor: Vendor) -> Iterator[Listening]:
    """A server until the block ends. `vendor` answers what is sent."""

    class Answering(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer_call(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            path, _, query = self.path.partition("?")
            headers = tuple((name.lower().encode(), value.encode("latin-1")) for name, value in self.headers.items())
            call = Call(self.command, path, query, headers, body)
            token = self.headers.get("Gatekeeper-Context")
            visitor = None if token is None else gate.visitor(token, gate.clock())
            made = plan_call(gate, gate.policy.destinations["it"], call, Caller(headers, visitor=visitor))
            here.calls.append(call)
            here.reasons.append(made.reason)
            record_call(gate, made).result()
            answer: Answer | None = made.answer
            if made.outgoing is not None:
                here.sent.append(made.outgoing)
                answer = finish_call(gate, made, vendor(made.outgoing))
            assert answer is not None
            self.send_response(answer.status)
            for name, value in answer.headers:
                self.send_header(name, value)
            if answer.status != 204:
                self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        do_GET = do_POST = answer_call  # the names that http.server looks for

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    here = Listening(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield here
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
