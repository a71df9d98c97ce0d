"""The demo's stage: simulators, a policy that points at them, and a shop wrapped by the gate, in one process."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from gatekeeper.demo.board import Board
from gatekeeper.demo.known import Known
from gatekeeper.demo.shop import shop
from gatekeeper.demo.visitor import Visitors
from gatekeeper.installation import ids
from gatekeeper.policy import load_policy
from gatekeeper.runtime import Runtime
from gatekeeper.shells.asgi.middleware import GatekeeperMiddleware
from gatekeeper.shells.server import sidecar
from gatekeeper.testing import Simulators

SECRETS = {"GATEKEEPER_DEMO_SECRET": "demo-secret"}


@dataclass(frozen=True, slots=True)
class Stage:
    """What is up: the shop's URL, the gate's base URL, its runtime, the simulators and the policy file."""

    shop: str
    url: str
    runtime: Runtime
    simulators: Simulators
    policy_path: Path


@contextmanager
def stage(folder: Path, port: int = 0) -> Iterator[Stage]:
    """Bring everything up in `folder`; take it down again. Raises ConfigError if the port is in use."""
    listener = sidecar.listen("127.0.0.1", port)
    folder.mkdir(parents=True, exist_ok=True)
    with Simulators(only=("ga4", "meta_capi", "tiktok", "sentry", "first_party")) as simulators:
        places = {simulator_name: simulators[simulator_name].url for simulator_name in simulators.names}
        places |= {"sentry_dsn": simulators.sentry.dsn(), "port": str(listener.getsockname()[1])}
        text = resources.files("gatekeeper.demo").joinpath("policy.toml").read_text("utf-8")
        for name, value in places.items():
            text = text.replace("{{" + name + "}}", value)
        path = folder / "gatekeeper.toml"
        path.write_text(text, "utf-8")
        policy = load_policy(path, environ=SECRETS)
        site = f"http://127.0.0.1:{places['port']}"
        known = Known(f"{policy.prefix}/collect")
        board = Board(policy, simulators, since=ids.request_id(time.time()), known=known)
        visitors = Visitors()
        app = GatekeeperMiddleware(shop(board, visitors), config=policy)
        server = sidecar.server(visitors.before(known.before(app)))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="gatekeeper-demo")
        thread.start()
        try:
            yield Stage(f"{site}/", f"{site}{policy.prefix}", app.runtime, simulators, path)
        finally:
            server.should_exit = True
            thread.join()
            listener.close()
