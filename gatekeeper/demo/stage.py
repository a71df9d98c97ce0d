"""The demo's stage: simulators, a policy that points at them, and the sidecar, in one process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from gatekeeper.policy import load_policy
from gatekeeper.runtime import Runtime
from gatekeeper.shells import sidecar
from gatekeeper.testing import Simulators

SECRETS = {"GATEKEEPER_DEMO_SECRET": "demo-secret"}


@dataclass(frozen=True, slots=True)
class Stage:
    """What is up: the gate's base URL, its runtime, the simulators and the policy file."""

    url: str
    runtime: Runtime
    simulators: Simulators
    policy_path: Path


@contextmanager
def stage(folder: Path, port: int = 0) -> Iterator[Stage]:
    """Bring everything up in `folder`; take it down again. Raises ConfigError if the port is in use."""
    listener = sidecar.listen("127.0.0.1", port)
    folder.mkdir(parents=True, exist_ok=True)
    with Simulators(only=("ga4", "meta_capi", "sentry", "first_party")) as simulators:
        places = {simulator_name: simulators[simulator_name].url for simulator_name in simulators.names}
        places |= {"sentry_dsn": simulators.sentry.dsn(), "port": str(listener.getsockname()[1])}
        text = resources.files("gatekeeper.demo").joinpath("policy.toml").read_text("utf-8")
        for name, value in places.items():
            text = text.replace("{{" + name + "}}", value)
        path = folder / "gatekeeper.toml"
        path.write_text(text, "utf-8")
        app = sidecar.Sidecar(load_policy(path, environ=SECRETS))
        server = sidecar.server(app)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="gatekeeper-demo")
        thread.start()
        try:
            yield Stage(f"http://127.0.0.1:{places['port']}{app.runtime.policy.prefix}", app.runtime, simulators, path)
        finally:
            server.should_exit = True
            thread.join()
            listener.close()
