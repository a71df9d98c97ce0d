"""What is shown while a run goes on, and after it."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table as RichTable

from .rows import Table

_WIDE = 150  # columns of a terminal that takes everything
_SPARED = {"spread", "p90", "p99.9", "max"}  # where there is less room


def progress(console: Console) -> Progress:
    """A bar over the whole run."""
    return Progress(
        TextColumn("{task.fields[scenario]:<11}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(), TextColumn("{task.description}", style="dim"), console=console, transient=True,
    )  # fmt: skip


def show(console: Console, tables: Iterable[Table]) -> None:
    """Print tables; on a narrow terminal with fewer columns, and with the remarks below."""
    for table in tables:
        wide = console.width >= _WIDE or len(table.headings) < 5
        kept = [
            place for place, word in enumerate(table.headings) if wide or (word not in _SPARED and (word or not place))
        ]
        shown = RichTable(title=escape(table.title), title_justify="left", title_style="bold", header_style="dim")
        for place in kept:
            heading = table.headings[place]
            shown.add_column(heading, justify="right" if heading and place else "left", no_wrap=not place and not wide)
        for row in table.rows:
            shown.add_row(*(escape(row[place]) for place in kept), style="bold" if "gatekeeper" in row[0] else "")
        console.print(shown)
        if not wide and not table.headings[-1]:
            for row in table.rows:
                if row[-1]:
                    console.print(f"  {escape(row[0])}: {escape(row[-1])}", style="dim")
