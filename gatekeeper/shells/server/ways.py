"""Which way a request goes: straight to an endpoint of ours, by ASGI, or into a tunnel."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import unquote

from gatekeeper.model.head import Head
from gatekeeper.shells.asgi import TARGET, App, Scope
from gatekeeper.shells.server.connection import Connection, Request
from gatekeeper.shells.server.cycle import Cycle
from gatekeeper.shells.server.exchange import Answering, Exchange
from gatekeeper.shells.server.watch import Watch


class Upgrades(Protocol):
    """What takes up upgrades to another protocol."""

    def takes_up(self, scope: Scope) -> bool:
        """Whether the upgrade is taken up that this request asks for; one that is not is as if not asked for."""

    def open(self, connection: Connection, scope: Scope, rest: bytes) -> None:
        """Take the connection over; `rest` is what the client sent behind the request."""


@dataclass(frozen=True, slots=True)
class Ways:
    """What the connections of one server lead to, and what bounds them. `direct` answers a target without ASGI."""

    app: App
    watch: Watch
    direct: Callable[[bytes], Answering | None] = lambda target: None
    upgrades: Upgrades | None = None

    def takes_up(self, scope: Scope) -> bool:
        """Whether an upgrade is taken up."""
        return self.upgrades is not None and self.upgrades.takes_up(scope)

    def request(self, connection: Connection, scope: Scope, *, keep_alive: bool, plain: bool) -> Request:
        """A request whose head has come; one that is `plain` asks for no upgrade and waits for no other's answer."""
        head: Head = scope["headers"]
        expects = (head.last(b"expect") or b"").lower() == b"100-continue"
        answering = self.direct(scope["extensions"][TARGET])
        if answering is not None and plain and not expects and self._in_one_piece(scope, head):
            return Exchange(connection, scope, answering, self.watch.bodies, keep_alive=keep_alive)
        scope["type"] = "http"
        scope["asgi"] = {"version": "3.0", "spec_version": "2.3"}
        scope["root_path"] = ""
        scope["server"] = address(connection.transport, "sockname")
        scope["state"] = dict(connection.state)
        return Cycle(connection, self.app, scope, keep_alive=keep_alive, expects=expects)

    def _in_one_piece(self, scope: Scope, head: Head) -> bool:
        """Whether its body has a bounded length, and its answer can be written whole."""
        length = head.last(b"content-length") or b"0"
        return (
            scope["method"] != "HEAD"
            and not head.has(b"transfer-encoding")
            and len(length) < 10
            and int(length) <= self.watch.limits.body
        )


def asked(target: bytes, method: str, version: str, head: Head, client: tuple[str, int] | None) -> dict[str, Any]:
    """A request as our own endpoints read it: ASGI's words, without those that they do not ask for."""
    raw, _, query = target.partition(b"?")
    path = raw.decode("ascii")
    return {
        "method": method, "http_version": version, "path": unquote(path) if "%" in path else path, "raw_path": raw,
        "query_string": query, "headers": head, "client": client, "scheme": "http", "extensions": {TARGET: target},
    }  # fmt: skip


def address(transport: asyncio.Transport, name: str) -> tuple[str, int] | None:
    """The `peername` or `sockname` of a connection, if it has one."""
    found = transport.get_extra_info(name)
    return found[:2] if isinstance(found, tuple) else None
