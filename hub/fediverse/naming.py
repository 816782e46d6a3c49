"""Our actors bear the hub's name: when it changes, those who follow them are told."""

from __future__ import annotations

from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncSession

from federation.vocab.activities import Update
from federation.vocab.names import PUBLIC
from hub.actors import service
from hub.core.services import Services
from hub.core.settings import Settings
from hub.fediverse import outbox


async def tell(session: AsyncSession, services: Services, settings: Settings) -> int:
    """Give our actors the names that these settings say, and send each its Update (AP-7).

    How many have another name or summary than before; where nothing changed, nothing is said.
    """
    renamed = await service.rename(session, settings)
    for actor in renamed:
        update = Update(
            id=f"{actor.uri}#updates/{uuid4()}",
            actor=actor.uri,
            object=service.document(actor, services),
            to=(PUBLIC,),
            cc=(actor.followers_uri or "",),
        )
        await outbox.post(session, services, actor, update, to_followers=True)
    return len(renamed)
