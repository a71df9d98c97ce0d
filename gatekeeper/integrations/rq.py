"""RQ: the visitor's token in the `meta` of every job that a queue makes in a visitor's request.

Also of jobs for later (`enqueue_at`, `enqueue_in`), dependent jobs and retries. A job that repeats, or that waits for
more than an hour, outlives its token.
"""

from __future__ import annotations

from typing import Any

from gatekeeper import context
from gatekeeper.integrations.carried import KEY, library, working_for
from gatekeeper.outbound.patched import Patched

_patched = Patched()


def install() -> None:
    """Take the visitor along in every queue of this process; needed where jobs are made and in the workers.

    A second time changes nothing. Raises ConfigError if RQ is not installed.
    """
    if not _patched:
        rq = library("rq")
        _patched.replace(rq.Queue, "create_job", _making)
        _patched.replace(rq.job.Job, "perform", _performing)


def uninstall() -> None:
    """Leave RQ as it was."""
    _patched.restore()


def _making(original: Any) -> Any:
    def create_job(self: Any, *args: Any, **options: Any) -> Any:
        job = original(self, *args, **options)
        token = context.stamp()
        if token is not None:
            job.meta = {**job.meta, KEY: token}
        return job

    return create_job


def _performing(original: Any) -> Any:
    def perform(self: Any) -> Any:
        with working_for(self.meta.get(KEY)):
            return original(self)

    return perform
