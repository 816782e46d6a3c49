"""Leaving the hub (T41): posts are taken back everywhere, and who it was is forgotten."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import delete, update

from hub.core.services import Services
from hub.people import searches
from hub.people import service as people
from hub.people.models import Submission, Told
from hub.posting import queries
from hub.posting.kinds import KINDS


async def leave(services: Services, person_id: UUID) -> None:
    """Forget a person; their row stays without a word in it, since others point to it.

    In one transaction, so that nobody is half gone.

    Raises:
        NotFound: there is no such person.
        Conflict: it is the last steward.
    """
    async with services.db.write() as session:
        await people.forget(session, person_id)
        for entry in await queries.own(session, person_id, limit=None):
            if entry.kind in KINDS:
                await KINDS[entry.kind].withdraw(session, services, entry.id)
        await searches.forget(session, person_id)
        await session.execute(delete(Told).where(Told.person_id == person_id))
        mine = Submission.person_id == person_id
        await session.execute(
            update(Submission).where(mine).values(email=None, link_digest=None, fields={})
        )
