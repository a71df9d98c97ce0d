"""How much was received of a request, and whether so much may be decided on the event loop."""

from __future__ import annotations

from itertools import chain
from typing import Final

from gatekeeper.shells.asgi import Headers, Scope

BRIEF: Final = 8 * 2**10  # bytes of head and body: what is larger, or compressed, is decided beside the loop
TOO_MANY: Final = "there are too many requests"


def received(scope: Scope, headers: Headers, body: bytes) -> int:
    """The bytes of a request, as they came: target, headers and body."""
    target = len(scope["path"]) + len(scope.get("query_string", b""))
    return target + sum(map(len, chain.from_iterable(headers))) + 4 * len(headers) + len(body)
