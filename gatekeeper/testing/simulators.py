"""All vendors at once: one thread, one asyncio loop, a loopback port for each vendor.

A newcomer is a module with the names of `vendor.Vendor`, a place in `VENDORS` and a property of `Simulators`.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import Future
from types import TracebackType

from gatekeeper.testing import deletions, first_party, ga4, google, http_json, meta, sentry, tiktok
from gatekeeper.testing.simulator import Simulator
from gatekeeper.testing.vendor import Vendor

VENDORS: tuple[Vendor, ...] = (ga4, meta, google, tiktok, sentry, first_party, http_json, deletions)


def _fresh(vendor: Vendor) -> Vendor:
    """The vendor, or one of its own for these simulators where it remembers what it was asked."""
    make: Callable[[], Vendor] = getattr(vendor, "fresh", lambda: vendor)
    return make()


class Simulators:
    """Vendor simulators on 127.0.0.1; a context manager that starts and stops them.

    `only` names the kinds to start (all by default), `ports` gives some of them a fixed port, `clock` is the
    time by which they judge an event's age (Unix seconds): a test of recorded events passes its own.
    Raises ValueError for an unknown kind, OSError (on entering) for a port that is taken.
    """

    def __init__(
        self,
        only: Collection[str] | None = None,
        ports: Mapping[str, int] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        kinds = {vendor.KIND for vendor in VENDORS}
        for name in [*(only or ()), *(ports or ())]:
            if name not in kinds:
                raise ValueError(f"{name!r} is not a simulator; there are {', '.join(sorted(kinds))}")
        self._simulators = {
            vendor.KIND: Simulator(_fresh(vendor), clock, (ports or {}).get(vendor.KIND, 0))
            for vendor in VENDORS
            if only is None or vendor.KIND in only
        }
        self._thread: threading.Thread | None = None
        self._stop: Callable[[], object] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The kinds that are simulated, in a fixed order."""
        return tuple(self._simulators)

    def __getitem__(self, name: str) -> Simulator:
        return self._simulators[name]

    def _named(self, name: str) -> Simulator:
        if name not in self._simulators:
            raise AttributeError(f"{type(self).__name__} has no {name!r}: it is not in `only`", name=name, obj=self)
        return self._simulators[name]

    @property
    def ga4(self) -> Simulator:
        """Google Analytics 4."""
        return self._named("ga4")

    @property
    def meta_capi(self) -> Simulator:
        """Meta's Conversions API."""
        return self._named("meta_capi")

    @property
    def google_ads(self) -> Simulator:
        """Google Ads and Data Manager."""
        return self._named("google_ads")

    @property
    def tiktok(self) -> Simulator:
        """TikTok's Events API."""
        return self._named("tiktok")

    @property
    def sentry(self) -> Simulator:
        """Sentry."""
        return self._named("sentry")

    @property
    def first_party(self) -> Simulator:
        """The operator's own analytics."""
        return self._named("first_party")

    @property
    def http_json(self) -> Simulator:
        """A generic HTTP endpoint."""
        return self._named("http_json")

    @property
    def deletions(self) -> Simulator:
        """The deletion interfaces of all vendors."""
        return self._named("deletions")

    def __iter__(self) -> Iterator[Simulator]:
        return iter(self._simulators.values())

    def __len__(self) -> int:
        return len(self._simulators)

    def clear(self) -> None:
        """Forget what all of them received and were told to do."""
        for simulator in self:
            simulator.clear()

    def __enter__(self) -> Simulators:
        """Start listening; when this returns, every `url` answers."""
        if self._thread is not None:
            raise RuntimeError("these simulators are running already")
        started: Future[Callable[[], object]] = Future()
        thread = threading.Thread(target=self._main, args=(started,), name="gatekeeper-simulators", daemon=True)
        thread.start()
        try:
            self._stop = started.result()
        except Exception:
            thread.join()
            raise
        self._thread = thread
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every connection and port, and end the thread. What was received stays readable."""
        if self._thread is not None and self._stop is not None:
            self._stop()
            self._thread.join()
        self._thread = self._stop = None

    def _main(self, started: Future[Callable[[], object]]) -> None:
        """The thread: whatever keeps the loop from starting is the caller's to know."""
        try:
            asyncio.run(self._run(started))
        except BaseException as error:
            if started.done():
                raise
            started.set_exception(error)

    async def _run(self, started: Future[Callable[[], object]]) -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        try:
            for simulator in self:
                await simulator._start()
            started.set_result(lambda: loop.call_soon_threadsafe(stop.set))
            await stop.wait()
        finally:
            for simulator in self:
                await simulator._stop()
