"""The browser's opt-out signal, Global Privacy Control: the site's resource, and whether a request's is honoured."""

from __future__ import annotations

from datetime import UTC, datetime

from gatekeeper.gate import Gate
from gatekeeper.model import Caller
from gatekeeper.shells.asgi import Header, Headers, Read, Reply, Scope, json_reply, lowered
from gatekeeper.shells.asgi.caller import identify
from gatekeeper.signals import gpc, header_values

GPC_RESOURCE = "/.well-known/gpc.json"
# By which a page can show that the opt-out signal was processed (California: 11 CCR 7025(c)(6), since 2026).
HONOURED: Header = (b"gatekeeper-opt-out", b"honoured; signal=sec-gpc")


class OptOut:
    """What one policy says of the signal."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        path = gate.policy.path
        written = path.stat().st_mtime if path is not None and path.exists() else gate.clock()
        self._updated = datetime.fromtimestamp(written, UTC).date().isoformat()

    async def reply(self, scope: Scope, headers: Headers, read: Read) -> Reply:
        """`GET /.well-known/gpc.json`: this site honours the signal (w3c/gpc, "GPC Support Resource")."""
        lasting = ((b"cache-control", b"max-age=3600"),)
        return json_reply(200, {"gpc": True, "lastUpdate": self._updated}, lasting)

    def honours(self, scope: Scope) -> bool:
        """Whether this request carries a browser's opt-out signal, and this policy honours it there."""
        headers = lowered(scope)
        return headers.has(b"sec-gpc") and self.honours_for(headers, identify(scope, headers, self._gate))

    def honours_for(self, headers: Headers, caller: Caller) -> bool:
        """The same for a caller who is known already."""
        if not gpc.read(header_values(headers, b"sec-gpc")):
            return False
        if self._gate.policy.file.consent.gpc == "everywhere":
            return True
        return self._gate.consent_of(caller, self._gate.clock()).gpc_honoured
