"""An upgrade that is not taken up is as if not asked for (RFC 9110 section 7.8).

httptools skips the body of such a request and would read it as the next one. So another parser reads on: it is given
a head with the request's framing, of which the connection hears nothing, and then what the client sent.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import httptools

from gatekeeper.shells.asgi import Header


def framing(headers: Iterable[Header]) -> bytes:
    """The headers that say how long a body is, as lines; empty if there are none."""
    return b"".join(
        b"%s: %s\r\n" % header for header in headers if header[0] in (b"content-length", b"transfer-encoding")
    )


class ReadsOn:
    """What the other parser calls: the connection, but for the head that was made up."""

    def __init__(self, connection: Any, *, made_up: bool) -> None:
        self._connection = connection
        self._made_up = made_up
        self.on_body = connection.on_body
        self.on_message_complete = connection.on_message_complete

    def on_message_begin(self) -> None:
        """A request begins."""
        if not self._made_up:
            self._connection.on_message_begin()

    def on_url(self, url: bytes) -> None:
        """A part of a request's target."""
        if not self._made_up:
            self._connection.on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header, or trailer."""
        if not self._made_up:
            self._connection.on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head has come; all others are the client's."""
        made_up, self._made_up = self._made_up, False
        if not made_up:
            self._connection.on_headers_complete()


def parser_for_the_rest(connection: Any, headers: Iterable[Header]) -> Any:
    """A parser that goes on where the one stopped that saw an upgrade."""
    lines = framing(headers)
    parser = httptools.HttpRequestParser(ReadsOn(connection, made_up=bool(lines)))
    if lines:
        parser.feed_data(b"POST / HTTP/1.1\r\n" + lines + b"\r\n")
    return parser
