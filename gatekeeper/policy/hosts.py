"""`[server]` and `[outbound]`: the hosts and origins that a policy names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from gatekeeper.policy.faults import Faults
from gatekeeper.policy.tables.sending import OutboundTable
from gatekeeper.policy.tables.server import LimitsTable, ServerTable
from gatekeeper.vendors.hosts import KNOWN, known
from gatekeeper.vendors.kind import Destination
from gatekeeper.vendors.spelling import plain_host


def origins(given: Iterable[str], faults: Faults) -> frozenset[str]:
    """Other origins whose pages may post."""
    for origin in given:
        scheme, separator, host = origin.partition("://")
        if scheme not in ("http", "https") or not separator or not host or "/" in host or "*" in host:
            faults.append(f'server.origins: "{origin}" is not an origin; write https://shop.example')
    return frozenset(given)


def check_listening(table: ServerTable, faults: Faults) -> None:
    """The app behind the sidecar, and the names that Host may have."""
    if table.app_upstream is not None and urlsplit(table.app_upstream).path not in ("", "/"):
        faults.append(f'server.app_upstream: "{table.app_upstream}" is not an origin; write http://127.0.0.1:8000')
    for host in table.hosts:
        if not re.fullmatch(r"[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\]", host):
            faults.append(f'server.hosts: "{host}" is not a host name; write shop.example, without a port')


def check_bodies(server: ServerTable, limits: LimitsTable, faults: Faults) -> None:
    """One body has room in the budget of all of them."""
    if limits.bodies < server.max_body:
        size = f"{limits.bodies} bytes"
        faults.append(f"limits.bodies: {size} is not enough for one body; write more than server.max_body")


def check_allowed(table: OutboundTable, destinations: Mapping[str, Destination], faults: Faults) -> None:
    """Hosts that may be called unfiltered: none that a destination's calls go to."""
    where = "outbound.allow"
    for host in table.allow:
        rows = known(host)
        mine = [to.name for to in destinations.values() if any(row.kind == to.kind.name for row in rows)]
        if not rows and table.unknown != "allow":  # a host that the operator knows of
            if not re.fullmatch(r"\.?[a-z0-9_-]+(\.[a-z0-9_-]+)*", host):
                faults.append(f'{where}: "{host}" is not a host name; write shop.example, in small letters')
            continue
        if host != plain_host(host) or not rows:
            exact = [name for name in KNOWN if not (name.startswith(".") or name.endswith(".*"))]
            remedy = "remove it: other hosts are not touched"
            faults.unknown(where, host, "a known tracking host", exact, remedy, near=0.8)
        elif mine:
            faults.append(
                f'{where}: "{host}" takes calls of destinations.{mine[0]}, which are filtered; '
                "remove it, or the destination"
            )
