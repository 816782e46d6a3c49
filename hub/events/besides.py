"""What one of several hubs that tell of an event says besides title, time and place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from hub.core.dates import clock
from hub.core.words import later
from hub.entries import access, merging
from hub.entries.models import Further
from hub.events.models import Event

TAKES_PLACE: Final = {
    "scheduled": later("yes"),
    "cancelled": later("Cancelled"),
    "postponed": later("Postponed"),
    "moved_online": later("Moved online"),
}


@merging.besides("event")
async def of_events(session: AsyncSession, ids: Sequence[UUID]) -> dict[UUID, tuple[Further, ...]]:
    """Whether it takes place, when it ends, what it costs and how one gets in, for each of them."""
    events = (await session.scalars(select(Event).where(Event.id.in_(ids)))).all()
    return {event.id: tuple(_said(event)) for event in events}


def _said(event: Event) -> Iterator[Further]:
    yield Further("status", later("Takes place"), TAKES_PLACE[event.status], ours=True)
    if event.ends_at is not None:
        ends = event.ends_at.astimezone(ZoneInfo(event.timezone))
        yield Further("ends_at", later("Until"), clock(ends))
    if event.price:
        yield Further("price", later("Price"), event.price)
    yield from access.further(event.access_facts)
