"""Which event of the page became which request of the log: read off what goes by on its way to the gate and back.

The log holds no id that a page chose; the simulators hold nothing else. The board shows both, side by side.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

import orjson

from gatekeeper.shells.asgi import App, Message, Receive, Scope, Send

MOST: Final = 400  # events that are remembered


class Known:
    """Request id -> the page's id of the event."""

    def __init__(self, collect: str) -> None:
        self._path = collect
        self._ids: OrderedDict[str, str] = OrderedDict()

    def event(self, request_id: str) -> str | None:
        """The page's id of an event; `None` for one that had none."""
        return self._ids.get(request_id)

    def before(self, app: App) -> App:
        """The app behind it."""

        async def noted(scope: Scope, receive: Receive, send: Send) -> None:
            """Pass a request on, and note the ids of its events."""
            if scope["type"] != "http" or scope["path"] != self._path:
                await app(scope, receive, send)
                return
            there, back = bytearray(), bytearray()

            async def heard() -> Message:
                """A part of the body, kept beside."""
                message = await receive()
                there.extend(message.get("body", b""))
                return message

            async def told(message: Message) -> None:
                """A part of the answer, kept beside."""
                back.extend(message.get("body", b""))
                if message["type"] == "http.response.body" and not message.get("more_body"):
                    self._note(bytes(there), bytes(back))
                await send(message)

            await app(scope, heard, told)

        return noted

    def _note(self, there: bytes, back: bytes) -> None:
        try:
            events, requests = orjson.loads(there)["events"], orjson.loads(back)["request_ids"]
            pairs = [(request, event.get("event_id")) for request, event in zip(requests, events, strict=True)]
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError):
            return  # a single event by hand, or one that was refused
        self._ids.update((request, event) for request, event in pairs if isinstance(event, str))
        while len(self._ids) > MOST:
            self._ids.popitem(last=False)
