"""Plots as SVG, drawn by us. Pure. A `Plot` in, markup out; each has its numbers as a table and as CSV beside it.

Colours are classes of the style sheet (`s0` to `s5`), so that light and dark are one drawing; lines differ in their
dashes, too. A value `None` is a gap: nothing is known of that step.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from gatekeeper.console.page import Asked, File

if TYPE_CHECKING:
    from markupsafe import Markup

Kind = Literal["line", "bar", "stack"]
WIDTH: Final = 480
HEIGHT: Final = 240
COLOURS: Final = 6
_LEFT: Final = 52
_RIGHT: Final = 10
_TOP: Final = 10
_LETTER: Final = 8  # wide at most, of a label
_BOTTOM: Final = 30
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would take for a formula


class Series(NamedTuple):
    """One line, or the bars of one colour."""

    name: str
    values: Sequence[float | None]


class Plot(NamedTuple):
    """A plot: `labels` are the steps along the bottom, `unit` what the numbers are (`%`, `events`).

    `name` is what `?csv=` asks for.
    """

    name: str
    title: str
    labels: Sequence[str]
    series: Sequence[Series]
    unit: str = ""
    kind: Kind = "line"
    names: bool = False  # the steps are names, not times: each has its label

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not any(value for one in self.series for value in one.values)


def drawn(plot: Plot) -> Markup:
    """The picture. Its names are escaped; it is hidden from readers of screens, which have the table."""
    from markupsafe import Markup

    top = _ceiling(plot)
    parts = [
        Markup('<svg class="plot" viewBox="0 0 {} {}" role="img" aria-label="{}">').format(WIDTH, HEIGHT, plot.title)
    ]
    for n in range(5):
        value = top * n / 4
        y, said = _y(value, top), _short(value) + ("%" if plot.unit == "%" else "")
        parts += [
            Markup('<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(_LEFT, WIDTH - _RIGHT, y, y),
            Markup('<text class="tick" x="{}" y="{}">{}</text>').format(_LEFT - 6, y + 4, said),
        ]
    parts += [*_labels(plot), *(_lines(plot, top) if plot.kind == "line" else _bars(plot, top))]
    return Markup("").join([*parts, Markup("</svg>")])


def rows(plot: Plot) -> list[list[str]]:
    """The numbers as a table without its head."""
    return [
        [label, *[_number(one.values[n]) for one in plot.series]] for n, label in enumerate(plot.labels)
    ]  # fmt: skip


def csv_of(plot: Plot) -> bytes:
    """The numbers as CSV; a cell that a spreadsheet would take for a formula begins with an apostrophe."""
    text = io.StringIO()
    writer = csv.writer(text)
    for row in (["", *[one.name for one in plot.series]], *rows(plot)):
        writer.writerow([f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in row])
    return text.getvalue().encode()


def asked_for(asked: Asked, plots: Sequence[Plot]) -> File | None:
    """The CSV that a query asks for; a page has `csv` among its `query`."""
    for plot in plots:
        if asked.query.get("csv") == plot.name:
            return File(csv_of(plot), "text/csv; charset=utf-8", f"{plot.name}.csv")
    return None


def _lines(plot: Plot, top: float) -> Iterator[Markup]:
    from markupsafe import Markup

    for number, one in enumerate(plot.series):
        colour = number % COLOURS
        for run in _runs(one.values):
            points = " ".join(f"{_x(n, len(plot.labels)):.1f},{_y(value, top):.1f}" for n, value in run)
            if len(run) == 1:
                (n, value), *_ = run
                yield Markup('<circle class="f{}" cx="{:.1f}" cy="{:.1f}" r="2.5"/>').format(
                    colour, _x(n, len(plot.labels)), _y(value, top)
                )
            else:
                yield Markup('<polyline class="s{}" points="{}"/>').format(colour, points)


def _bars(plot: Plot, top: float) -> Iterator[Markup]:
    from markupsafe import Markup

    wide = (WIDTH - _LEFT - _RIGHT) / max(1, len(plot.labels)) * 0.8
    beside = 1 if plot.kind == "stack" else max(1, len(plot.series))
    for n in range(len(plot.labels)):
        base = 0.0
        for number, one in enumerate(plot.series):
            value = one.values[n] or 0.0
            left = _x(n, len(plot.labels)) - wide / 2 + (0 if plot.kind == "stack" else number * wide / beside)
            upper, lower = _y(base + value, top), _y(base, top)
            yield Markup('<rect class="f{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>').format(
                number % COLOURS, left, upper, wide / beside, max(0.0, lower - upper)
            )
            base = base + value if plot.kind == "stack" else 0.0


def _labels(plot: Plot) -> Iterator[Markup]:
    from markupsafe import Markup

    count = len(plot.labels)
    step = 1 if plot.names else max(1, math.ceil(count / 4))
    room = (WIDTH - _LEFT - _RIGHT) // (_LETTER * count) if plot.names and count else WIDTH
    for n in range(0, count, step):
        label = plot.labels[n] if len(plot.labels[n]) <= room else f"{plot.labels[n][: max(1, room - 1)]}…"
        yield Markup('<text class="label" x="{:.1f}" y="{}">{}</text>').format(_x(n, count), HEIGHT - 10, label)


def _runs(values: Sequence[float | None]) -> Iterator[list[tuple[int, float]]]:
    """The stretches without a gap."""
    run: list[tuple[int, float]] = []
    for n, value in enumerate(values):
        if value is not None:
            run.append((n, value))
        elif run:
            yield run
            run = []
    if run:
        yield run


def _ceiling(plot: Plot) -> float:
    """A round number above every value."""
    if plot.unit == "%":
        return 100.0
    if plot.kind == "stack":
        highest = max((sum(one.values[n] or 0.0 for one in plot.series) for n in range(len(plot.labels))), default=0.0)
    else:
        highest = max((value or 0.0 for one in plot.series for value in one.values), default=0.0)
    if highest <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(highest))
    # The smallest of numbers have a power that rounds to nothing.
    return next((power * step for step in (1, 2, 4, 5, 8, 10) if power * step >= highest), highest)


def _x(n: int, count: int) -> float:
    return _LEFT + (WIDTH - _LEFT - _RIGHT) * (n + 0.5) / max(1, count)


def _y(value: float, top: float) -> float:
    return _TOP + (HEIGHT - _TOP - _BOTTOM) * (1 - min(value, top) / top)


def _short(value: float) -> str:
    for unit, of in (("M", 1e6), ("k", 1e3)):
        if value >= of:
            return f"{value / of:g}{unit}"
    return f"{value:g}"


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return str(int(value)) if value == int(value) else f"{value:.2f}"
