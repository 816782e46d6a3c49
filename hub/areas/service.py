"""Making, changing and ending channels of areas."""

from __future__ import annotations

from typing import Final
from uuid import uuid4

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from federation.vocab.activities import Delete, Update
from federation.vocab.names import PUBLIC
from hub.actors import service as actors
from hub.areas.models import Area
from hub.areas.schemas import AreaDraft, AreaRules
from hub.audit import log as audit
from hub.core.clock import now
from hub.core.errors import Conflict, Invalid
from hub.core.services import Services
from hub.core.words import filled
from hub.entries import board
from hub.fediverse import outbox

CHANNEL: Final = "Service"  # the type of one that only announces; a Group takes posts too
MOST: Final = 20  # each is looked after once a minute
RESERVED: Final = frozenset(
    (
        "hub",
        "region",
        "directory",
        "projects",
        "admin",
        "support",
        "moderation",
        "everybody",
    )
)


async def make(session: AsyncSession, services: Services, draft: AreaDraft) -> Area:
    """A new channel, which can be followed from now on.

    Raises:
        Invalid: its name is taken, or was taken once.
        Conflict: there are as many as a hub may have.
    """
    taken = draft.name in RESERVED or await actors.ever_local(session, draft.name) is not None
    if taken:
        words = filled("@{name} is taken, or was once. Choose another name.", name=draft.name)
        raise Invalid(words, {"name": words})
    if (await session.scalar(select(func.count()).select_from(Area)) or 0) >= MOST:
        raise Conflict(filled("A hub has at most {most} channels of areas.", most=MOST))
    area = Area()
    area.actor = await actors.make(session, services, draft.name, CHANNEL, icon="places")
    session.add(area)
    _fill(area, draft)
    await audit.note(session, "area made", area.actor.name)
    await session.flush()
    return area


async def change(session: AsyncSession, services: Services, area: Area, rules: AreaRules) -> None:
    """Let it pass on something else, or be called otherwise; its followers' servers are told.

    What does not fit any more is taken back by and by.
    """
    _fill(area, rules)
    await audit.note(session, "area changed", area.actor.name)
    await session.flush()
    thing = actors.document(area.actor, services)
    update = Update(
        id=f"{area.actor.uri}#updates/{uuid4()}",
        actor=area.actor.uri,
        object=thing,
        to=(PUBLIC,),
        cc=(f"{area.actor.uri}/followers",),
    )
    await outbox.post(session, services, area.actor, update, to_followers=True)


def _fill(area: Area, rules: AreaRules) -> None:
    area.actor.display_name = rules.title
    area.actor.summary = rules.summary
    area.actor.kind = board.GROUP if rules.open_to_posts else CHANNEL
    area.kinds, area.tags, area.origins = list(rules.kinds), list(rules.tags), list(rules.origins)
    area.latitude, area.longitude, area.within_m = rules.latitude, rules.longitude, rules.within


async def end(session: AsyncSession, services: Services, area: Area) -> None:
    """End it: its followers' servers forget it, and its name is not given again (AP-6)."""
    actor = area.actor
    gone = Delete(
        id=f"{actor.uri}#delete",
        actor=actor.uri,
        object=actor.uri,
        to=(PUBLIC,),
        cc=(f"{actor.uri}/followers",),
    )
    await outbox.post(session, services, actor, gone, to_followers=True)
    actor.deleted_at = now()
    await audit.note(session, "area ended", actor.name)
    await session.delete(area)
