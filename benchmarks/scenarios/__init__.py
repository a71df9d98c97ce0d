"""The scenarios, in the order they are run. One file each; a new one is added here."""

from __future__ import annotations

from ..shape import Scenario
from . import audit, call, collect, consent, decide, geoip, middleware, nodes, outbound, signals

ALL: dict[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        *(one.SCENARIO for one in (middleware, decide, signals, geoip, audit, consent, outbound, call)),
        *call.PACES,
        collect.SCENARIO,
        nodes.SCENARIO,
    )
}
