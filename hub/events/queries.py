"""Reading events."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Unpack
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from hub.core.clock import now
from hub.core.errors import NotFound
from hub.entries import queries as entries
from hub.entries.paging import Listed
from hub.entries.queries import Filter, Filters
from hub.entries.visibility import Viewer, visible_to
from hub.events.models import Event, Series


async def by_id(session: AsyncSession, event_id: UUID, viewer: Viewer) -> Event:
    """One event, with its author and picture.

    Raises:
        NotFound: there is none that `viewer` may see.
        Gone: it was deleted.
    """
    return await entries.by_id(session, Event, event_id, viewer)


async def listed(
    session: AsyncSession,
    viewer: Viewer,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    status: str | None = None,
    **filters: Unpack[Filters],
) -> Listed[Event]:
    """Events that are not over at `since` (None: now) and start before `until`, the next first.

    Raises:
        Invalid: the cursor is none of ours.
    """
    query = select(Event).where(Event.relevant_until >= (since or now()))
    if until is not None:
        query = query.where(Event.starts_at < until)
    if status is not None:
        query = query.where(Event.status == status)
    return await entries.page(session, Event, query, Filter(**filters), viewer)


async def rules(session: AsyncSession, events: Sequence[Event]) -> dict[UUID, str]:
    """The rule of each series that one of `events` belongs to and that goes on."""
    ids = {event.series_id for event in events if event.series_id is not None}
    if not ids:
        return {}
    query = select(Series.id, Series.rule).where(Series.id.in_(ids), Series.ended_at.is_(None))
    return dict((await session.execute(query)).all())


async def dates(
    session: AsyncSession, series_id: UUID, viewer: Viewer, *, limit: int = 12
) -> list[Event]:
    """The next dates of a series."""
    query = select(Event).where(
        Event.series_id == series_id, Event.relevant_until >= now(), visible_to(viewer)
    )
    return list(await session.scalars(query.order_by(Event.starts_at).limit(limit)))


async def next_date(session: AsyncSession, series_id: UUID, viewer: Viewer) -> Event:
    """The next date of a series, or its last one.

    Raises:
        NotFound: there is no such series, or nothing of it may be seen.
    """
    coming = await dates(session, series_id, viewer, limit=1)
    if coming:
        return coming[0]
    query = select(Event).where(Event.series_id == series_id, visible_to(viewer))
    last = await session.scalar(query.order_by(Event.starts_at.desc()).limit(1))
    if last is None:
        raise NotFound("There is no such series of events.")
    return last


async def occurrences(session: AsyncSession, series_id: UUID) -> set[datetime]:
    """The starts that have a row already, whatever became of it."""
    query = select(Event.occurs_at).where(Event.series_id == series_id)
    return {moment for moment in await session.scalars(query) if moment is not None}


async def occurrence(session: AsyncSession, series_id: UUID, occurs_at: datetime) -> Event | None:
    """The date of a series that its rule put at `occurs_at`, wherever it is now."""
    query = select(Event).where(Event.series_id == series_id, Event.occurs_at == occurs_at)
    return await session.scalar(query.options(*entries.whole(Event)))


async def later_dates(session: AsyncSession, event: Event) -> list[Event]:
    """The dates of its series that come after an event."""
    query = select(Event).where(
        Event.series_id == event.series_id,
        Event.occurs_at > event.occurs_at,
        Event.deleted_at.is_(None),
    )
    return list(
        await session.scalars(query.order_by(Event.starts_at).options(*entries.whole(Event)))
    )


async def count_told(session: AsyncSession, series_id: UUID) -> int:
    """How many coming dates of a series other servers know."""
    query = select(func.count()).select_from(Event)
    told = query.where(
        Event.series_id == series_id,
        Event.published_at.is_not(None),
        Event.deleted_at.is_(None),
        Event.starts_at >= now(),
    )
    return await session.scalar(told) or 0


async def untold(
    session: AsyncSession, series_id: UUID, until: datetime, limit: int
) -> list[Event]:
    """Coming dates before `until` that other servers do not know yet."""
    query = select(Event).where(
        Event.series_id == series_id,
        Event.published_at.is_(None),
        Event.deleted_at.is_(None),
        Event.status == "scheduled",
        Event.visibility == "public",
        Event.starts_at >= now(),
        Event.starts_at < until,
    )
    query = query.order_by(Event.starts_at).limit(limit).options(*entries.whole(Event))
    return list(await session.scalars(query))


async def going_on(session: AsyncSession) -> list[UUID]:
    """The series that have not been ended."""
    return list(await session.scalars(select(Series.id).where(Series.ended_at.is_(None))))
