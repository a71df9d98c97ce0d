"""The seam to the network: `send(Outgoing) -> Answer`. Nothing else in the package opens a connection to a vendor.

HTTP/1.1 of our own on asyncio and llhttp (docs/decisions.md). Redirects are not followed, environment proxies and
cookies are not used, answers are read up to a limit and never decompressed. A request is written once: what a vendor
may have got is not sent again here.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from types import TracebackType
from typing import Final

from gatekeeper.delivery.connect import connect, verifying
from gatekeeper.delivery.connection import GARBAGE, Connection
from gatekeeper.delivery.deadlines import LATE, Deadlines
from gatekeeper.delivery.permit import WITHHELD, Permit
from gatekeeper.delivery.pool import Pool
from gatekeeper.delivery.request import Origin, write
from gatekeeper.delivery.resolve import Resolver
from gatekeeper.errors import DeliveryError
from gatekeeper.model import Answer, Outgoing
from gatekeeper.model.egress import Egress

UNREACHABLE: Final = "unreachable"  # no byte of the request can have arrived
NO_ANSWER: Final = frozenset({LATE, GARBAGE})  # the vendor may have it, or not
CONNECT: Final = 5.0  # seconds, with the vendor's certificate


class Sender:
    """One pool of connections, made in the event loop that uses it."""

    def __init__(self, timeout: float, egress: Egress | None = None) -> None:
        self.timeout = timeout
        self._egress = egress
        self._loop = asyncio.get_running_loop()
        self.pool = Pool(self._loop)
        self._names = Resolver(self._loop)
        self.deadlines = Deadlines(self._loop)
        self._tls: ssl.SSLContext | None = None

    async def __aenter__(self) -> Sender:
        """Enter with the sender itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the pool of connections."""
        await self.close()

    async def close(self) -> None:
        """End every connection; requests under way get no answer."""
        await self.pool.close()
        self.deadlines.close()

    def retire(self) -> None:
        """Keep no connection from now on; requests under way go on. May be called from any thread."""
        with contextlib.suppress(RuntimeError):  # its loop is closed, and with it everything
            self._loop.call_soon_threadsafe(self.pool.retire)

    async def send(self, outgoing: Outgoing, due: float | None = None, permit: Permit | None = None) -> Answer:
        """The vendor's answer, by `due` on the loop's clock, else within `timeout`. A body is cut off at MAX_ANSWER.

        `permit` is asked with the connection open. Raises DeliveryError if there is no answer: `unreachable`,
        `timeout`, `no_answer`, `withheld` by the permit, or, if it cannot be sent at all, `internal_error`.
        """
        origin, request = write(outgoing)
        if due is None:
            due = self._loop.time() + self.timeout
        connection = self.pool.take(origin)
        if connection is None:
            connection = await self._open(origin, due)
        if permit is not None and not permit.begin():
            self.pool.give(origin, connection)
            raise DeliveryError(WITHHELD)
        try:
            waiter = connection.ask(request, bodiless=outgoing.method == "HEAD")
        finally:
            if permit is not None:
                if connection.written:
                    permit.end()
                else:  # an event loop may write at the end of its turn
                    self._loop.call_soon(permit.end)
        self.deadlines.add(waiter, due)
        try:
            reply = await waiter
        except BaseException:
            connection.abort()
            raise
        finally:
            self.deadlines.remove(waiter)
        if isinstance(reply, str):
            connection.abort()
            raise DeliveryError(reply)
        self.pool.give(origin, connection)
        return reply

    async def _open(self, origin: Origin, due: float) -> Connection:
        if origin.tls and self._tls is None:
            self._tls = verifying()
        try:
            async with asyncio.timeout_at(min(due, self._loop.time() + CONNECT)):
                tls = self._tls if origin.tls else None
                connection = await connect(origin, self._names, tls, self.pool.made, self._egress)
        except OSError:  # TimeoutError and ssl.SSLError are ones
            raise DeliveryError(UNREACHABLE) from None
        if not connection.open:
            raise DeliveryError(UNREACHABLE)
        self.pool.opened(connection)
        return connection
