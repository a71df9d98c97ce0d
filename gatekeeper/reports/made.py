"""The documents by their names, for commands and the admin API. Pure. The policy and what was observed in."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from gatekeeper.policy import Policy
from gatekeeper.reports.cells import Document
from gatekeeper.reports.declared import Declared
from gatekeeper.reports.dpa import dpa
from gatekeeper.reports.lia import lia
from gatekeeper.reports.notice import notice
from gatekeeper.reports.observed import Observation
from gatekeeper.reports.ropa import ropa
from gatekeeper.reports.transfers import transfers

NAMES: Final = ("ropa", "dpa", "lia", "privacy-notice", "transfers")
OBSERVED: Final = frozenset({"ropa", "transfers"})  # that say what was observed, too


def made(report: str, policy: Policy, observation: Observation | None, now: datetime, language: str) -> Document:
    """The document of one of `NAMES`."""
    declared = Declared(policy)
    facts = [("policy", f"{policy.version} ({policy.hash[:12]})"), ("made", f"{now:%Y-%m-%d %H:%M} UTC")]
    if observation is not None:
        facts.append(("observed", observation.period))
    match report:
        case "ropa":
            return ropa(declared, observation, facts)
        case "transfers":
            return transfers(declared, observation, facts)
        case "dpa":
            return dpa(declared, facts)
        case "lia":
            return lia(declared, facts, now.date())
        case _:
            return notice(declared, language, facts)
