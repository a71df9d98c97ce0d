"""How much is done, with which chance, and where the figures go.

`make torture` sets TORTURE=full; without it every check runs in a short form. SEED repeats a run.
"""

from __future__ import annotations

import json
import os
import random
import secrets
from pathlib import Path

FULL = os.environ.get("TORTURE") == "full"
SEED = int(os.environ.get("SEED") or (secrets.randbelow(1_000_000) if FULL else 1))


def at_most(seconds: float) -> float:
    """The bound in the long run, on a machine with nothing else to do; the short form runs beside other tests."""
    return seconds if FULL else seconds + 6.5


IN_TIME = at_most(3.5)  # seconds for an answer, of three


def chance(of: str) -> random.Random:
    """The same numbers for the same seed and check."""
    print(f"SEED={SEED} ({of})")
    return random.Random(f"{SEED} {of}")


def figure(check: str, *, cases: int, broken: int, seconds: float, **more: object) -> None:
    """Keep what was found out, for docs/reliability.md."""
    path = os.environ.get("TORTURE_FIGURES")
    if path:
        line = {"check": check, "cases": cases, "broken": broken, "seconds": round(seconds, 1), "seed": SEED} | more
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
