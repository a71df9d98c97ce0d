"""How far a command is that reads the log."""

from __future__ import annotations

import sys
import time

from rich.console import Console

from gatekeeper.counting import counted

_OFTEN = 1.0  # seconds between two words on how far it is


class Progress:
    """Says how far the log was read, on standard error: on a terminal in one line, else in a line each ten seconds."""

    def __init__(self) -> None:
        self._began = self._told = time.monotonic()
        self._console = Console(stderr=True, highlight=False)

    def __call__(self, part: float, count: int) -> None:
        """How much of it (0 to 1), and how many decisions that were."""
        at, terminal = time.monotonic(), sys.stderr.isatty()
        if at - self._told < (_OFTEN if terminal else 10 * _OFTEN):
            return
        self._told = at
        rate = count / (at - self._began)
        self._console.print(
            f"{part:.0%} of the log, {counted(count, 'decision')}, {rate:,.0f} a second", end="\r" if terminal else "\n"
        )
