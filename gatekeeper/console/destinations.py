"""Destinations: what each was sent and what was stripped, field by field, and what it could not take."""

from __future__ import annotations

from typing import Final

from gatekeeper.console.page import Answer, Asked, Desk, Page, Shown


def page(desk: Desk, asked: Asked) -> Answer:
    """All destinations."""
    return Shown("destinations.html", {"destinations": desk.policy.destinations}, "Destinations")


PAGES: Final = (Page("GET", "destinations", "read", page, nav="Destinations"),)
