"""The demo's vendors in a past that is made up: they answer at once, by the simulators' own rules, or have an outage.

Nothing is sent anywhere. A sender of `delivery` is asked with the same words and answers from here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from gatekeeper.delivery.permit import WITHHELD, Permit
from gatekeeper.errors import DeliveryError
from gatekeeper.model import Answer, Outgoing
from gatekeeper.testing import first_party, ga4, meta, sentry, tiktok
from gatekeeper.testing.received import Received
from gatekeeper.testing.vendor import Vendor

VENDORS: Final[Mapping[str, Vendor]] = {one.KIND: one for one in (ga4, meta, tiktok, sentry, first_party)}


def origin(url: str) -> str:
    """Scheme, host and port of an address, without who logs in there."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


class Outage(NamedTuple):
    """A time in which a vendor answers with this status, whatever it is asked. Unix seconds."""

    kind: str
    begin: float
    end: float
    status: int


def outages(begin: float, end: float) -> tuple[Outage, ...]:
    """What goes wrong in a period: TikTok is away for a while, and Meta refuses a token that was changed."""
    whole = end - begin
    return (
        Outage("tiktok", begin + 0.30 * whole, begin + 0.42 * whole, 503),
        Outage("meta_capi", begin + 0.66 * whole, begin + 0.69 * whole, 401),
    )


class Vendors:
    """What `delivery` sends to, by the address of each vendor (`endpoints`: origin -> kind)."""

    def __init__(self, endpoints: Mapping[str, str], failing: Sequence[Outage], clock: Callable[[], float]) -> None:
        self._endpoints = endpoints
        self._failing = failing
        self._clock = clock

    async def send(self, outgoing: Outgoing, due: float | None = None, permit: Permit | None = None) -> Answer:
        """The vendor's answer to one request, as `delivery.send.Sender` gives it."""
        if permit is not None:
            if not permit.begin():
                raise DeliveryError(WITHHELD)
            permit.end()
        parts, now = urlsplit(outgoing.url), self._clock()
        kind = self._endpoints[origin(outgoing.url)]
        for outage in self._failing:
            if outage.kind == kind and outage.begin <= now < outage.end:
                return Answer(outage.status)
        vendor = VENDORS[kind]
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        received = Received.read(outgoing.method, target, outgoing.headers, outgoing.body, b"", now)
        return vendor.answer(received, vendor.check(received))
