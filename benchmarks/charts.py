"""From a result to figures: cost per contestant, latency distribution, curves, stage profile. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .drawing import HEIGHT, INK, PALE, WIDTH, Box, Dot, Figure, Line, Text

OURS, OTHER = "#0b6e4f", "#8695a5"
_COLORS = ("#b23a48", "#2f6690", "#c77d0a", "#6b4e9b", "#3f8f8f", "#7a5c3e", "#5d6d7e")
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 40, 60, 56
_NAMES = 196  # room at the right for the names of several lines
_PERCENTS = (0.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.5, 99.9, 99.95, 99.99)
_CHARTED = {
    "call": "A vendor's own call: CPU per call", "collect": "An event to four destinations: CPU per event",
    "middleware": "An ASGI app, wrapped: CPU per request",
}  # fmt: skip


def figures(result: Mapping[str, Any]) -> list[Figure]:
    """Every figure for which there are numbers."""
    return [*_costs(result), *_latencies(result), *_stages(result), *_curves(result)]


def is_ours(contestant: str) -> bool:
    """Whether a contestant is Gatekeeper."""
    return "gate" in contestant


def number(value: float) -> str:
    """Three digits that mean something."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"


def bars(title: str, rows: Sequence[tuple[str, float, str]], unit: str) -> Figure:
    """Horizontal bars of (label, value, colour), each with its value."""
    step = 26
    figure = Figure(title, WIDTH, max(140, _TOP + step * len(rows) + 24))
    left, most = 230, max((value for _, value, _ in rows), default=1.0) or 1.0
    figure.shapes.append(Text(16, 28, f"{title} ({unit})", 15))
    for place, (label, value, color) in enumerate(rows):
        y = _TOP + place * step
        long = max(0.0, value) / most * (WIDTH - left - 90)
        figure.shapes += [
            Text(left - 8, y + 15, label, 12, "end"),
            Box(left, y + 3, max(1.0, long), step - 9, color),
            Text(left + long + 6, y + 15, number(value), 12),
        ]
    return figure


class Axis:
    """A scale from values to pixels, linear or by powers of ten, with its ticks."""

    def __init__(self, low: float, high: float, start: float, end: float, *, log: bool) -> None:
        self._log = log
        if log:
            low, high = math.log10(low), math.log10(high)
        self._low, self._span = low, (high - low) or 1.0
        self._start, self._end = start, end

    def __call__(self, value: float) -> float:
        """The pixel of a value."""
        at = math.log10(value) if self._log else value
        return self._start + (at - self._low) / self._span * (self._end - self._start)


def lines(
    title: str, series: Mapping[str, Sequence[tuple[float, float]]], x_title: str, y_title: str,
    ticks: Mapping[float, str], *, log_y: bool,
) -> Figure:  # fmt: skip
    """Curves of (x, y) with x by powers of ten; `ticks` are those of x."""
    figure = Figure(title)
    right = _NAMES if len(series) > 1 else _RIGHT
    xs = [*ticks, *(x for points in series.values() for x, _ in points)]
    ys = [y for points in series.values() for _, y in points]
    low, high = (min(ys) / 1.3, max(ys) * 1.3) if log_y else (0.0, max(ys) * 1.15 or 1.0)
    across = Axis(min(xs), max(xs), _LEFT, WIDTH - right, log=min(xs) > 0 and max(xs) > min(xs))
    up = Axis(low, high, HEIGHT - _BOTTOM, _TOP, log=log_y)
    figure.shapes += [Text(16, 28, title, 15), Text(WIDTH - _RIGHT, HEIGHT - 12, x_title, 12, "end")]
    figure.shapes.append(Text(16, _TOP - 14, y_title, 11))
    for value in _marks(low, high, log_y):
        y = up(value)
        figure.shapes += [
            Line(((_LEFT, y), (WIDTH - right, y)), PALE, 0.7), Text(_LEFT - 6, y + 4, number(value), 11, "end"),
        ]  # fmt: skip
    for at, label in ticks.items():
        figure.shapes += [
            Line(((across(at), HEIGHT - _BOTTOM), (across(at), HEIGHT - _BOTTOM + 5)), INK),
            Text(across(at), HEIGHT - _BOTTOM + 18, label, 11, "middle"),
        ]
    ends: list[tuple[float, str, str]] = []
    for place, (name, points) in enumerate(series.items()):
        color = OURS if is_ours(name) else _COLORS[place % len(_COLORS)]
        path = tuple((across(x), up(y)) for x, y in points)
        figure.shapes.append(Line(path, color, 2.6 if is_ours(name) else 1.5))
        ends.append((path[-1][1], name, color))
        if len(series) == 1:
            figure.shapes += [Dot(x, y, color) for x, y in path]
            figure.shapes += [
                Text(x + (4 if x == _LEFT else 0), y - 9, number(value), 11, "start" if x == _LEFT else "middle")
                for (x, y), (_, value) in zip(path, points, strict=True)
            ]
    if len(series) > 1:
        figure.shapes += _labels(ends, WIDTH - right + 8)
    return figure


def _labels(ends: list[tuple[float, str, str]], x: float) -> Iterator[Text]:
    """The name of each line at its end, none upon another."""
    at = -math.inf
    for y, name, color in sorted(ends):
        at = max(y + 4, at + 14)
        yield Text(x, at, name, 11, color=color)


def _marks(low: float, high: float, log: bool) -> Iterator[float]:
    if log:
        for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1):
            yield from (mark for mark in (10.0**power, 3 * 10.0**power) if low <= mark <= high)
        return
    step = 10 ** math.floor(math.log10(high / 2))
    step *= next(times for times in (1, 2, 5, 10) if high / (step * times) <= 6)
    yield from (step * place for place in range(math.floor(high / step) + 1))


def _measured(result: Mapping[str, Any], scenario: str) -> dict[str, Any]:
    contestants = result["scenarios"].get(scenario, {}).get("contestants", {})
    return {name: found for name, found in contestants.items() if "cpu_us" in found["metrics"]}


def _costs(result: Mapping[str, Any]) -> Iterator[Figure]:
    for scenario, title in _CHARTED.items():
        found = _measured(result, scenario)
        rows = [
            (name, one["metrics"]["cpu_us"]["median"], OURS if is_ours(name) else OTHER) for name, one in found.items()
        ]
        if rows:
            yield bars(title, rows, "microseconds, median")


def _latencies(result: Mapping[str, Any]) -> Iterator[Figure]:
    from .histogram import Histogram

    for scenario in _CHARTED:
        series: dict[str, list[tuple[float, float]]] = {}
        rate = 0.0
        for name, found in _measured(result, scenario).items():
            if not found["latency"] or not found["latency"].get("pairs"):
                continue
            rate = found["latency"]["rate"]
            histogram = Histogram(tuple(pair) for pair in found["latency"]["pairs"])
            reach = 100.0 - 100.0 / histogram.count
            series[name] = [
                (1.0 / (1.0 - percent / 100), max(0.001, histogram.percentile(percent) / 1000))
                for percent in _PERCENTS
                if percent <= reach
            ]
        if series:
            ticks = {1.0: "0", 2.0: "50 %", 10.0: "90 %", 100.0: "99 %", 1000.0: "99.9 %"}
            title = f"Latency of {scenario}, {rate:.0f} requests a second"
            yield lines(title, series, "percentile", "ms, from when it was due", ticks, log_y=True)


def _stages(result: Mapping[str, Any]) -> Iterator[Figure]:
    for subject, profile in result["profile"].items():
        if profile.get("stages"):
            rows = [(name, value, OURS) for name, value in profile["stages"].items()]
            yield bars(f"Where the time goes: {subject}", rows, "microseconds of CPU per request")


def _curves(result: Mapping[str, Any]) -> Iterator[Figure]:
    for curve in result["curves"].values():
        points = [(float(point["x"]), point["median"]) for point in curve["points"]]
        if points:
            ticks = {x: f"{x:,g}" for x, _ in points}
            unit = "microseconds of CPU" if curve["unit"] == "µs" else curve["unit"]
            yield lines(curve["title"], {"gatekeeper": points}, curve["x"], unit, ticks, log_y=False)
