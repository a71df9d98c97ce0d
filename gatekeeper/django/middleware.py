"""The middleware: our endpoints under the prefix, and the visitor's context for everything behind it.

Sync and async, under WSGI and ASGI. Errors of the gate never reach a view; a policy that cannot be used is told at
start (ImproperlyConfigured).
"""

from __future__ import annotations

import weakref
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.core.exceptions import ImproperlyConfigured
from django.http import FileResponse

from gatekeeper import context
from gatekeeper.context import Here
from gatekeeper.django import settings
from gatekeeper.django.loop import Loop
from gatekeeper.django.scope import answered, scope_of
from gatekeeper.errors import ConfigError
from gatekeeper.gate import Gate
from gatekeeper.model import Caller
from gatekeeper.shells.asgi.caller import asked
from gatekeeper.shells.asgi.opt_out import GPC_RESOURCE, HONOURED
from gatekeeper.shells.asgi.serving import Current, Serving

_loop = Loop()


class GatekeeperMiddleware:
    """`gatekeeper.django.GatekeeperMiddleware`, the first in MIDDLEWARE."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Any) -> None:
        try:
            self._runtime = settings.runtime()
        except ConfigError as error:
            raise ImproperlyConfigured("; ".join(error.problems)) from None
        self._get_response = get_response
        self._current = Current(self._runtime)
        self._async = iscoroutinefunction(get_response)
        if self._async:
            markcoroutinefunction(self)

    def __call__(self, request: Any) -> Any:
        """One request; a coroutine where the project is async."""
        if self._async:
            return self._serve(request)
        if not self._runtime.started:
            self._runtime.start()
        serving = self._current.now
        if _ours(serving, request.path_info):
            return _loop.run(answered(serving.endpoints, request, serving.max_body))
        here = _here(serving, request)
        with _visit(here):
            return _finished(serving, request, self._get_response(request), here)

    async def _serve(self, request: Any) -> Any:
        if not self._runtime.started:
            self._runtime.start()
        serving = self._current.now
        if _ours(serving, request.path_info):
            return await answered(serving.endpoints, request, serving.max_body)
        here = _here(serving, request)
        with _visit(here):
            return _finished(serving, request, await self._get_response(request), here)


def _here(serving: Serving, request: Any) -> Here:
    root = request.path.removesuffix(request.path_info)  # SCRIPT_NAME, or the project's FORCE_SCRIPT_NAME
    return Here(serving.gate, partial(_asked, serving.gate, request), root=root)


def _ours(serving: Serving, path: str) -> bool:
    return path.startswith(serving.prefix) or path == GPC_RESOURCE


def _finished(serving: Serving, request: Any, response: Any, here: Here) -> Any:
    if "HTTP_SEC_GPC" in request.META and serving.endpoints.honours_opt_out(scope_of(request)):
        response[HONOURED[0].decode()] = HONOURED[1].decode()
    if response.streaming and not isinstance(response, FileResponse):
        # Streamed after this middleware has returned: each part is made in the visitor's context.
        parts = response.streaming_content
        response.streaming_content = _async_in(here, parts) if response.is_async else _in(here, parts)
    # The server closes the response when it is sent. What it has to close is closed for the visitor, whose context then
    # ends; at the latest when the response is dropped, because a server that breaks off may close nothing.
    closers = response._resource_closers
    closers[:] = [*(partial(_within, here, closer) for closer in closers), here.end]
    weakref.finalize(response, here.end).atexit = False
    return response


@contextmanager
def _visit(here: Here) -> Iterator[None]:
    """A view and what is around it; an error that comes out of them ends the visitor's context."""
    mark = context.current.set(here)
    try:
        yield
    except BaseException:
        here.end()
        raise
    finally:
        context.leave(mark)


def _within(here: Here, call: Callable[[], Any]) -> Any:
    mark = context.current.set(here)
    try:
        return call()
    finally:
        context.leave(mark)


def _in(here: Here, parts: Iterable[Any]) -> Iterator[Any]:
    iterator = iter(parts)
    while True:
        try:
            part = _within(here, partial(next, iterator))
        except StopIteration:
            return
        yield part


async def _async_in(here: Here, parts: AsyncIterator[Any]) -> AsyncIterator[Any]:
    iterator = aiter(parts)
    while True:
        mark = context.current.set(here)
        try:
            part = await anext(iterator)
        except StopAsyncIteration:
            return
        finally:
            context.leave(mark)
        yield part


def _asked(gate: Gate, request: Any) -> Caller:
    return asked(gate, scope_of(request))
