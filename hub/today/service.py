"""All checks, one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from hub.core.db import Database
from hub.core.settings import Settings
from hub.today import machine, reach, rows
from hub.today.checks import Check


async def look(settings: Settings, db: Database, *, outside: bool = False) -> AsyncIterator[Check]:
    """Every check; `outside`: also those that take a while, or ask whether others reach the hub."""
    if outside:
        async for check in reach.look(settings):
            yield check
    async for check in rows.look(settings, db, deep=outside):
        yield check
    for check in await asyncio.to_thread(lambda: list(machine.look(settings))):
        yield check
