"""Bringing tables to what this version needs, with a way back."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from sqlalchemy.exc import DBAPIError

from hub import schema
from hub.core.db import Database
from hub.core.errors import CommandFailed
from hub.core.settings import Settings
from hub.keeping import saving, soundness

log = logging.getLogger(__name__)

WORK: Final = 20261130  # what the processes of a hub wait for one another with


async def upgrade(settings: Settings) -> Path | None:
    """Make or change tables as needed; the archive of what was there before, if one was made.

    Of several processes that start at once one does it, and the others wait.

    Raises:
        CommandFailed: the database is damaged; the tables belong to a newer hub, or could not be
            saved or changed.
    """
    await soundness.refuse_damage(settings)
    at, to = await schema.current(settings.database), schema.newest()
    if at is not None and at >= to:
        await schema.upgrade(settings)
        return None
    async with _turn(settings):
        at = await schema.current(settings.database)  # another process may have been quicker
        due = at is not None and at < to and wanted(settings)
        saved = await _save(settings, at or "", to) if due else None
        await schema.upgrade(settings)
    return saved


async def take_back(settings: Settings, to: str) -> Path | None:
    """Make the tables those of an earlier migration; what only later ones know is gone then.

    The archive of what was there before, unless the settings want none.

    Raises:
        CommandFailed: they cannot be those, or could not be saved or changed.
    """
    async with _turn(settings):
        at = await schema.current(settings.database)
        due = at is not None and settings.backup_before_upgrade != "never"
        saved = await _save(settings, at or "", to) if due else None
        await schema.take_back(settings.database, to)
    return saved


async def _save(settings: Settings, at: str, to: str) -> Path:
    try:
        saved = await saving.save_before(settings, at, to)
    except CommandFailed as error:
        raise CommandFailed(
            f"{error} So nothing was changed. Without a backup: HUB_BACKUP_BEFORE_UPGRADE=never"
        ) from error
    log.warning("the rows before the change from %s to %s are in %s", at, to, saved)
    return saved


@asynccontextmanager
async def _turn(settings: Settings) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        database = Database(settings.database)
        stack.push_async_callback(database.close)
        try:
            await stack.enter_async_context(database.turn(WORK))
        except DBAPIError as error:
            said = str(error.orig).rpartition(">: ")[2]  # behind the name of its class
            raise CommandFailed(f"The database cannot be used: {said}") from error
        yield


def wanted(settings: Settings) -> bool:
    """Whether rows are to be saved before tables are changed."""
    is_sqlite = settings.database.startswith("sqlite")
    return settings.backup_before_upgrade in ({"sqlite", "always"} if is_sqlite else {"always"})
