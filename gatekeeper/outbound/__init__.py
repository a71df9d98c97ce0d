"""Vendors' SDKs inside the app, made compliant without a change to their code: their HTTP calls pass through the gate.

import gatekeeper.outbound
gatekeeper.outbound.install()          # every client library that is importable
gatekeeper.outbound.uninstall()

Or for one client only: `gatekeeper.outbound.httpx.transport()`, `.requests.adapter()`, `.aiohttp.middleware`.
Calls to hosts that are no tracking hosts are not touched.
"""

from __future__ import annotations

import importlib
import importlib.util
from types import ModuleType

# The library, and our file for it. The order is that of the layers: requests before urllib3, which it uses.
CLIENTS = ("httpx", "requests", "urllib3", "aiohttp")
__all__ = ["install", "uninstall"]
_on: list[ModuleType] = []


def install() -> tuple[str, ...]:
    """Catch the calls of every client library that is there; the names of those. A second time changes nothing.

    Also marks the events of SDKs that queue them for later (`outbound/stamps.py`) and reports connections to
    tracking hosts by clients that cannot be caught (`outbound/tripwire.py`).
    """
    if not _on:
        there = [library for library in CLIENTS if importlib.util.find_spec(library) is not None]
        names = [*there, "urllib", "http_client", "stamps", "tripwire", "unlisted"]
        _on.extend(importlib.import_module(f"gatekeeper.outbound.{name}") for name in names)
        for module in _on:
            module.install()
    return tuple(module.__name__.rpartition(".")[2] for module in _on if module.__name__.rpartition(".")[2] in CLIENTS)


def uninstall() -> None:
    """Leave every client as it was."""
    while _on:
        _on.pop().uninstall()
