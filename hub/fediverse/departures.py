"""Followers who are no more: an inbox that answers 410 is looked into (PROTOCOL §5)."""

from __future__ import annotations

from sqlalchemy import or_, select

from federation.errors import FederationError, Gone
from hub.actors.models import Actor
from hub.core.clock import now
from hub.fediverse import follows
from hub.jobs.registry import Run, job

MOST = 50  # actors of one inbox that are asked for; a shared one may stand for thousands
GONE_FOR_GOOD = 410


@job("fediverse.look_after")
async def look_after(run: Run, *, inbox: str) -> None:
    """Forget the followers behind an inbox whose own servers say that they are gone."""
    services = run.services
    async with services.db.read() as session:
        rows = await session.scalars(
            select(Actor)
            .where(or_(Actor.inbox == inbox, Actor.shared_inbox == inbox), Actor.local.is_(False))
            .limit(MOST)
        )
        actors = list(rows)
    gone = [actor.id for actor in actors if await _is_gone(run, actor.uri)]
    async with run.finish() as session:
        for actor_id in gone:
            await follows.forget(session, actor_id)
            actor = await session.get_one(Actor, actor_id)
            actor.deleted_at = now()


async def _is_gone(run: Run, uri: str) -> bool:
    """Whether the actor's own server says 410; silence or 404 may pass."""
    try:
        await run.services.fetcher.fetch(uri, fresh=True)
    except Gone as error:
        return error.status == GONE_FOR_GOOD
    except FederationError:
        return False
    return False
