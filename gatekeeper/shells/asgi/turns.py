"""Batches of work for a writing thread: what one turn of the event loop submits goes over in one piece.

Every wake-up of another thread costs switches of the interpreter. What a server read in one turn is decided one
request after the other; at the end of the turn all of their lines go over in one piece, and are answered in one.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from gatekeeper.errors import StorageError

T = TypeVar("T")
R = TypeVar("R")


@dataclass(slots=True, eq=False)
class _Turn(Generic[T, R]):
    loop: asyncio.AbstractEventLoop
    things: list[T] = field(default_factory=list)
    waiters: list[tuple[asyncio.Future[R], int, int]] = field(default_factory=list)  # and which things are theirs


class Turns(Generic[T, R]):
    """Gives things to `hand_over`, in one piece for each turn of the loop.

    `part` finds a caller's own part (from, to) in the result of the whole piece. What no caller of a turn waits for
    goes to `leave`, if there is one.
    """

    def __init__(
        self,
        hand_over: Callable[[list[T]], Future[R]],
        part: Callable[[R, int, int], R] = lambda result, first, end: result,
        leave: Callable[[list[T]], object] | None = None,
    ) -> None:
        self._hand_over = hand_over
        self._leave = hand_over if leave is None else leave
        self._part = part
        self._turn: _Turn[T, R] | None = None

    def put(self, things: Sequence[T]) -> None:
        """Hand things over without waiting for the result."""
        self._now().things.extend(things)

    async def wait(self, things: Sequence[T]) -> R:
        """Hand things over and wait for what comes of them. Raises what the future of `hand_over` has.

        A StorageError may be another caller's trouble: then each is tried alone, and nothing of the piece was kept.
        """
        turn = self._now()
        first = len(turn.things)
        turn.things.extend(things)
        mine: asyncio.Future[R] = turn.loop.create_future()
        turn.waiters.append((mine, first, len(turn.things)))
        try:
            return await mine
        except StorageError:
            if len(turn.waiters) == 1:
                raise
        return await asyncio.wrap_future(self._hand_over(list(things)))

    def _now(self) -> _Turn[T, R]:
        # A process has one server loop; tests and reloads may come with another one.
        loop = asyncio.get_running_loop()
        turn = self._turn
        if turn is None or turn.loop is not loop:
            turn = self._turn = _Turn(loop)
            loop.call_soon(self._over, turn)
        return turn

    def _over(self, turn: _Turn[T, R]) -> None:
        """The turn's end: other threads may be told."""
        if self._turn is turn:
            self._turn = None
        if not turn.waiters:
            self._leave(turn.things)
            return
        try:
            future = self._hand_over(turn.things)
        except Exception as error:  # noqa: BLE001  # every waiting caller gets it
            future = Future()
            future.set_exception(error)
        future.add_done_callback(lambda done: _landed(turn, done, self._part))


def _landed(turn: _Turn[T, R], done: Future[R], part: Callable[[R, int, int], R]) -> None:
    """In whichever thread it was done."""
    with contextlib.suppress(RuntimeError):  # the loop is closed: no caller waits any more
        turn.loop.call_soon_threadsafe(_settle, turn, done, part)


def _settle(turn: _Turn[T, R], done: Future[R], part: Callable[[R, int, int], R]) -> None:
    error = done.exception()
    for mine, first, end in turn.waiters:
        if mine.done():  # given up
            continue
        if error is not None:
            mine.set_exception(error)
        else:
            mine.set_result(part(done.result(), first, end))
