"""Where tests start gates and the servers around them: in a thread, or as a process of its own. Loopback only.

`running` is a gate of this process with simulators behind it; `serving.py` of the shells is `gatekeeper serve` as a
process, which can be killed. Both, and every app on a server of its own, start by what stands here.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn
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


def free_port() -> int:
    """A port that no server has at this moment."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def until(what: Callable[[], object], folder: Path, seconds: float = 90.0) -> None:
    """Wait for it, or show what the server of this folder said."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, (folder / "stderr").read_text()[-2000:]
        time.sleep(0.02)


def answers(url: str) -> bool:
    """Whether a server is up there, and has no fault."""
    try:
        return httpx.get(url, trust_env=False, timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def begun(
    words: Sequence[str], folder: Path, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> subprocess.Popen[bytes]:
    """This Python with these words, as a process; what it says is added to the folder's `stderr`."""
    with (folder / "stderr").open("ab") as said:
        return subprocess.Popen(
            [sys.executable, *words], env=os.environ | (env or {}), cwd=cwd, stdout=said, stderr=said
        )


def ended(process: subprocess.Popen[bytes], seconds: float = 40.0) -> int:
    """Its exit code after SIGTERM; it is killed if it does not end in time."""
    process.send_signal(signal.SIGTERM)
    try:
        return process.wait(seconds)
    finally:
        process.kill()
        process.wait()


@contextmanager
def process(words: Sequence[str], folder: Path, **more: Any) -> Iterator[subprocess.Popen[bytes]]:
    """The process of `begun`, until the block ends; its `returncode` is there afterwards."""
    one = begun(words, folder, **more)
    try:
        yield one
    finally:
        ended(one)


@contextmanager
def threaded(server: uvicorn.Server) -> Iterator[str]:
    """The server in a thread; its host and port."""
    listener = sidecar.listen("127.0.0.1", 0)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


@contextmanager
def by_uvicorn(app: Any, **options: Any) -> Iterator[str]:
    """An app on a plain uvicorn, as apps run it; its host and port."""
    with threaded(uvicorn.Server(uvicorn.Config(app, log_config=None, **options))) as at:
        yield at


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
        deadline = time.monotonic() + 60
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
        with threaded(sidecar.server(app)) as at:
            up = Running(f"http://{at}", app.runtime, sims)
            with up.http:
                yield up
