"""The hub saves itself once a day, if its settings say so."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select

from hub.actors.models import Actor
from hub.core.clock import now
from hub.core.errors import CommandFailed
from hub.core.services import Services
from hub.jobs.registry import Run, job
from hub.jobs.retention import clock
from hub.keeping import saving

log = logging.getLogger(__name__)

DAY: Final = timedelta(hours=23, minutes=30)
WAY_BACK: Final = timedelta(days=30)


@job("today.save", every=timedelta(hours=1))
async def save(run: Run) -> None:
    """Save the hub, when it was not saved for a day; a hub of today has nothing to lose yet.

    The job is done before it begins: it may take longer than a lease, and when it is broken off
    the next one sees that no backup was made.
    """
    settings = run.services.settings
    async with run.finish() as session:
        born = await session.scalar(select(func.min(Actor.created_at)).where(Actor.local))
    last = saving.last_at(settings.data_dir)
    if not settings.backup_daily or _is_new(born) or _is_new(last):
        return
    try:
        path = await saving.save(settings)
    except CommandFailed as error:
        log.warning("the hub was not saved: %s", error)
    else:
        log.info("the hub was saved in %s", path)


@clock(
    "today.upgrades",
    "the rows as they were before an upgrade, in `backups`",
    kept=WAY_BACK,
    since="the upgrade",
)
async def forget_upgrades(services: Services) -> int:
    """Archives for a way back that nobody takes any more."""
    return await asyncio.to_thread(saving.forget_before, services.settings.data_dir, WAY_BACK)


def _is_new(moment: datetime | None) -> bool:
    return moment is not None and moment > now() - DAY
