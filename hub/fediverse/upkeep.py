"""Housekeeping of the traffic with other servers: collapse, forget, retention."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, exists, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from hub.core.clock import now
from hub.core.db import Base
from hub.fediverse import undone
from hub.fediverse.models import Delivery, InboxActivity, OutboxActivity, Peer, Tombstone
from hub.jobs.registry import Run, job

SILENT = timedelta(days=4)  # past the schedule of retries (SETTLED 4)
TOMBSTONE_LIFE = timedelta(days=90)  # a late Create comes within days; its origin says 404
LOG_LIFE = timedelta(days=30)  # how long activity ids are remembered (PROTOCOL §2.6)


@job("fediverse.upkeep", every=timedelta(hours=1))
async def upkeep(run: Run) -> None:
    """Once an hour: collapse what waits for the silent, forget what is old."""
    async with run.finish() as session:
        await collapse(session)
        await _forget_tombstones(session, run.services.settings.url)
        await undone.forget(session)
        await session.execute(
            delete(InboxActivity).where(
                InboxActivity.received_at < now() - LOG_LIFE,
                InboxActivity.state.in_(("done", "dropped")),
            )
        )


async def _forget_tombstones(session: AsyncSession, url: str) -> None:
    """Forget what was deleted elsewhere long ago, and never was an entry here; `url` is ours.

    Whoever signs may tell of as many deletions as they like (SECURITY B9).
    """
    entry, actor = Base.metadata.tables["entry"], Base.metadata.tables["actor"]
    await session.execute(
        delete(Tombstone)
        .where(
            Tombstone.deleted_at < now() - TOMBSTONE_LIFE,
            ~Tombstone.uri.startswith(f"{url}/", autoescape=True),
            ~exists().where(entry.c.uri == Tombstone.uri),
            ~exists().where(actor.c.uri == Tombstone.uri),
        )
        .execution_options(synchronize_session=False)
    )


async def collapse(session: AsyncSession) -> None:
    """Of each object that waits for a long-silent server, keep its newest state alone.

    A waiting Create makes way for its Update, which goes out in its place; a Delete stays. What
    others wrote stands in for nothing: of an object that nobody announced there, it says nothing.
    """
    silent = select(Peer.host).where(Peer.failing_since < now() - SILENT)
    newer = aliased(Delivery)
    superseded = (
        select(newer.id)
        .join(OutboxActivity, OutboxActivity.id == newer.activity_id)
        .where(
            OutboxActivity.from_host.is_(None),
            newer.host == Delivery.host,
            newer.inbox == Delivery.inbox,
            newer.object_uri == Delivery.object_uri,
            newer.activity_id > Delivery.activity_id,
        )
        .exists()
    )
    await session.execute(
        delete(Delivery)
        .where(Delivery.host.in_(silent), superseded)
        .execution_options(synchronize_session=False)
    )
