"""What the admin API and the console have in common: a token's rate, and the office of who bears it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final, TypeVar

from gatekeeper.gate import Gate
from gatekeeper.installation import forks
from gatekeeper.rights.office import Office
from gatekeeper.runtime import Runtime

R = TypeVar("R")
RATE: Final = 10.0  # requests a second of one token, in each process


class Rate:
    """How often each token may ask. Bounded by the tokens of the policy."""

    def __init__(self) -> None:
        self._left: dict[str, tuple[float, float]] = {}  # token's name -> requests left, and as of when
        self._lock = forks.Guard()

    def over(self, name: str, now: float) -> int:
        """After how many seconds a token may ask again; 0: now."""
        with self._lock:
            left, since = self._left.get(name, (RATE, now))
            left = min(RATE, left + (now - since) * RATE)
            self._left[name] = max(left - 1.0, 0.0), now
            return 0 if left >= 1.0 else 1


def office_of(runtime: Runtime, gate: Gate, name: str) -> Office:
    """The office of who bears a token, by its name."""
    return Office(
        name, gate.policy, gate.keys, runtime.store, gate.recorder, time.time, runtime.erasing.erasures.of_person,
        runtime.machine,
    )  # fmt: skip


def parts_of(pattern: str, path: str) -> tuple[str, ...] | None:
    """The variable parts of a path that a pattern fits."""
    wanted, given = pattern.split("/"), path.split("/")
    if len(wanted) != len(given):
        return None
    pairs = [*zip(wanted, given, strict=True)]
    if any(one not in ("{}", other) or not other for one, other in pairs):
        return None
    return tuple([other for one, other in pairs if one == "{}"])


async def beside(act: Callable[[], R]) -> R:
    """Do what waits for a disk or a log in a thread of its own."""
    return await asyncio.get_running_loop().run_in_executor(None, act)
