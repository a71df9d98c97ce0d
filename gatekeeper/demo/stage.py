"""The demo's stage: simulators, a policy that points at them, and a shop wrapped by the gate, in one process."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final

from gatekeeper.demo import history
from gatekeeper.demo.board import Board
from gatekeeper.demo.history import Told
from gatekeeper.demo.known import Known
from gatekeeper.demo.shop import shop
from gatekeeper.demo.visitor import Visitors
from gatekeeper.installation import ids
from gatekeeper.policy import Policy, load_policy
from gatekeeper.runtime import Runtime
from gatekeeper.shells.asgi.middleware import GatekeeperMiddleware
from gatekeeper.shells.server import sidecar
from gatekeeper.testing import Simulators

VENDOR_SECRET: Final = {"GATEKEEPER_DEMO_SECRET": "demo-secret"}
SEED: Final = 2026


@dataclass(frozen=True, slots=True)
class Stage:
    """What is up: the shop's URL, the gate's base URL, its runtime, the simulators and the policy file.

    `token` is that of the console, of this start alone; `past` is what was made up before it.
    """

    shop: str
    url: str
    runtime: Runtime
    simulators: Simulators
    policy_path: Path
    token: str
    past: Told | None

    @property
    def console(self) -> str:
        """The address of the console."""
        return f"{self.url}/admin/"


@contextmanager
def stage(folder: Path, port: int = 0, *, minutes: float = 0, seed: int = SEED) -> Iterator[Stage]:
    """Bring everything up in `folder`; take it down again. Raises ConfigError if the port is in use.

    Before that, so many `minutes` of visitors are made up by a `seed`, as far as the log there does not have them.
    """
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
        token = secrets.token_hex(32)
        environ = VENDOR_SECRET | {"GATEKEEPER_DEMO_ADMIN": token}
        policy = load_policy(path, environ=environ)
        past = _past(policy, minutes, seed, environ) if minutes else None
        site = f"http://127.0.0.1:{places['port']}"
        known = Known(f"{policy.prefix}/collect")
        board = Board(policy, simulators, since=ids.request_id(time.time()), known=known)
        visitors = Visitors()
        app = GatekeeperMiddleware(shop(board, visitors), config=policy)
        server = sidecar.server(visitors.before(known.before(app)))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="gatekeeper-demo")
        thread.start()
        try:
            yield Stage(f"{site}/", f"{site}{policy.prefix}", app.runtime, simulators, path, token, past)
        finally:
            server.should_exit = True
            thread.join()
            listener.close()


def _past(policy: Policy, minutes: float, seed: int, environ: Mapping[str, str]) -> Told | None:
    """Make up what the log does not have of the last minutes; `None` if it has all of them."""
    end = time.time() - 1
    begin = history.since(policy, end, minutes)
    return None if begin is None else history.make(policy, begin=begin, end=end, seed=seed, environ=environ)
