"""What a report is made of: cells that say where they come from, in sheets, in a document. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

NOT_ADVICE: Final = (
    "This document is not legal advice: a person who knows the law and the company reads it before it is used."
)


class Origin(StrEnum):
    """Where a cell comes from."""

    POLICY = "policy"
    KIND = "kind's table"
    CATALOGUE = "field catalogue"
    VENDORS = "vendor table"
    LAW = "law table"
    PRODUCT = "product"
    LOG = "log"
    FILL = "to fill"


class State(StrEnum):
    """What is to do about a cell."""

    FINE = "fine"
    FILL = "to fill"
    DIFFERS = "differs"


@dataclass(frozen=True, slots=True)
class Cell:
    """One value. `of` names the place in its origin: a policy key, a kind, a law, or the log's period."""

    text: str
    origin: Origin
    of: str
    differs: bool = False

    @property
    def state(self) -> State:
        """Whether a person must look at it."""
        if self.origin is Origin.FILL:
            return State.FILL
        return State.DIFFERS if self.differs else State.FINE

    @property
    def source(self) -> str:
        """The origin in words, such as `policy destinations.ga4.dpa`."""
        return f"{self.origin} {self.of}".strip()

    @property
    def shown(self) -> str:
        """What a reader sees: a cell that is to fill says so and names the key."""
        return f"TO FILL: {self.of}" if self.origin is Origin.FILL else self.text


def fill(key: str) -> Cell:
    """A cell that the operator has to fill, at that key of the policy."""
    return Cell("", Origin.FILL, key)


def unseen() -> Cell:
    """A cell of the log where no log was looked at: that is not "nothing was sent"."""
    return fill("observed (no log was looked at)")


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table. Each row has a cell for each column; the first one names the row."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    @classmethod
    def of(cls, name: str, columns: Iterable[str], rows: Iterable[Sequence[Cell]]) -> Sheet:
        """The sheet; ValueError for a row that does not fit its columns."""
        made = cls(name, tuple(columns), tuple(map(tuple, rows)))
        if any(len(row) != len(made.columns) for row in made.rows):
            raise ValueError(f"{name}: a row does not have {len(made.columns)} cells")
        return made


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence about the law, with where and when it was read."""

    id: str
    text: str
    source: str
    reviewed: str


class Finding(NamedTuple):
    """A cell that is to fill or that differs, and where it is."""

    sheet: str
    row: str
    column: str
    cell: Cell


@dataclass(frozen=True, slots=True)
class Document:
    """A report. `facts` are the lines under its title: policy, day, period."""

    report: str
    title: str
    facts: tuple[tuple[str, str], ...]
    sheets: tuple[Sheet, ...]
    statements: tuple[Statement, ...]
    language: str = "en"
    note: str = NOT_ADVICE
    origins: bool = True  # shown beside each cell on pages

    @property
    def version(self) -> str:
        """SHA-256 of everything that the tables and statements say: the same words have the same version."""
        said = [
            [sheet.name, sheet.columns, [[cell.shown for cell in row] for row in sheet.rows]] for sheet in self.sheets
        ]
        words = [self.report, self.language, self.title, said, [one.text for one in self.statements], self.note]
        return hashlib.sha256(json.dumps(words, ensure_ascii=False).encode()).hexdigest()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Every cell that is to fill, or where what was observed goes beyond what is declared."""
        return tuple(
            Finding(sheet.name, row[0].shown, column, cell)
            for sheet in self.sheets
            for row in sheet.rows
            for column, cell in zip(sheet.columns, row, strict=True)
            if cell.state is not State.FINE
        )
