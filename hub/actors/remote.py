"""Actors of other servers, as we last saw them."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from federation.errors import MalformedDocument, Unauthorised
from federation.origins import authority, same_origin
from federation.vocab.actors import Actor as ActorDocument
from hub.actors.models import Actor
from hub.core.clock import now

LONGEST_NAME = 200


async def remember(session: AsyncSession, thing: ActorDocument, document: bytes) -> Actor:
    """The row of a remote actor, made or brought up to date.

    Raises:
        MalformedDocument: it has no inbox, or no name.
        Unauthorised: its inbox is on another server than itself.
    """
    if thing.id is None or not thing.inbox:
        raise MalformedDocument("an actor without id or inbox")
    boxes = [thing.inbox, *([thing.shared_inbox] if thing.shared_inbox else [])]
    if not all(same_origin(thing.id, box) for box in boxes):
        raise Unauthorised("an actor whose inbox is on another server")
    actor = await session.scalar(select(Actor).where(Actor.uri == thing.id))
    if actor is None:
        actor = Actor(uri=thing.id, authority=authority(thing.id), local=False)
        session.add(actor)
    actor.kind = thing.type
    actor.name = (thing.preferred_username or "unknown")[:LONGEST_NAME]
    actor.display_name = (thing.name or actor.name)[:LONGEST_NAME]
    actor.url = _page(thing)
    actor.inbox = thing.inbox
    actor.shared_inbox = thing.shared_inbox
    actor.followers_uri = thing.followers
    actor.icon_url = thing.icon.url if thing.icon else None
    actor.document = document
    actor.fetched_at = now()
    await session.flush()
    return actor


def _page(thing: ActorDocument) -> str:
    """The actor's page for people, when it is on the actor's own server; else its id."""
    if thing.url and thing.id and same_origin(thing.url, thing.id):
        return thing.url
    return thing.id or ""
