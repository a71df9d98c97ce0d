"""Words of notices that are in the ledger, as one process remembers them: kept once, whatever the engine."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future

from cachetools import LRUCache

from gatekeeper.model import Notice


class KeptNotices:
    """Hashes of notices that are there, the last thousand. They are only ever added, so it is never wrong."""

    def __init__(self) -> None:
        self._kept: LRUCache[str, bool] = LRUCache(1_024)

    def keep(self, notice: Notice, commit: Callable[[], Future[None]]) -> Future[None]:
        """Done when a notice is in the ledger: `commit` adds it, where it may not be there."""
        done: Future[None] = Future()
        if notice.hash in self._kept:
            done.set_result(None)
            return done
        done.set_running_or_notify_cancel()

        def ended(future: Future[None]) -> None:
            error = future.exception()
            if error is not None:
                done.set_exception(error)
                return
            self._kept[notice.hash] = True
            done.set_result(None)

        commit().add_done_callback(ended)
        return done
