"""Audit: questions to the log, a record told in words with its proof, and verification."""

from __future__ import annotations

from typing import Final

from gatekeeper.console.page import Answer, Asked, Desk, Page, Shown


def page(desk: Desk, asked: Asked) -> Answer:
    """The form of a query."""
    return Shown("audit.html", {"folder": desk.policy.audit_folder.name}, "Audit")


PAGES: Final = (Page("GET", "audit", "read", page, nav="Audit"),)
