"""A visitor's context ends with the request: what was begun in it and goes on speaks for no visitor, unless kept."""

import asyncio
import contextvars
import logging
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import anyio
import pytest
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route, WebSocketRoute

import gatekeeper
from gatekeeper import GatekeeperMiddleware, context
from gatekeeper.context import places
from tests.hosts.test_transparency import EMPTY, drive, http_scope, policy


def whose():
    """The visitor that a tracking call would be sent for, by the subject of their cookie."""
    here = context.working()
    return next((one.subject for one in here.gate.heard(here.caller()) if one.subject), "nobody")


class Work:
    """Something that is begun in a request, says whose it is, waits until it is released, and says so again."""

    def __init__(self):
        self.heard = []
        self.begun, self.released, self.done = threading.Event(), threading.Event(), threading.Event()

    def say(self):
        """Once."""
        self.heard.append(whose())

    def blocking(self):
        """In a thread."""
        self.say()
        self.begun.set()
        self.released.wait(10)
        self.say()
        self.done.set()

    async def waiting(self):
        """In a task."""
        self.say()
        self.begun.set()
        await until(self.released)
        self.say()
        self.done.set()

    def ticking(self):
        """By a timer that sets itself again."""
        if not self.begun.is_set():
            self.say()
            self.begun.set()
        if self.released.is_set():
            self.say()
            self.done.set()
        else:
            asyncio.get_running_loop().call_later(0.001, self.ticking)


async def until(event):
    """Wait for another thread without holding this one up."""
    async with asyncio.timeout(10):
        while not event.is_set():
            await asyncio.sleep(0.001)


def task(work, kept):
    """`asyncio.create_task`."""
    kept.append(asyncio.create_task(work.waiting()))


def timer(work, kept):
    """`loop.call_later`, as flushers use it."""
    asyncio.get_running_loop().call_later(0, work.ticking)


def callback(work, kept):
    """A future's callback."""
    future = asyncio.get_running_loop().create_future()
    future.add_done_callback(lambda _: work.ticking())
    future.set_result(None)


def thread(work, kept):
    """A thread with the context, as every `threading.Thread` has it under free-threaded Python 3.14 (PEP 703)."""
    threading.Thread(target=contextvars.copy_context().run, args=(work.blocking,), daemon=True).start()


def to_thread(work, kept):
    """`asyncio.to_thread` that is not waited for."""
    kept.append(asyncio.create_task(asyncio.to_thread(work.blocking)))


def pool(work, kept):
    """A pool that hands the context over."""
    executor = ThreadPoolExecutor(1)
    kept.append(executor)
    executor.submit(contextvars.copy_context().run, work.blocking)


def threadpool(work, kept):
    """Starlette's."""
    kept.append(asyncio.create_task(run_in_threadpool(work.blocking)))


def group(work, kept):
    """A task group of the app's lifespan, as aiojobs and anyio users have it."""
    kept[0].start_soon(work.waiting)


def queue(work, kept):
    """A queue's worker that the first request starts."""
    items = asyncio.Queue()

    async def worker():
        work.say()
        work.begun.set()
        await items.get()
        work.say()
        work.done.set()

    async def put():
        await until(work.released)
        items.put_nowait(1)

    kept.extend([asyncio.create_task(worker()), asyncio.create_task(put())])


BEGUN = [task, timer, callback, thread, to_thread, pool, threadpool, group, queue]
begun = pytest.mark.parametrize("begin", BEGUN, ids=lambda one: one.__name__)


@pytest.fixture
def gated(tmp_path, monkeypatch):
    """Wraps an app and says the headers of a visitor called jane; each test hears its own warnings."""
    made = []
    monkeypatch.setattr(places, "_told", set())
    config = policy(tmp_path)

    def wrap(app):
        made.append(GatekeeperMiddleware(app, config=config))
        return made[-1]

    cookie = gatekeeper.issue_consent(config=config, analytics=True, subject="jane").partition(";")[0]
    wrap.jane = [(b"cookie", cookie.encode())]
    yield wrap
    for one in made:
        one.runtime.close()
        context.uninstall(one.runtime.gate)


def warnings(caplog):
    """What was said about ended contexts."""
    return [record.getMessage() for record in caplog.records if "gatekeeper.context.keep()" in record.getMessage()]


async def served(app, scope, *incoming, cancel=None):
    """One request, cancelled from outside once `cancel` is set."""
    request = asyncio.create_task(drive(app, scope, *incoming))
    if cancel is not None:
        await until(cancel)
        request.cancel()
    await asyncio.gather(request, return_exceptions=True)


@begun
@pytest.mark.parametrize("fate", ["returns", "fails", "is-cancelled", "streams", "has-a-background-task"])
async def test_what_outlives_a_request_speaks_for_no_visitor(gated, caplog, begin, fate):
    """However it was begun, and however the request ended; one warning per place, which names the remedy."""
    work, kept = Work(), []

    async def view(request):
        begin(work, kept)
        await until(work.begun)
        if fate == "fails":
            raise ZeroDivisionError
        if fate == "is-cancelled":
            await asyncio.sleep(60)
        if fate == "streams":
            return StreamingResponse(iter([whose().encode()]))
        return PlainTextResponse(whose(), background=BackgroundTask(work.say) if fate.startswith("has") else None)

    app = gated(Starlette(routes=[Route("/", view)]))
    async with anyio.create_task_group() as tasks:
        kept.append(tasks)
        with caplog.at_level(logging.WARNING, "gatekeeper"):
            cancelled = work.begun if fate == "is-cancelled" else None
            await served(app, http_scope("/", headers=gated.jane), *EMPTY, cancel=cancelled)
            assert set(work.heard) == {"jane"}
            work.released.set()
            await until(work.done)
            assert work.heard[-1] == "nobody" and set(work.heard[:-1]) == {"jane"}
            work.say()  # outside any context: nothing to warn of
        (said,) = warnings(caplog)
        assert said.startswith("tests.hosts.test_ends.") and "jane" not in said


@begun
async def test_what_was_kept_speaks_for_its_visitor(gated, caplog, begin):
    """`with gatekeeper.context.keep():` around what begins it; the request before and after is as it was."""
    work, kept = Work(), []

    async def view(request):
        with context.keep():
            begin(work, kept)
        await until(work.begun)
        assert whose() == "jane" and context.present().carried is None
        return PlainTextResponse("")

    app = gated(Starlette(routes=[Route("/", view)]))
    async with anyio.create_task_group() as tasks:
        kept.append(tasks)
        await served(app, http_scope("/", headers=gated.jane), *EMPTY)
        work.released.set()
        await until(work.done)
    assert work.heard == ["jane", "jane"] and not warnings(caplog)


async def test_a_kept_visitor_can_be_entered_later_and_by_many_at_once(gated):
    """In the work itself, in tasks and threads that know nothing of the request; nobody's before and after."""
    kept = []

    async def view(request):
        kept.append(context.keep())
        return PlainTextResponse("")

    await served(gated(Starlette(routes=[Route("/", view)])), http_scope("/", headers=gated.jane), *EMPTY)
    met = asyncio.Barrier(3)
    heard = []

    async def later():
        heard.append(whose())
        with kept[0]:
            await met.wait()
            heard.append(whose())
            with kept[0]:
                heard.append(whose())
            heard.append(whose())
        heard.append(whose())

    await asyncio.gather(*[asyncio.create_task(later()) for _ in range(3)])
    assert sorted(heard) == ["jane"] * 9 + ["nobody"] * 6
    assert repr(kept[0]) == "Kept()"


async def test_a_kept_visitor_expires_and_a_chain_of_keeping_does_not_renew_it(gated, caplog):
    """After an hour of the first: unknown, one warning, and the work goes on."""
    work = []

    async def view(request):
        work.append(context.keep())
        return PlainTextResponse("")

    app = gated(Starlette(routes=[Route("/", view)]))
    await served(app, http_scope("/", headers=gated.jane), *EMPTY)
    gate, now = app.runtime.gate, app.runtime.gate.clock()
    for minutes, expected in ((0, "jane"), (25, "jane"), (50, "jane"), (75, "nobody"), (100, "nobody")):
        gate.clock = lambda minutes=minutes: now + 60 * minutes
        with work[-1]:
            assert whose() == expected
            work.append(context.keep())
    (said,) = [record.getMessage() for record in caplog.records]
    assert "the context token has expired" in said and "jane" not in said


async def test_work_that_begins_itself_again_with_keep_holds_no_chain(gated):
    """Each block that is left lets go of what was before it."""
    held = []

    async def view(request):
        with context.keep():
            held.append(context.present())
        return PlainTextResponse("")

    await served(gated(Starlette(routes=[Route("/", view)])), http_scope("/", headers=gated.jane), *EMPTY)
    assert held[0].outer is None


async def test_a_websockets_context_ends_when_it_is_closed(gated, caplog):
    """As long as it is open, what was begun in it is its visitor's."""
    work, tasks = Work(), []

    async def socket(websocket):
        await websocket.accept()
        tasks.append(asyncio.create_task(work.waiting()))
        await until(work.begun)
        await websocket.close()

    app = gated(Starlette(routes=[WebSocketRoute("/ws", socket)]))
    scope = http_scope("/ws", headers=gated.jane) | {"type": "websocket", "subprotocols": []}
    await served(app, scope, {"type": "websocket.connect"})
    work.released.set()
    await tasks[0]
    assert work.heard == ["jane", "nobody"]
    assert len(warnings(caplog)) == 1


async def test_nothing_of_the_request_is_held_by_work_that_goes_on(gated):
    """A worker that lives for days does not keep the headers of the visitor who happened to start it."""

    class Probe(dict):
        pass

    scopes, tasks, release = [], [], asyncio.Event()

    async def app(scope, receive, send):
        scopes.append(weakref.ref(scope))
        whose()
        tasks.append(asyncio.create_task(release.wait()))

    await gated(app)(Probe(http_scope("/", headers=gated.jane)), None, None)
    assert scopes[0]() is None
    release.set()
    await tasks[0]


async def test_the_explicit_ways_are_refused_after_the_end(gated):
    """`dump`, `keep` and `tell` have no visitor to speak of; `track` has an unknown one."""
    found, tasks, over = [], [], asyncio.Event()

    async def after():
        await over.wait()
        for call in (context.dump, context.keep, lambda: context.tell(age_band="adult")):
            with pytest.raises(gatekeeper.GatekeeperError, match="there is no visitor here"):
                call()
        found.append(gatekeeper.track("page_view", session_id="s_1"))

    async def view(request):
        tasks.append(asyncio.create_task(after()))
        return PlainTextResponse("")

    await served(gated(Starlette(routes=[Route("/", view)])), http_scope("/", headers=gated.jane), *EMPTY)
    over.set()
    await tasks[0]
    assert found[0].startswith("req_")


async def test_a_loaded_visitors_context_ends_with_the_block(gated):
    """A flusher that a job starts is not that job's visitor's afterwards."""
    work, tokens, tasks = Work(), [], []

    async def view(request):
        tokens.append(context.dump())
        return PlainTextResponse("")

    await served(gated(Starlette(routes=[Route("/", view)])), http_scope("/", headers=gated.jane), *EMPTY)
    with context.load(tokens[0]):
        tasks.append(asyncio.create_task(work.waiting()))
        await until(work.begun)
    work.released.set()
    await tasks[0]
    assert work.heard == ["jane", "nobody"] and whose() == "nobody"


@pytest.mark.parametrize("token", ["", "f0rged", "a.b.c", "ü.ü.ü", "x" * 9000])
def test_a_forged_token_breaks_nothing_and_is_told(gated, caplog, token):
    """Unknown, denied, one warning per place and fault; the work in the block is done."""
    gated(None)
    for _ in range(2):
        with context.load(token):
            assert whose() == "nobody" and gatekeeper.track("page_view", session_id="s_1")
    (said,) = [record.getMessage() for record in caplog.records]
    assert "works for a carried visitor, but the context token" in said and (not token or token not in said)


def test_a_load_that_is_left_in_another_context_is_told(gated, caplog):
    """As of a sync dependency of FastAPI, whose two halves run in two copies of the context: it had no effect."""
    gated(None)
    loading = context.load(subject="order-of-jane")
    contextvars.copy_context().run(loading.__enter__)
    contextvars.copy_context().run(loading.__exit__, None, None, None)
    (said,) = [record.getMessage() for record in caplog.records]
    assert "left gatekeeper.context.load() in another context" in said


async def test_a_worker_goes_on_with_the_policy_in_force(gated, tmp_path):
    """After a reload, a context that has ended and a kept one are judged by the new gate."""
    app = gated(None)
    old, new = app.runtime.gate, app.runtime._gate(app.runtime.policy)
    here = context.Here(old)
    mark = context.current.set(here)
    kept = context.keep()
    here.end()
    context.replace(old, new)
    try:
        assert context.working().gate is new
        with kept:
            assert context.working().gate is new
    finally:
        context.current.reset(mark)
        context.replace(new, old)
        context.here._followed.clear()
