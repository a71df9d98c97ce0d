"""Hand-over by turns: one piece for a turn of the loop, everybody's own part back, nobody's trouble for others."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future

import pytest

from gatekeeper.errors import AuditError, StorageError
from gatekeeper.shells.asgi.turns import Turns


class Taker:
    """Takes pieces as the outbox does: a list of numbers in, the same with a letter out."""

    def __init__(self, *errors: Exception | None) -> None:
        self.pieces: list[list[int]] = []
        self.errors = list(errors)

    def __call__(self, things: list[int]) -> Future[list[str]]:
        self.pieces.append(list(things))
        done: Future[list[str]] = Future()
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result([f"a{thing}" for thing in things])
        return done


def turns(taker: Taker) -> Turns[int, list[str]]:
    return Turns(taker, lambda result, first, end: result[first:end])


async def test_one_turn_is_one_piece() -> None:
    """Three callers of one turn wait for one piece, and each gets what is theirs."""
    taker = Taker()
    by = turns(taker)
    found = await asyncio.gather(by.wait([1]), by.wait([2, 3]), by.wait([]))
    assert (taker.pieces, found) == ([[1, 2, 3]], [["a1"], ["a2", "a3"], []])


async def test_the_next_turn_is_another_piece() -> None:
    """Nothing waits for more to come."""
    taker = Taker()
    by = turns(taker)
    await by.wait([1])
    await by.wait([2])
    assert taker.pieces == [[1], [2]]


async def test_what_nobody_waits_for_goes_along() -> None:
    """Outcomes share the piece of the decisions of their turn."""
    taker = Taker()
    by = turns(taker)
    by.put([7])
    assert (await by.wait([8]), taker.pieces) == (["a8"], [[7, 8]])


async def test_what_nobody_waits_for_goes_at_the_end_of_the_turn() -> None:
    """Alone, too."""
    taker = Taker()
    turns(taker).put([7])
    assert taker.pieces == []
    await asyncio.sleep(0)
    assert taker.pieces == [[7]]


async def test_a_failure_is_everybodys() -> None:
    """No line of the piece is in the log: none of its callers may send."""
    by = turns(Taker(AuditError("x")))
    found = await asyncio.gather(by.wait([1]), by.wait([2]), return_exceptions=True)
    assert [type(one) for one in found] == [AuditError, AuditError]


async def test_a_storage_failure_is_tried_alone() -> None:
    """One caller's event cannot make another's be refused."""
    taker = Taker(StorageError("x"), StorageError("y"))
    by = turns(taker)
    found = await asyncio.gather(by.wait([1]), by.wait([2]), return_exceptions=True)
    assert [str(one) if isinstance(one, Exception) else one for one in found] == ["y", ["a2"]]
    assert taker.pieces == [[1, 2], [1], [2]]


async def test_a_lone_storage_failure_is_not_repeated() -> None:
    """It was alone already."""
    taker = Taker(StorageError("x"))
    with pytest.raises(StorageError):
        await turns(taker).wait([1])
    assert taker.pieces == [[1]]


async def test_a_hand_over_that_raises_is_heard_of() -> None:
    """A thread that cannot be started, for one."""

    def raises(things: list[int]) -> Future[list[str]]:
        raise RuntimeError("can't start new thread")

    with pytest.raises(RuntimeError):
        await Turns(raises).wait([1])


async def test_who_gave_up_is_left_out() -> None:
    """The others of the turn get theirs."""
    taker = Taker()
    by = turns(taker)
    one, two = asyncio.ensure_future(by.wait([1])), asyncio.ensure_future(by.wait([2]))
    await asyncio.sleep(0)
    one.cancel()
    assert await two == ["a2"]
    assert one.cancelled()


def test_another_loop_is_another_turn() -> None:
    """What a loop left behind when it was closed holds nothing up."""
    taker = Taker()
    by = turns(taker)

    async def leave() -> None:
        by.put([1])
        asyncio.get_running_loop().stop()

    loop = asyncio.new_event_loop()
    task = loop.create_task(leave())
    loop.run_forever()
    loop.close()
    assert task.done()
    assert asyncio.run(by.wait([2])) == ["a2"]
