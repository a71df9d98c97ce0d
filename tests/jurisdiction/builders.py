"""Builders for the tests of places and laws."""

from __future__ import annotations

from datetime import UTC, datetime

from gatekeeper.jurisdiction.laws import LawTable, packaged
from gatekeeper.model import Law


def on(day: str) -> float:
    """Noon UTC of an ISO day, or an exact moment where one is given, in Unix seconds."""
    moment = datetime.fromisoformat(day if "T" in day else f"{day}T12:00:00")
    return moment.replace(tzinfo=UTC).timestamp()


NOW = on("2026-11-23")
TABLE: LawTable = packaged()


def ids(laws: tuple[Law, ...]) -> list[str]:
    """The ids of laws, in their order."""
    return [law.id for law in laws]
