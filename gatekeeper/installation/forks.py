"""Forks: what may not be cut in two by one, and what the child forgets.

A fork copies one thread of a process. A lock that another thread held then is held in the child for ever, be it
Python's, SQLite's or OpenSSL's, and SQLite keeps its locks on a file per process (sqlite.org, "How To Corrupt An
SQLite Database File", 2.6). So there is one rule: **all work of the gate is done inside `work`, all waiting outside of
it.** A fork waits until no thread is inside, milliseconds, and what wants to begin meanwhile waits for the fork.

    with work:          a commit, a decision, a callback of a loop: the process does not fork meanwhile
    with aside():       inside of `work`, around what waits for a disk or another process: the process may fork
    event_loop()        an asyncio loop that works inside, and waits for its sockets outside
    keep(thing)         a descriptor, socket or loop that a forked child closes, and nothing more
    register(thing)     `thing.forked()` is called in the child; `thing.parted()` before the fork, with all work at rest

Threads go on in the parent. The child has none: it begins with its first event, from nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import os
import selectors
import socket
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from threading import get_ident
from typing import IO, Any, Final, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
PATIENCE: Final = 10.0  # seconds for work to come to rest: a commit on a disk that stalls
LOOK: Final = 0.1  # seconds between two looks whether those who work are alive
LONGEST: Final = 30.0  # seconds that work waits for a fork
_log = logging.getLogger("gatekeeper")


class _Mine(threading.local):
    """How often a thread is inside."""

    depth = 0


class Work:
    """What a fork waits for. A context manager for any thread, any number of times inside itself, and a decorator.

    The lock may be taken twice by one thread: a signal handler may track.
    """

    def __init__(self) -> None:
        self._mine = _Mine()
        self._renew(set())

    def _renew(self, inside: set[int]) -> None:
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self.inside = inside  # threads; not their number, which an exception out of a signal handler could spoil
        self._forking = False

    def __enter__(self) -> None:
        """Wait for a fork that is under way, and hold the next one up."""
        mine = self._mine
        depth = mine.depth
        if not depth:
            # fast: 0.4 µs instead of 0.8 with the lock. A fork says that it begins, and looks who is inside then.
            self.inside.add(get_ident())
            if self._forking:
                self._wait()
        mine.depth = depth + 1

    def __exit__(self, *error: object) -> None:
        """A fork may happen."""
        mine = self._mine
        mine.depth = depth = mine.depth - 1
        if not depth:
            self.inside.discard(get_ident())
            if self._forking:
                with self._lock:
                    self._changed.notify_all()

    def _wait(self) -> None:
        """Step outside again while a fork is under way."""
        with self._lock:
            self.inside.discard(get_ident())
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._forking, LONGEST)
            self.inside.add(get_ident())

    def __call__(self, do: Callable[P, R]) -> Callable[P, R]:
        """A function that is done inside."""

        @functools.wraps(do)
        def whole(*args: P.args, **kwargs: P.kwargs) -> R:
            if mine.depth:  # fast: inside already, as four calls of five of a request are
                return do(*args, **kwargs)
            with self:
                return do(*args, **kwargs)

        mine = self._mine
        return whole

    def leave(self) -> int:
        """Step outside, however deep inside; what `come_back` needs."""
        depth = self._mine.depth
        if depth:
            self._mine.depth = 1
            self.__exit__()
        return depth

    def come_back(self, depth: int) -> None:
        """Step inside again, as deep as before."""
        if depth:
            self.__enter__()
            self._mine.depth = depth

    def rest(self) -> bool:
        """Let no more work begin, and wait until what has begun is done, but for the caller's own; whether it is."""
        own = {get_ident()}
        with self._lock:
            self._changed.wait_for(lambda: not self._forking, LONGEST)  # for another thread that forks
            self._forking = True
            end = time.monotonic() + PATIENCE
            while not self._changed.wait_for(lambda: self.inside <= own, LOOK):
                # Threads that have ended, by an exception anywhere; in place, for others change the set meanwhile.
                self.inside.difference_update(self.inside.difference(sys._current_frames()))
                if time.monotonic() > end:
                    return self.inside <= own
            return True

    def go_on(self) -> None:
        """In the parent, after it forked."""
        with self._lock:
            self._forking = False
            self._changed.notify_all()

    def begin_again(self) -> None:
        """In the child: this thread is the only one."""
        self._renew({get_ident()} if self._mine.depth else set())


work: Final = Work()


class Guard:
    """A lock of a few instructions, held inside of `work`: no child finds it held."""

    def __init__(self) -> None:
        self._lock = threading.RLock()

    def __enter__(self) -> None:
        """Take the lock; a fork waits until it is given back."""
        work.__enter__()
        self._lock.acquire()

    def __exit__(self, *error: object) -> None:
        """Give the lock back."""
        self._lock.release()
        work.__exit__()


@contextlib.contextmanager
def aside() -> Iterator[None]:
    """Around what waits for a disk or another process, inside of `work`: the process may fork meanwhile."""
    depth = work.leave()
    try:
        yield
    finally:
        work.come_back(depth)


class _Selector(selectors.DefaultSelector):
    """A selector that waits outside of `work`."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready, waited for outside of `work`, so that a fork need not wait."""
        depth = work.leave()
        try:
            ready: list[tuple[selectors.SelectorKey, int]] = super().select(timeout)
        finally:
            work.come_back(depth)
        return ready


def event_loop() -> asyncio.AbstractEventLoop:
    """A loop for a thread that runs it inside of `work`: callbacks are whole, and a child closes its copies."""
    selector = _Selector()
    loop = asyncio.SelectorEventLoop(selector)
    keep(selector)
    for name in ("_ssock", "_csock"):  # by which other threads wake it; asyncio has no public name for them
        pipe = getattr(loop, name, None)
        if isinstance(pipe, socket.socket):
            keep(pipe)
    return loop


_descriptors: Final[set[int]] = set()
_kept: Final[weakref.WeakSet[Any]] = weakref.WeakSet()
_registered: Final[weakref.WeakSet[Any]] = weakref.WeakSet()
_left: Final[list[object]] = []  # in a child, what was its parent's: not collected, for that would end it in some way


def keep(thing: int | socket.socket | selectors.BaseSelector) -> None:
    """Have it closed in a forked child: the child's copy, without a word to the other side."""
    with work:
        if isinstance(thing, int):
            _descriptors.add(thing)
        else:
            _kept.add(thing)


def close(descriptor: int) -> None:
    """Close a descriptor that was kept; nothing happens to one that a fork closed already. Raises OSError."""
    with work:
        if descriptor in _descriptors:
            _descriptors.discard(descriptor)
            os.close(descriptor)


@contextlib.contextmanager
def opened(begin: Callable[[], IO[bytes]]) -> Iterator[IO[bytes]]:
    """A file that `begin` opens, which a forked child closes. Raises OSError."""
    with work:
        file = begin()
        descriptor = file.fileno()
        keep(descriptor)
    try:
        yield file
    finally:
        with work:
            _descriptors.discard(descriptor)
            file.close()


def leave_behind(*things: object) -> None:
    """Keep what was the parent's from being collected in a child."""
    _left.extend(things)


def forget(thing: object) -> None:
    """Call `forked` and `parted` of a thing no more: it is closed."""
    with work:
        _registered.discard(thing)


def register(thing: object) -> None:
    """Have `thing.forked()` called in a child, and `thing.parted()`, if there is one, before the fork."""
    with work:
        _registered.add(thing)


class _State:
    """What this process knows of the fork that made it, or that is under way."""

    at_rest = True  # all work, at the fork that is under way
    cut = False  # this process is the child of a fork at which work was under way


def cut() -> bool:
    """Whether this process is the child of a fork that cut work in two: it must not touch what was open then."""
    return _State.cut


def _before() -> None:
    _State.at_rest = work.rest()
    if not _State.at_rest:
        names = sorted(one.name for one in threading.enumerate() if one.name.startswith("gatekeeper-"))
        _log.error("this process forks while the gate is at work (%s): the child cannot track", ", ".join(names))
        return
    for thing in list(_registered):
        if hasattr(thing, "parted"):
            thing.parted()


def _in_child() -> None:
    work.begin_again()
    _State.cut = _State.cut or not _State.at_rest
    for descriptor in _descriptors:
        with contextlib.suppress(OSError):
            os.close(descriptor)
    _descriptors.clear()
    for thing in list(_kept):
        with contextlib.suppress(OSError):
            thing.close()
        leave_behind(thing)
    _kept.clear()
    for thing in list(_registered):
        thing.forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=work.go_on, after_in_child=_in_child)
