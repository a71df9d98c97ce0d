"""Under Django a visitor's context ends when the response is closed: streams included, however the request ended."""

import asyncio
import contextvars
import gc
import threading

import pytest
from django.core.asgi import get_asgi_application
from django.http import HttpResponse, StreamingHttpResponse
from django.test import AsyncClient, Client, RequestFactory, override_settings
from django.urls import path

from gatekeeper import context
from gatekeeper.django import GatekeeperMiddleware
from tests.hosts.test_django import visitor

HEARD: list[tuple[str, str]] = []
RELEASED = threading.Event()


def whose():
    """For whom a tracking call would be sent."""
    here = context.working()  # `None`: outside any context, because the project's gate is not the process's here
    return "visitor" if here and any(one.subject for one in here.gate.heard(here.caller())) else "nobody"


def say(where):
    """Note it."""
    HEARD.append((where, whose()))


def begin():
    """A thread with the context, that goes on after the request."""

    def work(begun):
        say("thread, during")
        begun.set()
        RELEASED.wait(10)
        say("thread, after")

    begun = threading.Event()
    thread = threading.Thread(target=contextvars.copy_context().run, args=(work, begun), name="goes on")
    thread.start()
    begun.wait(10)


def plain(request):
    """A response of one piece."""
    begin()
    return HttpResponse("done")


async def plain_async(request):
    """The same."""
    begin()
    return HttpResponse("done")


def stream(request):
    """Parts, and what a generator does at its end."""

    def parts():
        try:
            begin()
            say("part")
            yield b"1"
            say("part")
            yield b"2"
        finally:
            say("closing")

    return StreamingHttpResponse(parts())


async def stream_async(request):
    """The same by an async generator."""

    async def parts():
        try:
            begin()
            say("part")
            yield b"1"
            await asyncio.sleep(0)
            say("part")
            yield b"2"
        finally:
            say("closing")

    return StreamingHttpResponse(parts())


def fails(request):
    """An error of the app's."""
    begin()
    raise ZeroDivisionError


async def waits(request):
    """Until it is cancelled."""
    begin()
    await asyncio.sleep(60)


urlpatterns = [
    path("plain", plain),
    path("plain-async", plain_async),
    path("stream", stream),
    path("stream-async", stream_async),
    path("fails", fails),
    path("waits", waits),
]


@pytest.fixture
def served(shop):
    """The project with these views; what went on is joined."""
    HEARD.clear()
    RELEASED.clear()
    with override_settings(ROOT_URLCONF=__name__):
        yield shop
    RELEASED.set()


def released():
    """What the thread says once the request is over."""
    RELEASED.set()
    for thread in threading.enumerate():
        if thread.name == "goes on":
            thread.join(10)
    return HEARD


def wsgi(path, headers):
    """A request under WSGI; its body is read and the response closed, as servers do."""
    response = Client(raise_request_exception=False).get(path, headers=headers)
    return b"".join(response) if response.streaming else response.content


def asgi(path, headers):
    """The same under ASGI."""

    async def get():
        response = await AsyncClient(raise_request_exception=False).get(path, headers=headers)
        if not response.streaming:
            return response.content
        body = b"".join([part async for part in response])
        await asyncio.to_thread(response.close)
        return body

    return asyncio.run(get())


DURING, AFTER = ("thread, during", "visitor"), ("thread, after", "nobody")
PARTS = [("part", "visitor"), ("part", "visitor"), ("closing", "visitor")]


@pytest.mark.parametrize(
    ("get", "path", "between"),
    [
        pytest.param(wsgi, "/plain", [], id="wsgi"),
        pytest.param(wsgi, "/plain-async", [], id="wsgi-async-view"),
        pytest.param(wsgi, "/stream", PARTS, id="wsgi-stream"),
        pytest.param(wsgi, "/fails", [], id="wsgi-error"),
        pytest.param(asgi, "/plain", [], id="asgi-sync-view"),
        pytest.param(asgi, "/plain-async", [], id="asgi"),
        pytest.param(asgi, "/stream-async", PARTS, id="asgi-stream"),
        pytest.param(asgi, "/fails", [], id="asgi-error"),
    ],
)
def test_what_outlives_a_response_speaks_for_no_visitor(served, get, path, between):
    """During view and stream the visitor, once the response is closed nobody."""
    assert get(path, visitor(served, "analytics"))
    assert released() == [DURING, *between, AFTER]


def test_a_stream_that_a_client_leaves_ends_its_context(served):
    """What the generator does when it is collected later is nobody's: Django does not close it before."""

    async def leave():
        asked, sent = [{"type": "http.request", "body": b"", "more_body": False}], []
        gone = asyncio.Event()

        async def receive():
            if asked:
                return asked.pop()
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message):
            sent.append(message)
            if message.get("body"):
                gone.set()
                await asyncio.sleep(60)  # a slow reader, until the request is cancelled

        await get_asgi_application()(scope(served, "/stream-async"), receive, send)
        gc.collect()

    asyncio.run(leave())
    assert released() == [DURING, ("part", "visitor"), ("closing", "nobody"), AFTER]


def test_a_request_that_is_cancelled_ends_its_context(served):
    """The client goes away before there is a response."""

    async def leave():
        asked = [{"type": "http.request", "body": b"", "more_body": False}]

        async def receive():
            if asked:
                return asked.pop()
            while not HEARD:
                await asyncio.sleep(0.001)
            return {"type": "http.disconnect"}

        await get_asgi_application()(scope(served, "/waits"), receive, None)

    asyncio.run(leave())
    assert released() == [DURING, AFTER]


def scope(shop, path):
    """A visitor's request as a server gives it."""
    headers = [(b"host", b"testserver"), *shop.headers("analytics")]
    return {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": headers}


def test_a_response_that_a_server_drops_ends_its_context_too(served):
    """A server that breaks off may close nothing."""
    copies = []

    def view(request):
        copies.append(contextvars.copy_context())
        return HttpResponse("")

    response = GatekeeperMiddleware(view)(RequestFactory().get("/", headers=visitor(served, "analytics")))
    assert copies[0].run(whose) == "visitor"
    del response
    gc.collect()
    assert copies[0].run(whose) == "nobody"


def test_what_a_response_has_to_close_is_closed_once_and_in_order(served):
    """Files, sockets and generators of the project, as without the gate."""
    closed = []

    class Parts:
        def __iter__(self):
            return iter([b"1"])

        def close(self):
            closed.append(whose())

    def view(request):
        return StreamingHttpResponse(Parts())

    response = GatekeeperMiddleware(view)(RequestFactory().get("/", headers=visitor(served, "analytics")))
    assert b"".join(response) == b"1" and closed == []
    response.close()
    response.close()
    assert closed == ["visitor"]
