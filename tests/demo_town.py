"""Draws the made-up town of `hub demo` and keeps its map in `hub/demo_map`.

`python -m tests.demo_town` is needed only when the town changes: making a map takes packages that
a hub need not have. Like the tests' other town it lies on Dogger Bank, and is nobody's data.
"""

from __future__ import annotations

import asyncio
import math
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import osmium
import shapely
from shapely import LineString, Point, Polygon
from shapely.affinity import rotate, translate

from hub.core.settings import Settings
from hub.demo import MAP
from hub.maps import making, shelf
from tests.towns_of_osm import BLOCK, LATITUDE, WIDE, Town

Where = tuple[float, float]  # metres east and north of the middle

BUILT_M: Final = 1000  # from the middle; farther out there are fields
DEGREE_M: Final = 111_320
NORTH_M: Final = BLOCK * DEGREE_M
EAST_M: Final = BLOCK * WIDE * DEGREE_M * math.cos(math.radians(LATITUDE))

# Name, kind, and where it bends.
STREETS: Final[tuple[tuple[str, str, Sequence[Where]], ...]] = (
    (
        "Linden Street",
        "secondary",
        (
            (-6000, -700),
            (-1900, -160),
            (-1000, -90),
            (-480, 0),
            (-120, -10),
            (260, 40),
            (1000, 150),
            (1900, 200),
            (6000, 900),
        ),
    ),
    (
        "Elm Street",
        "residential",
        ((-760, -230), (-300, -180), (60, -185), (420, -120), (700, -40)),
    ),
    (
        "Mill Road",
        "tertiary",
        (
            (-900, 5000),
            (-760, 1400),
            (-560, 780),
            (-470, 470),
            (-420, 180),
            (-400, -120),
            (-420, -760),
            (-380, -1400),
            (300, -5000),
        ),
    ),
    (
        "Station Road",
        "tertiary",
        ((120, 20), (230, 190), (330, 420), (520, 640), (860, 1400), (2600, 5000)),
    ),
    ("Church Lane", "residential", ((-435, 290), (-180, 270), (60, 320), (295, 330))),
    ("Market Street", "residential", ((-60, -10), (-90, 130), (-70, 300))),
    ("Library Lane", "pedestrian", ((-245, 0), (-255, 140), (-230, 270))),
    ("Orchard Road", "residential", ((330, 420), (90, 470), (-190, 430), (-455, 420))),
    ("Garden Walk", "residential", ((60, 320), (40, 400), (90, 470), (130, 640))),
    ("School Lane", "residential", ((260, 40), (250, -60), (270, -140), (330, -330))),
    ("Bridge Street", "residential", ((-60, -185), (-40, -320), (20, -480), (40, -780))),
    (
        "Harbour Way",
        "residential",
        ((-410, -320), (-220, -300), (-40, -320), (180, -345), (620, -320)),
    ),
    (
        "Ferry Lane",
        "residential",
        ((-420, -600), (-180, -610), (30, -620), (420, -560), (760, -590)),
    ),
    ("Brewery Lane", "residential", ((-480, 0), (-560, 130), (-640, 290), (-530, 640))),
    ("Baker’s Row", "residential", ((-700, -45), (-690, -140), (-740, -225))),
    ("Hill Road", "residential", ((520, 78), (500, 250), (590, 420), (520, 640))),
    ("Rope Walk", "residential", ((500, 250), (760, 290), (1000, 260))),
)
PATHS: Final[tuple[Sequence[Where], ...]] = (
    ((-860, 210), (-800, 330), (-700, 430), (-640, 560)),
    ((-640, 290), (-740, 300), (-800, 330), (-930, 380)),
    ((-740, -330), (-420, -420), (-40, -400), (300, -440), (700, -400)),
    ((590, 420), (740, 480), (860, 560)),
)
RIVER: Final = (
    (-6000, 200),
    (-1900, -300),
    (-1200, -330),
    (-760, -420),
    (-420, -480),
    (20, -470),
    (420, -470),
    (1200, -380),
    (1900, -420),
    (6000, -900),
)
RAIL: Final = (
    (-6000, 2600),
    (-1900, 1200),
    (-300, 900),
    (160, 720),
    (560, 660),
    (1200, 560),
    (1900, 470),
    (6000, 1200),
)
# Tags and corners of what is flat; corners are rounded.
GREENS: Final[tuple[tuple[dict[str, str], Sequence[Where]], ...]] = (
    (
        {"leisure": "park", "name": "Linden Park"},
        ((-960, 180), (-690, 190), (-610, 400), (-580, 620), (-860, 640), (-1000, 420)),
    ),
    ({"landuse": "forest"}, ((640, 440), (1000, 380), (1100, 540), (760, 600), (640, 560))),
    ({"landuse": "allotments"}, ((480, -180), (760, -110), (790, -270), (500, -290))),
    ({"landuse": "meadow"}, ((-1050, -560), (-480, -590), (-470, -760), (-1050, -780))),
    ({"leisure": "garden", "name": "Orchard"}, ((-170, 330), (10, 360), (10, 425), (-170, 405))),
    ({"landuse": "cemetery"}, ((150, 345), (270, 350), (285, 410), (160, 425))),
)
POND: Final = ((-880, 430), (-800, 400), (-720, 460), (-740, 540), (-840, 550))
SQUARE: Final = ((-235, 30), (-110, 30), (-115, 125), (-240, 130))
SCHOOL: Final = ((300, -10), (440, 10), (440, -95), (300, -115))
# Name, tags and address of what the neighbourhood knows, with its middle, length, width and turn.
KNOWN: Final[tuple[tuple[str, dict[str, str], str, Where, tuple[float, float, float]], ...]] = (
    ("Linden library", {"amenity": "library"}, "2 Linden square", (-175, 150), (62, 22, 2)),
    ("Linden yard", {"amenity": "community_centre"}, "4 Linden Street", (60, 52), (46, 26, 8)),
    ("Old bakery", {"shop": "bakery"}, "9 Elm Street", (-250, -207), (30, 20, -3)),
    ("St Anne’s hall", {"amenity": "community_centre"}, "31 Mill Road", (-392, 335), (42, 22, 74)),
    ("Neighbourhood office", {"office": "association"}, "21 Mill Road", (-388, 215), (24, 16, 80)),
    (
        "St Anne’s church",
        {"amenity": "place_of_worship"},
        "1 Church Lane",
        (-300, 305),
        (44, 20, -4),
    ),
    ("Elm Street primary school", {"amenity": "kindergarten"}, "", (360, -40), (70, 24, 8)),
    ("Linden station", {"railway": "station"}, "", (545, 690), (60, 16, -8)),
)
LENGTH, DEPTH, BACK, GAP = 11.0, 9.0, 13.0, 15.5  # metres: houses, and how they stand


def _bent(points: Sequence[Where], *, ring: bool = False) -> list[Where]:
    """The points with bends between them instead of corners (Chaikin's)."""
    found = list(points)
    for _ in range(3):
        pairs = list(zip(found, found[1:] + (found[:1] if ring else []), strict=False))
        cut = [
            (a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1]))
            for a, b in pairs
            for share in (0.25, 0.75)
        ]
        found = cut if ring else [found[0], *cut[1:-1], found[-1]]
    return found


class DemoTown(Town):
    """The same town, in metres."""

    def line(self, points: Sequence[Where], tags: dict[str, str], *, ring: bool = False) -> int:
        """A way through places so many metres from the middle; its number."""
        return self.way([(y / NORTH_M, x / EAST_M) for x, y in points], tags, ring=ring)

    def spot(self, where: Where, tags: dict[str, str]) -> int:
        """A node there."""
        return self.node(where[1] / NORTH_M, where[0] / EAST_M, tags)


def write(path: Path) -> Path:
    """The town as an extract."""
    path.unlink(missing_ok=True)
    with osmium.SimpleWriter(str(path)) as writer:
        town = DemoTown(writer)
        streets = {name: LineString(_bent(points)) for name, _, points in STREETS}
        kept = [line.buffer(7) for line in streets.values()]
        edge = shapely.unary_union([line.buffer(90) for line in streets.values()]).simplify(4)
        edge = edge.intersection(Point(0, 0).buffer(BUILT_M))
        river = LineString(_bent(RIVER)).buffer(22, cap_style="flat")
        town.line(list(edge.exterior.coords)[:-1], {"landuse": "residential"}, ring=True)
        for tags, corners in GREENS:
            ring = _bent(corners, ring=True)
            town.line(ring, tags, ring=True)
            kept.append(Polygon(ring).buffer(2))
        pond = _bent(POND, ring=True)
        town.line(pond, {"natural": "water", "name": "Duck Pond"}, ring=True)
        town.line(list(river.exterior.coords)[:-1], {"natural": "water"}, ring=True)
        town.line(_bent(RIVER), {"waterway": "river", "name": "Linde"})
        town.line(SQUARE, {"place": "square", "name": "Linden square"}, ring=True)
        town.line(SCHOOL, {"amenity": "school", "name": "Elm Street school"}, ring=True)
        rail = LineString(_bent(RAIL))
        town.line(list(rail.coords), {"railway": "rail"})
        kept += [river.buffer(6), Polygon(SQUARE).buffer(2), Polygon(SCHOOL), rail.buffer(14)]
        for name, kind, points in STREETS:
            town.line(_bent(points), {"highway": kind, "name": name})
        for path_ in PATHS:
            town.line(_bent(path_), {"highway": "footway"})
        for name, tags, address, middle, size in KNOWN:
            shape = _house(middle, *size)
            _build(town, shape, {**tags, "name": name, **_address(address)})
            kept.append(shape.buffer(4))
        _houses(town, streets, edge, kept)
        town.spot((-20, 40), {"place": "town", "name": "Linden"})
        town.write()
    return path


def _house(middle: Where, length: float, depth: float, turn: float) -> Polygon:
    x, y = length / 2, depth / 2
    flat = Polygon([(-x, -y), (x, -y), (x, y), (-x, y)])
    return translate(rotate(flat, turn, origin=(0, 0)), *middle)


def _address(words: str) -> dict[str, str]:
    number, _, street = words.partition(" ")
    return {"addr:housenumber": number, "addr:street": street} if words else {}


def _build(town: DemoTown, shape: Polygon, tags: dict[str, str]) -> None:
    corners = list(shape.exterior.coords)[:-1]
    town.line(corners, {"building": "yes", **tags}, ring=True)


def _houses(
    town: DemoTown, streets: dict[str, LineString], edge: Polygon, kept: list[Polygon]
) -> None:
    """Houses on both sides of each street, where there is room: even numbers on the left."""
    for name, line in streets.items():
        numbers = {1: 2, -1: 1}
        for along, side in _steps(line):
            at, ahead = line.interpolate(along), line.interpolate(along + 1)
            turn = math.atan2(ahead.y - at.y, ahead.x - at.x)
            back = BACK + (along * 7 % 3)
            middle = (at.x - side * back * math.sin(turn), at.y + side * back * math.cos(turn))
            shape = _house(middle, LENGTH + along * 3 % 4, DEPTH, math.degrees(turn))
            if not edge.contains(shape) or any(shape.intersects(other) for other in kept):
                continue
            kept.append(shape.buffer(1))
            _build(town, shape, _address(f"{numbers[side]} {name}"))
            numbers[side] += 2


def _steps(line: LineString) -> Iterator[tuple[float, int]]:
    along = GAP
    while along < line.length - 2:
        yield along, 1
        yield along, -1
        along += GAP


def main() -> int:
    """Make the map, and keep it beside the demo."""
    with tempfile.TemporaryDirectory() as folder:
        extract = write(Path(folder) / "linden.osm.pbf")
        settings = Settings(data_dir=Path(folder) / "data")
        asyncio.run(_made(settings, extract))
        shutil.rmtree(MAP, ignore_errors=True)
        shutil.copytree(shelf.folder_of(settings), MAP)
    size = sum(file.stat().st_size for file in MAP.iterdir())
    print(f"{MAP}: {size} bytes")
    return 0


async def _made(settings: Settings, extract: Path) -> None:
    async for line in making.build(settings, extract, whole=True):
        print(line["text"])


if __name__ == "__main__":
    sys.exit(main())
