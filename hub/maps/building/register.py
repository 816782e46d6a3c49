"""Writes the gazetteer: streets, addresses and places as a SQLite file with a full-text index."""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import shapely

from hub.maps.building.extract import Spot
from hub.maps.earth import on_square
from hub.maps.gazetteer import SCHEMA, SORTS

FARTHEST: Final = 0.0005  # of the square's side, some 13 km at 50°: beyond, a settlement is another
SAME: Final = 0.0002  # streets of one name this near to each other are one

Row = tuple[int, str, str, float, float, float]


def write(path: Path, spots: list[Spot]) -> dict[str, int]:
    """Write the file; how many there are of each sort."""
    rows = sorted(set(_rows(spots)))
    with closing(sqlite3.connect(path)) as database, database:
        database.executescript(SCHEMA)
        database.executemany(
            "INSERT INTO spot (sort, name, inside, latitude, longitude, length) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            rows,
        )
        database.execute(
            "INSERT INTO words (rowid, name, inside) SELECT id, name, inside FROM spot"
        )
        database.execute("INSERT INTO words (words) VALUES ('optimize')")
    counted = Counter(row[0] for row in rows)
    return {name: counted[number] for name, number in SORTS.items()}


def _rows(spots: list[Spot]) -> Iterator[Row]:
    around = _Around([spot for spot in spots if spot.sort == "settlement"])
    streets: dict[tuple[str, str], list[Spot]] = defaultdict(list)
    for spot in spots:
        inside = spot.inside or around.of(spot)
        if spot.sort == "street":
            streets[spot.name, inside].append(spot)
        else:
            yield _row(spot, inside)
    for (_, inside), parts in streets.items():
        for street in _apart(parts):
            yield _row(street, inside)


def _row(spot: Spot, inside: str) -> Row:
    latitude, longitude = spot.where
    named = inside if inside != spot.name else ""
    place = (round(latitude, 6), round(longitude, 6))
    return SORTS[spot.sort], spot.name, named, *place, round(spot.length, 9)


def _apart(parts: list[Spot]) -> Iterator[Spot]:
    """The longest piece of each street, where several far from each other bear one name."""
    found: list[Spot] = []
    for part in sorted(parts, key=lambda one: (-one.length, one.where)):
        x, y = on_square(*part.where)
        others = (on_square(*other.where) for other in found)
        if all(abs(x - left) + abs(y - top) > SAME for left, top in others):
            found.append(part)
    yield from found


class _Around:
    """Which settlement something lies in: the nearest one."""

    def __init__(self, settlements: list[Spot]) -> None:
        self._names = [spot.name for spot in settlements]
        points = [shapely.Point(*on_square(*spot.where)) for spot in settlements]
        self._tree: Any = shapely.STRtree(points) if points else None

    def of(self, spot: Spot) -> str:
        """Its name; empty where none is near."""
        if self._tree is None:
            return ""
        point = shapely.Point(*on_square(*spot.where))
        found = self._tree.query_nearest(point, max_distance=FARTHEST, all_matches=False)
        return self._names[int(found[0])] if len(found) else ""
