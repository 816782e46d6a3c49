"""Cuts what was read into tiles, and writes them as one PMTiles file."""

from __future__ import annotations

import gzip
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, Final

import mapbox_vector_tile
import shapely
from pmtiles import tile as pmtiles
from pmtiles.writer import Writer

from hub.maps.building.extract import Thing
from hub.maps.earth import Box, on_square, zoom_for

UNITS: Final = 4096  # of a tile's side
BUFFER: Final = 64  # units beyond each side, so that lines meet
CLOSEST: Final = 14  # a unit is then less than a metre; viewers enlarge from there
SCREEN: Final = 256  # pixels: from where the whole map fits on so many …
AWAY: Final = 3  # … it can be looked at from three zooms farther
SMALLEST: Final = 4.0  # square units: smaller areas are not seen
OPTIONS: Final = {"extents": UNITS, "y_coord_down": True, "on_invalid_geometry": None}

Cell = tuple[int, int]


def write(
    file: BinaryIO, things: list[Thing], box: Box, tell: Callable[[float], None]
) -> tuple[int, int]:
    """Write all tiles; the farthest zoom, and how many tiles there are.

    `tell` hears now and then which share is done.
    """
    first = max(0, int(zoom_for(box, SCREEN, SCREEN, CLOSEST)) - AWAY)
    writer, count = Writer(file), 0
    # Most of the work is at the closest zoom: each zoom has four times the tiles of the one before.
    for zoom in range(first, CLOSEST + 1):
        begun, share = (
            (0.0 if zoom == first else 4.0 ** (zoom - 1 - CLOSEST)),
            4.0 ** (zoom - CLOSEST),
        )
        cells = _cells([thing for thing in things if thing.zoom <= zoom], zoom, box)
        order = sorted(cells, key=lambda cell: pmtiles.zxy_to_tileid(zoom, *cell))
        for done, cell in enumerate(order):
            data = _tile(cells.pop(cell), zoom, cell)
            if data:
                writer.write_tile(pmtiles.zxy_to_tileid(zoom, *cell), data)
                count += 1
            tell(begun + (share - begun) * (done + 1) / len(order))
    latitude, longitude = box.centre
    writer.finalize(
        {
            "version": 3,
            "tile_type": pmtiles.TileType.MVT,
            "tile_compression": pmtiles.Compression.GZIP,
            "min_lon_e7": round(box.west * 1e7),
            "min_lat_e7": round(box.south * 1e7),
            "max_lon_e7": round(box.east * 1e7),
            "max_lat_e7": round(box.north * 1e7),
            "center_zoom": first,
            "center_lon_e7": round(longitude * 1e7),
            "center_lat_e7": round(latitude * 1e7),
        },
        {"attribution": "© OpenStreetMap contributors", "vector_layers": _described()},
    )
    return first, count


def _described() -> list[dict[str, Any]]:
    names = ("landuse", "water", "buildings", "roads", "places")
    return [{"id": name, "fields": {"kind": "String", "name": "String"}} for name in names]


def _cells(things: list[Thing], zoom: int, box: Box) -> dict[Cell, list[tuple[Thing, Any]]]:
    """What lies in which tile of the box, made as plain as the zoom allows."""
    side = 2**zoom
    cells: dict[Cell, list[tuple[Thing, Any]]] = defaultdict(list)
    first, last = on_square(box.north, box.west), on_square(box.south, box.east)
    columns = range(int(first[0] * side), int(last[0] * side) + 1)
    rows = range(int(first[1] * side), int(last[1] * side) + 1)
    margin = BUFFER / UNITS
    shapes = [thing.shape for thing in things]
    plain = shapely.simplify(shapes, 1 / (side * UNITS), preserve_topology=False)
    bounds = shapely.bounds(plain) * side
    areas = shapely.area(plain) * (side * UNITS) ** 2
    for thing, shape, (left, top, right, bottom), area in zip(
        things, plain, bounds, areas, strict=True
    ):
        if shape.is_empty or (shape.geom_type.endswith("Polygon") and area < SMALLEST):
            continue
        for x in _both(columns, left - margin, right + margin):
            for y in _both(rows, top - margin, bottom + margin):
                cells[x, y].append((thing, shape))
    return cells


def _both(cells: range, near: float, far: float) -> range:
    """Those of the cells that reach from `near` to `far`."""
    return range(max(cells.start, int(near)), min(cells.stop, int(far) + 1))


def _tile(content: list[tuple[Thing, Any]], zoom: int, cell: Cell) -> bytes:
    """One tile, packed; empty if nothing of it is left inside."""
    layers: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for thing, shape in content:
        for part in _inside(shape, zoom, cell):
            facts = {"kind": thing.kind} | ({"name": thing.name} if thing.name else {})
            layers[thing.layer].append({"geometry": part, "properties": facts})
    if not layers:
        return b""
    given = [{"name": name, "features": layers[name]} for name in sorted(layers)]
    tile = mapbox_vector_tile.encode(given, default_options=OPTIONS)
    return gzip.compress(tile, mtime=0)


def _inside(shape: Any, zoom: int, cell: Cell) -> Iterator[Any]:
    """The parts of a shape that lie in a tile, in its units."""
    scale = 2**zoom * UNITS
    left, top = cell[0] * UNITS, cell[1] * UNITS
    local = shapely.transform(shape, lambda points: points * scale - (left, top))
    near, far = -BUFFER, UNITS + BUFFER
    cut = shapely.clip_by_rect(local, near, near, far, far)
    for part in shapely.get_parts(cut):
        if not part.is_empty:
            yield part
