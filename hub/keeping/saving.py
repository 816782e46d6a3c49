"""Saving a hub into an archive, beside whatever it is doing.

All rows are read at one moment, and pictures after it: these are only added while something shows
them, so none that the rows name is missing. Archives lie in `backups` in the data folder, where a
hub may write; the command line carries them elsewhere.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from sqlalchemy import func, select

from hub import __version__, schema
from hub.core.clock import now
from hub.core.db import Database
from hub.core.errors import CommandFailed
from hub.core.secrets import MasterKey, key_file, read_key
from hub.core.settings import Settings
from hub.keeping import phrase, soundness
from hub.keeping.archive import FOLDER, OURS, SETTINGS, Manifest, Writer
from hub.keeping.tables import snapshot

LAST: Final = "last"  # its time is that of the last whole backup, wherever it was carried
CARRIED, BEFORE = "carried-", "before-"  # what names of other archives begin with
UPGRADES_KEPT: Final = 3
FORGOTTEN: Final = timedelta(hours=1)  # an archive that nobody carried away by then
SPARE_BYTES: Final = 100 * 1024 * 1024  # left free for the hub itself


def folder(data_dir: Path) -> Path:
    """Where archives lie, for their owner alone."""
    path = data_dir / FOLDER
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def last_at(data_dir: Path) -> datetime | None:
    """When the hub was last saved whole; None: never."""
    path = data_dir / FOLDER / LAST
    return datetime.fromtimestamp(path.stat().st_mtime, UTC) if path.exists() else None


async def save(settings: Settings, begins: str = OURS) -> Path:
    """The whole hub in a new archive; the oldest beyond what is kept are deleted.

    Raises:
        CommandFailed: there is nothing to save, or it is damaged; there is no room, or one is
            being made already.
    """
    stamp = f"{now():%Y-%m-%dT%H%M%SZ}"
    path = await _archive(settings, f"{begins}{stamp}.zip", media=True)
    (path.parent / LAST).touch(mode=0o600)
    os.utime(path.parent / LAST, times=(now().timestamp(),) * 2)
    _forget(path.parent, OURS, settings.backups_kept)
    return path


async def save_before(settings: Settings, at: str, to: str) -> Path:
    """The rows alone, before migrations take them from one number to another.

    Pictures stay as they are then, and need no copy.

    Raises:
        CommandFailed: there is no room, or one is being made already.
    """
    path = await _archive(settings, f"{BEFORE}{to}-from-{at}.zip", media=False)
    _forget(path.parent, BEFORE, UPGRADES_KEPT)
    return path


async def _archive(settings: Settings, name: str, *, media: bool) -> Path:
    await soundness.refuse_damage(settings)  # else what is broken drives out what is whole
    if await schema.current(settings.database) is None:
        raise CommandFailed("There is nothing to save yet: this hub has no tables.")
    key = read_key(key_file(settings.data_dir))
    place = folder(settings.data_dir)
    with _alone(place):
        rows = await _size_of_rows(settings)
        await asyncio.to_thread(_need_room, settings, place, rows, media)
        part = place / f"{name}.part"
        writer = Writer(part)
        try:
            await _fill(writer, settings, key, media=media)
            os.replace(part, place / name)
        except OSError as error:
            raise CommandFailed(f"The backup could not be written: {error}.") from None
        finally:
            writer.close()
            part.unlink(missing_ok=True)
    return place / name


async def _fill(writer: Writer, settings: Settings, key: bytes, *, media: bool) -> None:
    made_at = now().isoformat(timespec="seconds")
    async with snapshot(settings.database) as rows:
        revision = rows.revision
        await writer.rows(rows)
    if media:
        await asyncio.to_thread(writer.folder, settings.data_dir / "media")
    own = settings.data_dir / SETTINGS
    if own.exists():
        writer.secret(SETTINGS, own.read_bytes(), MasterKey(key))
    manifest = Manifest(
        revision=revision,
        version=__version__,
        url=settings.url,
        made_at=made_at,
        media=media,
        recovery=phrase.sealed(settings.data_dir),
        tables=writer.tables,
        files=writer.files,
    )
    await asyncio.to_thread(writer.seal, manifest, key)


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """One archive at a time; what an earlier one left unfinished is cleared away.

    Raises:
        CommandFailed: another is being made.
    """
    with (place / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CommandFailed("A backup is being made already.") from None
        long_ago = (now() - FORGOTTEN).timestamp()
        for path in place.iterdir():
            left = path.name.startswith(CARRIED) and path.stat().st_mtime < long_ago
            if left or path.suffix == ".part":
                path.unlink()
        yield


async def _size_of_rows(settings: Settings) -> int:
    """The bytes that the database takes; as lines, packed, its rows take less."""
    if settings.database.startswith("sqlite"):
        file = Path(settings.database.partition(":///")[2])
        return (await asyncio.to_thread(file.stat)).st_size
    database = Database(settings.database)
    try:
        async with database.read() as session:
            size = select(func.pg_database_size(func.current_database()))
            return int(await session.scalar(size) or 0)
    finally:
        await database.close()


def _need_room(settings: Settings, place: Path, rows: int, media: bool) -> None:
    """Return if an archive has room beside what the hub needs; `rows` are bytes.

    Raises:
        CommandFailed: the disk is too full.
    """
    needed = SPARE_BYTES + rows
    if media:
        pictures = (settings.data_dir / "media").rglob("*")
        needed += sum(path.stat().st_size for path in pictures if path.is_file())
    free = shutil.disk_usage(place).free
    if free < needed:
        raise CommandFailed(
            f"There is no room for a backup: it may need {needed // 1024**2} MB, and "
            f"{free // 1024**2} MB are free in {place}."
        )


def forget_before(data_dir: Path, kept: timedelta) -> int:
    """Delete what was saved before upgrades of long ago; how many archives went."""
    oldest = (now() - kept).timestamp()
    found = (data_dir / FOLDER).glob(f"{BEFORE}*.zip")
    old = [path for path in found if path.stat().st_mtime < oldest]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


def _forget(place: Path, begins: str, kept: int) -> None:
    found = sorted(place.glob(f"{begins}*.zip"), key=lambda path: path.stat().st_mtime)
    for path in found[:-kept]:
        path.unlink(missing_ok=True)
