"""The ends of streams are kept a second time, outside the log's folder: see `gatekeeper.storage.heads`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from gatekeeper.audit.segments import Head


class Heads(Protocol):
    """Where they are kept. `every`: seconds after which they are kept again, where other machines sign them, too."""

    every: float | None

    def keep(self, heads: Sequence[Head]) -> None:
        """Keep how far streams are; a stream that is known goes on. May raise any error: it is tried again later."""

    def read(self) -> list[Head]:
        """The last known end of every stream of this machine. Raises StorageError."""

    def others(self) -> list[tuple[str, Head]]:
        """The ends of other machines' logs, each with the log's name. Raises StorageError."""
