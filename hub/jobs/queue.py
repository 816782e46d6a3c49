"""Claiming rows: one statement for jobs, inbound activities and lanes, on both databases."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from hub.core.clock import now
from hub.core.db import insert_for
from hub.jobs.models import Claimable, Job
from hub.jobs.registry import JobKind

Row = TypeVar("Row", bound=Claimable)

LEASE = timedelta(minutes=2)  # longer than any batch takes; a killed worker's rows wait this long
BATCH = 100


async def enqueue(
    session: AsyncSession,
    kind: JobKind[Any],
    *,
    key: str | None = None,
    run_at: datetime | None = None,
    **arguments: Any,
) -> None:
    """Ask for work, in the caller's transaction; with a `key`, once until it is done."""
    values = {
        "name": kind.name,
        "arguments": arguments,
        "key": key,
        "run_at": run_at or now(),
        "attempts": 0,
        "fence": 0,
        "created_at": now(),
    }
    await session.execute(insert_for(session, Job).values(values).on_conflict_do_nothing())


async def claim(
    session: AsyncSession,
    table: type[Row],
    worker: str,
    *conditions: ColumnElement[bool],
    limit: int = BATCH,
) -> list[Row]:
    """Lease up to `limit` due rows that meet the conditions, the longest due first.

    SQLAlchemy leaves `SKIP LOCKED` out on SQLite, where the one writer makes it needless.
    """
    moment = now()
    key = table.__mapper__.primary_key[0]  # type: ignore[attr-defined]
    due = (
        select(key)
        .where(
            table.run_at <= moment,
            or_(table.lease_until.is_(None), table.lease_until <= moment),
            *conditions,
        )
        .order_by(table.run_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    claimed = await session.execute(
        update(table)
        .where(key.in_(due))
        .values(lease_until=moment + LEASE, leased_by=worker, fence=table.fence + 1)
        .returning(table)
        .execution_options(synchronize_session=False)
    )
    rows = list(claimed.scalars())
    rows.sort(key=lambda row: (row.run_at, getattr(row, key.name)))
    return rows


async def leaseholders(session: AsyncSession, tables: Sequence[type[Any]]) -> set[str]:
    """The workers that hold a lease, living or not."""
    names: set[str] = set()
    for table in tables:
        found = await session.scalars(
            select(table.leased_by).where(table.leased_by.is_not(None)).distinct()
        )
        names.update(found)
    return names


async def release(
    session: AsyncSession, tables: Sequence[type[Any]], workers: Collection[str]
) -> None:
    """End the leases of workers that are known to be no more (SETTLED 26).

    Where a table counts `deaths`, each of these rows may be what they died of (R14).
    """
    for table in tables:
        counted = {"deaths": table.deaths + 1} if hasattr(table, "deaths") else {}
        await session.execute(
            update(table)
            .where(table.leased_by.in_(workers))
            .values(lease_until=None, leased_by=None, **counted)
            .execution_options(synchronize_session=False)
        )
