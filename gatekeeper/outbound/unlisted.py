"""Hosts that the app calls and no table knows: counted in this process's memory, which is bounded, and nowhere else.

A host may be a vendor's that the table lacks. `[outbound] unknown` says what becomes of calls to it. Names of machines
of one's own (loopback, private addresses, names without a dot) are not counted.
"""

from __future__ import annotations

import ipaddress
import logging
from typing import Final, Literal

from gatekeeper.installation.forks import Guard
from gatekeeper.notices import UNLISTED_HOST
from gatekeeper.vendors.spelling import plain_host

NAME: Final = UNLISTED_HOST  # what the audit calls each of them
_MOST: Final = 1_000  # hosts remembered; calls to further ones are only counted together
_OWN: Final = (".localhost", ".local", ".internal", ".home.arpa", ".lan")
_log = logging.getLogger("gatekeeper")
_lock = Guard()
seen: dict[str, int] = {}  # host -> calls
_more = 0


def install() -> None:
    """Begin with an empty memory."""


def uninstall() -> None:
    """Forget what was seen."""
    global _more
    with _lock:
        seen.clear()
        _more = 0


def called(host: str, mode: Literal["allow", "warn", "block"]) -> bool:
    """Count a call to a host that is in no table; whether it is to be blocked. Says a new one once in the app's log."""
    global _more
    host = plain_host(host)
    if is_own(host):
        return False
    with _lock:
        new = host not in seen and len(seen) < _MOST
        if new or host in seen:
            seen[host] = seen.get(host, 0) + 1
        else:
            _more += 1
    if new and mode != "allow":
        done = "was blocked" if mode == "block" else "passed unseen"
        _log.warning(
            "a call to %s, which is not in any table, %s; name it in outbound.allow if it is not tracking", host, done
        )
    return mode == "block"


def is_own(host: str) -> bool:
    """Whether a host is a machine of one's own."""
    host = plain_host(host)
    if host[-1:].isalpha() and ":" not in host:  # no address: its last label is a name's
        return "." not in host or host.endswith(_OWN)
    try:
        address = ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return "." not in host or host.endswith(_OWN)
    return not address.is_global


def counted() -> tuple[dict[str, int], int]:
    """Calls by host, the most called first, and the calls to hosts that were too many to remember."""
    with _lock:
        return dict(sorted(seen.items(), key=lambda one: (-one[1], one[0]))), _more
