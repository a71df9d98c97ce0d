"""The cookies of a choice. Pure. What was said in, the values of `Set-Cookie` headers out.

Every write sets `gatekeeper_consent`, which the gate reads, and `gatekeeper_choice`, which the page's scripts read. A
browser keeps a host-only cookie and one with `Domain=` beside each other, and sends both: so every write expires the
other scope first. Expiry comes first because some browsers take both for one cookie (RFC 6265 section 5.3).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Final

from gatekeeper.policy.tables.consent import CookieTable
from gatekeeper.shells.asgi import Headers
from gatekeeper.signals import header_values, own

LONGEST: Final = 400 * 86_400  # seconds; browsers keep no cookie longer (RFC 6265bis section 4.1.2.2)
_LABELS: Final = 4  # parents of a host that are tried; a browser ignores those that are public suffixes


def set_cookies(
    signed: str, readable: str, table: CookieTable, *, host: str, max_age: float | None, secure: bool
) -> tuple[str, ...]:
    """The headers of one write, the cookie that counts last. `host` is the request's own, without a port.

    `table` is `[consent.cookie]`; `max_age` how long a grant counts, in seconds.
    """
    gone = [
        f"{name}=; Max-Age=0{_attributes(domain, table, secure=secure)}"
        for domain in others(table.domain, host)
        for name in (own.READABLE, own.COOKIE)
    ]
    mirror = f"{own.READABLE}={readable}; Max-Age={_lifetime(max_age)}{_attributes(table.domain, table, secure=secure)}"
    return (*gone, mirror, signed_cookie(signed, table, max_age=max_age, secure=secure))


def signed_cookie(signed: str, table: CookieTable, *, max_age: float | None, secure: bool) -> str:
    """The header that sets the cookie which the gate reads."""
    attributes = _attributes(table.domain, table, secure=secure)
    return f"{own.COOKIE}={signed}; Max-Age={_lifetime(max_age)}{attributes}; HttpOnly"


def _lifetime(max_age: float | None) -> int:
    return min(int(max_age or LONGEST), LONGEST)


def others(domain: str | None, host: str) -> Iterator[str | None]:
    """The scopes that may have been written before: host-only beside a domain, else the host's own domains."""
    if domain is not None:
        yield None
        return
    labels = host.lower().rstrip(".").split(".")
    if len(labels) < 2 or is_address(host):
        return  # `localhost` and addresses have no domain
    for first in range(min(len(labels) - 1, _LABELS)):
        yield ".".join(labels[first:])


def host_of(headers: Headers) -> str:
    """The host that a request names, in lower case and without its port; empty if it names none."""
    host = (header_values(headers, b"host") or (b"",))[0].decode("latin-1").lower()
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, where browsers and clients speak without TLS."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    return is_address(host) and ipaddress.ip_address(host.strip("[]")).is_loopback


def is_address(host: str) -> bool:
    """Whether a host is an address, which no cookie's domain can be."""
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def _attributes(domain: str | None, table: CookieTable, *, secure: bool) -> str:
    parts = ["Path=/"]
    if domain is not None:
        parts.append(f"Domain={domain}")
    parts.append(f"SameSite={table.same_site.capitalize()}")
    if secure or table.same_site == "none":
        parts.append("Secure")
    if table.partitioned:
        parts.append("Partitioned")
    return "; " + "; ".join(parts)
