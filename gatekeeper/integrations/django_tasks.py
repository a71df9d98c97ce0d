"""Django's tasks (`django.tasks` of Django 6 and the package `django-tasks`): the token as a keyword of each task.

It is taken off again before the task's function is called, so that needs no parameter for it.
"""

from __future__ import annotations

import importlib.util
from typing import Any

from gatekeeper import context
from gatekeeper.errors import ConfigError
from gatekeeper.integrations.carried import KEY, library, working_for
from gatekeeper.outbound.patched import Patched

_patched = Patched()


def install() -> None:
    """Take the visitor along in every task of this process: in the project and in its workers (`AppConfig.ready`).

    A second time changes nothing. Raises ConfigError if there are no tasks.
    """
    if _patched:
        return
    bases = [name for name in ("django.tasks", "django_tasks") if importlib.util.find_spec(name) is not None]
    if not bases:
        raise ConfigError("Django's tasks: are not installed; use Django 6, or pip install django-tasks")
    for name in bases:
        task = library(f"{name}.base").Task
        _patched.replace(task, "enqueue", _enqueueing)
        _patched.replace(task, "aenqueue", _enqueueing)
        _patched.replace(task, "call", _calling)
        _patched.replace(task, "acall", _calling_async)


def uninstall() -> None:
    """Leave Django's tasks as they were."""
    _patched.restore()


def _enqueueing(original: Any) -> Any:
    def enqueue(self: Any, *args: Any, **options: Any) -> Any:
        token = context.stamp()
        return original(self, *args, **options, **({} if token is None else {KEY: token}))

    return enqueue


def _calling(original: Any) -> Any:
    def call(self: Any, *args: Any, **options: Any) -> Any:
        if KEY not in options:  # called directly, or sent outside any request
            return original(self, *args, **options)
        with working_for(options.pop(KEY)):
            return original(self, *args, **options)

    return call


def _calling_async(original: Any) -> Any:
    async def acall(self: Any, *args: Any, **options: Any) -> Any:
        if KEY not in options:
            return await original(self, *args, **options)
        with working_for(options.pop(KEY)):
            return await original(self, *args, **options)

    return acall
