"""Whether the tables are what this version needs, and making them so.

Alembic runs in a process of its own, and only when there is something to do: it would cost a
serving hub 12 MB for nothing.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from functools import cache
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

import hub
from hub.core.db import Database
from hub.core.errors import CommandFailed
from hub.core.settings import Settings

ADDRESS = "HUB_MIGRATING"  # the database, for the process that migrates; never on a command line
UNTIL = "HUB_MIGRATING_UNTIL"  # the last migration that it runs
NAMED = re.compile(r"(\d{4})_\w+\.py")


def folder() -> Path:
    """Where the migrations are: beside the package in a checkout, inside it when installed."""
    package = Path(hub.__file__).parent
    inside = package / "migrations"
    return inside if inside.exists() else package.parent / "migrations"


@cache
def newest() -> str:
    """The migration that this version of the hub needs: the highest number of a file."""
    names = (NAMED.fullmatch(path.name) for path in (folder() / "versions").iterdir())
    return max(name[1] for name in names if name is not None)


async def current(address: str) -> str | None:
    """The migration that the tables of a database are at; None where there are no tables yet."""
    database = Database(address)
    try:
        async with database.read() as session:
            found = await session.scalar(text("SELECT version_num FROM alembic_version"))
    except DBAPIError:
        return None
    finally:
        await database.close()
    return None if found is None else str(found)


async def upgrade(settings: Settings) -> None:
    """Make or change tables as needed; quick when there is nothing to do.

    Raises:
        CommandFailed: the tables belong to a newer hub, or could not be changed.
    """
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    at = await current(settings.database)
    if at is not None and at > newest():
        raise CommandFailed("This database belongs to a newer version of the hub. Install that.")
    await make(settings.database, newest())


async def make(address: str, revision: str) -> None:
    """Make or change the tables of a database until they are those of a migration.

    Raises:
        CommandFailed: they could not be made or changed.
    """
    if await current(address) == revision:
        return
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "hub.migrating",
        env={**os.environ, ADDRESS: address, UNTIL: revision},
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    if process.returncode != 0:
        last = said.decode(errors="replace").strip().rpartition("\n")[2]
        raise CommandFailed(f"The tables could not be made or changed: {last}")
