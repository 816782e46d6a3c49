"""Where each point of the picture stands: on an oval, neighbours in the graph side by side. Pure.

The same graph gives the same picture, and nothing of it hides another point, as it may where points
push each other about.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from hub.core.text import teaser
from hub.netmap.graph import Graph, Link

WIDTH: Final = 420  # as narrow as names allow: on a telephone they are to be read
ACROSS: Final = 62  # half the oval
LEAST_DOWN, MOST_DOWN, ROOM_DOWN = 60, 230, 14  # half the oval, and what each point adds to it
MARGIN: Final = 50
MOST_DRAWN: Final = 24
LONGEST_LABEL: Final = 16
THICKEST: Final = 6
BESIDE: Final = 40
UPRIGHT: Final = 0.15  # of half the oval, within which a name stands above or below its point


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """A point in the picture, and where its name stands."""

    key: str
    label: str
    x: float
    y: float
    size: float
    label_x: float
    label_y: float
    anchor: Literal["start", "middle", "end"]


@dataclass(frozen=True, slots=True)
class Line:
    """A link in the picture: the path of an SVG, and how thick it is."""

    path: str
    tie: str
    width: int


@dataclass(frozen=True, slots=True)
class Picture:
    """What is drawn, in units of `width` by `height`; `left_out` is how many points are not."""

    dots: tuple[Dot, ...]
    lines: tuple[Line, ...]
    left_out: int
    height: int
    width: int = WIDTH


def draw(graph: Graph) -> Picture:
    """The picture of those with the most links."""
    keys = [point.key for point in graph.points[:MOST_DRAWN]]
    links = [one for one in graph.links if one.one in keys and one.other in keys]
    titles = {point.key: point.title for point in graph.points}
    order = _side_by_side(keys, links)
    down = min(MOST_DOWN, LEAST_DOWN + ROOM_DOWN * len(order))
    dots = {
        key: _dot(key, titles[key], _place(number, len(order), down), _degree(key, links), down)
        for number, key in enumerate(order)
    }
    lines = tuple(_line(dots[one.one], dots[one.other], one, down) for one in reversed(links))
    height = 2 * (down + MARGIN)
    return Picture(tuple(dots.values()), lines, len(graph.points) - len(keys), height)


def _side_by_side(keys: Sequence[str], links: Sequence[Link]) -> list[str]:
    """The points so that each follows one that it is linked to, where there is one."""
    order: list[str] = []
    for first in keys:
        waiting = [first]
        while waiting:
            key = waiting.pop(0)
            if key in order:
                continue
            order.append(key)
            others = {one.other if one.one == key else one.one for one in _of(key, links)}
            waiting += [other for other in keys if other in others and other not in order]
    return order


def _of(key: str, links: Sequence[Link]) -> list[Link]:
    return [one for one in links if key in (one.one, one.other)]


def _degree(key: str, links: Sequence[Link]) -> int:
    return len(_of(key, links))


def _place(number: int, count: int, down: int) -> tuple[float, float]:
    """Where on the oval a point stands; the first on the left, the next one above it.

    Each is as much higher or lower than the next: by equal angles they would crowd at both ends.
    """
    way = ((number + 3 * count // 4) % count + 0.5) / count  # from the top, by the right, and back
    high = 1 - abs(4 * way - 2)
    across = math.copysign(ACROSS * math.sqrt(1 - high * high), 0.5 - way)
    return WIDTH / 2 + across, down + MARGIN + down * high


def _dot(key: str, title: str, at: tuple[float, float], degree: int, down: int) -> Dot:
    x, y = at
    size = min(16.0, 6 + 2 * math.sqrt(degree))
    away, across = size + 6, (x - WIDTH / 2) / ACROSS
    upright = abs(across) < UPRIGHT
    return Dot(
        key=key,
        label=teaser(title, LONGEST_LABEL),
        x=round(x, 1),
        y=round(y, 1),
        size=round(size, 1),
        label_x=round(x if upright else x + math.copysign(away, across), 1),
        label_y=round(y + 5 + (math.copysign(away + 6, y - down - MARGIN) if upright else 0), 1),
        anchor="middle" if upright else "start" if across > 0 else "end",
    )


def _line(one: Dot, other: Dot, link: Link, down: int) -> Line:
    """A line that bends towards the middle, so that two beside each other are seen apart."""
    straight = 0.8 if link.tie == "together" else 0.4
    middle_x = (one.x + other.x) / 2 * straight + WIDTH / 2 * (1 - straight)
    middle_y = (one.y + other.y) / 2 * straight + (down + MARGIN) * (1 - straight)
    if abs(middle_x - WIDTH / 2) < 1 and abs(middle_y - down - MARGIN) < 1 and link.tie == "place":
        middle_y += BESIDE  # opposite each other: both would go straight through the middle
    path = f"M{one.x:g} {one.y:g}Q{middle_x:.1f} {middle_y:.1f} {other.x:g} {other.y:g}"
    return Line(path, link.tie, min(THICKEST, 1 + link.count))
