"""Celery: the visitor's token in the headers of every message that is sent in a visitor's request.

A retry, a link, a chain and a chord pass it on. `apply()` and eager tasks work for the caller. What `beat` sends has no
visitor.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from gatekeeper import context
from gatekeeper.integrations.carried import KEY, library, working_for

_NAME = "gatekeeper.context"


def install() -> None:
    """Take the visitor along in every Celery app of this process; needed where tasks are sent and where they run.

    A second time changes nothing. Raises ConfigError if Celery is not installed.
    """
    signals = library("celery.signals")
    signals.before_task_publish.connect(_sent, weak=False, dispatch_uid=_NAME)
    signals.task_prerun.connect(_begins, weak=False, dispatch_uid=_NAME)
    signals.task_postrun.connect(_ends, weak=False, dispatch_uid=_NAME)


def uninstall() -> None:
    """Leave Celery as it was."""
    signals = library("celery.signals")
    for signal in (signals.before_task_publish, signals.task_prerun, signals.task_postrun):
        signal.disconnect(dispatch_uid=_NAME)


def _sent(headers: dict[str, Any] | None = None, **_: Any) -> None:
    token = context.stamp()
    if headers is not None and token is not None:
        headers[KEY] = token


def _begins(task: Any, **_: Any) -> None:
    if task.request.is_eager:  # runs where it was called
        return
    stack = ExitStack()
    stack.enter_context(working_for(task.request.get(KEY)))
    task.request.gatekeeper_leaves = stack  # the same object when the task ends


def _ends(task: Any, **_: Any) -> None:
    stack = task.request.get("gatekeeper_leaves")
    if isinstance(stack, ExitStack):
        stack.close()
