"""A made-up town as an OpenStreetMap extract: the same file each time, and nobody's data.

`python -m tests.towns_of_osm FILE [BLOCKS]` writes one to look at.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import osmium
from osmium.osm.mutable import Node, Relation, Way

LATITUDE: Final = 54.6  # on Dogger Bank, where nobody lives
LONGITUDE: Final = 2.5
BLOCK: Final = 0.0016  # degrees of latitude between two streets
WIDE: Final = 1.7  # a degree of longitude is as much shorter here
NAMES: Final = (
    *("Mill Road", "Linden Street", "Elm Street", "Café Row", "Station Road", "Church Lane"),
    *(
        "Harbour Way",
        "Orchard Road",
        "Bridge Street",
        "Garden Walk",
        "Market Street",
        "High Street",
    ),
)
WAYS: Final = ("North", "South", "East", "West", "Upper", "Lower", "Old", "New")
TOWN: Final = "Lindenau"

Tags = dict[str, str]
LIBRARY: Final[Tags] = {
    "amenity": "library",
    "name": f"{TOWN} Library",
    "addr:street": "Café Row",
    "addr:housenumber": "4",
    "addr:city": TOWN,
    "wheelchair": "limited",
    "wheelchair:description": "Ring at the side door",
    "toilets:wheelchair": "yes",
    "fee": "no",
    "opening_hours": "Mo-Fr 10:00-18:00; Sa 10:00-13:00",
    "contact:phone": "+49 30 123; +49 30 124",
    "email": "no address",
    "website": "https://library.example/",
    "check_date": "2026-03-02",
}


class Town:
    """Writes the objects of a town, each with a number of its own."""

    def __init__(self, writer: Any) -> None:
        self._writer = writer
        self._nodes: list[Any] = []
        self._ways: list[Any] = []
        self._relations: list[Any] = []

    def node(self, north: float, east: float, tags: Tags | None = None) -> int:
        """A node so many blocks north and east of the middle; its number."""
        number = len(self._nodes) + 1
        place = (round(LONGITUDE + east * BLOCK * WIDE, 7), round(LATITUDE + north * BLOCK, 7))
        self._nodes.append(Node(id=number, location=place, tags=tags or {}))
        return number

    def way(self, points: Iterable[tuple[float, float]], tags: Tags, *, ring: bool = False) -> int:
        """A way through these places; its number."""
        nodes = [self.node(*point) for point in points]
        number = len(self._ways) + 1
        self._ways.append(Way(id=number, nodes=nodes + (nodes[:1] if ring else []), tags=tags))
        return number

    def around(self, north: float, east: float, high: float, wide: float, tags: Tags) -> int:
        """A rectangle with its lower left corner there."""
        corners = [(0.0, 0.0), (0.0, wide), (high, wide), (high, 0.0)]
        return self.way([(north + up, east + right) for up, right in corners], tags, ring=True)

    def relation(self, outer: int, inner: int, tags: Tags) -> None:
        """An area with a hole."""
        members = [("w", outer, "outer"), ("w", inner, "inner")]
        number = len(self._relations) + 1
        tags = {"type": "multipolygon", **tags}
        self._relations.append(Relation(id=number, members=members, tags=tags))

    def write(self) -> None:
        """Everything, in the order that extracts have."""
        for one in self._nodes:
            self._writer.add_node(one)
        for one in self._ways:
            self._writer.add_way(one)
        for one in self._relations:
            self._writer.add_relation(one)


def write(path: Path, blocks: int = 6, library: Tags | None = None) -> Path:
    """A town of `blocks` times `blocks` blocks, with a river, a park, a school and a station.

    With tags of a `library`, which may be none, there are a library, a choir, and a café as well.
    """
    path.unlink(missing_ok=True)
    with osmium.SimpleWriter(str(path)) as writer:
        town = Town(writer)
        half = blocks / 2
        _streets(town, blocks)
        for row in range(blocks):
            for column in range(blocks):
                _block(town, (row - half, column - half), _street(row), row * blocks + column)
        bend = [(-half - 1 + step / 4, half + 0.3 * (step % 3)) for step in range(4 * blocks + 9)]
        town.way(bend, {"waterway": "river", "name": "Linde"})
        pond = town.around(half + 0.1, -half, 0.8, 1.4, {})
        island = town.around(half + 0.4, -half + 0.5, 0.2, 0.3, {})
        town.relation(pond, island, {"natural": "water", "name": "Duck Pond"})
        town.around(half, -half - 1.5, 1.5, 3.5, {"leisure": "park", "name": "Linden Park"})
        town.way([(-half - 0.5, -half - 1), (-half - 0.5, half + 1)], {"railway": "rail"})
        town.node(0.05, 0.05, {"place": "town", "name": TOWN})
        town.node(-half - 0.5, 0, {"railway": "station", "name": f"{TOWN} station"})
        town.node(half + 40, 0, {"place": "village", "name": "Farther"})
        if library is not None:
            town.node(0.1, 0.3, LIBRARY | library)
            town.node(-0.4, 0.7, {"club": "music", "name": f"{TOWN} Choir"})
            town.node(-0.5, -0.7, {"amenity": "cafe", "name": "Duck Café", "phone": "+49 1"})
            town.node(0.6, -0.7, {"amenity": "toilets"})
            hall = {"amenity": "community_centre", "name": "Farther Hall"}
            town.node(half + 40, 0.2, hall)
        town.write()
    return path


def _streets(town: Town, blocks: int) -> None:
    half = blocks / 2
    for line in range(blocks + 1):
        at = line - half
        kind = "secondary" if line == blocks // 2 else "residential"
        across = [(at, step - half) for step in range(blocks + 1)]
        town.way(across, {"highway": kind, "name": _street(line)})
        along = [(step - half, at) for step in range(blocks + 1)]
        town.way(along, {"highway": "residential", "name": _street(line + 57)})
    town.way([(half, 0), (half + 1, 0.5)], {"highway": "footway", "name": "Duck Walk"})


def _street(number: int) -> str:
    """No two streets of one town have the same name."""
    name = NAMES[number % len(NAMES)]
    way = number // len(NAMES)
    return f"{WAYS[(way - 1) % len(WAYS)]} {name}" if way else name


def _block(town: Town, corner: tuple[float, float], street: str, number: int) -> None:
    """Six houses along the street south of it, with numbers; sometimes something with a name."""
    north, east = corner
    for house in range(6):
        tags = {"building": "house", "addr:street": street}
        tags["addr:housenumber"] = str(2 * (6 * (number % 50) + house) + 1)
        town.around(north + 0.1, east + 0.08 + house * 0.15, 0.2, 0.11, tags)
    if number % 9 == 4:
        town.around(
            *(north + 0.45, east + 0.1, 0.4, 0.5),
            {"building": "school", "amenity": "school", "name": f"School No. {number // 9 + 1}"},
        )


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 6)
