"""Transfers out of the EEA (GDPR chapter V), a row per destination. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from gatekeeper.reports.cells import Cell, Document, Origin, Sheet, unseen
from gatekeeper.reports.declared import Declared
from gatekeeper.reports.law import statements
from gatekeeper.reports.observed import Observation
from gatekeeper.vendors.kind import Destination

COLUMNS: Final = (
    "destination", "recipient", "host", "seat", "countries of processing", "outside of the EEA", "rests on",
    "safeguard", "fallback", "categories of data", "observed events",
)  # fmt: skip


def transfers(declared: Declared, observation: Observation | None, facts: Iterable[tuple[str, str]]) -> Document:
    """The list. What was sent there is observed; on what it rests is declared."""
    rows = [_row(declared, to, observation) for to in declared.policy.destinations.values()]
    return Document(
        "transfers",
        "Transfers to third countries",
        tuple(facts),
        (Sheet.of("Transfers", COLUMNS, rows),),
        statements("chapter5", "adequacy", "dpf"),
    )


def _row(declared: Declared, to: Destination, observation: Observation | None) -> tuple[Cell, ...]:
    outside = declared.third_countries(to)
    if observation is None:
        observed = unseen()
    else:
        seen = observation.destinations.get(to.name)
        observed = Cell(f"{seen.events if seen else 0:,}", Origin.LOG, observation.period)
    return (
        Cell(to.name, Origin.POLICY, f"destinations.{to.name}"),
        declared.recipient(to),
        declared.host(to),
        declared.seat(to),
        declared.countries(to),
        declared.countries(to)
        if not declared.located(to)
        else Cell(", ".join(outside) or "none", Origin.LAW, "countries.eea"),
        declared.transfer(to),
        declared.safeguard(to),
        declared.fallback(to),
        declared.categories(to),
        observed,
    )
