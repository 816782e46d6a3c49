"""Whether the tables are what this version needs, and making them so.

Tables have a number, and say the oldest version that can use them as well (decision 0060). So the
version before an upgrade goes on beside the new one, and can be put back; one that is too old
refuses them.

Alembic runs in a process of its own, and only when there is something to do: it would cost a
serving hub 12 MB for nothing.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

import hub
from hub.core.db import AsyncSession, Database
from hub.core.errors import CommandFailed
from hub.core.files import make_folder
from hub.core.settings import Settings

log = logging.getLogger(__name__)

ADDRESS = "HUB_MIGRATING"  # the database, for the process that migrates; never on a command line
UNTIL = "HUB_MIGRATING_UNTIL"  # the last migration that it runs
BACK = "back"  # tells that process to take migrations back
NAMED = re.compile(r"(\d{4})_\w+\.py")


def folder() -> Path:
    """Where the migrations are: beside the package in a checkout, inside it when installed."""
    package = Path(hub.__file__).parent
    inside = package / "migrations"
    return inside if inside.exists() else package.parent / "migrations"


@cache
def numbers() -> tuple[str, ...]:
    """All migrations that this version of the hub knows, in their order."""
    names = (NAMED.fullmatch(path.name) for path in (folder() / "versions").iterdir())
    return tuple(sorted(name[1] for name in names if name is not None))


def newest() -> str:
    """The migration that this version of the hub needs."""
    return numbers()[-1]


@dataclass(frozen=True, slots=True)
class Tables:
    """What the tables of a database are: those of migration `at`, which `oldest` can use too."""

    at: str
    oldest: str

    @property
    def fit(self) -> bool:
        """Whether this version can use them."""
        return self.oldest <= newest() <= self.at


async def found(session: AsyncSession) -> Tables | None:
    """The tables that are there; None where no migration has run."""
    row = (await session.execute(text("SELECT * FROM alembic_version"))).mappings().one_or_none()
    if row is None:
        return None
    return Tables(row["version_num"], row.get("oldest") or row["version_num"])


async def look(address: str) -> Tables | None:
    """The tables of a database; None where there are none yet."""
    database = Database(address)
    try:
        async with database.read() as session:
            return await found(session)
    except DBAPIError:
        return None
    finally:
        await database.close()


async def current(address: str) -> str | None:
    """The migration that the tables of a database are at; None where there are no tables yet."""
    there = await look(address)
    return there.at if there is not None else None


async def upgrade(settings: Settings) -> None:
    """Make or change tables as needed; quick when there is nothing to do.

    Tables of a newer version that this one can use stay as they are.

    Raises:
        CommandFailed: the tables are too new for this version, or could not be changed.
    """
    make_folder(settings.data_dir)
    there = await look(settings.database)
    if there is None or there.at < newest():
        await make(settings.database, newest())
    elif not there.fit:
        raise CommandFailed(
            f"This database belongs to a newer version of the hub: its tables are those of "
            f"{there.at}, and this version knows them up to {newest()}. Install the newer version; "
            f"or take them back with it: hub migrate --to {newest()}"
        )
    elif there.at > newest():
        log.warning("the tables are of a newer version (%s), which this one can use", there.at)


async def make(address: str, revision: str) -> None:
    """Make or change the tables of a database until they are those of a migration.

    Raises:
        CommandFailed: they could not be made or changed.
    """
    if await current(address) != revision:
        await _migrate(address, revision)


async def take_back(address: str, revision: str) -> None:
    """Make the tables of a database those of an earlier migration.

    Raises:
        CommandFailed: there is no such migration before what is there, or it could not be done.
    """
    at = await current(address)
    if at is None or revision not in numbers() or not revision < at <= newest():
        known = f"between {numbers()[0]} and {at}" if at else "there, since there are no tables yet"
        raise CommandFailed(f"The tables cannot be taken back to {revision}: say one {known}.")
    await _migrate(address, revision, BACK)


async def _migrate(address: str, revision: str, *words: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "hub.migrating",
        *words,
        env={**os.environ, ADDRESS: address, UNTIL: revision},
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    if process.returncode != 0:
        last = said.decode(errors="replace").strip().rpartition("\n")[2]
        raise CommandFailed(f"The tables could not be made or changed: {last}")
