"""`gatekeeper bench`. The harness is `benchmarks/` in a checkout and `gatekeeper/bench/` in an installed copy."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path

from gatekeeper.errors import ConfigError


def run(scenarios: list[str], out: Path, compare: Path | None, quick: bool, soak: float, as_json: bool) -> None:
    """Run the harness, wherever it is. Raises ConfigError without one."""
    for name in ("gatekeeper.bench", "benchmarks"):
        if importlib.util.find_spec(name) is not None:
            command = importlib.import_module(f"{name}.command")
            command.main(scenarios=scenarios, out=out, compare=compare, quick=quick, soak=soak, as_json=as_json)
            return
    raise ConfigError("the harness is not in this copy of gatekeeper: install it from a wheel")
