"""One worker of the node: what every part of its store goes by."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from gatekeeper.storage.protocols import Bounds
from gatekeeper.testing.store.memory import Memory

R = TypeVar("R")


class Worker:
    """A number of its own on the shared memory, the bounds of its policy, and its clock."""

    def __init__(self, memory: Memory, bounds: Bounds, clock: Callable[[], float]) -> None:
        self.memory = memory
        self.bounds = bounds
        self.clock = clock
        with memory.lock:
            self.number = memory.id()
            for name in bounds.destinations:  # withdrawals that are too old end everything that goes to one of them
                memory.count(name)

    def do(self, step: Callable[[], R]) -> Future[R]:
        """Take a step under the memory's lock; its result, as the protocols promise one."""
        done: Future[R] = Future()
        with self.memory.lock:
            result = step()
        done.set_result(result)
        return done

    def lead(self) -> bool:
        """Lead, unless another worker does; whether this one leads now."""
        with self.memory.lock:
            if self.memory.leader is None:
                self.memory.leader = self.number
            return self.memory.leader == self.number

    def leave(self) -> None:
        """Stop leading, and answer the withdrawals that waited for this worker."""
        with self.memory.lock:
            if self.memory.leader == self.number:
                self.memory.leader = None
            self.memory.answer()

    def kill(self) -> None:
        """End as SIGKILL would: other workers adopt what this one had not written."""
        with self.memory.lock:
            self.memory.gone.add(self.number)
            self.leave()
