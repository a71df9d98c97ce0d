"""APScheduler 3: a job that runs once works for the visitor in whose request it was added.

A job that runs again and again (`interval`, `cron`) works for an unknown visitor, though some visitor's request added
it. An asyncio scheduler that a request starts or wakes does not run its jobs for that visitor.
"""

from __future__ import annotations

from typing import Any

from gatekeeper import context
from gatekeeper.integrations.carried import library, working_for
from gatekeeper.outbound.patched import Patched

_patched = Patched()


def install() -> None:
    """Take the visitor along in every scheduler of this process; in the one that runs the jobs, too.

    A second time changes nothing. Raises ConfigError if APScheduler is not installed.
    """
    if not _patched:
        _patched.replace(library("apscheduler.schedulers.base").BaseScheduler, "add_job", _adding)
        _patched.replace(library("apscheduler.executors.base").BaseExecutor, "submit_job", _submitting)


def uninstall() -> None:
    """Leave APScheduler as it was."""
    _patched.restore()


def run(token: str, func: Any, *args: Any, **options: Any) -> Any:
    """What a job with a visitor runs: its function, for that visitor."""
    with working_for(token):
        return _function(func)(*args, **options)


async def run_async(token: str, func: Any, *args: Any, **options: Any) -> Any:
    """The same for a coroutine function."""
    with working_for(token):
        return await _function(func)(*args, **options)


def _function(func: Any) -> Any:
    return library("apscheduler.util").ref_to_obj(func) if isinstance(func, str) else func


def _adding(original: Any) -> Any:
    def add_job(
        self: Any, func: Any, trigger: Any = None, args: Any = None, kwargs: Any = None, *more: Any, **options: Any
    ) -> Any:
        once = trigger in (None, "date") or isinstance(trigger, library("apscheduler.triggers.date").DateTrigger)
        token = context.stamp() if once else None
        if token is None:
            return original(self, func, trigger, args, kwargs, *more, **options)
        util = library("apscheduler.util")
        called = _function(func)
        util.check_callable_args(called, args or (), kwargs or {})
        if len(more) < 2 and options.get("name") is None:  # by place: the id, the name
            options["name"] = util.get_callable_name(called)
        runs = run_async if util.iscoroutinefunction_partial(called) else run
        return original(self, runs, trigger, (token, func, *(args or ())), kwargs, *more, **options)

    return add_job


def _submitting(original: Any) -> Any:
    def submit_job(self: Any, *args: Any, **options: Any) -> Any:
        with working_for(None):
            return original(self, *args, **options)

    return submit_job
