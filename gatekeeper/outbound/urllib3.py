"""urllib3: every request of every pool, and with it of all that is built upon it (requests has its own file)."""

from __future__ import annotations

import urllib3
from urllib3.connectionpool import HTTPConnectionPool

from gatekeeper.outbound.patched import Patched
from gatekeeper.outbound.pools import urlopen_of

_patched = Patched()


def install() -> None:
    """Catch the requests of all pools."""
    _patched.replace(HTTPConnectionPool, "urlopen", urlopen_of(urllib3))


def uninstall() -> None:
    """Leave the pools as they were."""
    _patched.restore()
