"""What `law.toml` holds: statements with their sources, countries, terms, clauses and questions. Pure."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any, Final

from gatekeeper.reports.cells import Cell, Origin, Statement

ADEQUACY: Final = "adequacy"


def statements(*ids: str) -> tuple[Statement, ...]:
    """These statements, in this order. Raises KeyError for one that there is not."""
    table = _table()["statements"]
    return tuple(
        Statement(one, table[one]["text"], table[one]["source"], table[one]["reviewed"].isoformat()) for one in ids
    )


def statement(one: str) -> Cell:
    """A statement as a cell, with its source and day."""
    (found,) = statements(one)
    return Cell(found.text, Origin.LAW, f"{found.id} ({found.source}; {found.reviewed})")


def eea() -> frozenset[str]:
    """Countries in which the GDPR itself holds."""
    return frozenset(_table()["countries"]["eea"])


def adequate() -> frozenset[str]:
    """Countries for which an adequacy decision holds without conditions."""
    return frozenset(_table()["countries"]["adequate"])


def partly_adequate() -> frozenset[str]:
    """Countries for which it holds for some recipients only."""
    return frozenset(_table()["countries"]["partly"])


def terms(company: str | None) -> Mapping[str, Any]:
    """Role, name of the terms and source that are known of a company; empty for another one."""
    found: Mapping[str, Any] = _table()["terms"].get(company or "", {})
    return found


def clauses() -> Mapping[str, str]:
    """What a contract with a processor must say, by the policy's word for it."""
    found: Mapping[str, str] = _table()["clauses"]
    return found


def assessment() -> Mapping[str, Mapping[str, str]]:
    """The questions of a legitimate interest assessment, by test."""
    found: Mapping[str, Mapping[str, str]] = _table()["assessment"]
    return found


@cache
def _table() -> Mapping[str, Any]:
    return tomllib.loads(resources.files(__package__).joinpath("law.toml").read_text("utf-8"))
