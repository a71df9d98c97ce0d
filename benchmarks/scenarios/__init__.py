"""The scenarios, in the order they are run. One file each; a new one is added here."""

from __future__ import annotations

from ..shape import Scenario
from . import audit, call, collect, consent, decide, geoip, middleware, outbound, signals

ALL: dict[str, Scenario] = {
    module.SCENARIO.name: module.SCENARIO
    for module in (middleware, decide, signals, geoip, audit, consent, outbound, call, collect)
}
