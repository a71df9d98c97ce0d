"""What a request's head may look like before the gate acts on it. Pure. Method, target and headers in, a fault out.

Two programs that read one request differently are how a request gets past a gate, or another visitor's request gets
ours: whatever could be read in two ways is refused (RFC 9112 sections 3, 5 and 6; RFC 9110 section 5.3).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from typing import Final

from gatekeeper.model.head import Head
from gatekeeper.shells.asgi import Header
from gatekeeper.shells.server.target import target_fault

# Fields of which a second one makes two programs see two different requests.
SINGLETONS: Final = frozenset(
    {
        b"host", b"content-length", b"transfer-encoding", b"content-type", b"content-encoding", b"content-range",
        b"authorization", b"origin", b"expect", b"upgrade", b"max-forwards",
    }
)  # fmt: skip
_HOST: Final = re.compile(rb"([A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?")


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a request is refused: the status of the answer, and its title."""

    status: int
    title: str


def request_fault(
    method: str, target: bytes, version: str, headers: Iterable[Header], hosts: Set[str] = frozenset()
) -> Fault | None:
    """The first fault of a request's head; `None` if it has none.

    `headers` have lower-case names. `hosts` are the allowed names in Host, without port; any if empty.
    """
    if version not in ("1.1", "1.0"):
        return Fault(505, "speak HTTP/1.1")
    if method == "CONNECT":
        return Fault(400, "this is not a forward proxy")
    fault = target_fault(target)
    if fault is not None:
        return Fault(400, fault)
    head = Head.of(headers)
    twice = head.asked(_twice)
    if twice is not None:
        return twice
    coding = head.last(b"transfer-encoding")
    if coding is not None and (coding.lower() != b"chunked" or version == "1.0" or head.has(b"content-length")):
        return Fault(400, "the body's framing can be read in two ways")
    return _host_fault(head.last(b"host"), version, hosts)


def _twice(names: Sequence[bytes]) -> Fault | None:
    """The fault of a head in which a field is given twice that may be there once."""
    for name in names:
        if name in SINGLETONS and names.count(name) > 1:
            return Fault(400, f"the header {name.decode('ascii')} is given twice")
    return None


def _host_fault(host: bytes | None, version: str, hosts: Set[str]) -> Fault | None:
    if host is None:
        # HTTP/1.0 knows no Host; load balancers' health checks still speak it.
        return None if version == "1.0" and not hosts else Fault(400, "the header host is missing")
    named = _HOST.fullmatch(host)
    if named is None:
        return Fault(400, "the header host is not a host")
    if hosts and named[1].decode("ascii").lower() not in hosts:
        return Fault(421, "this host is not served here")
    return None
