"""Where addresses are on the map: the look-up that `jurisdiction.place.locate` is given.

    locations = Locations()                 the bundled database, or Locations(Path("var/geoip.mmdb"))
    locations("2.125.160.216")          →   Found("GB", "ENG")

A new file at the path is picked up without a restart: at most every 30 seconds a look-up also looks at the
file's time, inode and size. A new file that is bad, foreign or older than the one in use is left alone, and
`problem` says why. Without a usable file every answer is `None`, and the strictest law applies.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

from gatekeeper.geoip.database import Database, DatabaseError
from gatekeeper.model import Found

POLL_SECONDS = 30.0

_Stamp = tuple[int, int, int] | None


def bundled() -> Path:
    """The database that ships with Gatekeeper: in the wheel, or `geoip/` of a source tree."""
    packaged = Path(str(files("gatekeeper.geoip"))) / "locations.mmdb"
    return packaged if packaged.exists() else packaged.parents[2] / "geoip" / "locations.mmdb"


class Locations:
    """A location database that follows its file. Call it with an address. Safe between threads."""

    def __init__(self, path: Path | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        """`path` defaults to the bundled database; `clock` gives seconds that never go back. Never raises."""
        self.path = bundled() if path is None else path
        self.problem: str | None = None
        self._clock = clock
        self._database: Database | None = None
        self._stamp: _Stamp = (0, 0, 0)
        self._next = clock() + POLL_SECONDS
        self._follow()

    def __call__(self, address: str) -> Found | None:
        """What is known of an address in canonical spelling; `None` for nothing, never an error."""
        now = self._clock()
        if now >= self._next:
            self._next = now + POLL_SECONDS
            self._follow()
        database = self._database
        return None if database is None else database.found(address)

    def _follow(self) -> None:
        stamp = self._look()
        if stamp == self._stamp:
            return
        try:
            fresh = Database(self.path)
        except DatabaseError as fault:
            self._refuse(stamp, str(fault))
            return
        if self._look() != stamp:  # being written to: look again later
            return
        if self._database is not None and fresh.epoch < self._database.epoch:
            self._refuse(stamp, "it is older than the one in use")
            return
        self._database, self._stamp, self.problem = fresh, stamp, None

    def _refuse(self, stamp: _Stamp, why: str) -> None:
        self._stamp = stamp
        kept = "every place is unknown" if self._database is None else "the one before stays in use"
        self.problem = f'location database "{self.path}": {why}; {kept}'

    def _look(self) -> _Stamp:
        try:
            seen = self.path.stat()
        except OSError:
            return None
        return seen.st_mtime_ns, seen.st_ino, seen.st_size
