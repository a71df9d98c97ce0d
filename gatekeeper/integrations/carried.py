"""What every integration does: take the visitor's token along with a task, and work for that visitor in it."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from gatekeeper import context
from gatekeeper.context import places
from gatekeeper.errors import ConfigError

KEY: Final = "gatekeeper_context"  # of the token in a task's headers, options or keywords


@contextmanager
def working_for(token: object) -> Iterator[None]:
    """Work for the visitor whose token a task carries; for an unknown one if it is `None`, or no gate runs here.

    A token that is expired, forged or not even text denies, with a warning: a task never fails for what it carries.
    """
    if token is not None and context.working() is not None:
        with context.load(token if isinstance(token, str) else ""):
            yield
        return
    if token is not None:
        places.warn(places.NO_GATE)
    mark = context.current.set(None)
    try:
        yield
    finally:
        context.leave(mark)


def library(module: str) -> Any:
    """A module of the library that an integration is for. Raises ConfigError if it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError:
        name = module.partition(".")[0]
        raise ConfigError(f"{name}: is not installed; pip install {name.replace('_', '-')}") from None
