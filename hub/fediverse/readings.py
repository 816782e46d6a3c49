"""How far the reading is of what those published before whom we follow (`backfill`)."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from hub.actors.models import Actor
from hub.fediverse.models import Backfill, Follow


@dataclass(frozen=True, slots=True)
class Reading:
    """How far we are with all whom we follow on one server; `open` are not read to the end yet.

    `read` of `total` things were looked at, `taken` of them are not over.
    """

    open: int
    read: int
    taken: int
    total: int
    error: str | None


async def by_server(session: AsyncSession) -> dict[str, Reading]:
    """How far we are with each server."""
    unfinished = Backfill.finished_at.is_(None)
    rows = await session.execute(
        select(
            Actor.authority,
            func.count().filter(unfinished),
            func.sum(Backfill.items),
            func.sum(Backfill.taken),
            func.sum(func.coalesce(Backfill.total, Backfill.items)),
            func.max(case((unfinished & (Backfill.tried > 0), Backfill.error))),
        )
        .join(Follow, Follow.id == Backfill.follow_id)
        .join(Actor, Actor.id == Follow.followee_id)
        .group_by(Actor.authority)
    )
    # PostgreSQL sums up in decimals.
    return {
        host: Reading(int(open_), int(read), int(taken), int(total), error)
        for host, open_, read, taken, total, error in rows
    }


async def progress(session: AsyncSession) -> dict[UUID, Backfill]:
    """All readings, by their Follow."""
    return {row.follow_id: row for row in await session.scalars(select(Backfill))}
