"""Checkpoints are put where a person who changes the log cannot reach them: to the anchor, and to an authority.

Each is a task for the log's chores. Nothing waits for them, and what fails is known until it is done again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from gatekeeper.audit import chores
from gatekeeper.audit.authority import Authority


class Outside:
    """The places, and which of them did not take the last checkpoint; `changed` is called when that changes."""

    def __init__(
        self, anchor: str | None, base: Path, authority: Authority | None, changed: Callable[[], None]
    ) -> None:
        self._anchor = anchor
        self._base = base
        self._authority = authority
        self._changed = changed
        self._failing: set[str] = set()

    @property
    def failing(self) -> bool:
        """Whether one of them did not take it."""
        return bool(self._failing)

    def tasks(self, line: bytes) -> Iterator[Callable[[], None]]:
        """What is to be done with a checkpoint's line. A task may raise any error."""
        if self._anchor is not None:
            yield partial(self._put, self._anchor, line)
        if self._authority is not None:
            yield partial(self._authority.put, line, partial(self._tell, "stamp"))

    def _put(self, anchor: str, line: bytes) -> None:
        try:
            chores.anchor(anchor, self._base, line)
        except Exception:
            self._tell("anchor", False)
            raise
        self._tell("anchor", True)

    def _tell(self, what: str, done: bool) -> None:
        if done == (what in self._failing):
            (self._failing.discard if done else self._failing.add)(what)
            self._changed()
