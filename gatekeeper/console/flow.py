"""The picture of what flows to whom. Pure. Counts of deliveries in, an SVG out: events, purposes, destinations.

A band is as wide as its share of all deliveries. What was blocked stops at the gate, the bar before the destinations,
and its place at the destination stays empty. The names are escaped; a table beside it has the numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from gatekeeper.counting import counted

if TYPE_CHECKING:
    from markupsafe import Markup

MOST: Final = 7  # events and destinations that have a place of their own; the rest is one
OTHERS: Final = "others"
WIDTH: Final = 860
_TALL: Final = 260.0  # of all deliveries, before the least heights
_LEAST: Final = 18.0  # that a name needs
_GAP: Final = 8.0
_LEFT, _MIDDLE, _GATE, _RIGHT = 170.0, 390.0, 545.0, 620.0
_BAR: Final = 10.0
_HEAD: Final = 26  # for what stands over the columns
_COLOURS: Final = {"analytics": 0, "marketing": 1, "necessary": 2}
Flows = Mapping[tuple[str, str, str], int]  # event, destination, `sent` or `blocked` -> how many


class Place(NamedTuple):
    """A node: its name, from where to where it goes down, and what a link needs of a pixel."""

    name: str
    top: float
    height: float


def drawn(flows: Flows, purposes: Mapping[str, str]) -> Markup:
    """The picture; `purposes` are those of the destinations. Empty where there is nothing to draw."""
    from markupsafe import Markup

    flows = few(flows)
    total = sum(flows.values())
    if not total:
        return Markup("")
    scale = _TALL / total
    purpose_of = {to: purposes.get(to, "analytics" if to == OTHERS else "unlisted") for _, to, _ in flows}
    events = _column(_sums((event, n) for (event, _, _), n in flows.items()), scale)
    middle = _column(_sums((purpose_of[to], n) for (_, to, _), n in flows.items()), scale)
    sums, order = _sums((to, n) for (_, to, _), n in flows.items()), [*middle]
    right = _column({to: sums[to] for to in sorted(sums, key=lambda one: order.index(purpose_of[one]))}, scale)
    tall = max(one.top + max(one.height, _LEAST) for column in (events, middle, right) for one in column.values()) + 4
    blocked = sum(n for (_, _, word), n in flows.items() if word == "blocked")
    title = f"{counted(total, 'delivery')} decided, {blocked:,} of them blocked"
    begin = Markup('<svg class="flow" viewBox="0 0 {} {:.0f}" role="img" aria-label="{}">')
    parts = [
        begin.format(WIDTH, tall + _HEAD, title),
        *_heads(),
        Markup('<g transform="translate(0 {})">').format(_HEAD),
    ]
    parts += _to_purposes(flows, purpose_of, events, middle, scale)
    parts += _to_destinations(flows, purpose_of, middle, right, scale)
    parts.append(
        Markup('<line class="gate" x1="{}" x2="{}" y1="0" y2="{:.0f}"/>').format(_GATE, _GATE, tall)
    )  # fmt: skip
    parts += _names(flows, events, middle, right)
    return Markup("").join([*parts, Markup("</g></svg>")])


def _heads() -> Sequence[Markup]:
    """What stands in each column."""
    from markupsafe import Markup

    rows = (
        (_LEFT + _BAR, "end", "Events"), (_MIDDLE + _BAR / 2, "middle", "Purposes"), (_GATE, "middle", "Gate"),
        (_RIGHT, "start", "Destinations"),
    )  # fmt: skip
    text = Markup('<text class="head" x="{}" y="14" text-anchor="{}">{}</text>')
    return [text.format(*row) for row in rows]


def few(flows: Flows) -> Counter[tuple[str, str, str]]:
    """The same, with the smallest events and destinations together."""
    events = _largest((event, n) for (event, _, _), n in flows.items())
    to = _largest((name, n) for (_, name, _), n in flows.items())
    found: Counter[tuple[str, str, str]] = Counter()
    for (event, name, word), count in flows.items():
        found[event if event in events else OTHERS, name if name in to else OTHERS, word] += count
    return found


def _largest(pairs: Iterable[tuple[str, int]]) -> set[str]:
    sums = _sums(pairs)
    return set(sorted(sums, key=lambda name: (-sums[name], name))[: MOST if len(sums) > MOST + 1 else MOST + 1])


def _sums(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for name, count in pairs:
        found[name] += count
    return dict(sorted(found.items(), key=lambda one: (one[0] == OTHERS, -one[1], one[0])))


def _column(sums: Mapping[str, int], scale: float) -> dict[str, Place]:
    found, top = {}, 2.0
    for name, count in sums.items():
        height = count * scale
        found[name] = Place(name, top, height)
        top += max(height, _LEAST) + _GAP
    return found


def _band(kind: str, x: float, y: float, to_x: float, to_y: float, wide: float) -> Markup:
    from markupsafe import Markup

    half = (x + to_x) / 2
    return Markup(
        '<path class="{}" d="M{:.0f} {:.1f}C{:.0f} {:.1f} {:.0f} {:.1f} {:.0f} {:.1f}" stroke-width="{:.1f}"/>'
    ).format(kind, x, y, half, y, half, to_y, to_x, to_y, max(1.0, wide))


def _to_purposes(
    flows: Flows, purpose_of: Mapping[str, str], events: Mapping[str, Place], middle: Mapping[str, Place], scale: float
) -> Sequence[Markup]:
    sums: Counter[tuple[str, str]] = Counter()
    for (event, to, _), count in flows.items():
        sums[event, purpose_of[to]] += count
    left, right, found = _Cursor(events), _Cursor(middle), []
    for event in events:
        for purpose in middle:
            wide = sums[event, purpose] * scale
            if wide:
                y, to_y = left.take(event, wide), right.take(purpose, wide)
                found.append(_band(f"band p{_COLOURS.get(purpose, 5)}", _LEFT + _BAR, y, _MIDDLE, to_y, wide))
    return found


def _to_destinations(
    flows: Flows, purpose_of: Mapping[str, str], middle: Mapping[str, Place], right: Mapping[str, Place], scale: float
) -> Sequence[Markup]:
    from markupsafe import Markup

    sums: Counter[tuple[str, str]] = Counter()
    for (_, to, word), count in flows.items():
        sums[to, word] += count
    left, found = _Cursor(middle), []
    for purpose in middle:
        for to, place in right.items():
            if purpose_of[to] != purpose:
                continue
            sent, stopped = sums[to, "sent"] * scale, sums[to, "blocked"] * scale
            if sent:
                y = left.take(purpose, sent)
                kind = f"band p{_COLOURS.get(purpose, 5)}"
                found.append(_band(kind, _MIDDLE + _BAR, y, _RIGHT, place.top + sent / 2, sent))
            if stopped:
                y = left.take(purpose, stopped)
                found.append(_band("band stopped", _MIDDLE + _BAR, y, _GATE, place.top + sent + stopped / 2, stopped))
            for kind, top, height in (("node", place.top, sent), ("hollow", place.top + sent, stopped)):
                if height:
                    found.append(
                        Markup('<rect class="{}" x="{}" y="{:.1f}" width="{}" height="{:.1f}"/>').format(
                            kind, _RIGHT, top, _BAR, max(1.0, height)
                        )
                    )
    return found


class _Cursor:
    """Where the next band begins at each node."""

    def __init__(self, places: Mapping[str, Place]) -> None:
        self._next = {name: place.top for name, place in places.items()}

    def take(self, name: str, wide: float) -> float:
        """The middle of the next band, which is so wide."""
        at = self._next[name]
        self._next[name] = at + wide
        return at + wide / 2


def _names(
    flows: Flows, events: Mapping[str, Place], middle: Mapping[str, Place], right: Mapping[str, Place]
) -> Sequence[Markup]:
    from markupsafe import Markup

    bar = Markup('<rect class="node" x="{}" y="{:.1f}" width="{}" height="{:.1f}"/>')
    found = []
    for place in events.values():
        found.append(bar.format(_LEFT, place.top, _BAR, max(1.0, place.height)))
        text = Markup('<text class="from" x="{}" y="{:.1f}">{}</text>')
        found.append(text.format(_LEFT - 6, _line(place), _short(place.name)))
    for place in middle.values():
        found.append(bar.format(_MIDDLE, place.top, _BAR, max(1.0, place.height)))
        found.append(Markup('<text class="by" x="{}" y="{:.1f}">{}</text>').format(
            _MIDDLE + _BAR / 2, _line(place), place.name
        ))  # fmt: skip
    for to, place in right.items():
        sent = sum(n for (_, name, word), n in flows.items() if name == to and word == "sent")
        stopped = sum(n for (_, name, word), n in flows.items() if name == to and word == "blocked")
        said = f"{_short(to)}: {sent:,}" + (f", {stopped:,} blocked" if stopped else "")
        found.append(Markup('<text x="{}" y="{:.1f}">{}</text>').format(_RIGHT + _BAR + 6, _line(place), said))
    return found


def _line(place: Place) -> float:
    return place.top + max(place.height, _LEAST - 4) / 2 + 5


def _short(name: str) -> str:
    return name if len(name) <= 22 else name[:21] + "…"
