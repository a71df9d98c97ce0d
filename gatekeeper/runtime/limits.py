"""How much callers may ask for in a minute. One `Limits` per process; it holds networks as keyed digests only.

    limits = Limits(policy.file.limits, workers)
    limits.over("events", caller, now, size=1_234)      None, or after how many seconds the caller may try again

An anonymous caller counts in all, and with its network (IPv4 /24, IPv6 /56) where its address is known to be its own
and is public: behind a proxy that the policy does not declare it is not. A trusted caller counts with trusted callers.
A grant of consent counts as an event, and with the grants of its network. Refusals and withdrawals are never asked
about.

Each worker has its share of what is written in the policy: the workers divide it, and tell each other nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, Literal

from gatekeeper.installation.forks import work
from gatekeeper.jurisdiction.networks import network_of
from gatekeeper.memory import Memory, digest
from gatekeeper.model import Caller
from gatekeeper.policy.tables.server import LimitsTable

What = Literal["events", "consents"]
By = Literal["all", "address", "trusted"]
MINUTE: Final = 60.0
NETWORKS: Final = 16_384  # that are remembered; the first that came is forgotten first
_SIZE: Final = 512  # bytes that one of them takes up, all in all


class Bucket:
    """What is left of a rate: it fills up in a minute, and may be overdrawn by the one request that empties it."""

    __slots__ = ("_at", "_left")

    def __init__(self, rate: float, now: float) -> None:
        self._left = rate
        self._at = now

    def wait(self, rate: float, now: float) -> float:
        """Seconds until one is in it again; 0 if one is. A clock that goes back fills nothing."""
        left, at = self._left, self._at
        if now > at:
            left += (now - at) * rate / MINUTE
        self._at = now
        self._left = left = left if left < rate else rate
        return 0.0 if left >= 1 else (1 - left) * MINUTE / rate

    def take(self, count: float) -> None:
        """Take out so much."""
        self._left -= count


class Rates:
    """Events, bytes and grants of one kind of caller, or of one network."""

    __slots__ = ("bytes", "consents", "events")

    def __init__(self, events: float, size: float, consents: float, now: float) -> None:
        self.events = Bucket(events, now)
        self.bytes = Bucket(size, now)
        self.consents = Bucket(consents, now)


class Limits:
    """The rates of a policy, at work in one of `workers` processes. `counted` hears of each request over a rate."""

    def __init__(
        self, table: LimitsTable, workers: int = 1, counted: Callable[[What, By], None] = lambda what, by: None
    ) -> None:
        self._workers = workers
        self._counted = counted
        self._networks = Memory[Rates](entries=NETWORKS, each=_SIZE)
        self._all: Rates | None = None
        self._trusted: Rates | None = None
        self.table = table  # a reload puts another one there: what was used stays used

    @work
    def over(self, what: What, caller: Caller, now: float, *, size: int = 0) -> int | None:
        """`None`, and the request counts; or after how many seconds its caller may try again, and it does not.

        `size` is what was received of it, in bytes. `now` are seconds of any clock, always of the same one.
        """
        table, share = self.table, 1 / self._workers
        if caller.trusted:
            rates = self._trusted = self._trusted or Rates(
                table.trusted_events * share, table.trusted_bytes * share, math.inf, now
            )
            asked: list[tuple[By, Bucket, float, float]] = [
                ("trusted", rates.events, table.trusted_events, 1),
                ("trusted", rates.bytes, table.trusted_bytes, size),
            ]
        else:
            rates = self._all = self._all or Rates(table.events * share, table.bytes * share, math.inf, now)
            asked = [("all", rates.events, table.events, 1), ("all", rates.bytes, table.bytes, size)]
            own = self._of_network(caller, now)
            if own is not None:
                asked += [
                    ("address", own.events, table.address_events, 1),
                    ("address", own.bytes, table.address_bytes, size),
                ]
                if what == "consents":
                    asked.append(("address", own.consents, table.consents, 1))
        worst, by = 0.0, asked[0][0]
        for which, bucket, rate, _ in asked:
            wait = bucket.wait(rate * share, now)
            if wait > worst:
                worst, by = wait, which
        if worst > 0:
            self._counted(what, by)
            return max(1, math.ceil(worst))
        for _, bucket, _, count in asked:
            bucket.take(count)
        return None

    def more(self, caller: Caller, events: int, now: float) -> None:
        """A request that counted held so many events more than one."""
        if events <= 0:
            return
        rates = [self._trusted] if caller.trusted else [self._all, self._of_network(caller, now)]
        for one in rates:
            if one is not None:
                one.events.take(events)

    def _of_network(self, caller: Caller, now: float) -> Rates | None:
        """The rates of a caller's network; `None` where the caller has no address or a private one."""
        key = network(caller)
        if key is None:
            return None
        known = self._networks.get(key)
        if known is None:
            table, share = self.table, 1 / self._workers
            known = Rates(table.address_events * share, table.address_bytes * share, table.consents * share, now)
            self._networks.put(key, known)
        return known


def network(caller: Caller) -> bytes | None:
    """The network of an anonymous caller, as a keyed digest; `None` where it is not known, or private."""
    own = None if caller.trusted else network_of(caller.address)
    return None if own is None else digest(b"%d %d" % own)
