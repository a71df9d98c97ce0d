"""The middleware: our endpoints under the prefix, and the visitor's context for everything behind it.

Sync and async, under WSGI and ASGI. Errors of the gate never reach a view; a policy that cannot be used is told at
start (ImproperlyConfigured).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
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
from gatekeeper.shells.asgi import Scope
from gatekeeper.shells.endpoints import GPC_RESOURCE, HONOURED, Endpoints, local_path
from gatekeeper.shells.relay import Relay

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
        self._relay = Relay(self._runtime.gate)
        self._swap(self._runtime.gate)
        self._runtime.watch(self._swap)
        self._async = iscoroutinefunction(get_response)
        if self._async:
            markcoroutinefunction(self)

    def _swap(self, gate: Gate) -> None:
        """Serve by another policy from the next request on."""
        self._relay.use(gate)
        self._gate, self._endpoints = gate, Endpoints(self._runtime, self._relay)
        self._prefix = gate.policy.prefix + "/"
        self._limit = gate.policy.file.server.max_body

    def __call__(self, request: Any) -> Any:
        """One request; a coroutine where the project is async."""
        if self._async:
            return self._serve(request)
        if not self._runtime.started:
            self._runtime.start()
        scope = scope_of(request)
        if self._ours(scope):
            return _loop.run(answered(self._endpoints, request, self._limit))
        here = Here(self._gate, scope)
        mark = context.current.set(here)
        try:
            return self._finished(self._get_response(request), here, scope)
        finally:
            context.current.reset(mark)

    async def _serve(self, request: Any) -> Any:
        if not self._runtime.started:
            self._runtime.start()
        scope = scope_of(request)
        if self._ours(scope):
            return await answered(self._endpoints, request, self._limit)
        here = Here(self._gate, scope)
        mark = context.current.set(here)
        try:
            return self._finished(await self._get_response(request), here, scope)
        finally:
            context.current.reset(mark)

    def _ours(self, scope: Scope) -> bool:
        path = local_path(scope)
        return path.startswith(self._prefix) or path == GPC_RESOURCE

    def _finished(self, response: Any, here: Here, scope: Scope) -> Any:
        if self._endpoints.honours_opt_out(scope):
            response[HONOURED[0].decode()] = HONOURED[1].decode()
        if response.streaming and not isinstance(response, FileResponse):
            # Streamed after this middleware has returned: each part is made in the visitor's context.
            parts = response.streaming_content
            response.streaming_content = _async_in(here, parts) if response.is_async else _in(here, parts)
        return response


def _in(here: Here, parts: Iterator[Any]) -> Iterator[Any]:
    iterator = iter(parts)
    while True:
        mark = context.current.set(here)
        try:
            part = next(iterator)
        except StopIteration:
            return
        finally:
            context.current.reset(mark)
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
            context.current.reset(mark)
        yield part
