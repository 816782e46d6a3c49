"""Which map the hub has now: `map.json` in `DATA_DIR/map` names its two files.

The tiles bear a digest in their name, so that browsers may keep them; a page learns of a new map by
one `stat`, in every process of the hub.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from hub.core.files import write_whole
from hub.core.settings import Settings
from hub.maps.earth import Box

FILE: Final = "map.json"
TILES: Final = re.compile(r"map-[0-9a-f]{16}\.pmtiles")
ADDRESSES: Final = re.compile(r"addresses-[0-9a-f]{16}\.db")


@dataclass(frozen=True, slots=True)
class Map:
    """A map that is there: its files, what it shows, and when and from what it was made.

    `counts` are how many streets, addresses and named places can be searched.
    """

    folder: Path
    tiles: str
    addresses: str
    box: Box
    made_at: datetime
    source: str
    counts: dict[str, int]

    @property
    def version(self) -> str:
        """Another one for every other map."""
        return self.tiles[len("map-") : -len(".pmtiles")]

    @property
    def url(self) -> str:
        """Where the hub serves its tiles."""
        return f"/map/tiles/{self.tiles}"


def folder_of(settings: Settings) -> Path:
    """Where the map lies."""
    return settings.data_dir / "map"


def current(settings: Settings) -> Map | None:
    """The map that the hub has; None while it has none."""
    return at(folder_of(settings))


def at(folder: Path) -> Map | None:
    """The map in this folder; None while there is none."""
    path = folder / FILE
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return _read(path, found.st_ino, found.st_mtime_ns)


def tiles_named(settings: Settings, name: str) -> Path | None:
    """The tiles of this name, of the map of now or of the one before; None if there are none."""
    if TILES.fullmatch(name) is None:
        return None
    path = folder_of(settings) / name
    return path if path.is_file() else None


def put_up(new: Map) -> None:
    """From now on this is the map; of older ones the last stays, for pages that are open still."""
    path = new.folder / FILE
    before = _said(path) if path.is_file() else {}
    said = asdict(new) | {"made_at": new.made_at.isoformat()}
    del said["folder"]
    write_whole(path, json.dumps(said).encode())
    kept = {new.tiles, new.addresses, before.get("tiles")}
    for old in new.folder.iterdir():
        named = TILES.fullmatch(old.name) or ADDRESSES.fullmatch(old.name)
        if named and old.name not in kept:
            old.unlink(missing_ok=True)


@lru_cache(maxsize=8)
def _read(path: Path, _inode: int, _changed_ns: int) -> Map:
    said = _said(path)
    return Map(
        path.parent,
        said["tiles"],
        said["addresses"],
        Box(**said["box"]),
        datetime.fromisoformat(said["made_at"]),
        said["source"],
        said["counts"],
    )


def _said(path: Path) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(path.read_bytes())
    return said
