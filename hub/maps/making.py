"""`hub map build FILE`: the hub's map, made in a process of its own, and put up when it is whole.

It needs no running hub, and disturbs none: the files get their names when they are complete, and
`map.json` changes at once. What was made half is thrown away.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from hub.core.errors import CommandFailed
from hub.core.settings import Settings
from hub.core.words import filled, later, marked
from hub.maps import shelf
from hub.maps.earth import Box
from hub.maps.shelf import Map

NEEDED: Final = ("osmium", "shapely", "mapbox_vector_tile")
MISSING: Final = later(
    "Making a map needs some packages more, once: "
    "pip install 'neighbourhood-hub[map]' in the hub's own environment."
)
FARTHER: Final = 3  # times the area's radius is what the map shows
AT_LEAST_M: Final = 3000
LONGEST_TOLD: Final = 500
CHUNK: Final = 1024 * 1024

Line = dict[str, Any]


async def build(
    settings: Settings, file: Path, *, whole: bool = False, source: str = ""
) -> AsyncIterator[Line]:
    """Lines that say how far it is; then the new map is up.

    `source` is what people call the file, if not by its name.

    Only what lies around the hub's area is taken, if the hub knows where that is, or else, and if
    `whole`, all of the extract.

    Raises:
        CommandFailed: a package is missing, the file cannot be read, or nothing can be written.
    """
    if any(find_spec(name) is None for name in NEEDED):
        raise CommandFailed(MISSING)
    if not await asyncio.to_thread(file.is_file):
        raise CommandFailed(f"There is no file {file}.")
    target = shelf.folder_of(settings)
    with _workshop(target) as folder:
        made: Line = {}
        box = None if whole else area(settings)
        async for line in _work(file, folder, box, source or file.name):
            made = line if line.get("step") == "done" else made
            if told := _told(line):
                yield {"text": told, "share": line.get("share", 0.0)}
        new = _finish(made, source or file.name, folder, target)
    counts = new.counts
    yield {
        "row": {"tiles": new.tiles, "addresses": new.addresses, "box": made["box"], **counts},
        "text": f"The map is up: {counts['street']} streets, {counts['address']} addresses and "
        f"{counts['place'] + counts['settlement']} places can be searched.",
    }


def area(settings: Settings) -> Box | None:
    """What of an extract concerns the hub; None while it does not know where it is."""
    if settings.latitude is None or settings.longitude is None:
        return None
    radius = max(AT_LEAST_M, settings.radius_m * FARTHER)
    return Box.around(settings.latitude, settings.longitude, radius)


@contextmanager
def _workshop(target: Path) -> Iterator[Path]:
    """A folder beside the map, gone afterwards, so that files only have to be renamed.

    Raises:
        CommandFailed: it cannot be made.
    """
    try:
        target.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".building-", dir=target))
    except OSError as error:
        raise CommandFailed(_failure("disk", "", error.strerror or "")) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _work(file: Path, folder: Path, box: Box | None, source: str) -> AsyncIterator[Line]:
    """What the other process says; it ends with us.

    Raises:
        CommandFailed: it did not come to its end.
    """
    sides = [] if box is None else [f"{box.west},{box.south},{box.east},{box.north}"]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "hub.maps.building", str(file), str(folder), *sides),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(folder), "OMP_NUM_THREADS": "1"},
    )
    assert process.stdout is not None  # noqa: S101  # it was asked for
    assert process.stderr is not None  # noqa: S101
    complaints = asyncio.create_task(process.stderr.read())
    failed: Line | None = None
    try:
        async for text in process.stdout:
            line: Line = json.loads(text)
            failed = line if "failed" in line else failed
            yield line
        code = await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        said = (await complaints).decode(errors="replace").strip()
    if code != 0:
        told = failed or {"failed": "", "cause": said[-LONGEST_TOLD:] or f"exit code {code}"}
        raise CommandFailed(_failure(told["failed"], source, str(told.get("cause", ""))))


def _failure(what: str, file: str, cause: str) -> str:
    match what:
        case "unreadable":
            return filled(
                "{file} cannot be read as an extract of OpenStreetMap (.osm.pbf): {cause}",
                file=file,
                cause=cause,
            )
        case "empty":
            return filled(
                "{file} holds nothing to draw where this hub is. All of it is taken in if you ask "
                "for that (`--whole`).",
                file=file,
            )
        case "disk":
            return filled("The map could not be written: {cause}", cause=cause)
    return filled("Making the map broke off: {cause}", cause=cause)


def _told(line: Line) -> str:
    """A line for people; empty for what they need not know."""
    match line.get("step"):
        case "reading":
            count = line.get("count", 0)
            if not count:
                return marked(later("Reading the extract"))
            return filled("Reading the extract: {count} objects", count=count)
        case "addresses":
            return marked(later("Writing streets, addresses and places"))
        case "tiles":
            return filled("Drawing: {share}", share=f"{line['share']:.0%}")
    return ""


def _finish(made: Line, source: str, folder: Path, target: Path) -> Map:
    """Give the files their names, and hang the map up.

    Raises:
        CommandFailed: the disk is full.
    """
    try:
        tiles, addresses = _digest(folder / "tiles"), _digest(folder / "addresses")
        new = Map(
            folder=target,
            tiles=f"map-{tiles}.pmtiles",
            addresses=f"addresses-{addresses}.db",
            box=Box(*made["box"]),
            made_at=datetime.fromisoformat(made["at"]),
            source=source,
            counts=made["counts"],
        )
        _owned_like(folder, target)
        (folder / "tiles").replace(target / new.tiles)
        (folder / "addresses").replace(target / new.addresses)
        shelf.put_up(new)
        _owned_like(target, target.parent)
    except OSError as error:
        raise CommandFailed(_failure("disk", "", error.strerror or "")) from error
    return new


def _owned_like(folder: Path, model: Path) -> None:
    """Files that root made belong to whoever the hub runs as, like the data folder."""
    if os.geteuid() != 0:
        return
    owner = model.stat()
    for path in (folder, *folder.iterdir()):
        os.chown(path, owner.st_uid, owner.st_gid)


def _digest(path: Path) -> str:
    """The beginning of a file's SHA-256."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()[:16]
