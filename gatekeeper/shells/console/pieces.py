"""A page of which a part takes longer: it is sent at once, and its part behind it, in one answer and without script.

What is there within `PATIENCE` is sent in one piece, with its own status. Else the page says what it waits for, and
the part follows; what goes wrong then is said in its place.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping
from typing import Any, Final

from gatekeeper.console.page import HTML, Later, Shown
from gatekeeper.console.render import halves, rendered
from gatekeeper.shells.asgi import Headers, Reply
from gatekeeper.shells.console.faults import FAULTS, told

PATIENCE: Final = 0.25  # seconds that a page waits for its part
_HEADERS: Headers = ((b"content-type", HTML.encode()),)
_PARTS: Headers = (*_HEADERS, (b"x-accel-buffering", b"no"))  # a proxy may not keep the beginning back
Values = Mapping[str, Any]


async def reply(page: Shown, later: Later, values: Values, *, is_whole: bool, seat: contextlib.ExitStack) -> Reply:
    """The answer. `is_whole`: it cannot be sent in parts; `seat` is left when the part is there, or given up.

    Raises `FAULTS` of a part that fails in time.
    """
    loop = asyncio.get_running_loop()
    coming = loop.run_in_executor(None, later.values)

    def over(done: asyncio.Future[Values]) -> None:
        """Leave the seat; what failed is no news where the client has gone."""
        seat.close()
        if not done.cancelled():
            done.exception()

    coming.add_done_callback(over)

    def part() -> tuple[int, str]:
        """The part as HTML, and the status that it wants. Raises `FAULTS`."""
        found = {**values, **coming.result()}
        return found.get("status", page.status), rendered(later.template, found)

    await asyncio.wait((coming,), timeout=None if is_whole else PATIENCE)
    around = await loop.run_in_executor(None, halves, page.template, values)
    if coming.done():
        status, html = await loop.run_in_executor(None, part)
        return Reply(status, around.whole(html).encode(), _HEADERS)

    async def more() -> AsyncGenerator[bytes, None]:
        """The part, when it is there, and the end of the page."""
        await asyncio.wait((coming,))
        try:
            _, html = await loop.run_in_executor(None, part)
        except FAULTS as error:
            html = rendered("fault.html", told(error, shown=True)._asdict())
        yield (html + around.behind).encode()

    return Reply(page.status, (around.before + around.waiting).encode(), _PARTS, more)
