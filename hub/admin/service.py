"""What stewards do beside posting."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from hub.admin import queries
from hub.core.clock import now
from hub.core.errors import NotFound
from hub.core.services import Services
from hub.entries.models import Entry
from hub.fediverse import follows


async def hide_entry(session: AsyncSession, entry_id: UUID) -> Entry:
    """Take an entry out of every page and list of this hub; elsewhere nothing changes.

    Raises:
        NotFound: there is none.
    """
    entry = await _entry(session, entry_id)
    entry.hidden_at = entry.hidden_at or now()
    return entry


async def show_entry(session: AsyncSession, entry_id: UUID) -> Entry:
    """Show an entry again.

    Raises:
        NotFound: there is none.
    """
    entry = await _entry(session, entry_id)
    entry.hidden_at = None
    return entry


async def remove_follower(session: AsyncSession, services: Services, follow_id: UUID) -> None:
    """Send a follower away; their server is told.

    Raises:
        NotFound: there is no such follower.
    """
    row = await queries.follow_by_id(session, follow_id)
    if not row.followee.local:
        raise NotFound("There is no such follower.")
    activity = follows.activity_of(row)
    await follows.reject(session, services, row.follower, row.followee, activity)
    await follows.forget(session, row.follower_id, row.followee_id)


async def _entry(session: AsyncSession, entry_id: UUID) -> Entry:
    entry = await session.get(Entry, entry_id, with_for_update=True)
    if entry is None or entry.deleted_at is not None:
        raise NotFound("This is no longer here.")
    return entry
