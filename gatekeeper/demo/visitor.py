"""Who the demo's visitor is said to be: where they are, and whether their browser sends Sec-GPC.

On loopback every visitor is at home, and a script cannot set the header. So the demo's server says it for them, in
front of the gate: an address of that place stands where the peer's would, and the header is added. The gate looks the
address up in its database, as it would look up any other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from gatekeeper.shells.asgi import App, Receive, Scope, Send


class Somewhere(NamedTuple):
    """A place of the switch, and an address there."""

    title: str
    address: str


PLACES: Final = {
    "DE": Somewhere("Germany", "193.99.144.80"),
    "US-CA": Somewhere("California", "15.0.10.10"),
    "US-TX": Somewhere("Texas", "24.100.10.10"),
    "BR": Somewhere("Brazil", "200.147.3.157"),
}


@dataclass(frozen=True, slots=True)
class Pretence:
    """What the server says of every visitor."""

    place: str = "DE"
    gpc: bool = False

    def shown(self) -> dict[str, Any]:
        """For the page: what is said, and what could be."""
        places = [{"id": name, "title": one.title} for name, one in PLACES.items()]
        return {"place": self.place, "gpc": self.gpc, "places": places}


class Visitors:
    """Says it, in front of the app; `choose` changes it for the requests after it."""

    def __init__(self) -> None:
        self.now = Pretence()

    def choose(self, wanted: object) -> bool:
        """Whether `wanted`, `{"place", "gpc"}`, can be said; then it is."""
        if not isinstance(wanted, dict) or not wanted.keys() <= {"place", "gpc"}:
            return False
        place, gpc = wanted.get("place", self.now.place), wanted.get("gpc", self.now.gpc)
        if place not in PLACES or not isinstance(gpc, bool):
            return False
        self.now = replace(self.now, place=place, gpc=gpc)
        return True

    def before(self, app: App) -> App:
        """The app behind it."""

        async def said(scope: Scope, receive: Receive, send: Send) -> None:
            """Pass a request on as the chosen visitor's."""
            if scope["type"] == "http":
                now = self.now
                client = (PLACES[now.place].address, 1)
                signal = ((b"sec-gpc", b"1"),) if now.gpc else ()
                headers = [header for header in scope["headers"] if not (now.gpc and header[0] == b"sec-gpc")]
                scope = {**scope, "client": client, "headers": [*headers, *signal]}
            await app(scope, receive, send)

        return said
