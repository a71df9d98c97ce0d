"""Server-sent events for a page that is open (HTML standard, section 9.2).

An answer lasts `LASTS` seconds, so that no server waits longer for it when it stops; the browser then asks again. What
it asks with, the last event's id, says when the look began that was written down: the log gets a line once in `LOOK`
seconds of a page that stays open, not with each connection. An answer never prolongs the session, and ends with it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, Final

from gatekeeper.console.page import Desk, Stream
from gatekeeper.console.session import Session
from gatekeeper.errors import EventError, GatekeeperError
from gatekeeper.installation.ring import KeyRing
from gatekeeper.shells.asgi import Headers, Reply
from gatekeeper.shells.console.seats import Seats
from gatekeeper.signals import header_values

LASTS: Final = 10.0  # seconds
LOOK: Final = 900.0  # seconds
RETRY: Final = b"retry: 1000\n"  # milliseconds until the browser asks again
_LABEL: Final = "console-look"
Beside = Callable[[Callable[[], Any]], Awaitable[Any]]


async def reply(
    seats: Seats, stream: Stream, desk: Desk, session: Session, ring: KeyRing, headers: Headers, beside: Beside
) -> Reply:
    """The answer: its first event, and what follows. Raises EventError, AuditError, StorageError."""
    if not seats.left():
        raise EventError(503, "too many pages are kept fresh at the moment")
    now = time.time()
    began = _look(_last_id(headers), stream, session, ring, now)
    if began is None:
        await beside(lambda: desk.office.record(stream.action))
        began = int(now)
    mark = _mark(began, stream, session, ring)
    following = await beside(lambda: stream.open(desk))
    first = await beside(following)

    async def more() -> AsyncGenerator[bytes, None]:
        """Events until the time is over."""
        if not seats.take():
            return
        try:
            end = time.monotonic() + LASTS
            while time.monotonic() < end:
                await asyncio.sleep(stream.every)
                if time.time() >= session.ends():
                    yield b"event: over\ndata:\n\n"
                    return
                try:
                    html = await beside(following)
                except (GatekeeperError, OSError):
                    return  # the browser asks again, and is told
                yield b": still here\n\n" if html is None else _event(html, mark)
        finally:
            seats.leave()

    body = RETRY + (b"\n" if first is None else _event(first, mark))
    return Reply(
        200, body, ((b"content-type", b"text/event-stream; charset=utf-8"), (b"x-accel-buffering", b"no")), more
    )


def _event(html: str, mark: str) -> bytes:
    lines = "".join(f"data: {line}\n" for line in html.splitlines())
    return f"event: part\nid: {mark}\n{lines}\n".encode()


def _last_id(headers: Headers) -> str:
    values = header_values(headers, b"last-event-id")
    return values[0].decode("latin-1") if len(values) == 1 else ""


def _mark(began: int, stream: Stream, session: Session, ring: KeyRing) -> str:
    key, mac = ring.sign(_LABEL, f"{began}.{stream.path}.{session.name}.{session.random}".encode())
    return f"{began}.{key}.{mac.hex()}"


def _look(mark: str, stream: Stream, session: Session, ring: KeyRing, now: float) -> int | None:
    """When the look began that this connection goes on with; `None`: it is a new one."""
    began, _, rest = mark.partition(".")
    key, _, mac = rest.partition(".")
    if not began.isdecimal() or len(began) > 12 or len(mac) != 64:
        return None
    try:
        given = bytes.fromhex(mac)
    except ValueError:
        return None
    message = f"{began}.{stream.path}.{session.name}.{session.random}".encode()
    if not ring.verify(_LABEL, key, message, given) or not int(began) <= now < int(began) + LOOK:
        return None
    return int(began)
