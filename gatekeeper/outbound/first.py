"""httpcore's own events, by which it says when it writes the head of a request, to a connection that is open."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from gatekeeper.outbound.marks import first_byte


class Trace:
    """For a request's extension `trace`. `theirs` is the one that the request had, which hears everything, too."""

    def __init__(self, theirs: Any = None) -> None:
        self._theirs = theirs
        self._first: AbstractContextManager[None] | None = None

    def __call__(self, event: str, info: Any) -> Any:
        """Ask before the head is written, and let go behind it. Raises Withheld."""
        said = None if self._theirs is None else self._theirs(event, info)
        self._hear(event)
        return said

    def _hear(self, event: str) -> None:
        _, _, what = event.partition(".send_request_headers.")
        if what == "started":
            self._first = first_byte()
            self._first.__enter__()
        elif what and self._first is not None:
            first, self._first = self._first, None
            first.__exit__(None, None, None)


class AsyncTrace(Trace):
    """The same, as a coroutine."""

    async def __call__(self, event: str, info: Any) -> None:
        """Ask before the head is written, and let go behind it. Raises Withheld."""
        if self._theirs is not None:
            await self._theirs(event, info)
        self._hear(event)


def asking(extensions: Mapping[str, Any], kind: type[Trace]) -> dict[str, Any]:
    """A request's extensions with the question in it, once."""
    theirs = extensions.get("trace")
    return {**extensions, "trace": theirs if isinstance(theirs, Trace) else kind(theirs)}
