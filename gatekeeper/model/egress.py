"""The way out of a network: the proxy that requests to vendors go through. Nouns: frozen, typed, no logic."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Egress:
    """A forward proxy; a tunnel (CONNECT) is asked of it for each connection.

    `authorization` is the value of Proxy-Authorization, empty if there is none. `direct` are hosts that are reached
    without it, a leading dot standing for all names below. `given`: by the command line, so that a reload keeps it.
    """

    host: str
    port: int
    authorization: str = field(default="", repr=False)
    direct: tuple[str, ...] = ()
    given: bool = False
