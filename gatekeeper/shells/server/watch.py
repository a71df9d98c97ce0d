"""What clients may take up: bounds on connections, and one look at all of them in place of a timer per request."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from gatekeeper.jurisdiction.networks import Ranges, parse_address
from gatekeeper.policy import Policy
from gatekeeper.runtime.bodies import Bodies

SLOWEST: Final = 4096  # bytes a second of a body, after its first `body_timeout` seconds
UNREAD: Final = 60.0  # seconds in which a client must read something of its answer
LINGER: Final = 5.0  # seconds for the rest of a body that was answered before its end
KEEP_ALIVE: Final = 30.0  # seconds for the next request
LOOK: Final = 0.5  # seconds between two looks at all connections
BODIES: Final = 24 * 2**20  # bytes of bodies that are being read, where no policy says
NEVER: Final = float("inf")
_NOBODY: Final = Ranges()


@dataclass(frozen=True, slots=True)
class Limits:
    """What one client, and all together, may take up."""

    connections: int = 4096
    per_address: int = 512
    headers: int = 100
    head_bytes: int = 16 * 2**10
    head_timeout: float = 10.0  # seconds
    body_timeout: float = 15.0
    body: int = 2**20  # bytes that are read before an endpoint is asked
    hosts: frozenset[str] = frozenset()
    proxies: Ranges = _NOBODY  # many clients behind one address: not bounded per address


def limits(policy: Policy) -> Limits:
    """The policy's limits on clients."""
    table = policy.file.server
    return Limits(
        connections=table.max_connections,
        per_address=table.max_connections_per_address,
        headers=table.max_headers,
        head_bytes=table.max_header_size,
        head_timeout=table.header_timeout,
        body_timeout=table.body_timeout,
        body=table.max_body,
        hosts=frozenset(host.lower() for host in table.hosts),
        proxies=policy.trust.proxies,
    )


class Connection(Protocol):
    """What is asked of a connection here."""

    @property
    def address(self) -> str | None:
        """The client's."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """Where it is served."""

    def look(self, now: float) -> None:
        """End what takes too long; `now` is the loop's time."""


class Watch:
    """The limits in force, and a look at every connection once in a while. One per server."""

    def __init__(self, limits: Callable[[], Limits] = Limits, bodies: Bodies | None = None) -> None:
        self._limits = limits
        self.bodies = bodies or Bodies(lambda: BODIES)
        self.by_address: Counter[str] = Counter()
        self._open: dict[Connection, str | None] = {}  # and the address that it counts for
        self._due: asyncio.TimerHandle | None = None

    @property
    def limits(self) -> Limits:
        """The limits in force."""
        return self._limits()

    def opened(self, connection: Connection) -> bool:
        """Count a connection; `False` if there are too many."""
        limits, address = self.limits, connection.address
        if len(self._open) >= limits.connections:
            return False
        if address is not None and parse_address(address) in limits.proxies:
            address = None
        if address is not None:
            if self.by_address[address] >= limits.per_address:
                return False
            self.by_address[address] += 1
        self._open[connection] = address
        if self._due is None:
            self._due = connection.loop.call_later(LOOK, self._look, connection.loop)
        return True

    def closed(self, connection: Connection) -> None:
        """A connection has ended."""
        address = self._open.pop(connection, None)
        if address is not None:
            self.by_address[address] -= 1
            if not self.by_address[address]:
                del self.by_address[address]

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for connection in tuple(self._open):
            connection.look(now)
        self._due = loop.call_later(LOOK, self._look, loop) if self._open else None


class Clock:
    """One connection's timers: until when something must have come, and since when an answer is not read."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self.what: str | None = None  # is waited for
        self._due = NEVER
        self._since = 0.0
        self._unread: tuple[int, float] | None = None  # bytes, since when

    def wait_for(self, what: str | None, seconds: float = NEVER) -> None:
        """Wait for something; what is waited for already goes on. `None`: for nothing."""
        if what != self.what:
            self.what = what
            self._since = self._now()
            self._due = self._since + seconds

    def came(self, count: int, patience: float) -> None:
        """So many bytes have come since the waiting began: its end moves."""
        self._due = self._since + patience + count / SLOWEST

    def paused(self) -> None:
        """The gate itself did not read since the last look: the client's time stands still."""
        self._since += LOOK
        self._due += LOOK

    def hurry(self, seconds: float) -> None:
        """Wait no longer than so."""
        self._due = min(self._due, self._now() + seconds)

    def over(self, now: float) -> bool:
        """Whether what is waited for is late; said once."""
        late = now > self._due
        if late:
            self._due = NEVER
        return late

    def stuck(self, now: float, waiting: int) -> bool:
        """Whether the client has read nothing for too long, of an answer of which `waiting` bytes are unread."""
        if not waiting:
            self._unread = None
        elif self._unread is None or waiting < self._unread[0]:
            self._unread = (waiting, now)
        return self._unread is not None and now - self._unread[1] > UNREAD
