"""A proxy that the policy does not declare: counted each time, logged once per process, without an address."""

from __future__ import annotations

import logging
from typing import Final

from gatekeeper.gate.ports import Counting

SENTENCE: Final = (
    "requests come through a proxy that [server] trusted_proxies does not name: the place of their visitors is "
    "unknown, and the strictest law holds for them; name every proxy in between "
    "(gatekeeper_undeclared_proxy_total counts such requests)"
)
_log = logging.getLogger("gatekeeper")
_logged: set[str] = set()  # the sentence, once it was logged: of a process, as the log is


def seen(metrics: Counting) -> None:
    """A request was read that came through such a proxy."""
    metrics.came_undeclared()
    if SENTENCE not in _logged:
        _logged.add(SENTENCE)
        _log.warning(SENTENCE)
