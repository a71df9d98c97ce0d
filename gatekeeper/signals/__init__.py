"""Stage 1, read. Pure. A request's headers and an event's own words in, `Signal`s out.

One wire format, one file. `read` joins what every reader made of one request, in the order of the trail.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from gatekeeper.model import Signal
from gatekeeper.signals import context, event, gpc, own
from gatekeeper.signals.header import header_values, split_cookies

Headers = Iterable[tuple[bytes, bytes]]
Verify = Callable[[str, str, bytes, bytes], bool]


def read(
    headers: Headers,
    *,
    claim: Mapping[str, bool] | None = None,
    vouched: tuple[Signal, ...] = (),
    verify: Verify,
) -> tuple[Signal, ...]:
    """Every signal one request carries.

    `headers` are the request's (lower-case name, value) pairs, duplicates included; `claim` the event's
    consent object; `vouched` the signals of a verified visitor context; `verify` is `KeyRing.verify`.
    """
    headers = tuple(headers)
    cookies = split_cookies(header_values(headers, b"cookie"))
    found = own.read(cookies, verify)
    found += vouched
    found += gpc.read(header_values(headers, b"sec-gpc"))
    if claim is not None:
        found += event.read(claim)
    return found


__all__ = ["Headers", "Verify", "context", "header_values", "read", "split_cookies"]
