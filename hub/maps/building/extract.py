"""Reads an extract: what is drawn, and what is searched, each once.

Names of layers and kinds are those of Protomaps' base map, as far as we draw them, so that tiles
from there look the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import osmium
import shapely

from hub.maps.earth import Box, off_square, on_square

Where = tuple[float, float]  # latitude and longitude

LONGEST_NAME: Final = 120
# What lies on the ground, by key and value: layer, kind, and the first zoom that shows it.
GROUND: Final[Mapping[str, Mapping[str, tuple[str, str, int]]]] = {
    "natural": {
        "water": ("water", "water", 8),
        "wood": ("landuse", "wood", 10),
        "scrub": ("landuse", "wood", 11),
        "grassland": ("landuse", "grass", 11),
        "heath": ("landuse", "grass", 11),
        "beach": ("landuse", "sand", 11),
        "sand": ("landuse", "sand", 11),
    },
    "waterway": {"riverbank": ("water", "water", 8), "dock": ("water", "water", 11)},
    "landuse": {
        "forest": ("landuse", "wood", 9),
        "grass": ("landuse", "grass", 12),
        "meadow": ("landuse", "grass", 11),
        "village_green": ("landuse", "grass", 12),
        "recreation_ground": ("landuse", "grass", 12),
        "allotments": ("landuse", "park", 12),
        "cemetery": ("landuse", "park", 12),
        "residential": ("landuse", "residential", 9),
        "commercial": ("landuse", "industrial", 11),
        "industrial": ("landuse", "industrial", 10),
        "retail": ("landuse", "industrial", 11),
        "railway": ("landuse", "industrial", 11),
        "basin": ("water", "water", 11),
        "reservoir": ("water", "water", 9),
    },
    "leisure": {
        "park": ("landuse", "park", 11),
        "garden": ("landuse", "park", 13),
        "playground": ("landuse", "park", 14),
        "pitch": ("landuse", "pitch", 13),
        "golf_course": ("landuse", "park", 11),
        "nature_reserve": ("landuse", "park", 10),
        "swimming_pool": ("water", "water", 14),
    },
    "amenity": {
        "school": ("landuse", "school", 13),
        "university": ("landuse", "school", 12),
        "hospital": ("landuse", "hospital", 12),
        "parking": ("landuse", "paved", 14),
    },
    "place": {"square": ("landuse", "paved", 14)},
}
ROADS: Final[Mapping[str, tuple[str, int]]] = {
    **dict.fromkeys(("motorway", "trunk"), ("highway", 6)),
    **dict.fromkeys(("motorway_link", "trunk_link"), ("highway", 11)),
    **dict.fromkeys(("primary", "secondary"), ("major_road", 9)),
    **dict.fromkeys(("tertiary", "primary_link", "secondary_link"), ("major_road", 11)),
    **dict.fromkeys(("residential", "unclassified", "living_street", "road"), ("minor_road", 12)),
    **dict.fromkeys(("tertiary_link", "pedestrian"), ("minor_road", 13)),
    "service": ("minor_road", 14),
    **dict.fromkeys(("footway", "path", "steps", "cycleway", "track", "bridleway"), ("path", 14)),
}
RAILS: Final = frozenset({"rail", "light_rail", "tram", "narrow_gauge"})
WATERWAYS: Final[Mapping[str, int]] = {"river": 9, "canal": 11, "stream": 13}
SETTLEMENTS: Final[Mapping[str, int]] = {
    "city": 6,
    "town": 8,
    "borough": 10,
    "suburb": 11,
    "village": 10,
    "quarter": 12,
    "neighbourhood": 13,
    "hamlet": 12,
}
# Keys that make something with a name worth finding.
FINDABLE: Final = (
    "amenity",
    "shop",
    "leisure",
    "tourism",
    "office",
    "craft",
    "club",
    "historic",
    "building",
    "railway",
    "public_transport",
    "healthcare",
    "place",
)
# Streets that nobody looks for by name.
NAMELESS: Final = frozenset({"motorway", "motorway_link", "trunk_link"})


@dataclass(frozen=True, slots=True)
class Thing:
    """Something to be drawn: a shapely geometry on the square (`earth.on_square`)."""

    layer: str
    kind: str
    name: str
    zoom: int
    shape: Any


@dataclass(frozen=True, slots=True)
class Spot:
    """Something to be found; `sort` is street, address, place or settlement.

    `inside` is the settlement that its own tags name, empty if they name none.
    """

    sort: str
    name: str
    where: Where
    inside: str = ""
    length: float = 0.0


@dataclass
class Extract:
    """All that was read; `box` holds everything that is drawn."""

    things: list[Thing] = field(default_factory=list)
    spots: list[Spot] = field(default_factory=list)

    @property
    def box(self) -> Box:
        """The smallest box around everything."""
        marks = [spot.where for spot in self.spots]
        bounds = shapely.total_bounds([thing.shape for thing in self.things])
        left, top, right, bottom = (float(side) for side in bounds)
        if not self.things:
            latitudes, longitudes = [one[0] for one in marks], [one[1] for one in marks]
            return Box(min(longitudes), min(latitudes), max(longitudes), max(latitudes))
        north, west = off_square(left, top)
        south, east = off_square(right, bottom)
        return Box(west, south, east, north)


def read(path: str, box: Box | None, tell: Callable[[int], None]) -> Extract:
    """What lies in `box` (None: everything) of an .osm.pbf or .osm file.

    `tell` hears now and then how many objects were read.

    Raises:
        RuntimeError: osmium cannot read it.
    """
    found = Extract()
    for count, thing in enumerate(_objects(path)):
        if count % 100_000 == 0:
            tell(count)
        tags = {tag.k: tag.v for tag in thing.tags}
        if thing.is_node():
            _node(found, tags, (thing.lat, thing.lon), box)
        elif thing.is_way():
            _way(found, tags, thing, box)
        elif thing.is_area():
            _area(found, tags, thing, box)
    return found


def _objects(path: str) -> Iterator[Any]:
    """Tagged objects, ways with the places of their nodes, and areas put together."""
    processor = osmium.FileProcessor(_file(path)).with_locations().with_areas()
    yield from processor.with_filter(osmium.filter.EmptyTagFilter())


def _file(path: str) -> Any:
    """A file by its ending, or by how it begins where it has none, as what somebody uploaded."""
    if Path(path).suffix:
        return path
    with Path(path).open("rb") as file:
        return osmium.io.File(path, "osm" if file.read(1) == b"<" else "osm.pbf")


def _node(found: Extract, tags: dict[str, str], where: Where, box: Box | None) -> None:
    if box is not None and not box.holds(*where):
        return
    kind, name = tags.get("place", ""), _name(tags)
    if kind in SETTLEMENTS and name:
        point = shapely.Point(*on_square(*where))
        found.things.append(Thing("places", kind, name, SETTLEMENTS[kind], point))
        found.spots.append(Spot("settlement", name, where))
        return
    _find(found, tags, where)


def _way(found: Extract, tags: dict[str, str], way: Any, box: Box | None) -> None:
    road = ROADS.get(tags.get("highway", ""))
    rail = tags.get("railway") in RAILS
    stream = WATERWAYS.get(tags.get("waterway", ""))
    if road is None and not rail and stream is None:
        return
    nodes = [(node.lat, node.lon) for node in way.nodes if node.location.valid()]
    if len(nodes) < 2 or not _touches(nodes, box):  # noqa: PLR2004
        return
    line = shapely.LineString([on_square(*node) for node in nodes])
    name = _name(tags)
    if road is not None:
        found.things.append(Thing("roads", road[0], name, road[1], line))
        if name and tags["highway"] not in NAMELESS:
            spot = Spot("street", name, nodes[len(nodes) // 2], _inside(tags), line.length)
            found.spots.append(spot)
    elif rail:
        found.things.append(Thing("roads", "rail", "", 11, line))
    elif stream is not None:
        found.things.append(Thing("water", tags["waterway"], name, stream, line))


def _area(found: Extract, tags: dict[str, str], area: Any, box: Box | None) -> None:
    ground = _ground(tags)
    built = "building" in tags
    wanted = any(key in tags for key in FINDABLE) or "addr:housenumber" in tags
    if ground is None and not built and not wanted:
        return
    rings = [
        (
            [_point(node) for node in outer],
            [[_point(n) for n in i] for i in area.inner_rings(outer)],
        )
        for outer in area.outer_rings()
    ]
    if not rings or not any(_touches(outer, box) for outer, _ in rings):
        return
    shape = shapely.MultiPolygon(
        [
            (
                [on_square(*node) for node in outer],
                [[on_square(*node) for node in inner] for inner in inners],
            )
            for outer, inners in rings
        ]
    )
    if ground is not None:
        found.things.append(Thing(ground[0], ground[1], _name(tags), ground[2], shape))
    elif built:
        found.things.append(Thing("buildings", "building", "", 14, shape))
    if wanted:
        middle = shape.representative_point()
        _find(found, tags, off_square(middle.x, middle.y))


def _ground(tags: dict[str, str]) -> tuple[str, str, int] | None:
    found = (GROUND[key].get(tags[key]) for key in GROUND if key in tags)
    return next((one for one in found if one is not None), None)


def _find(found: Extract, tags: dict[str, str], where: Where) -> None:
    """What this can be found by: its address, and its name."""
    number, street = tags.get("addr:housenumber", ""), tags.get("addr:street", "")
    street = street or tags.get("addr:place", "")
    if number and street:
        found.spots.append(Spot("address", _cut(f"{street} {number}"), where, _inside(tags)))
    name = _name(tags)
    if name and any(key in tags for key in FINDABLE):
        found.spots.append(Spot("place", name, where, _inside(tags)))


def _touches(nodes: list[Where], box: Box | None) -> bool:
    if box is None:
        return True
    latitudes, longitudes = [node[0] for node in nodes], [node[1] for node in nodes]
    across = min(longitudes) <= box.east and max(longitudes) >= box.west
    return across and min(latitudes) <= box.north and max(latitudes) >= box.south


def _point(node: Any) -> Where:
    return node.lat, node.lon


def _inside(tags: dict[str, str]) -> str:
    for key in ("addr:city", "addr:suburb", "addr:town", "addr:village"):
        if tags.get(key):
            return _cut(tags[key])
    return ""


def _name(tags: dict[str, str]) -> str:
    return _cut(tags.get("name", ""))


def _cut(text: str) -> str:
    return " ".join(text.split())[:LONGEST_NAME]
