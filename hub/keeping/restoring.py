"""Filling an empty place: from an archive, or from another database.

Both are the same rows going into tables of the same migration; afterwards they are read back and
compared, one by one. A place is empty while no table has a row. Nothing that is there is ever
replaced.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from pydantic import ValidationError

from hub import schema
from hub.core.errors import CommandFailed
from hub.core.secrets import MasterKey, keep_secret, key_file, read_key
from hub.core.settings import Settings
from hub.keeping import phrase, tables
from hub.keeping.archive import SETTINGS, Manifest, Reader
from hub.keeping.tables import Batch, Tally

RESTORED: Final = "restored"  # a file: the hub writes down at its next start that it was
SQLITE: Final = "sqlite+aiosqlite:///"


@dataclass(frozen=True)
class Restored:
    """What came of it; `tried`: only in a place that is gone again."""

    manifest: Manifest
    rows: int
    pictures: int
    tried: bool


async def is_empty(address: str) -> bool:
    """Whether a database holds nothing; it need not even be there.

    Raises:
        CommandFailed: it does not answer.
    """
    if not _is_there(address) or await schema.current(address) is None:
        return True
    async with tables.snapshot(address) as snapshot:
        return await snapshot.is_empty()


async def restore(
    settings: Settings, path: Path, key: Callable[[Manifest], bytes], *, only_try: bool
) -> Restored:
    """Make the hub of an archive here, if nothing is here yet; else `only_try` it out elsewhere.

    `key` says the master key, given what the archive says of itself.

    Raises:
        CommandFailed: the archive is not whole, not of this key, or of a newer version; or there
            is a hub here, and it was not only to be tried.
    """
    reader = await asyncio.to_thread(Reader, path)
    try:
        opened = key(reader.manifest)
        reader.check(opened)
        if reader.manifest.revision > schema.newest():
            raise CommandFailed("This backup is of a newer version of the hub. Install that.")
        async for _ in reader.batches():
            pass  # all rows are as they were saved, before anything is touched
        if await is_empty(settings.database):
            return await _into(reader, settings.database, settings.data_dir, opened)
        if not only_try:
            raise CommandFailed(
                f"There is a hub in {settings.data_dir} already, and it is left as it is. Restore "
                "into an empty folder (HUB_DATA_DIR), or only try the backup with --verify."
            )
        with TemporaryDirectory(prefix="trying-", dir=settings.data_dir) as place:
            database = f"{SQLITE}{place}/hub.db"
            return await _into(reader, database, Path(place), opened, tried=True)
    finally:
        reader.close()


async def copy(settings: Settings, url: str) -> int:
    """Put all rows into another database, which is empty; how many they are.

    Raises:
        CommandFailed: it is not empty, or does not take them.
    """
    try:
        target = Settings(_env_file=None, database_url=url).database
    except ValidationError as error:
        raise CommandFailed(f"The address {error.errors()[0]['ctx']['error']}.") from None
    if not _is_there(settings.database) or await schema.current(settings.database) is None:
        raise CommandFailed("There is nothing to copy yet: this hub has no tables.")
    if not await is_empty(target):
        raise CommandFailed("There is something in that database already; it is left as it is.")
    async with tables.snapshot(settings.database) as snapshot:
        return await _fill(target, snapshot.revision, snapshot.batches())


async def _into(
    reader: Reader, database: str, data_dir: Path, key: bytes, *, tried: bool = False
) -> Restored:
    """The database comes last: until it is there, the place counts as empty."""
    own = key_file(data_dir)
    if own.exists() and read_key(own) != key:
        raise CommandFailed(f"{own} is the key of another hub. Move it away first.")
    pictures = await asyncio.to_thread(reader.unpack, data_dir)
    _keep(data_dir / phrase.FILE, reader.manifest.recovery)
    _keep(data_dir / SETTINGS, reader.secret(SETTINGS, MasterKey(key)))
    _keep(own, key)
    rows = await _fill(database, reader.manifest.revision, reader.batches())
    if not tried:
        (data_dir / RESTORED).touch()
    return Restored(reader.manifest, rows, pictures, tried)


def _file_of(address: str) -> Path | None:
    """SQLite's file; None of PostgreSQL."""
    return Path(address.removeprefix(SQLITE)) if address.startswith(SQLITE) else None


def _is_there(address: str) -> bool:
    """Asked first, since SQLite makes a file of whatever it is asked for."""
    file = _file_of(address)
    return file is None or file.exists()


def _keep(path: Path, content: bytes | None) -> None:
    if content is not None and not path.exists():
        keep_secret(path, content)


async def _fill(address: str, revision: str, batches: AsyncIterator[Batch]) -> int:
    """Make the tables of a migration, with these rows; how many they are.

    A file of SQLite gets its name when it is whole.

    Raises:
        CommandFailed: they do not fit, or are not the same afterwards.
    """
    whole = _file_of(address)
    part = whole.with_name(f"{whole.name}.part") if whole else None
    building = f"{SQLITE}{part}" if part else address
    _clear(part)
    counted: dict[str, Tally] = {}
    try:
        await schema.make(building, revision)
        await tables.load(building, _counting(batches, counted))
        async with tables.snapshot(building) as snapshot:
            if await snapshot.tallies() != counted:
                raise CommandFailed("The rows are not the same as before. Nothing was restored.")
        if part is not None and whole is not None:
            await asyncio.to_thread(_finish, part, whole)
    finally:
        _clear(part)
    return sum(tally.rows for tally in counted.values())


async def _counting(
    batches: AsyncIterator[Batch], counted: dict[str, Tally]
) -> AsyncIterator[Batch]:
    async for name, columns, lines in batches:
        counted.setdefault(name, Tally()).add(lines)
        yield name, columns, lines


def _finish(part: Path, whole: Path) -> None:
    """Make one file of it, on the disk, under its name."""
    with closing(sqlite3.connect(part)) as file:
        file.execute("PRAGMA journal_mode=DELETE")
    with part.open("rb") as written:
        os.fsync(written.fileno())
    for path in (whole, whole.with_name(f"{whole.name}-wal"), whole.with_name(f"{whole.name}-shm")):
        path.unlink(missing_ok=True)  # of a database without a row
    part.chmod(0o600)
    os.replace(part, whole)


def _clear(part: Path | None) -> None:
    if part is not None:
        for path in part.parent.glob(f"{part.name}*"):
            path.unlink()
