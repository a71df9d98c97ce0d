"""What a sweep is answered with, by every engine: how many rows were ended, once no process is about to send one."""

from __future__ import annotations

from concurrent.futures import Future

from gatekeeper.errors import StorageError
from gatekeeper.model import Heard
from gatekeeper.storage.outbox import Withdrawn


def settle(last: Future[Withdrawn], done: Future[int]) -> None:
    """End `done` with the number of rows. It fails with StorageError where a request may still begin."""
    error = last.exception()
    if error is not None:
        done.set_exception(error)
    elif last.result().heard is Heard.NOT_YET:
        done.set_exception(StorageError("a process is about to send; requests in progress may still be sent"))
    else:
        done.set_result(last.result().cancelled)
