"""Which stage of the gate a stack belongs to. Pure: file names in, a word out."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import gatekeeper

ROOT = str(Path(gatekeeper.__file__).parent) + "/"
SERVER, CLIENT, ORDER = "server", "client", "parsing and order"
# The room of the package, or the file, that is working, and the stage it is. A room without a row is its own stage.
ROOMS = {
    "signals": "reading signals", "jurisdiction": "location", "geoip": "location",
    "consent": "decision", "decision": "decision",
    "vendors": "shaping", "scrub": "shaping", "fields": "shaping", "gate/elements": "shaping",
    "gate/program": "shaping", "gate/outcome": "shaping", "gate/deciding": "decision",
    "audit": "audit", "storage": "outbox", "delivery": CLIENT, "shells": SERVER,
    "gate": ORDER, "installation": ORDER, "policy": ORDER, "model": ORDER, "context": ORDER, "runtime": ORDER,
    "memory": ORDER, "counting": ORDER, "notices": ORDER, "errors": ORDER,
    "outbound": SERVER, "django": SERVER, "integrations": SERVER, "browser": SERVER, "console": SERVER,
    "rights": "audit",
}  # fmt: skip
STAGES = (
    "server",
    "parsing and order",
    "reading signals",
    "location",
    "decision",
    "shaping",
    "audit",
    "outbox",
    "client",
)
_SERVING = ("/uvicorn/", "/starlette/", "/httptools/")


def stage_of(files: Iterable[str], *, delivering: bool) -> str:
    """The stage that a stack works for.

    `files` run from the innermost frame outwards; `delivering` says that it is the deliverer's thread.
    """
    for file in files:
        if file.startswith(ROOT):
            place = file.removeprefix(ROOT).removesuffix(".py")
            room = place.partition("/")[0]
            return ROOMS.get(place) or ROOMS.get(room, room)
        if any(part in file for part in _SERVING):
            break
    return CLIENT if delivering else SERVER
