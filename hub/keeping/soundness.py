"""Whether an SQLite file is whole, looked at before anything is built on it (SECURITY R32).

SQLite looks at the form of each page. A letter inside a row that became another one has no form:
only a backup that is compared tells it (`hub restore --verify`). From 3.44 on it looks into the
index that searches ask too, of which nothing is lost: `hub index` makes it anew.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from hub.core.db import Database
from hub.core.errors import CommandFailed
from hub.core.secrets import KEY_FILE
from hub.core.settings import Settings
from hub.keeping.archive import FOLDER, OURS

log = logging.getLogger(__name__)

BROKEN: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


async def damage(session: AsyncSession) -> str | None:
    """What is wrong with the file, in SQLite's words; None: nothing that it sees.

    It reads all of it: some seconds for each gigabyte.
    """
    try:
        lines = (await session.scalars(text("PRAGMA quick_check"))).all()
    except DBAPIError as error:
        if getattr(error.orig, "sqlite_errorcode", 0) & 0xFF not in BROKEN:
            raise
        return str(error.orig)
    return worst(lines)


def worst(lines: Iterable[str]) -> str | None:
    """The first damage among what SQLite found; of an index for searches only the log hears."""
    for line in lines:
        if "fts5" in line.lower():
            log.warning(
                "the index that searches ask is damaged; `hub index` makes it anew: %s", line
            )
        elif line != "ok":
            return line.strip().replace("\n", " ")
    return None


async def refuse_damage(settings: Settings) -> None:
    """Return if the database may be worked with; PostgreSQL looks after its files itself.

    Raises:
        CommandFailed: it is damaged; the message says how to get back what was saved.
    """
    path = _file(settings)
    if path is None:
        return
    database = Database(settings.database)
    try:
        async with database.read() as session:
            found = await damage(session)
    finally:
        await database.close()
    if found is not None:
        raise CommandFailed(f"The database {path} is damaged ({found}). {_way_back(settings)}")


def _file(settings: Settings) -> Path | None:
    """SQLite's file, if there is one."""
    scheme, _, path = settings.database.partition(":///")
    file = Path(path)
    return file if scheme.startswith("sqlite") and file.exists() else None


def _way_back(settings: Settings) -> str:
    here = settings.data_dir.resolve()
    away = here.with_name(f"{here.name}-damaged")
    last = max((here / FOLDER).glob(f"{OURS}*.zip"), default=None)
    file = away / FOLDER / last.name if last is not None else "FILE"
    # A key that is kept apart has another place for whoever says this line; they have the phrase.
    key = f" --key-file {away / KEY_FILE}" if (here / KEY_FILE).exists() else ""
    return (
        "Nothing was changed. Move its folder away, and make the hub of the last backup anew: "
        f"mv {here} {away} && hub restore {file}{key}"
    )
