"""What the home page and the profiles of our channels ask that no single room can answer."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from hub.entries.models import Entry


async def count_own(session: AsyncSession) -> int:
    """How many things were published here and still stand."""
    query = select(func.count()).select_from(Entry)
    return await session.scalar(query.where(Entry.origin == "", Entry.deleted_at.is_(None))) or 0
