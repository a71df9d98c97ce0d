"""What requests are served by: one frozen object per policy. A reload swaps it by one assignment, from any thread."""

from __future__ import annotations

from dataclasses import dataclass

from gatekeeper.gate import Gate
from gatekeeper.runtime import Runtime
from gatekeeper.shells.asgi.endpoints import Endpoints
from gatekeeper.shells.asgi.relay import Relay
from gatekeeper.shells.server.watch import Limits, limits


@dataclass(frozen=True, slots=True)
class Serving:
    """A gate and what was made for it. A request that has begun ends by the one it began with."""

    gate: Gate
    endpoints: Endpoints
    prefix: str  # of our endpoints, with a slash behind it
    raw_prefix: bytes
    raw_admin: bytes  # of the admin API and the console
    max_body: int  # bytes
    limits: Limits


class Current:
    """What is in force. Shells ask for `now` once per request."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self.relay = Relay(runtime.gate.recorder, runtime.limits, runtime.beside)
        self.now = self._serving(runtime.gate)
        runtime.watch(self._swap)

    def _swap(self, gate: Gate) -> None:
        self.now = self._serving(gate)

    def _serving(self, gate: Gate) -> Serving:
        prefix = gate.policy.prefix + "/"
        endpoints = Endpoints(self._runtime, gate, self.relay)
        return Serving(
            gate, endpoints, prefix, prefix.encode(), f"{prefix}admin".encode(), gate.policy.file.server.max_body,
            limits(gate.policy),
        )  # fmt: skip
