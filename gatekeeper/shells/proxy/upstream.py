"""The app behind the gate: everything that is not ours streams to it and back, as it is.

Both bodies are passed on piece by piece. A caller who goes away ends the app's request; an app that is down is a
502, one that keeps silent for `PATIENCE` seconds a 504.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import Callable
from typing import Final

from gatekeeper.gate import Gate
from gatekeeper.shells.asgi import OWN_DATE, TARGET, UNTIL_CLOSE, Header, Receive, Scope, Send, problem_reply, respond
from gatekeeper.shells.asgi.caller import here
from gatekeeper.shells.proxy.forwarding import from_app, to_app
from gatekeeper.shells.proxy.link import Link, LinkError, Pool, Target
from gatekeeper.signals import context

# What may be asked twice without a difference (RFC 9110 section 9.2.1). Not PUT and DELETE: a second DELETE is a 404.
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
PATIENCE: Final = 300.0  # seconds without a byte from the app before its answer begins, or to it
NOT_SAID: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")  # in a header's value (RFC 9110 section 5.5)
_log = logging.getLogger("gatekeeper")


class Upstream:
    """One app. An ASGI app for HTTP; `request` and `pool` also serve the tunnels of websockets."""

    def __init__(self, target: Target, gate: Callable[[], Gate]) -> None:
        self._gate = gate
        self.pool = Pool(target)

    @property
    def prefix(self) -> str:
        """What is ours, and never the app's."""
        return self._gate().policy.prefix + "/"

    async def __call__(self, scope: Scope, receive: Receive, send: Send, more: tuple[Header, ...] = ()) -> None:
        """One request; `more` headers are added to its answer."""
        headers = self.headers(scope)
        bodiless = not {name for name, _ in scope["headers"]} & {b"content-length", b"transfer-encoding"}
        repeatable = bodiless and scope["method"] in SAFE
        if await self._exchange(scope, headers, receive, send, more, repeatable=repeatable, last=not repeatable):
            await self._exchange(scope, headers, receive, send, more, repeatable=False, last=True)

    def headers(self, scope: Scope) -> list[Header]:
        """The headers of the app's request."""
        gate = self._gate()
        return to_app(scope, gate.policy.trust, _token(gate, scope), self.pool.target.name)

    def close(self) -> None:
        """Hang up on unused connections."""
        self.pool.close()

    async def _exchange(
        self, scope: Scope, headers: list[Header], receive: Receive, send: Send, more: tuple[Header, ...],
        *, repeatable: bool, last: bool,
    ) -> bool:  # fmt: skip
        """One request and its answer; `True` if nothing came of it and it can be tried on another connection."""
        upload = None
        link = None
        whole = False
        try:
            link = await self.pool.link(repeatable=repeatable)
            await link.ask(scope["method"], scope["extensions"][TARGET], headers)
            upload = _Upload(link, receive)
            whole = await _pass_on(scope, await _patiently(link), link, send, more)
        except TimeoutError:
            await respond(send, problem_reply(504, "the app behind this gate did not answer in time"))
        except LinkError as error:
            if not last and link is not None and link.used and not error.sent and not (upload and upload.gone):
                return True  # the app had closed the connection while it was unused
            what = "gave no answer" if error.sent else "cannot be reached"
            await respond(send, problem_reply(502, f"the app behind this gate {what}"))
        finally:
            if upload is not None:
                await upload.stop()
                whole = whole and upload.body_done and not upload.gone
            if link is not None and whole:
                self.pool.back(link)
            elif link is not None:
                link.abort()
        return False


def _token(gate: Gate, scope: Scope) -> str | None:
    # One that came with the request is not believed: a client could speak for another visitor by it.
    own = [header for header in scope["headers"] if header[0] != context.HEADER]
    try:
        return here(gate, {**scope, "headers": own}).token()
    except Exception as error:  # noqa: BLE001  # without a context the visitor is unknown: closed, and not in the way
        _log.error("a visitor's context could not be made (%s)", type(error).__name__)
        return None


class _Upload:
    """The body on its way to the app; then a watch for the caller's going away."""

    def __init__(self, link: Link, receive: Receive) -> None:
        self._link, self._receive = link, receive
        self.body_done = False
        self.gone = False
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End it."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def _run(self) -> None:
        try:
            while not self.body_done:
                message = await self._receive()
                if message["type"] != "http.request":
                    self._leave()
                    return
                await self._link.pour(message.get("body", b""))
                if not message.get("more_body", False):
                    await self._link.end()
                    self.body_done = True
            await self._receive()
            self._leave()
        except LinkError:
            return  # the answer, or its absence, says the rest

    def _leave(self) -> None:
        self.gone = True
        self._link.abort()


async def _pass_on(
    scope: Scope, head: tuple[int, list[Header]], link: Link, send: Send, more: tuple[Header, ...]
) -> bool:
    """The answer to the client; whether it came whole. One that breaks off is left without an end, as it came."""
    status, headers = head
    if any(NOT_SAID.search(value) for _, value in headers):
        await respond(send, problem_reply(502, "the app behind this gate gave an answer that is not in HTTP"))
        return False
    if any(name == b"date" for name, _ in headers):
        scope["extensions"][OWN_DATE]()
    if scope["http_version"] == "1.0" and not any(name.lower() == b"content-length" for name, _ in headers):
        scope["extensions"][UNTIL_CLOSE]()
    await send({"type": "http.response.start", "status": status, "headers": [*from_app(status, headers), *more]})
    try:
        async for part in link.body():
            await send({"type": "http.response.body", "body": part, "more_body": True})
    except LinkError:
        return False
    await send({"type": "http.response.body", "body": b""})
    return True


async def _patiently(link: Link) -> tuple[int, list[Header]]:
    """The answer's head. Raises TimeoutError if nothing moves for too long, LinkError."""
    loop = asyncio.get_running_loop()
    answer = asyncio.create_task(link.answer())
    try:
        while True:
            done, _ = await asyncio.wait({answer}, timeout=max(0.0, link.moved + PATIENCE - loop.time()))
            if done:
                return answer.result()
            if loop.time() - link.moved >= PATIENCE:
                raise TimeoutError
    finally:
        answer.cancel()
