"""A gate that really runs: a server on a loopback port, simulators behind it, an audit folder on disk."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

import gatekeeper
from gatekeeper.audit.read import find, records
from gatekeeper.policy.load import parse_policy
from gatekeeper.shells.server import sidecar
from gatekeeper.testing import Simulators
from tests.builders import policy_data

API_KEY = "server-to-server-key-5f0c3a9d71e24b68"
ADMIN_TOKEN = "admin-token-7d2b9c40e1f35a86b0"
ADMIN = {"env": "GATEKEEPER_ADMIN"}  # of `server.admin_token`
ORIGIN = "https://shop.example"


class Running:
    """One running gate, and what tests ask of it."""

    def __init__(self, url: str, runtime, sims: Simulators) -> None:
        self.url = url
        self.runtime = runtime
        self.sims = sims
        self.http = httpx.Client(trust_env=False, base_url=url)

    def post(self, event: Any = None, *, content: bytes | None = None, headers=None) -> httpx.Response:
        """POST to /gk/collect."""
        if content is not None:
            return self.http.post("/gk/collect", content=content, headers=headers)
        return self.http.post("/gk/collect", json=event, headers=headers)

    def record(self, answer: httpx.Response, n: int = 0) -> dict[str, Any]:
        """The finished record of an accepted event."""
        assert answer.status_code == 202, answer.text
        request_id = answer.json()["request_ids"][n]
        return self.finished(request_id)

    def finished(self, request_id: str) -> dict[str, Any]:
        """The record of a request once every delivery has ended."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            for found in find(self.runtime.policy.audit_folder, request_id):
                if all(d["status"] != "pending" for d in found["deliveries"]):
                    return found
            time.sleep(0.01)
        raise AssertionError("the deliveries did not end in time")

    def lines(self) -> list[dict[str, Any]]:
        """Every line of the log."""
        return list(records(self.runtime.policy.audit_folder))

    def statuses(self, record: dict[str, Any]) -> dict[str, str]:
        """Destination -> status, or the reason if blocked."""
        return {d["destination"]: d.get("reason") or d["status"] for d in record["deliveries"]}


def tables(folder: Path, sims: Simulators, **more: Any) -> dict[str, Any]:
    """A policy whose vendors are the simulators; `destinations` makes more of them out of the simulators."""
    return policy_data(
        audit={"path": str(folder / "audit")} | more.pop("audit", {}),
        keys={"path": str(folder / "keys")},
        storage={"url": f"sqlite:///{folder}/gatekeeper.db"},
        server={"api_keys": [API_KEY], "origins": [ORIGIN]} | more.pop("server", {}),
        destinations={
            "ga4": {"kind": "ga4", "measurement_id": "G-TEST", "api_secret": "s3cret", "endpoint": sims.ga4.url},
            "meta_capi": {
                "kind": "meta_capi", "pixel_id": "123", "access_token": "t0ken", "endpoint": sims.meta_capi.url,
            },
            "errors": {"kind": "sentry", "dsn": sims.sentry.dsn()},
            "own": {"kind": "first_party", "endpoint": sims.first_party.url + "/events"},
        }
        | more.pop("destinations", lambda sims: {})(sims),
        **more,
    )  # fmt: skip


def shop() -> Starlette:
    """An app to wrap: it tracks a purchase in a view."""

    def buy(request):
        return PlainTextResponse(str(gatekeeper.track("purchase", session_id="s_1", order_value=10)))

    async def buy_async(request):
        return PlainTextResponse(str(gatekeeper.track("purchase", session_id="s_1", order_value=10)))

    return Starlette(routes=[Route("/buy", buy), Route("/buy-async", buy_async)])


@contextmanager
def running(shell: str, folder: Path, **more: Any) -> Iterator[Running]:
    """The sidecar or a wrapped app, served by uvicorn from a thread."""
    with Simulators() as sims:
        policy = parse_policy(tables(folder, sims, **more), environ={ADMIN["env"]: ADMIN_TOKEN})
        if shell == "sidecar":
            app: Any = sidecar.Sidecar(policy)
        else:
            app = gatekeeper.GatekeeperMiddleware(shop(), config=policy)
        listener = sidecar.listen("127.0.0.1", 0)
        server = sidecar.server(app)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        up = Running(f"http://127.0.0.1:{listener.getsockname()[1]}", app.runtime, sims)
        try:
            with up.http:
                yield up
        finally:
            server.should_exit = True
            thread.join()
            listener.close()
