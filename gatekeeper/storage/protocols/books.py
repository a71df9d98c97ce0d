"""What metrics and `readyz` ask of a store: how many rows wait and have ended, and whether it works."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Protocol

from gatekeeper.storage.outbox import Count, Standing, Trouble


class Books(Protocol):
    """What is known of all rows, and of the store itself."""

    @property
    def place(self) -> Path | None:
        """The file on this machine that must stay writable; `None` for an engine that is elsewhere."""

    def count(self) -> Mapping[str, Count]:
        """Every destination's books, read in one consistent look. Raises StorageError."""

    def troubles(self) -> Mapping[str, Trouble]:
        """The destinations whose vendors are failing, as far as the deliverer said so, in whichever process it is."""

    def idle(self) -> bool:
        """Whether every row has ended and every line is written. Raises StorageError."""

    def failing(self) -> str | None:
        """What is wrong with the store, in a few words; `None` if the last commit went well."""

    def standing(self) -> Standing | None:
        """How the engine itself stands; `None` for one on this machine. Raises StorageError."""

    def try_again(self) -> Future[None]:
        """Commit nothing: whether the store works now."""
