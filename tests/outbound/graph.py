"""A small Graph API on a loopback port: it takes batches, answers each call, and keeps what it got."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


class Graph(ThreadingHTTPServer):
    """`batches` are the calls of each batch received, `others` the targets of other requests."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.batches: list[list[dict]] = []
        self.beside: list[dict] = []
        self.others: list[str] = []

    def clear(self) -> None:
        """Forget what came."""
        for got in (self.batches, self.beside, self.others):
            got.clear()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def text(self) -> str:
        """All that came."""
        return json.dumps([self.batches, self.beside, self.others])


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get_content_type() == "application/json":
            fields = json.loads(raw)
        else:
            fields = {name: values[-1] for name, values in parse_qs(raw.decode()).items()}
        fields |= {name: values[-1] for name, values in parse_qs(urlsplit(self.path).query).items()}
        batch = fields.pop("batch", None)
        if batch is None:
            self.server.others.append(self.path)
            return self._answer({"id": "1_2"})
        calls = json.loads(batch) if isinstance(batch, str) else batch
        self.server.batches.append(calls)
        self.server.beside.append(fields)
        return self._answer([self._one(call) for call in calls])

    def _one(self, call):
        body = {"id": "77"}
        if "/events" in call["relative_url"]:
            data = json.loads(parse_qs(call["body"])["data"][0])
            body = {"events_received": len(data), "messages": [], "fbtrace_id": "T"}
        headers = [{"name": "Content-Type", "value": "application/json; charset=UTF-8"}]
        return {"code": 200, "headers": headers, "body": json.dumps(body)}

    def _answer(self, told):
        body = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@contextmanager
def graph():
    """A running one."""
    with Graph() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
