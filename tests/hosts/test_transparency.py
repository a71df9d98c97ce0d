"""What is not the gate's is as without it: message for message, wrapped against bare; then under real servers."""

import asyncio
import gc
import threading
from contextlib import asynccontextmanager, contextmanager

import httpx
import pytest
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import ClientDisconnect
from starlette.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute
from websockets.asyncio.client import connect

import gatekeeper
from gatekeeper import GatekeeperMiddleware, context
from gatekeeper.shells.server import sidecar
from tests.builders import make_policy
from tests.running import by_uvicorn

DONE: list[str] = []


def whose():
    """Which context code runs in: nobody's where the app is bare."""
    here = context.current.get()
    return "nobody" if here is None else dict(here.caller().headers).get(b"x-visitor", b"?").decode()


async def stream(request):
    """Parts, one by one."""

    async def parts():
        for n in range(3):
            yield f"part {n}\n"
            await asyncio.sleep(0)

    return StreamingResponse(parts(), media_type="text/plain")


async def events(request):
    """Server-sent events: the next one only when the last was asked for."""

    async def parts():
        for n in range(3):
            yield f"id: {n}\ndata: {n}\n\n"
            if n == 0:
                await asyncio.to_thread(request.app.state.seen.wait, 10)

    return StreamingResponse(parts(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})


async def echo(request):
    """Method, path, root and how many bytes came."""
    size = 0
    async for part in request.stream():
        size += len(part)
    words = [request.method, request.url.path, request.scope.get("root_path", ""), str(size)]
    return PlainTextResponse(" ".join(words), headers={"X-Twice": "1", "Set-Cookie": "a=1"})


async def later(request):
    """A background task."""
    return PlainTextResponse("now", background=BackgroundTask(DONE.append, "later"))


async def state(request):
    """What the lifespan made."""
    return PlainTextResponse(request.state.made)


async def fail(request):
    """An error of the app's own."""
    raise ZeroDivisionError("the app's own")


async def socket(websocket):
    """An echo with a subprotocol."""
    await websocket.accept(subprotocol="shop", headers=[(b"x-own", b"1")])
    async for text in websocket.iter_text():
        await websocket.send_text(text.upper())
        if text == "bye":
            await websocket.close(4001)
            return


async def endless(request):
    """Goes on until the client goes away."""

    async def parts():
        try:
            while True:
                yield b"x" * 1000
                await asyncio.sleep(0.001)
        finally:
            request.app.state.gone.set()

    return StreamingResponse(parts())


async def upload(request):
    """Notices a body that breaks off."""
    try:
        await request.body()
    except ClientDisconnect:
        request.app.state.gone.set()
        raise
    return Response()


def file(request):
    """A file of its own."""
    return FileResponse(__file__)


def shop():
    """An app with everything an app can have."""

    @asynccontextmanager
    async def lifespan(app):
        yield {"made": "at start"}
        DONE.append("down")

    app = Starlette(
        routes=[
            Route("/stream", stream),
            Route("/events", events),
            Route("/echo", echo, methods=["GET", "POST", "PUT"]),
            Route("/later", later),
            Route("/state", state),
            Route("/fail", fail),
            Route("/file", file),
            Route("/endless", endless),
            Route("/upload", upload, methods=["POST"]),
            WebSocketRoute("/ws", socket),
            Mount("/below", routes=[Route("/echo", echo)]),
        ],
        lifespan=lifespan,
    )
    app.state.seen = threading.Event()
    app.state.gone = threading.Event()
    return app


def policy(folder):
    """A policy whose files are in `folder`."""
    return make_policy(
        audit={"path": str(folder / "audit")},
        keys={"path": str(folder / "keys")},
        storage={"url": f"sqlite:///{folder}/g.db"},
    )


@pytest.fixture
def wrapped(tmp_path):
    """Wraps an app; what was wrapped is closed."""
    made = []

    def wrap(app):
        made.append(GatekeeperMiddleware(app, config=policy(tmp_path)))
        return made[-1]

    yield wrap
    for one in made:
        one.runtime.close()
        context.uninstall(one.runtime.gate)


async def drive(app, scope, *incoming):
    """Every message an app sends, and the error it ends with."""
    waiting, sent = list(incoming), []

    async def receive():
        return waiting.pop(0) if waiting else {"type": "http.disconnect"}

    async def send(message):
        sent.append(dict(message))

    try:
        await app(scope, receive, send)
    except Exception as error:
        sent.append({"type": "error", "error": repr(error)})
    return sent


def http_scope(path, method="GET", headers=(), root="", **more):
    """One request as a server gives it."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": root + path,
        "raw_path": (root + path).encode(),
        "query_string": b"a=1&a=2",
        "root_path": root,
        "headers": [(b"host", b"shop.example"), *headers],
        "client": ("127.0.0.1", 5),
        "server": ("shop.example", 80),
        "state": {"made": "at start"},
        **more,
    }


BIG = [{"type": "http.request", "body": b"x" * 65_536, "more_body": n < 127} for n in range(128)]
EMPTY = [{"type": "http.request", "body": b"", "more_body": False}]
PATHSEND = {"extensions": {"http.response.pathsend": {}}}
CASES = [
    pytest.param(lambda: http_scope("/stream"), EMPTY, id="streaming"),
    pytest.param(lambda: http_scope("/echo"), EMPTY, id="get"),
    pytest.param(lambda: http_scope("/echo", "HEAD"), EMPTY, id="head"),
    pytest.param(lambda: http_scope("/stream", "HEAD"), EMPTY, id="head-of-a-stream"),
    pytest.param(lambda: http_scope("/echo", "OPTIONS"), EMPTY, id="method-not-allowed"),
    pytest.param(lambda: http_scope("/echo", "PUT"), BIG, id="upload-of-8-megabytes"),
    pytest.param(lambda: http_scope("/nothing"), EMPTY, id="not-found"),
    pytest.param(lambda: http_scope("/state"), EMPTY, id="lifespan-state"),
    pytest.param(lambda: http_scope("/later"), EMPTY, id="background-task"),
    pytest.param(lambda: http_scope("/fail"), EMPTY, id="exception"),
    pytest.param(lambda: http_scope("/file", **PATHSEND), EMPTY, id="pathsend"),
    pytest.param(lambda: http_scope("/echo", root="/app"), EMPTY, id="root-path"),
    pytest.param(lambda: http_scope("/below/echo"), EMPTY, id="mount"),
    pytest.param(lambda: http_scope("/upload", "POST"), [BIG[0]], id="body-that-breaks-off"),
]


@pytest.mark.parametrize(("scope", "incoming"), CASES)
async def test_an_app_sends_the_same_messages(wrapped, scope, incoming):
    """To the last byte, in the same order, with the same error."""
    DONE.clear()
    bare = await drive(shop(), scope(), *incoming)
    assert bare and await drive(wrapped(shop()), scope(), *incoming) == bare
    assert DONE in ([], ["later", "later"])


async def test_a_file_is_still_sent_by_the_server(wrapped):
    """`http.response.pathsend` reaches it."""
    sent = await drive(wrapped(shop()), http_scope("/file", **PATHSEND), *EMPTY)
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.pathsend"]


async def test_the_opt_out_header_is_the_only_difference_for_a_visitor_who_opted_out(wrapped):
    """And given once, however often the app is wrapped."""
    ask = [(b"sec-gpc", b"1")]
    bare = await drive(shop(), http_scope("/echo", headers=ask), *EMPTY)
    start, *rest = await drive(wrapped(wrapped(shop())), http_scope("/echo", headers=ask), *EMPTY)
    assert rest == bare[1:]
    assert start["headers"] == [*bare[0]["headers"], (b"gatekeeper-opt-out", b"honoured; signal=sec-gpc")]


async def test_one_wrapped_app_can_be_mounted_twice(wrapped):
    """Under both mounts the endpoints are found, and the app behind."""
    inner = wrapped(Starlette(routes=[Route("/echo", echo)]))
    outer = Starlette(routes=[Mount("/a", app=inner), Mount("/b", app=inner)])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(outer), base_url="http://shop.example") as http:
        for mount in ("/a", "/b"):
            assert (await http.get(mount + "/gk/healthz")).json() == {"status": "ok"}
            assert (await http.get(mount + "/echo")).text == f"GET {mount}/echo {mount} 0"


async def test_a_cancelled_request_is_the_apps_to_see(wrapped):
    """The cancellation reaches it, comes back out, and leaves no context behind."""
    seen = []

    async def app(scope, receive, send):
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    task = asyncio.create_task(wrapped(app)(http_scope("/"), None, None))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert seen == ["cancelled"] and context.current.get() is None


async def test_no_request_is_kept_alive(wrapped):
    """The scope of an ended request is garbage: nothing of ours holds it."""

    class Probe(dict):
        pass

    app = wrapped(shop())
    scope = Probe(http_scope("/echo"))
    await drive(app, scope, *EMPTY)
    del scope
    gc.collect()
    assert not [one for one in gc.get_objects() if type(one) is Probe]


async def test_work_of_a_request_is_its_visitors(wrapped):
    """A task that was started in it, a thread it went to, a background task: all speak for that visitor."""
    heard = []

    async def task():
        heard.append(("task", whose()))

    async def view(request):
        await asyncio.create_task(task())
        heard.append(("thread", await asyncio.to_thread(whose)))
        return PlainTextResponse("", background=BackgroundTask(lambda: heard.append(("background", whose()))))

    inner = Starlette(routes=[Route("/", view)])
    await drive(wrapped(inner), http_scope("/", headers=[(b"x-visitor", b"jane")]), *EMPTY)
    assert sorted(heard) == [("background", "jane"), ("task", "jane"), ("thread", "jane")]


async def test_a_thread_that_carries_no_context_is_nobodys(wrapped):
    """`run_in_executor` as it is: unknown, so the strictest law; never somebody else's."""
    heard = []

    async def view(request):
        heard.append(await asyncio.get_running_loop().run_in_executor(None, whose))
        return PlainTextResponse("")

    await drive(wrapped(Starlette(routes=[Route("/", view)])), http_scope("/", headers=[(b"x-visitor", b"jane")]))
    assert heard == ["nobody"]


def with_websockets(app):
    """Served by uvicorn from a thread; gives host and port."""
    return by_uvicorn(app, ws="websockets-sansio", lifespan="on", timeout_graceful_shutdown=5)


@contextmanager
def by_hypercorn(app):
    """The same under another server."""
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    listener = sidecar.listen("127.0.0.1", 0)
    config = Config()
    config.bind = [f"fd://{listener.fileno()}"]
    config.errorlog = None
    loop, stop = asyncio.new_event_loop(), threading.Event()

    async def run():
        ending = asyncio.Event()
        loop.run_in_executor(None, stop.wait).add_done_callback(lambda _: ending.set())
        await serve(app, config, shutdown_trigger=ending.wait)

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()))
    thread.start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        stop.set()
        thread.join()
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
        listener.detach()


@pytest.mark.parametrize("server", [with_websockets, by_hypercorn])
def test_under_a_real_server_everything_still_works(wrapped, server):
    """Lifespan with state, events as they come, websockets, uploads, clients that go away, our own endpoints."""
    DONE.clear()
    inner = shop()
    with server(wrapped(inner)) as at, httpx.Client(base_url=f"http://{at}", trust_env=False, timeout=10) as http:
        assert http.get("/state").text == "at start"
        assert http.get("/gk/healthz").json() == {"status": "ok"}
        with http.stream("GET", "/events") as answer:
            lines = answer.iter_lines()
            assert next(lines) == "id: 0"
            inner.state.seen.set()  # the second is only made now: the first was not held back
            assert [line for line in lines if line.startswith("id")] == ["id: 1", "id: 2"]
        assert http.put("/echo", content=(b"x" * 65_536 for _ in range(64))).text == f"PUT /echo  {2**22}"
        head = http.head("/echo")
        assert head.headers["content-length"] == str(len("HEAD /echo  0")) and head.content == b""
        with http.stream("GET", "/endless") as answer:
            next(answer.iter_raw())
        assert inner.state.gone.wait(10)
        asyncio.run(converse(at))
    assert DONE == ["down"]


async def converse(at):
    """A websocket: subprotocol, headers, texts, the app's own close code."""
    async with connect(f"ws://{at}/ws", subprotocols=["shop"], proxy=None) as ws:
        assert ws.subprotocol == "shop" and ws.response.headers["X-Own"] == "1"
        await ws.send("hello")
        assert await ws.recv() == "HELLO"
        await ws.send("bye")
        assert await ws.recv() == "BYE"
        await ws.wait_closed()
        assert ws.close_code == 4001


def test_a_worker_without_an_app_has_a_gate_too(tmp_path):
    """`gatekeeper.start()`; a visitor by token or by name, and never both."""
    runtime = gatekeeper.start(policy(tmp_path))
    try:
        with gatekeeper.context.load(subject="order-of-jane"):
            here = context.current.get()
            assert here.gate is runtime.gate and here.caller().visitor.subject == "order-of-jane"
            consent = runtime.gate.consent_of(here.caller(), runtime.gate.clock())
            assert [p.value for p, r in consent.rulings.items() if r.permission.value == "granted"] == ["necessary"]
        for given in ({}, {"token": "a", "subject": "b"}):
            with pytest.raises(gatekeeper.ConfigError, match="a token or a subject"):
                gatekeeper.context.load(**given).__enter__()
    finally:
        runtime.close()
        context.uninstall(runtime.gate)
