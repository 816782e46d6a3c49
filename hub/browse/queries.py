"""What home, the search and the profiles of our channels ask that no single room can answer."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from hub.core.clock import now
from hub.core.settings import Settings
from hub.entries import asking, finding
from hub.entries.asking import SearchAsked
from hub.entries.finding import Found
from hub.entries.models import Entry
from hub.entries.queries import Filter
from hub.entries.visibility import Viewer
from hub.events import queries as events


async def count_own(session: AsyncSession) -> int:
    """How many things were published here and still stand."""
    query = select(func.count()).select_from(Entry)
    return await session.scalar(query.where(Entry.origin == "", Entry.deleted_at.is_(None))) or 0


async def found(
    session: AsyncSession, viewer: Viewer, asked: SearchAsked, settings: Settings
) -> Found:
    """A page of a search over everything; of a series that goes on, its next date stands for all.

    Raises:
        Invalid: the cursor is none of ours.
    """
    return await finding.found(
        session,
        viewer,
        Filter(**asking.filters(asked, settings)),
        kind=asked.type,
        conditions=upcoming(asked, now()),
    )


def upcoming(asked: SearchAsked, moment: datetime) -> list[ColumnElement[bool]]:
    """What a search leaves out unless it asks for any time: what is over, and later dates."""
    if asked.when == "any":
        return []
    return [finding.not_over(moment), events.first_of_its_kind(moment)]
