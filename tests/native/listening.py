"""Loopback ports that real SDKs post to: a server that answers calls, and one that answers them by the gate."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from gatekeeper.gate import Gate
from gatekeeper.gate.calls import CallPlan, plan_call
from gatekeeper.gate.carry import finish_call, record_call
from gatekeeper.model import Answer, Call, Caller, Outgoing


@contextmanager
def serving(answer_to: Callable[[Call], Answer]) -> Iterator[str]:
    """The URL of a server that answers every call like this, until the block ends."""

    class Answering(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer_call(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
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

        do_GET = do_POST = answer_call  # the names that http.server looks for

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Listening:
    """What came in and what went out."""

    def __init__(self) -> None:
        self.url = ""
        self.calls: list[Call] = []
        self.sent: list[Outgoing] = []
        self.reasons: list[str | None] = []
        self.plans: list[CallPlan] = []


@contextmanager
def listening(gate: Gate, vendor: Callable[[Outgoing], Answer]) -> Iterator[Listening]:
    """A gate's own port. `vendor` answers what is sent."""
    here = Listening()

    def by_the_gate(call: Call) -> Answer:
        token = dict(call.headers).get(b"gatekeeper-context")
        visitor = None if token is None else gate.visitor(token.decode(), gate.clock())
        made = plan_call(gate, gate.policy.destinations["it"], call, Caller(call.headers, visitor=visitor))
        here.calls.append(call)
        here.reasons.append(made.reason)
        here.plans.append(made)
        record_call(gate, made).result()
        if made.outgoing is None:
            return made.answer
        here.sent.append(made.outgoing)
        answer = finish_call(gate, made, vendor(made.outgoing))
        assert answer is not None
        return answer

    with serving(by_the_gate) as here.url:
        yield here
