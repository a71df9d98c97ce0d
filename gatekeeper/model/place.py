"""Where the visitor is. Nouns: frozen, typed, no logic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from msgspec import Struct

from gatekeeper.model.law import Law

How = Literal["address", "context", "caller", "cdn", "local", "anonymised", "unknown"]
KNOWN_BY: Final[Mapping[str, str]] = {
    "address": "from the address",
    "context": "from the visitor's context",
    "caller": "the caller said it",
    "cdn": "from the CDN's header",
    "local": "the address is a private one",
    "anonymised": "the address is a VPN's, proxy's or host's",
    "unknown": "nothing tells it",
}
"""How a place was known, in words: each stands in brackets after the place."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a location database says of one address.

    `anonymised` is true where it marks the address as a VPN, Tor exit, proxy, hosting or anycast network:
    the place is then that of the machine in between, not of the visitor.
    """

    country: str | None
    region: str | None = None
    anonymised: bool = False


class Place(Struct, frozen=True):
    """Where the visitor is and which laws apply there.

    `country` is ISO 3166-1 alpha-2, `region` the part of ISO 3166-2 after the dash; both `None` if unknown.
    `how` tells how it was known.
    `laws` is never empty, the strictest first: an unknown place has the strictest law there is.
    `beside` are (country, region) of other places whose laws apply too: a residence, a second answer.
    """

    country: str | None
    region: str | None
    how: How
    laws: tuple[Law, ...]
    beside: tuple[tuple[str | None, str | None], ...] = ()
