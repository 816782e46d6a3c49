"""Actors who move to another server: whoever we follow, we follow there (FEP-7628, AP-44).

Followers of ours who move need nothing from us: their new server follows us again, or not.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import orjson
from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from federation.errors import MalformedDocument, Unauthorised
from federation.vocab.activities import Move
from federation.vocab.actors import Actor as ActorDocument
from federation.vocab.parse import parse
from hub.actors.models import Actor
from hub.core.clock import now
from hub.fediverse import follows, peers
from hub.fediverse.models import Follow
from hub.fediverse.received import Received

COOL_OFF: Final = timedelta(days=7)  # as Mastodon; nobody leads us about from server to server


async def follow_on(received: Received, activity: Move) -> None:
    """Follow the new account in place of the old one, if both say that they are the same.

    Raises:
        Unauthorised: it is another's account, the new one does not know of the old, or either
            moved a short while ago.
        MalformedDocument: there is no new account.
    """
    session, old = received.session, received.author
    if activity.object_id != old.uri or activity.target in {None, old.uri}:
        raise Unauthorised("an actor may only move itself, to another")
    rows = await _of_ours(session, old)
    if not rows:
        return  # nobody here follows them: there is nothing to look up (AP-30)
    # Fetched for this, since what we know of the new account may be older than the move.
    document = await received.fetched(activity.target or "")
    thing = parse(document)
    if not isinstance(thing, ActorDocument) or thing.id != activity.target:
        raise MalformedDocument("the new account is no actor")
    if old.uri not in thing.also_known_as or thing.moved_to is not None:
        raise Unauthorised("the new account does not say that it was the old one")
    if await _moved_of_late(session, old.uri):
        raise Unauthorised("it moved a short while ago")
    new = await peers.remember(session, thing, orjson.dumps(document))
    old.moved_to, old.moved_at = new.uri, now()
    for row in rows:
        if await follows.between(session, row.follower_id, new.id) is None:
            await follows.ask(session, received.services, new)
        await follows.stop(session, received.services, row)


async def _of_ours(session: AsyncSession, old: Actor) -> list[Follow]:
    """How our actors follow somebody, or asked to."""
    rows = await session.scalars(
        select(Follow)
        .join(Actor, Actor.id == Follow.follower_id)
        .where(Actor.local, Follow.followee_id == old.id, Follow.state != follows.REJECTED)
        .options(joinedload(Follow.follower), joinedload(Follow.followee))
    )
    return list(rows)


async def _moved_of_late(session: AsyncSession, uri: str) -> bool:
    """Whether the actor left, or arrived, within the last days."""
    recently = select(Actor.id).where(
        or_(Actor.uri == uri, Actor.moved_to == uri), Actor.moved_at > now() - COOL_OFF
    )
    return await session.scalar(recently.limit(1)) is not None
