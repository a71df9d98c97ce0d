"""Figures as a few shapes, and the two ways out: SVG text for the page, pixels for the PNG. Pure but for Pillow.

One description, so that page and picture cannot differ. The PNG needs Pillow, which `gatekeeper-consent[bench]` brings.
"""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any, Literal

Anchor = Literal["start", "middle", "end"]
INK, PALE, PAPER = "#1f2933", "#c9d1d9", "#ffffff"
WIDTH, HEIGHT = 640, 380
_PILLOW_ANCHOR = {"start": "ls", "middle": "ms", "end": "rs"}


@dataclass(frozen=True, slots=True)
class Line:
    """A polyline."""

    points: tuple[tuple[float, float], ...]
    color: str = INK
    width: float = 1.0


@dataclass(frozen=True, slots=True)
class Box:
    """A filled rectangle."""

    x: float
    y: float
    width: float
    height: float
    color: str = INK


@dataclass(frozen=True, slots=True)
class Dot:
    """A filled circle."""

    x: float
    y: float
    color: str = INK
    radius: float = 3.0


@dataclass(frozen=True, slots=True)
class Text:
    """A line of text; `y` is its baseline."""

    x: float
    y: float
    text: str
    size: int = 12
    anchor: Anchor = "start"
    color: str = INK


Shape = Line | Box | Dot | Text


@dataclass(slots=True)
class Figure:
    """Shapes on a sheet, in the order in which they are drawn."""

    title: str
    width: int = WIDTH
    height: int = HEIGHT
    shapes: list[Shape] = field(default_factory=list)


def svg(figure: Figure) -> str:
    """A figure as an inline `<svg>`."""
    inside = "".join(_svg(shape) for shape in figure.shapes)
    return (
        f'<svg viewBox="0 0 {figure.width} {figure.height}" role="img" aria-label="{escape(figure.title)}" '
        f'xmlns="http://www.w3.org/2000/svg" font-family="system-ui, sans-serif">{inside}</svg>'
    )


def _svg(shape: Shape) -> str:
    match shape:
        case Line(points, color, width):
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
            return f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="{width}"/>'
        case Box(x, y, width, height, color):
            return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{color}"/>'
        case Dot(x, y, color, radius):
            return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{color}"/>'
        case Text(x, y, text, size, anchor, color):
            return (
                f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" '
                f'fill="{color}">{escape(text)}</text>'
            )


def can_draw_png() -> bool:
    """Whether Pillow is there."""
    return importlib.util.find_spec("PIL") is not None


def png(figures: Sequence[Figure], columns: int = 2, scale: int = 2) -> bytes:
    """Figures side by side as a PNG."""
    from PIL import Image, ImageDraw

    rows = -(-len(figures) // columns)
    wide = max(figure.width for figure in figures) * min(columns, len(figures))
    tops = [0]
    for row in range(rows):
        tops.append(tops[-1] + max(figure.height for figure in figures[row * columns : (row + 1) * columns]))
    sheet = Image.new("RGB", (wide * scale, tops[-1] * scale), PAPER)
    draw = ImageDraw.Draw(sheet)
    for number, figure in enumerate(figures):
        left, top = (number % columns) * figure.width, tops[number // columns]
        for shape in figure.shapes:
            _pixels(draw, shape, left, top, scale)
    out = io.BytesIO()
    sheet.save(out, "PNG", optimize=True)
    return out.getvalue()


def _pixels(draw: Any, shape: Shape, left: float, top: float, scale: int) -> None:
    from PIL import ImageFont

    match shape:
        case Line(points, color, width):
            path = [((left + x) * scale, (top + y) * scale) for x, y in points]
            draw.line(path, fill=color, width=max(1, round(width * scale)))
        case Box(x, y, width, height, color):
            at = ((left + x) * scale, (top + y) * scale)
            draw.rectangle((*at, at[0] + max(1, width * scale), at[1] + height * scale), fill=color)
        case Dot(x, y, color, radius):
            x, y = left + x, top + y
            box = ((x - radius) * scale, (y - radius) * scale, (x + radius) * scale, (y + radius) * scale)
            draw.ellipse(box, fill=color)
        case Text(x, y, text, size, anchor, color):
            at = ((left + x) * scale, (top + y) * scale)
            font = ImageFont.load_default(size * scale)
            draw.text(at, text, fill=color, font=font, anchor=_PILLOW_ANCHOR[anchor])
