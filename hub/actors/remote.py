"""Actors of other servers, as we last saw them."""

from __future__ import annotations

import orjson
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from federation.authority import may_collect_at, page_of
from federation.errors import MalformedDocument, Unauthorised
from federation.origins import authority
from federation.vocab.actors import Actor as ActorDocument
from federation.vocab.parse import parse
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
    if not may_collect_at(thing.id, boxes):
        raise Unauthorised("an actor whose inbox is on another server")
    known = select(Actor).where(Actor.uri == thing.id)
    actor = await session.scalar(known)
    if actor is None:
        actor = Actor(uri=thing.id, authority=authority(thing.id), local=False)
        _fill(actor, thing, document)
        try:
            async with session.begin_nested():
                session.add(actor)
        except IntegrityError:
            # Mail of another server named it in the same moment, and was quicker.
            actor = (await session.scalars(known)).one()
    _fill(actor, thing, document)
    await session.flush()
    return actor


def document_of(actor: Actor) -> ActorDocument | None:
    """What its server said of it; None of our own, or if that is no actor."""
    thing = parse(orjson.loads(actor.document or b"{}"))
    return thing if isinstance(thing, ActorDocument) else None


def _fill(actor: Actor, thing: ActorDocument, document: bytes) -> None:
    actor.kind = thing.type
    actor.name = (thing.preferred_username or "unknown")[:LONGEST_NAME]
    actor.display_name = (thing.name or actor.name)[:LONGEST_NAME]
    actor.url = page_of(actor.uri, thing.url)
    actor.inbox = thing.inbox or ""
    actor.shared_inbox = thing.shared_inbox
    actor.followers_uri = thing.followers
    actor.icon_url = thing.icon.url if thing.icon else None
    actor.document = document
    actor.fetched_at = now()
