"""What lies under a picture of the map: the shapes of the tiles as pieces of SVG, and names."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Final

from hub.maps import tiles
from hub.maps.earth import EDGE, TILE, Box, off_square, on_square, zoom_for
from hub.maps.vectors import AREA, LINE, Damaged, Layer, Point, Shape

WHOLE: Final = (640, 400)  # pixels: a picture of all that is on the map
SMALL: Final = (400, 280)  # … and one of a single place, which stands beside words
NEAR: Final = 16.0  # the zoom of a single place: the streets around it
FINE: Final = 2  # units of the picture to a pixel
MARGIN: Final = 40  # pixels between the outermost marks and the picture's sides
STRAIGHT: Final = 0.2  # radians that a street may bend under its name
GROUNDS: Final = {
    "residential": "settled",
    "industrial": "settled",
    "school": "settled",
    "hospital": "settled",
    "paved": "settled",
    **dict.fromkeys(("park", "wood", "grass", "pitch"), "green"),
}
ROADS: Final = {
    "highway": "main",
    "major_road": "main",
    "minor_road": "road",
    "path": "path",
    "rail": "rail",
}


@dataclass(frozen=True, slots=True)
class Mark:
    """Something on the map; a `cell` of degrees is not exactly there, but somewhere around.

    `sought`: no thing, but where somebody asked what is around.
    """

    latitude: float
    longitude: float
    cell: float = 0.0
    sought: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """Which part of the Earth is shown, and how large; `zoom` as viewers count it."""

    latitude: float
    longitude: float
    zoom: float
    width: int = WHOLE[0]
    height: int = WHOLE[1]

    @classmethod
    def of(cls, marks: Sequence[Mark], size: tuple[int, int] = WHOLE) -> View:
        """The view that shows all of them."""
        box = Box(
            min(mark.longitude - mark.cell / 2 for mark in marks),
            max(-EDGE, min(mark.latitude - mark.cell / 2 for mark in marks)),
            max(mark.longitude + mark.cell / 2 for mark in marks),
            min(EDGE, max(mark.latitude + mark.cell / 2 for mark in marks)),
        )
        return cls.showing(box, size)

    @classmethod
    def showing(cls, box: Box, size: tuple[int, int] = WHOLE) -> View:
        """The view that shows all of a box."""
        zoom = zoom_for(box, size[0] - 2 * MARGIN, size[1] - 2 * MARGIN, NEAR)
        left, top = on_square(box.north, box.west)
        right, bottom = on_square(box.south, box.east)
        return cls(*off_square((left + right) / 2, (top + bottom) / 2), zoom, *size)

    def at(self, latitude: float, longitude: float) -> tuple[float, float]:
        """Where a point lies in the picture, in pixels."""
        side = TILE * 2**self.zoom
        x, y = on_square(latitude, longitude)
        left, top = on_square(self.latitude, self.longitude)
        return (x - left) * side + self.width / 2, (y - top) * side + self.height / 2


@dataclass(frozen=True, slots=True)
class Name:
    """The name of a street, where it can be written along it."""

    words: str
    x: float
    y: float
    turn: float
    room: float


@dataclass
class Sheet:
    """What is to be painted, by role: pieces of SVG paths; and names."""

    paths: dict[str, list[str]] = field(default_factory=dict)
    names: dict[str, Name] = field(default_factory=dict)

    def add(self, role: str, path: str) -> None:
        """One more piece."""
        if path:
            self.paths.setdefault(role, []).append(path)


def read(file: Path, view: View) -> Sheet:
    """What the tiles have for this view; empty where they cannot be read."""
    sheet = Sheet()
    try:
        zoom = max(0, min(tiles.closest(file), math.floor(view.zoom)))
        for across, down in _cells(view, zoom):
            layers = tiles.at(file, zoom, across, down)
            for name in ("landuse", "water", "buildings", "roads"):
                if name in layers:
                    _layer(sheet, layers[name], _Place(view, zoom, across, down))
    except (OSError, Damaged):
        return Sheet()
    return sheet


def _cells(view: View, zoom: int) -> Iterator[tuple[int, int]]:
    """The tiles under the picture."""
    side, most = TILE * 2**view.zoom, 2**zoom
    x, y = on_square(view.latitude, view.longitude)
    wide, high = view.width / 2 / side, view.height / 2 / side
    for across in range(max(0, int((x - wide) * most)), min(most - 1, int((x + wide) * most)) + 1):
        for down in range(
            max(0, int((y - high) * most)), min(most - 1, int((y + high) * most)) + 1
        ):
            yield across, down


class _Place:
    """Where the points of a tile lie in the picture, in its units."""

    def __init__(self, view: View, zoom: int, across: int, down: int) -> None:
        side = TILE * 2**view.zoom * FINE
        x, y = on_square(view.latitude, view.longitude)
        self.wide, self.high = view.width * FINE, view.height * FINE
        self._left = (across / 2**zoom - x) * side + self.wide / 2
        self._top = (down / 2**zoom - y) * side + self.high / 2
        self._side = side / 2**zoom

    def points(self, line: list[Point], extent: int) -> list[Point]:
        """The line in the picture, without points that fall together."""
        scale = self._side / extent
        found: list[Point] = []
        for x, y in line:
            point = (round(self._left + x * scale), round(self._top + y * scale))
            if not found or found[-1] != point:
                found.append(point)
        return found

    def sees(self, points: list[Point]) -> bool:
        """Whether a part of this can be in the picture."""
        across, down = [point[0] for point in points], [point[1] for point in points]
        inside = max(across) >= 0 and min(across) <= self.wide
        return inside and max(down) >= 0 and min(down) <= self.high


def _layer(sheet: Sheet, layer: Layer, place: _Place) -> None:
    for shape in layer.shapes:
        role = _role(layer.name, shape)
        if not role:
            continue
        for part in shape.parts:
            points = place.points(part, layer.extent)
            if len(points) < 2 or not place.sees(points):  # noqa: PLR2004
                continue
            if shape.form == AREA:
                sheet.add(role, _path(points) + "z")
                continue
            for piece in _seen(points, place):
                sheet.add(role, _path(piece))
                if layer.name == "roads" and shape.facts.get("name"):
                    _name(sheet, str(shape.facts["name"]), piece, place)


def _role(layer: str, shape: Shape) -> str:
    """What it is painted as; empty if not at all."""
    kind = str(shape.facts.get("kind", ""))
    if layer == "roads":
        return ROADS.get(kind, "") if shape.form == LINE else ""
    if layer == "water":
        return "river" if shape.form == LINE else "water" if shape.form == AREA else ""
    if shape.form != AREA:
        return ""
    return "house" if layer == "buildings" else GROUNDS.get(kind, "")


def _seen(points: list[Point], place: _Place) -> Iterator[list[Point]]:
    """The pieces of a line without the steps that lie outside the picture."""
    piece: list[Point] = []
    for one, other in pairwise(points):
        if place.sees([one, other]):
            piece = piece or [one]
            piece.append(other)
        elif piece:
            yield piece
            piece = []
    if piece:
        yield piece


def _path(points: list[Point]) -> str:
    """A line as an SVG path, in steps."""
    (x, y), rest = points[0], points[1:]
    parts = [f"M{x} {y}l"]
    for across, down in rest:
        step = f"{across - x} {down - y}"
        parts.append(step if parts[-1].endswith("l") or step.startswith("-") else f" {step}")
        x, y = across, down
    return "".join(parts)


def _name(sheet: Sheet, words: str, points: list[Point], place: _Place) -> None:
    """Where a street is straight for longest, its name has most room."""
    for straight in _straights(points):
        first, last = _clipped(*straight, place)
        across, down = last[0] - first[0], last[1] - first[1]
        room = math.hypot(across, down)
        known = sheet.names.get(words)
        if known is None or room > known.room:
            turn = math.degrees(math.atan2(down, across))
            turn -= 180 if turn > 90 else -180 if turn <= -90 else 0  # noqa: PLR2004  # upright
            middle = (first[0] + last[0]) / 2, (first[1] + last[1]) / 2
            sheet.names[words] = Name(words, *middle, turn, room)


def _straights(points: list[Point]) -> Iterator[tuple[Point, Point]]:
    """The ends of each stretch that bends hardly."""
    first, heading = points[0], None
    for one, other in pairwise(points):
        turned = math.atan2(other[1] - one[1], other[0] - one[0])
        if heading is not None and abs(math.remainder(turned - heading, math.tau)) > STRAIGHT:
            yield first, one
            first, heading = one, None
        heading = turned if heading is None else heading
    yield first, points[-1]


def _clipped(first: Point, last: Point, place: _Place) -> tuple[tuple[float, float], ...]:
    """The part of a straight line that lies in the picture (Liang and Barsky)."""
    begin, end = 0.0, 1.0
    for start, step, most in (
        (first[0], last[0] - first[0], place.wide),
        (first[1], last[1] - first[1], place.high),
    ):
        if step:
            ways = sorted((-start / step, (most - start) / step))
            begin, end = max(begin, ways[0]), min(end, ways[1])
    if begin >= end:
        return first, first
    across, down = last[0] - first[0], last[1] - first[1]
    return (
        (first[0] + begin * across, first[1] + begin * down),
        (first[0] + end * across, first[1] + end * down),
    )
