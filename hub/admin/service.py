"""What stewards do beside posting."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from hub.admin import queries
from hub.audit import log as audit
from hub.core.errors import NotFound
from hub.core.services import Services
from hub.fediverse import follows


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
    there = row.follower.authority
    await audit.note(session, "follower removed", there, actor=str(row.follower_id))
