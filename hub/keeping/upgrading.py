"""Bringing tables to what this version needs, with a way back."""

from __future__ import annotations

import logging
from pathlib import Path

from hub import schema
from hub.core.settings import Settings
from hub.keeping import saving, soundness

log = logging.getLogger(__name__)


async def upgrade(settings: Settings) -> Path | None:
    """Make or change tables as needed; the archive of what was there before, if one was made.

    Raises:
        CommandFailed: the database is damaged; the tables belong to a newer hub, or could not be
            saved or changed.
    """
    await soundness.refuse_damage(settings)
    at, to = await schema.current(settings.database), schema.newest()
    saved = None
    if at is not None and at < to and wanted(settings):
        saved = await saving.save_before(settings, at, to)
        log.warning("the rows before the upgrade from %s to %s are in %s", at, to, saved)
    await schema.upgrade(settings)
    return saved


async def take_back(settings: Settings, to: str) -> Path | None:
    """Make the tables those of an earlier migration; what only later ones know is gone then.

    The archive of what was there before, unless the settings never want one.

    Raises:
        CommandFailed: they cannot be those, or could not be saved or changed.
    """
    at = await schema.current(settings.database)
    saved = None
    if at is not None and settings.backup_before_upgrade != "never":
        saved = await saving.save_before(settings, at, to)
    await schema.take_back(settings.database, to)
    return saved


def wanted(settings: Settings) -> bool:
    """Whether rows are to be saved before tables are changed."""
    is_sqlite = settings.database.startswith("sqlite")
    return settings.backup_before_upgrade in ({"sqlite", "always"} if is_sqlite else {"always"})
