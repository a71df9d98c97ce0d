"""The seam to the network: `send(Outgoing) -> Answer`. Nothing else in the package opens a connection to a vendor.

pyreqwest: the cheapest client that keeps a pool well (docs/decisions.md). Redirects are not followed,
environment proxies and cookies are not used, answers are read up to a limit.
"""

from __future__ import annotations

import os
from datetime import timedelta
from types import TracebackType
from typing import Final

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import BuilderError, PyreqwestError

from gatekeeper.errors import DeliveryError
from gatekeeper.model import Answer, Outgoing

UNREACHABLE: Final = "unreachable"
NO_ANSWER: Final = frozenset({"timeout", "no_answer"})  # the vendor may have it, or not
MAX_ANSWER = 4 * 2**20  # bytes; Google Ads echoes each of 2000 conversions, and says what was wrong with it
_BODILESS = frozenset({"GET", "HEAD"})  # a Content-Length of 0 on them makes some servers suspicious
_first: int | None = None  # the process that made a client first


def available() -> bool:
    """Whether this process can send: the client's threads do not survive a fork, and cannot be started after one."""
    return _first in (None, os.getpid())


class Sender:
    """One connection pool, used from one event loop."""

    def __init__(self, timeout: float) -> None:
        global _first
        _first = _first or os.getpid()
        self._client: Client = (
            ClientBuilder()
            .timeout(timedelta(seconds=timeout))
            .connect_timeout(timedelta(seconds=min(5.0, timeout)))
            .follow_redirects(False)
            .no_proxy()
            .default_cookie_store(False)
            .gzip(False)  # no answer is worth a decompression bomb
            .brotli(False)
            .deflate(False)
            .zstd(False)
            .user_agent("gatekeeper")
            .build()
        )

    async def __aenter__(self) -> Sender:
        """The sender itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the pool."""
        await self.close()

    async def close(self) -> None:
        """Close the pool."""
        await self._client.close()

    async def send(self, outgoing: Outgoing) -> Answer:
        """The vendor's answer. Raises DeliveryError if there is none: `unreachable`, `timeout` or `no_answer`."""
        try:
            request = self._client.request(outgoing.method, outgoing.url)
            if outgoing.body or outgoing.method not in _BODILESS:
                request = request.body_bytes(outgoing.body)
            for name, value in outgoing.headers:
                request = request.header(name, value)
            async with request.build_streamed() as response:
                reader = response.body_reader
                body = b""
                while len(body) < MAX_ANSWER and (chunk := await reader.read_chunk()) is not None:
                    body += bytes(chunk)
                return Answer(response.status, tuple(response.headers.items()), body[:MAX_ANSWER])
        except (PyreqwestError, BuilderError) as error:
            # The message can hold the URL, and the URL the vendor's secret.
            raise DeliveryError(_code(error)) from None


def _code(error: Exception) -> str:
    """`unreachable` only where no byte of the request can have arrived; the client's own classes do not tell."""
    details = getattr(error, "details", None)
    causes = {cause.get("message") for cause in details.get("causes", ())} if isinstance(details, dict) else set()
    if "client error (Connect)" in causes:
        return UNREACHABLE
    return "timeout" if isinstance(error, TimeoutError) else "no_answer"
