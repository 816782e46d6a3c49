"""Line charts as SVG, readable on light and dark pages."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 860, 416
LEFT, RIGHT, TOP, BOTTOM = 74, 20, 78, 52
STYLE = """
.page { fill: #ffffff } text { fill: #1f2328; font: 13px system-ui, sans-serif }
.title { font-weight: 600; font-size: 15px } .grid { stroke: #d8dee4 } .axis { stroke: #59636e }
.band { fill: #59636e; opacity: .16 } .line { fill: none; stroke-width: 2; stroke-linejoin: round }
.s0 { stroke: #0b62c4 } .s1 { stroke: #b35900; stroke-dasharray: 7 3 }
.s2 { stroke: #8a3ffc; stroke-dasharray: 2 3 }
@media (prefers-color-scheme: dark) {
.page { fill: #0d1117 } text { fill: #e6edf3 } .grid { stroke: #30363d } .axis { stroke: #9198a1 }
.band { fill: #9198a1; opacity: .22 }
.s0 { stroke: #58a6ff } .s1 { stroke: #f0a04b } .s2 { stroke: #c297ff }
}"""
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Axis:
    """What is along it, from where to where, and where it says what."""

    label: str
    low: float
    high: float
    ticks: Sequence[tuple[float, str]]
    logarithmic: bool = False

    def place(self, value: float) -> float:
        """From 0 to 1."""
        scale: Callable[[float], float] = math.log10 if self.logarithmic else float
        low, high = scale(self.low), scale(self.high)
        return (scale(min(max(value, self.low), self.high)) - low) / (high - low)


def chart(
    title: str,
    across: Axis,
    up: Axis,
    series: Sequence[tuple[str, Points]],
    bands: Sequence[tuple[float, float, str]] = (),
    gap: float = math.inf,
) -> str:
    """The picture; `bands` are spans across with a word each, up to three series have colours.

    A line is broken where it has no point for longer than `gap` across.
    """

    def x(value: float) -> float:
        return LEFT + across.place(value) * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - up.place(value) * (HEIGHT - TOP - BOTTOM)

    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(title)}">',
        f"<style>{STYLE}</style>",
        f'<rect class="page" width="{WIDTH}" height="{HEIGHT}"/>',
        _text(LEFT, 22, title, css="title"),
    ]
    for start, end, word in bands:
        wide = max(x(end) - x(start), 2)
        parts.append(
            f'<rect class="band" x="{x(start):.1f}" y="{TOP}" width="{wide:.1f}" '
            f'height="{bottom - TOP}"/>'
        )
        parts.append(_text(x(start) + wide / 2, TOP - 6, word, anchor="middle"))
    for value, word in up.ticks:
        parts.append(_line("grid", LEFT, y(value), right, y(value)))
        parts.append(_text(LEFT - 8, y(value) + 4, word, anchor="end"))
    for value, word in across.ticks:
        parts.append(_line("axis", x(value), bottom, x(value), bottom + 5))
        parts.append(_text(x(value), bottom + 20, word, anchor="middle"))
    parts.append(_line("axis", LEFT, bottom, right, bottom))
    parts.append(_text((LEFT + right) / 2, HEIGHT - 10, across.label, anchor="middle"))
    middle = (TOP + bottom) / 2
    turned = f'transform="rotate(-90 16 {middle})"'
    parts.append(_text(16, middle, up.label, anchor="middle", more=turned))
    at = float(LEFT)
    for number, (name, points) in enumerate(series):
        for piece in _pieces(points, gap):
            path = " ".join(f"{x(one):.1f},{y(other):.1f}" for one, other in piece)
            parts.append(f'<polyline class="line s{number}" points="{path}"/>')
        parts.append(_line(f"line s{number}", at, 44, at + 26, 44))
        parts.append(_text(at + 32, 48, name))
        at += 60 + 7.0 * len(name)
    return "\n".join([*parts, "</svg>\n"])


def _pieces(points: Points, gap: float) -> Iterator[Points]:
    start = 0
    for end in range(1, len(points) + 1):
        if end == len(points) or points[end][0] - points[end - 1][0] > gap:
            yield points[start:end]
            start = end


def _line(css: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{css}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(
    x: float, y: float, words: str, *, anchor: str = "start", css: str = "", more: str = ""
) -> str:
    given = f'class="{css}" ' if css else ""
    return (
        f'<text {given}x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {more}>{escape(words)}</text>'
    )
