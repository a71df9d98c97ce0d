"""Warnings about work that lost its visitor: one per fault and place of the app's code, never with a value."""

from __future__ import annotations

import logging
import sys
import sysconfig
from pathlib import Path
from types import FrameType
from typing import Final

ENDED: Final = (
    "%s goes on after the end of the request that it was begun in: its visitor is unknown from then on, and the "
    "strictest law applies; work that outlives a request takes its visitor along with gatekeeper.context.keep()"
)
CARRIED: Final = "%s works for a carried visitor, but %s: nothing that needs consent is sent"
ELSEWHERE: Final = (
    "%s left gatekeeper.context.load() in another context than it entered it in: the code between worked without it "
    "(an `async def` dependency shares the request's context, a `def` one does not)"
)
NO_GATE: Final = "%s works for a carried visitor, but no gate runs in this process; call gatekeeper.start() in it"
_OURS: Final = str(Path(__file__).parents[1])
_STANDARD: Final = sysconfig.get_path("stdlib")
_MOST: Final = 1_000  # places that are told of
_told: set[tuple[str, str, str]] = set()


def warn(sentence: str, *more: str) -> None:
    """Log a sentence about the place that runs now, once in this process for each place."""
    key = (sentence, place(), *more[:1])
    told = (key[0], key[1], more[0] if more else "")
    if told in _told or len(_told) >= _MOST:
        return
    _told.add(told)
    logging.getLogger("gatekeeper").warning(sentence, told[1], *more)


def place() -> str:
    """The app's function that a task, timer, thread or job was begun with: module and name.

    That is the outermost one of the app's that calls us, as far as no library called it; a library's if all are.
    """
    frame: FrameType | None = sys._getframe(1)
    found, is_apps = "code", False
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        own = not _is_library(frame.f_code.co_filename)
        if is_apps and not own:
            break
        if not module.startswith("gatekeeper."):
            found, is_apps = f"{module}.{frame.f_code.co_qualname}", own
        frame = frame.f_back
    return found


def _is_library(file: str) -> bool:
    return "-packages" in file or file.startswith((_OURS, _STANDARD, "<"))
