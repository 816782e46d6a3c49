"""`python -m hub.maps.building FILE FOLDER [WEST,SOUTH,EAST,NORTH]`: makes the two files there.

It says on stdout, line by line in JSON, how far it is, and at the end what it made.
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from hub.maps.building import extract, register, tiling
from hub.maps.earth import Box

LOW: Final = 15  # niceness: residents come first
STEP: Final = 0.05  # of the work, between two lines


class _Progress:
    """Says what share of a step is done, but not too often."""

    def __init__(self) -> None:
        self._said = 0.0

    def __call__(self, share: float) -> None:
        if share - self._said >= STEP:
            self._said = share
            tell(step="tiles", share=round(share, 3))


def tell(**line: object) -> None:
    """One line for whoever started us."""
    print(json.dumps(line), flush=True)  # noqa: T201


def main(arguments: list[str]) -> int:
    """0 done, 1 it did not work, and the last line says why."""
    os.nice(LOW)
    file, folder = arguments[0], Path(arguments[1])
    box = Box.read(arguments[2]) if len(arguments) > 2 else None  # noqa: PLR2004
    try:
        _make(file, folder, box)
    except (OSError, sqlite3.Error) as error:
        tell(failed="disk", cause=str(error))
        return 1
    return 0


def _make(file: str, folder: Path, box: Box | None) -> None:
    try:
        found = extract.read(file, box, lambda count: tell(step="reading", count=count))
    except (RuntimeError, ValueError) as error:  # whatever osmium does not like
        tell(failed="unreadable", cause=str(error))
        sys.exit(1)
    if not found.things:
        tell(failed="empty")
        sys.exit(1)
    tell(step="addresses")
    counts = register.write(folder / "addresses", found.spots)
    tell(step="tiles", share=0.0)
    drawn = found.box.within(box)
    with (folder / "tiles").open("wb") as tiles:
        _, count = tiling.write(tiles, found.things, drawn, _Progress())
        tiles.flush()
        os.fsync(tiles.fileno())
    sides = [drawn.west, drawn.south, drawn.east, drawn.north]
    tell(step="done", box=sides, tiles=count, counts=counts, at=datetime.now(UTC).isoformat())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
