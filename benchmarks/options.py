"""What a run is asked to do. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from gatekeeper.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Options:
    """How long, how often, what, and where to. `seconds` is one window's; `micro_seconds` one round's in process."""

    scenarios: tuple[str, ...] = ()  # all, if none is named
    out: Path = Path()
    compare: Path | None = None
    quick: bool = False
    rounds: int = 5
    seconds: float = 3.0
    micro_seconds: float = 0.5
    warm_seconds: float = 2.0  # of load before anything counts
    paced_seconds: float = 5.0
    paced_rounds: int = 3
    connections: int = 64
    depths: tuple[int, ...] = (10, 1_000, 10_000, 100_000)
    concurrency: tuple[int, ...] = (1, 4, 16, 64, 256)
    destinations: tuple[int, ...] = (1, 2, 4, 8, 16)
    soak: float = 0.0  # minutes of load after which the memory is looked at; none unless asked for
    tries: int = 3  # windows that neighbours disturbed are measured again, up to so often

    def hurried(self) -> Options:
        """The same under two minutes."""
        return replace(
            self, quick=True, rounds=2, seconds=0.4, warm_seconds=0.8, micro_seconds=0.05, paced_seconds=1.0,
            paced_rounds=1, connections=32, depths=(10, 1_000, 5_000), concurrency=(1, 8, 64), destinations=(1, 4, 16),
            tries=1,
        )  # fmt: skip


def checked(options: Options, known: tuple[str, ...]) -> Options:
    """The same. Raises ConfigError, with the value, for what cannot be run."""
    for name in options.scenarios:
        if name not in known:
            raise ConfigError(f"{name!r} is not a scenario; use one of {', '.join(known)}")
    if not options.out.is_dir():
        raise ConfigError(f"--out: {options.out} is not a folder")
    return options
