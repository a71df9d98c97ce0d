"""Connections to tracking hosts by clients that cannot be caught: said once per host in the log, never stopped.

An audit hook (PEP 578) sees every name that Python code looks up. A look-up of a known tracking host outside a call
that was judged means a client without an interceptor: a raw socket, http.client, an HTTP/2 library.
"""

from __future__ import annotations

import contextlib
import logging
import sys
from typing import Any

from gatekeeper.outbound.marks import looked_at
from gatekeeper.vendors.hosts import known
from gatekeeper.vendors.spelling import plain_host

_log = logging.getLogger("gatekeeper")
_MOST = 1_000  # hosts below listed names that are told apart
_on = False
_hooked = False
seen: dict[str, int] = {}  # tracking host -> connections that were not caught


def install() -> None:
    """Begin to look. An audit hook cannot be taken out again, so there is only ever one."""
    global _on, _hooked
    _on = True
    if not _hooked:
        _hooked = True
        sys.addaudithook(_hook)


def uninstall() -> None:
    """Look no more."""
    global _on
    _on = False
    seen.clear()


def _hook(event: str, args: tuple[Any, ...]) -> None:
    if not _on or event not in ("socket.getaddrinfo", "socket.gethostbyname", "socket.connect"):
        return
    with contextlib.suppress(Exception):  # an error in here would break the app's connection
        _look(event, args)


def _look(event: str, args: tuple[Any, ...]) -> None:
    name = args[1][0] if event == "socket.connect" and isinstance(args[1], tuple) else args[0]
    if isinstance(name, bytes):
        name = name.decode("ascii")
    if not isinstance(name, str):
        return
    host = plain_host(name)
    # Of a host that serves other things, too, every request that a client of ours makes is looked at as well.
    if not known(host) or looked_at(host):
        return
    if host not in seen and len(seen) >= _MOST:
        return
    seen[host] = seen.get(host, 0) + 1
    if seen[host] == 1:
        _log.warning("a connection to %s was not caught: its client has no interceptor, so nothing filters it", host)
