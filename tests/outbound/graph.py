"""A small Graph API on a loopback port: it takes batches, answers each call, and keeps what it got."""

from __future__ import annotations

import json
from contextlib import contextmanager
from urllib.parse import parse_qs

from gatekeeper.model import Answer
from tests.answering import served, server_of


class Graph:
    """`batches` are the calls of each batch received, `others` the targets of other requests."""

    def __init__(self) -> None:
        self.server = server_of(self._answer)
        self.url, self.server_port = self.server.url, self.server.server_port
        self.batches: list[list[dict]] = []
        self.beside: list[dict] = []
        self.others: list[str] = []

    def clear(self) -> None:
        """Forget what came."""
        for got in (self.batches, self.beside, self.others):
            got.clear()

    def text(self) -> str:
        """All that came."""
        return json.dumps([self.batches, self.beside, self.others])

    def _answer(self, call):
        if call.method != "POST":
            return Answer(501)
        if dict(call.headers).get(b"content-type", b"").partition(b";")[0].strip().lower() == b"application/json":
            fields = json.loads(call.body)
        else:
            fields = {name: values[-1] for name, values in parse_qs(call.body.decode()).items()}
        fields |= {name: values[-1] for name, values in parse_qs(call.query).items()}
        batch = fields.pop("batch", None)
        if batch is None:
            self.others.append(f"{call.path}?{call.query}" if call.query else call.path)
            return _json({"id": "1_2"})
        calls = json.loads(batch) if isinstance(batch, str) else batch
        self.batches.append(calls)
        self.beside.append(fields)
        return _json([self._one(call) for call in calls])

    def _one(self, call):
        body = {"id": "77"}
        if "/events" in call["relative_url"]:
            data = json.loads(parse_qs(call["body"])["data"][0])
            body = {"events_received": len(data), "messages": [], "fbtrace_id": "T"}
        headers = [{"name": "Content-Type", "value": "application/json; charset=UTF-8"}]
        return {"code": 200, "headers": headers, "body": json.dumps(body)}


def _json(told):
    return Answer(200, (("Content-Type", "application/json"),), json.dumps(told).encode())


@contextmanager
def graph():
    """A running one."""
    one = Graph()
    with served(one.server):
        yield one
