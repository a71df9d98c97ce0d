"""Between the gate and the deliverer of one process."""

import threading
from concurrent.futures import Future

from gatekeeper.delivery.handover import Handover
from gatekeeper.storage.outbox import Accepted, Flight
from gatekeeper.testing import Simulators
from gatekeeper.testing.store import MemoryStore
from tests.delivery.builders import delivering


class Slow:
    """An intake whose acceptances end when a test says so."""

    def __init__(self):
        self.futures = []

    def room(self, destination, count, *, ours=True):
        return True

    def accept(self, arrivals):
        self.futures.append(Future())
        return self.futures[-1]


def owning(folder, bounds, log):
    """A store that gives the worker that accepts its rows at once."""
    return MemoryStore(bounds, log, owns=True)


def test_rows_that_a_store_gives_are_delivered_without_a_claim(tmp_path):
    """By the process that accepted them."""
    with Simulators(only=("first_party",)) as sims, delivering(tmp_path, sims, make=owning) as at:
        at.wait(lambda: at.deliverer.leading)
        at.accept("a", "b")
        at.until_idle()
        assert at.ended() == {"a": ("delivered", None), "b": ("delivered", None)}


def test_rows_that_nobody_can_take_are_given_back_and_claimed_later(tmp_path):
    """The deliverer had not begun: nothing is lost, and no attempt was used up."""
    with Simulators(only=("first_party",)) as sims, delivering(tmp_path, sims, make=owning, start=False) as at:
        at.accept("a")
        assert at.store.queue.ready("own") == 1
        at.deliverer.start()
        at.until_idle()
        assert [line["attempts"] for line in at.log.of("outcome")] == [1]


def test_more_than_may_be_under_way_is_given_back_and_delivered(tmp_path):
    """However many rows an acceptance gives."""
    with Simulators(only=("first_party",)) as sims, delivering(tmp_path, sims, make=owning) as at:
        at.wait(lambda: at.deliverer.leading)
        at.accept(*(f"a{n}" for n in range(100)))
        at.until_idle()
        assert at.books().delivered == 100


def test_flights_go_to_the_deliverer_and_refusals_do_not():
    """An acceptance that fails gives nothing."""
    slow, taken = Slow(), []
    handover = Handover(slow, taken.append)
    flight = Flight(1, "own", 1, ())
    handover.accept([])
    handover.accept([])
    slow.futures[0].set_exception(OSError())
    slow.futures[1].set_result(Accepted(["a"], (flight,)))
    assert taken == [(flight,)] and handover.room("own", 1)


def test_the_end_waits_until_the_last_events_are_kept():
    """Or they would lie in the queue until the next start."""
    slow = Slow()
    handover = Handover(slow, lambda flights: None)
    handover.wait(0.0)
    handover.accept([])
    waiting = threading.Thread(target=handover.wait, args=(10.0,))
    waiting.start()
    assert waiting.is_alive()
    slow.futures[0].set_result(Accepted([]))
    waiting.join(10.0)
    assert not waiting.is_alive()
