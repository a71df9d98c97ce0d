"""What is shown while a run goes on, and after it."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table as RichTable

from .rows import Table


def progress(console: Console) -> Progress:
    """A bar over the whole run."""
    return Progress(
        TextColumn("{task.fields[scenario]:<11}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(), TextColumn("{task.description}", style="dim"), console=console, transient=True,
    )  # fmt: skip


def show(console: Console, tables: Iterable[Table]) -> None:
    """Print tables."""
    for table in tables:
        shown = RichTable(title=escape(table.title), title_justify="left", title_style="bold", header_style="dim")
        for place, heading in enumerate(table.headings):
            last = place == len(table.headings) - 1 and len(table.headings) > 3
            shown.add_column(heading, justify="left" if place == 0 or last else "right", overflow="fold")
        for row in table.rows:
            style = "bold" if "gatekeeper" in row[0] else ""
            shown.add_row(*(escape(cell) for cell in row), style=style)
        console.print(shown)
