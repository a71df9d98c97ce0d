"""The console of one policy: its pages, who may look at it, and what a page works with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, TypeVar

from gatekeeper.console.page import Desk, Page, Stream
from gatekeeper.console.pages import PAGES, STREAMS
from gatekeeper.errors import EventError
from gatekeeper.gate import Gate
from gatekeeper.memory import Memory
from gatekeeper.policy.compiled import Admin
from gatekeeper.runtime import Runtime
from gatekeeper.runtime.limits import Bucket
from gatekeeper.shells.admin.admitted import Rate, office_of, parts_of
from gatekeeper.shells.console.seats import LOOKS, Seats
from gatekeeper.shells.console.seats import STREAMS as LASTING

LOGINS: Final = 10.0  # a minute from one network, in each process
NETWORKS: Final = 1_024  # that are remembered for it
R = TypeVar("R")


class House:
    """What every visit to the console shares."""

    def __init__(
        self,
        runtime: Runtime,
        gate: Gate,
        rate: Rate,
        pages: Iterable[Page] = PAGES,
        streams: Iterable[Stream] = STREAMS,
    ) -> None:
        self._runtime = runtime
        self._logins = Memory[Bucket](entries=NETWORKS, each=256)
        self.gate, self.rate = gate, rate
        self.pages = tuple(pages)
        self.streams: Mapping[str, Stream] = {one.path: one for one in streams}
        self.seats, self.looks = Seats(LASTING), Seats(LOOKS)

    def there(self, rest: str) -> list[tuple[Page, tuple[str, ...]]]:
        """The pages of a path, one for each method, with its variable parts. A literal path goes before a variable."""
        fitting = [(page, parts) for page in self.pages if (parts := parts_of(page.path, rest)) is not None]
        fewest = min((len(parts) for _, parts in fitting), default=0)
        return [(page, parts) for page, parts in fitting if len(parts) == fewest]

    def navigation(self, admin: Admin) -> list[Page]:
        """The pages of the navigation that a token may see."""
        return [one for one in self.pages if one.nav and one.may in admin.may]

    def first(self, admin: Admin) -> str:
        """The first page that a token may see. Raises EventError if there is none."""
        rows = self.navigation(admin)
        if not rows:
            raise EventError(403, "your token may see no page")
        return rows[0].path

    def desk(self, who: str) -> Desk:
        """What a page works with."""
        runtime = self._runtime
        return Desk(
            office_of(runtime, self.gate, who), runtime.erasing.erasures, runtime.health.problems,
            runtime.health.notes, runtime.scrape,
        )  # fmt: skip

    def wait_for_login(self, network: bytes, now: float) -> int:
        """After how many seconds a network may try to log in again; 0: now, and the try counts."""
        bucket = self._logins.get(network)
        if bucket is None:
            bucket = Bucket(LOGINS, now)
            self._logins.put(network, bucket)
        wait = bucket.wait(LOGINS, now)
        if not wait:
            bucket.take(1)
        return int(wait) + 1 if wait else 0
