"""Single tiles out of a PMTiles file (version 3), with its directories read once."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from pmtiles import tile as pmtiles

from hub.maps import vectors
from hub.maps.vectors import Damaged, Layer

HEAD: Final = 127  # bytes of the header
DEEPEST: Final = 4  # directories above each other, the specification's most
LARGEST: Final = 4 * 1024 * 1024  # of one tile, unpacked


@lru_cache(maxsize=64)
def at(path: Path, zoom: int, across: int, down: int) -> dict[str, Layer]:
    """The layers of one tile; empty where the map has none.

    Raises:
        Damaged: the file is no map of ours.
    """
    head = _head(path)
    number = pmtiles.zxy_to_tileid(zoom, across, down)
    offset, length = head["root_offset"], head["root_length"]
    for _ in range(DEEPEST):
        found = pmtiles.find_tile(_directory(path, offset, length), number)
        if found is None:
            return {}
        if found.run_length:
            start = head["tile_data_offset"] + found.offset
            return vectors.layers(_unpacked(_bytes(path, start, found.length)))
        offset, length = head["leaf_directory_offset"] + found.offset, found.length
    return {}


def closest(path: Path) -> int:
    """The zoom of the most detailed tiles."""
    return int(_head(path)["max_zoom"])


@lru_cache(maxsize=8)
def _head(path: Path) -> dict[str, Any]:
    with _readable():
        head: dict[str, Any] = pmtiles.deserialize_header(_bytes(path, 0, HEAD))
    return head


@lru_cache(maxsize=16)
def _directory(path: Path, offset: int, length: int) -> list[Any]:
    with _readable():
        entries: list[Any] = pmtiles.deserialize_directory(_bytes(path, offset, length))
    return entries


@contextmanager
def _readable() -> Iterator[None]:
    """What the library says of a file that is none of ours becomes `Damaged`."""
    try:
        yield
    except (
        pmtiles.MagicNumberNotFound,
        pmtiles.SpecVersionUnsupported,
        gzip.BadGzipFile,
        zlib.error,
        EOFError,
        ValueError,
        IndexError,
    ) as error:
        raise Damaged("This is no map of ours.") from error


def _bytes(path: Path, offset: int, length: int) -> bytes:
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(length)


def _unpacked(data: bytes) -> bytes:
    with _readable():
        tile = gzip.decompress(data)
    if len(tile) > LARGEST:
        raise Damaged("This tile is too big.")
    return tile
