"""Where a worker of the withdrawal check is hurt: the named steps of a withdrawal, and of a request that is to begin.

    announced   inside the commit: the page says that what is remembered of the subject is stale
    written     inside the commit: the ledger has the row
    swept       inside the commit: what of it was queued has ended
    published   the commit is durable, the page has its generation
    waiting     before the first look whether a request is about to begin
    held up     a request of another thread or process is about to begin, and the withdrawal waits for it
    answered    the answer is there, and was not said yet
    asking      a call that was decided, or rows that were claimed, are about to ask whether they may begin
    beginning   a request may begin, and its first byte is not with the system yet

The worker hurts itself there; nothing in the product knows.
"""

from __future__ import annotations

import os
import random
import signal
import threading
from collections.abc import Callable, Collection
from typing import Any

import orjson

from gatekeeper.delivery import permit
from gatekeeper.storage import choices, page, stopping

CERTAIN = ("announced", "written", "swept", "published", "waiting", "answered", "asking", "beginning")
STEPS = (*CERTAIN, "held up")
HOW = {"stopped": signal.SIGSTOP, "killed": signal.SIGKILL}
_PASSED_BY = 0.5  # of the passes of a step, before one is chosen


def say(**what: Any) -> None:
    """One line, in one write: a kill leaves no half of it, and threads do not mix theirs."""
    os.write(1, orjson.dumps(what) + b"\n")


class Hurting:
    """Stops or kills this process at some pass of each step, once for each entry of `left`: [step, how]."""

    def __init__(self, left: list[list[str]], chance: random.Random) -> None:
        self._left = left
        self._chance = chance
        self._lock = threading.Lock()

    def left(self, steps: Collection[str]) -> bool:
        """Whether something is still to be done in one of these steps."""
        with self._lock:
            return any(step in steps for step, _ in self._left)

    def __call__(self, step: str) -> None:
        """A thread is at this step."""
        with self._lock:
            here = [one for one in self._left if one[0] == step]
            if not here or self._chance.random() < _PASSED_BY:
                return
            self._left.remove(here[0])
            say(hurt=here[0])
            os.kill(os.getpid(), HOW[here[0][1]])


def _after(owner: Any, name: str, then: Callable[[Any], None]) -> None:
    """Have something done with what a function of the product returned."""
    real = getattr(owner, name)

    def changed(*args: Any, **more: Any) -> Any:
        result = real(*args, **more)
        then(result)
        return result

    setattr(owner, name, changed)


def plant(at: Callable[[str], None], linger: Callable[[], None]) -> None:
    """Have `at` called with each step; `linger` before a call or rows of the queue ask for the last time."""
    _after(page.Page, "announce", lambda _: at("announced"))
    _after(choices, "insert", lambda _: at("written"))
    _after(stopping.Stopping, "stop", lambda _: at("swept"))
    _after(page.Page, "publish", lambda _: at("published"))
    _after(page.Page, "_look", lambda heard: at("held up") if heard is None else None)
    passed = page.Page.passed

    def waiting(self: page.Page, generation: int) -> Any:
        at("waiting")
        return passed(self, generation)

    def asking(begin: Callable[[Any], bool], what: str) -> Callable[[Any], bool]:
        def changed(self: Any) -> bool:
            linger()
            at("asking")
            may = begin(self)
            if may:
                at("beginning")
            else:
                say(withheld=what)
            return may

        return changed

    page.Page.passed = waiting  # type: ignore[method-assign]  # planted
    for kind, what in ((permit.CallPermit, "calls"), (permit.RowsPermit, "requests of the queue")):
        kind.begin = asking(kind.begin, what)  # type: ignore[method-assign]  # planted


def calls_ask_nothing() -> None:
    """A call begins by what was decided, whatever was withdrawn since."""
    permit.CallPermit.holds = lambda self, generation: True  # type: ignore[method-assign]  # planted


def rows_ask_nothing() -> None:
    """A request of the queue begins by what was claimed, whatever was withdrawn since."""
    permit.RowsPermit.holds = lambda self, generation: True  # type: ignore[method-assign]  # planted


BUGS: dict[str, Callable[[], None]] = {
    "": lambda: None, "calls_ask_nothing": calls_ask_nothing, "rows_ask_nothing": rows_ask_nothing,
}  # fmt: skip
