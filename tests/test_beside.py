"""Work beside the event loop: what is done there, by whom, and that its queue has an end."""

import asyncio
import threading

import pytest

from gatekeeper.errors import EventError
from gatekeeper.runtime.beside import SHARE, WAITING, Beside
from gatekeeper.scrub.meter import Heavy


@pytest.fixture
def beside():
    """A thread that ends with the test."""
    found = Beside()
    yield found
    found.close()


async def test_what_is_brief_is_done_on_the_loop(beside):
    """And nothing else is."""
    here = threading.get_ident()
    assert await beside.decide(lambda *, brief: (brief, threading.get_ident()), lambda: None, brief=True) == (
        True,
        here,
    )
    brief, there = await beside.decide(lambda *, brief: (brief, threading.get_ident()), lambda: None, brief=False)
    assert not brief and there != here


async def test_what_turns_out_heavy_is_done_again_in_the_thread(beside):
    """With its whole budget."""
    tried = []

    def decide(*, brief):
        tried.append(brief)
        if brief:
            raise Heavy
        return "done"

    assert await beside.decide(decide, lambda: None, brief=True) == "done"
    assert tried == [True, False]


@pytest.mark.parametrize(
    ("network", "places"),
    [pytest.param(b"n", SHARE, id="of one network"), pytest.param(None, WAITING, id="in all")],
)
async def test_the_queue_has_an_end(beside, network, places):
    """One more is told to come back; others have places, and all are free again afterwards."""
    go_on = threading.Event()
    waiting = [asyncio.ensure_future(beside.run(go_on.wait, network)) for _ in range(places)]
    await asyncio.sleep(0)
    with pytest.raises(EventError) as refused:
        await beside.run(go_on.wait, network)
    assert refused.value.status == 503
    if network is not None:
        waiting.append(asyncio.ensure_future(beside.run(go_on.wait, b"another")))
    go_on.set()
    assert all(await asyncio.gather(*waiting))
    assert await beside.run(lambda: "free", network) == "free"
