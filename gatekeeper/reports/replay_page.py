"""A replay as one HTML file. Pure. `Replay` in, a page with inline SVG out, which loads nothing from anywhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import Final

from gatekeeper.counting import counted
from gatekeeper.reports.outcome import Change, Replay, Tally, Turn

_WIDTH: Final = 960
_LEFT: Final = 160
_ROW: Final = 30
# Colour-blind safe (Okabe and Ito, 2008); more is red, less is blue.
COLOURS: Final = {
    "unchanged": "#bbbbbb",
    Turn.NEWLY_SENT.value: "#d55e00",
    Turn.OTHER_FIELDS.value: "#e69f00",
    Turn.NEWLY_BLOCKED.value: "#0072b2",
    Turn.OTHER_BASIS.value: "#cc79a7",
    Turn.OTHER_REASON.value: "#56b4e9",
    "undecided": "#444444",
}
_STYLE: Final = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: #1a1a1a }
h1 { font-size: 1.4rem } h2 { font-size: 1.1rem; margin-top: 2rem } .more { color: #b33c00; font-weight: 600 }
svg { width: 100%; height: auto } text { font-size: 12px; fill: #555 }
table { border-collapse: collapse; width: 100% } th, td { padding: .3rem .6rem; text-align: left;
border-bottom: 1px solid #ddd; vertical-align: top } td.n { text-align: right }
.key span { margin-right: 1.2rem; white-space: nowrap } .key i { display: inline-block; width: .8em; height: .8em;
margin-right: .4em; border-radius: 2px }
@media (prefers-color-scheme: dark) { body { background: #161616; color: #eee } text { fill: #aaa }
th, td { border-color: #333 } .more { color: #ff9a57 } }
"""


def render(found: Replay, *, title: str) -> str:
    """The page. Works without scripts; its content security policy forbids loading anything."""
    verdict = (
        '<p class="more">More is sent than before.</p>' if found.more else "<p>Nothing more is sent than before.</p>"
    )
    body = [
        f"<h1>{escape(title)}</h1>",
        f"<p>{counted(found.events, 'event')} in {counted(found.lines, 'line')}, "
        f"{counted(sum(found.deliveries.values()), 'delivery')}.</p>",
        verdict,
        "<h2>Deliveries by destination</h2>",
        _key(),
        _bars(found.destinations),
        "<h2>What is otherwise</h2>",
        _table(
            ("", "destination", "events", "persons", "was", "is", "fields", "places", "rule", "keys", "example"),
            [_change(change, tally) for change, tally in found.ordered()],
        ),
        "<h2>Events whose deliveries change, by place</h2>",
        _places(found.changes.values()),
        "<h2>What cannot be decided</h2>",
        _table(
            ("destination", "why", "events", "persons", "example"),
            [
                (name, why, tally.events, len(tally.subjects), tally.example)
                for (name, why), tally in sorted(found.undecided.items())
            ],
        ),
        "<h2>What differs between the policies</h2>",
        _table(
            ("policy of then", "key", "was", "is", ""),
            [
                (digest[:8], edit.key, _short(edit.before), _short(edit.after),
                 "no line shows what it does" if edit.key in found.unseen else "")
                for digest, edits in found.edits.items()
                for edit in edits
            ],
        ),
    ]  # fmt: skip
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>{"".join(body)}</html>\n'
    )


def _change(change: Change, tally: Tally) -> tuple[object, ...]:
    fields = " ".join([*(f"+{name}" for name in change.gained), *(f"-{name}" for name in change.lost)])
    places = ", ".join(f"{place} {count}" for place, count in tally.places.most_common(5))
    return (
        ("▲ " if change.more else "") + change.turn.replace("_", " "), change.destination, tally.events,
        len(tally.subjects), change.was, change.now, fields, places, tally.rule, ", ".join(tally.because),
        tally.example,
    )  # fmt: skip


def _table(heads: tuple[str, ...], rows: list[tuple[object, ...]]) -> str:
    if not rows:
        return "<p>Nothing.</p>"
    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    lines = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{lines}</table>"


def _cell(value: object) -> str:
    return f'<td class="n">{value:,}</td>' if isinstance(value, int) else f"<td>{escape(str(value))}</td>"


def _short(value: object) -> str:
    return "absent" if value is None else str(value)


def _key() -> str:
    parts = (
        f'<span><i style="background:{colour}"></i>{escape(name.replace("_", " "))}</span>'
        for name, colour in COLOURS.items()
    )
    return f'<p class="key">{"".join(parts)}</p>'


def _bars(destinations: Mapping[str, Mapping[str, int]]) -> str:
    """One bar for each destination, whose parts are what became of its deliveries."""
    drawn = []
    for n, (name, counts) in enumerate(sorted(destinations.items())):
        whole, x = sum(counts.values()) or 1, float(_LEFT)
        drawn.append(_label("every destination" if name == "*" else name, n))
        for what, colour in COLOURS.items():
            width = (_WIDTH - _LEFT) * counts.get(what, 0) / whole
            if width:
                drawn.append(_part(x, n, width, colour, f"{name} {what.replace('_', ' ')}: {counts.get(what, 0):,}"))
            x += width
    return _drawing(drawn, len(destinations))


def _places(tallies: Iterable[Tally]) -> str:
    total: dict[str, int] = {}
    for tally in tallies:
        for place, count in tally.places.items():
            total[place] = total.get(place, 0) + count
    most = max(total.values(), default=0)
    if not most:
        return "<p>Nowhere.</p>"
    drawn = []
    ordered = sorted(total.items(), key=lambda one: (-one[1], one[0]))[:20]
    for n, (place, count) in enumerate(ordered):
        drawn += [_label(place, n), _part(_LEFT, n, (_WIDTH - _LEFT) * count / most, "#0072b2", f"{place}: {count:,}")]
    return _drawing(drawn, len(ordered))


def _label(name: str, n: int) -> str:
    return f'<text x="{_LEFT - 8}" y="{n * _ROW + 19}" text-anchor="end">{escape(name)}</text>'


def _part(x: float, n: int, width: float, colour: str, title: str) -> str:
    return (
        f'<rect x="{x:.1f}" y="{n * _ROW + 4}" width="{width:.1f}" height="{_ROW - 8}" fill="{colour}">'
        f"<title>{escape(title)}</title></rect>"
    )


def _drawing(drawn: list[str], rows: int) -> str:
    return f'<svg viewBox="0 0 {_WIDTH} {max(rows, 1) * _ROW}" role="img">{"".join(drawn)}</svg>'
