"""Which vendors are failing: said by the process that delivers, read by all others. A small file beside the database.

It is a notice, not a record: not synced, replaced as a whole, and what cannot be written or read is left out.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Final

import orjson

from gatekeeper.storage.outbox import Trouble
from gatekeeper.storage.owners import folder

NAME: Final = "failing.json"


class Troubles:
    """One database's."""

    def __init__(self, database: Path) -> None:
        self._path = folder(database) / NAME
        self._said: dict[str, Trouble] = {}

    def say(self, destination: str, trouble: Trouble | None) -> None:
        """Say that a vendor is failing, or (`None`) that it works again."""
        if trouble is None:
            self._said.pop(destination, None)
        else:
            self._said[destination] = trouble
        self._write()

    def forget(self) -> None:
        """Begin with no trouble, whatever another process said."""
        self._said.clear()
        self._write()

    def read(self) -> dict[str, Trouble]:
        """What the process that delivers said last."""
        try:
            return {
                name: Trouble(float(since), str(why))
                for name, (since, why) in orjson.loads(self._path.read_bytes()).items()
            }
        except (OSError, ValueError, TypeError, AttributeError):
            return {}

    def _write(self) -> None:
        fresh = self._path.with_suffix(".new")
        with contextlib.suppress(OSError):
            if not self._said:
                self._path.unlink(missing_ok=True)
                return
            self._path.parent.mkdir(parents=True, exist_ok=True)
            fresh.write_bytes(orjson.dumps({name: [*said] for name, said in self._said.items()}))
            fresh.replace(self._path)
