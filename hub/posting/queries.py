"""What is somebody's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from hub.entries.models import FOLDERS, Entry

MOST_SHOWN: Final = 100


async def own(
    session: AsyncSession, person_id: UUID, *, limit: int | None = MOST_SHOWN
) -> Sequence[Entry]:
    """What somebody posted and did not take back, the newest first."""
    query = select(Entry).where(
        Entry.owner_id == person_id, Entry.deleted_at.is_(None), Entry.kind.in_(list(FOLDERS))
    )
    return (await session.scalars(query.order_by(Entry.created_at.desc()).limit(limit))).all()
