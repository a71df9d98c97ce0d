"""How much is done, with which chance, and where the figures go.

`make torture` sets TORTURE=full; without it every check runs in a short form. SEED repeats a run.
"""

from __future__ import annotations

import json
import os
import random
import secrets
from pathlib import Path

IN_TIME = 10.0  # seconds for an answer: three that a gate takes at most, and what a machine under load takes besides
FULL = os.environ.get("TORTURE") == "full"
SEED = int(os.environ.get("SEED") or (secrets.randbelow(1_000_000) if FULL else 1))


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
