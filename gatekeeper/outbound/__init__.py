"""Vendors' SDKs inside the app, made compliant without a change to their code: their HTTP calls pass through the gate.

import gatekeeper.outbound
gatekeeper.outbound.install()          # every client library that is importable
gatekeeper.outbound.uninstall()

Or for one client only: `gatekeeper.outbound.httpx.transport()`, `.requests.adapter()`, `.aiohttp.middleware`.
Calls to hosts that are no tracking hosts are not touched.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
from types import ModuleType
from typing import Final

from gatekeeper.errors import ConfigError

# The libraries, and our file for each. The order is that of the layers: requests before urllib3, which it uses.
_FILES: Final = {
    "httpx": "httpx",
    "httpx2": "httpx",
    "httpcore": "httpcore",
    "httpcore2": "httpcore",
    "requests": "requests",
    "urllib3": "urllib3",
    "urllib3_future": "urllib3_future",
    "niquests": "urllib3_future",
    "aiohttp": "aiohttp",
}
CLIENTS: Final = tuple(_FILES)
__all__ = ["install", "uninstall"]
_on: list[ModuleType] = []


def install() -> tuple[str, ...]:
    """Catch the calls of every client library that is there; the names of those. A second time changes nothing.

    Also marks the events of SDKs that queue them for later (`outbound/stamps.py`) and reports connections to
    tracking hosts by clients that cannot be caught (`outbound/tripwire.py`). Raises ConfigError, and leaves every
    client as it was, if one of them cannot be caught: the others alone would let calls pass that you take for judged.
    """
    there = [library for library in CLIENTS if importlib.util.find_spec(library) is not None]
    if not _on:
        files = dict.fromkeys(_FILES[library] for library in there)
        if importlib.util.find_spec("httpx") is None:  # httpx2 alone is caught at httpcore2
            files.pop("httpx", None)
        try:
            for name in [*files, "urllib", "http_client", "stamps", "tripwire", "unlisted"]:
                _install(name)
        except BaseException:
            uninstall()
            raise
    return tuple(there)


def _install(name: str) -> None:
    try:
        module = importlib.import_module(f"gatekeeper.outbound.{name}")
        _on.append(module)
        module.install()
    except (ImportError, AttributeError, TypeError) as error:
        there = [library for library, file in _FILES.items() if file == name and importlib.util.find_spec(library)]
        versions = " and ".join(f"{library} {_version(library)}" for library in there)
        raise ConfigError(f"outbound: {versions or name} cannot be caught ({error}); use another version") from error


def _version(library: str) -> str:
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:  # urllib3.future in the place of urllib3
        return str(getattr(importlib.import_module(library), "__version__", ""))


def uninstall() -> None:
    """Leave every client as it was."""
    while _on:
        _on.pop().uninstall()
