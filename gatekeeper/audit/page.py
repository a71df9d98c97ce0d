"""Statistics as one HTML file. Pure. `Statistics` in, a page with inline SVG out, which loads nothing from anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

from gatekeeper.audit.numbers import Period, Statistics
from gatekeeper.counting import counted

_WIDTH: Final = 960
_HEIGHT: Final = 220
_LEFT: Final = 44
# Colour-blind safe (Okabe and Ito, 2008).
_COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f")
_STYLE: Final = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem; padding: 0 1rem; color: #1a1a1a }
h1 { font-size: 1.4rem } h2 { font-size: 1.1rem; margin-top: 2rem }
svg { width: 100%; height: auto } text { font-size: 12px; fill: #555 }
table { border-collapse: collapse } th, td { padding: .2rem .8rem; text-align: right; border-bottom: 1px solid #ddd }
th:first-child, td:first-child { text-align: left }
.key span { margin-right: 1.2rem; white-space: nowrap } .key i { display: inline-block; width: .8em; height: .8em;
margin-right: .4em; border-radius: 2px }
@media (prefers-color-scheme: dark) { body { background: #161616; color: #eee } text { fill: #aaa }
th, td { border-color: #333 } }
"""


def render(statistics: Statistics, *, title: str) -> str:
    """The page. Works without scripts; its content security policy forbids loading anything."""
    periods = statistics.periods
    consent = {
        "analytics": [_share(one.analytics, one.events) for one in periods],
        "marketing": [_share(one.marketing, one.events) for one in periods],
        "Sec-GPC": [_share(one.gpc, one.events) for one in periods],
    }
    reasons = sorted({reason for one in periods for reason in one.blocked}, key=lambda r: -_total(periods, r))[:7]
    blocked = {reason: [float(one.blocked.get(reason, 0)) for one in periods] for reason in reasons}
    events = counted(sum(one.events for one in periods), "event")
    body = [
        f"<h1>{escape(title)}</h1>",
        f"<p>{events}, by {statistics.by}, UTC. Numbers only: no person is in this page.</p>",
        "<h2>Consent, % of events</h2>",
        _key(list(consent)),
        _lines(periods, consent, 100.0),
        "<h2>Blocked deliveries by reason</h2>",
        _key(reasons) if reasons else "<p>Nothing was blocked.</p>",
        _stacks(periods, blocked) if reasons else "",
        "<h2>Destinations</h2>",
        _table(statistics),
    ]
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>{"".join(body)}</html>\n'
    )


def _share(part: int, whole: int) -> float:
    return 100.0 * part / whole if whole else 0.0


def _total(periods: Sequence[Period], reason: str) -> int:
    return sum(one.blocked.get(reason, 0) for one in periods)


def _key(names: Sequence[str]) -> str:
    parts = (
        f'<span><i style="background:{colour}"></i>{escape(name)}</span>'
        for name, colour in zip(names, _COLOURS, strict=False)
    )
    return f'<p class="key">{"".join(parts)}</p>'


def _x(n: int, count: int) -> float:
    return _LEFT + (_WIDTH - _LEFT) * (n + 0.5) / max(count, 1)


def _frame(periods: Sequence[Period], top: float, drawn: str) -> str:
    every = max(1, len(periods) // 8)
    marks = "".join(
        f'<text x="{_x(n, len(periods)):.1f}" y="{_HEIGHT + 16}" text-anchor="middle">{escape(one.begins)}</text>'
        for n, one in enumerate(periods)
        if n % every == 0
    )
    grid = "".join(
        f'<line x1="{_LEFT}" x2="{_WIDTH}" y1="{_HEIGHT * (1 - part):.1f}" y2="{_HEIGHT * (1 - part):.1f}" '
        f'stroke="#8884"/><text x="{_LEFT - 6}" y="{_HEIGHT * (1 - part) + 4:.1f}" text-anchor="end">'
        f"{top * part:.0f}</text>"
        for part in (0.0, 0.25, 0.5, 0.75, 1.0)
    )
    return f'<svg viewBox="0 -10 {_WIDTH} {_HEIGHT + 34}" role="img">{grid}{drawn}{marks}</svg>'


def _lines(periods: Sequence[Period], series: dict[str, list[float]], top: float) -> str:
    drawn = []
    for (name, values), colour in zip(series.items(), _COLOURS, strict=False):
        points = [(_x(n, len(values)), _HEIGHT * (1 - value / top)) for n, value in enumerate(values)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        drawn.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        drawn += [
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"><title>{escape(name)} {one.begins}: '
            f"{value:.1f} %</title></circle>"
            for (x, y), one, value in zip(points, periods, values, strict=True)
        ]
    return _frame(periods, top, "".join(drawn))


def _stacks(periods: Sequence[Period], series: dict[str, list[float]]) -> str:
    top = max((sum(values[n] for values in series.values()) for n in range(len(periods))), default=0.0) or 1.0
    width = (_WIDTH - _LEFT) / max(len(periods), 1) * 0.7
    drawn = []
    for n, one in enumerate(periods):
        floor = 0.0
        for (name, values), colour in zip(series.items(), _COLOURS, strict=False):
            height = _HEIGHT * values[n] / top
            drawn.append(
                f'<rect x="{_x(n, len(periods)) - width / 2:.1f}" y="{_HEIGHT - floor - height:.1f}" '
                f'width="{width:.1f}" height="{height:.1f}" fill="{colour}"><title>{escape(name)} {one.begins}: '
                f"{values[n]:.0f}</title></rect>"
            )
            floor += height
    return _frame(periods, top, "".join(drawn))


def _table(statistics: Statistics) -> str:
    statuses = sorted({status for counts in statistics.destinations.values() for status in counts})
    head = "".join(f"<th>{escape(status)}</th>" for status in statuses)
    rows = "".join(
        f"<tr><td>{escape(name)}</td>" + "".join(f"<td>{counts.get(status, 0)}</td>" for status in statuses) + "</tr>"
        for name, counts in statistics.destinations.items()
    )
    return f"<table><tr><th>destination</th>{head}</tr>{rows}</table>"
