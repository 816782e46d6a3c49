"""Whom an actor elsewhere was before it moved (FEP-7628), as both of them say."""

from __future__ import annotations

from typing import Final

import orjson

from federation.errors import Unauthorised
from federation.origins import authority
from federation.vocab.actors import Actor as ActorDocument
from federation.vocab.parse import parse
from hub.actors import remote, service
from hub.actors.models import Actor
from hub.core.services import Services
from hub.fediverse import peers, rulings

MOST: Final = 5  # former addresses of one actor that are asked, though it may claim more


def claimed(actor: Actor) -> tuple[str, ...]:
    """Whom it says that it was; nothing of that needs to be true."""
    thing = remote.document_of(actor)
    return () if thing is None else thing.also_known_as[:MOST]


async def confirmed(services: Services, actor: Actor, uri: str) -> Actor:
    """The actor at `uri`, which says itself that it became `actor`, in its document or by a Move.

    Raises:
        Unauthorised: it does not say so, or nothing is taken of it.
        FederationError: it could not be asked.
    """
    host = authority(uri)
    async with services.db.read() as session:
        closed = await rulings.is_closed(session, services, host)
        found = await service.by_uri(session, uri)
    if closed or services.is_ours(host):
        raise Unauthorised("nothing is taken from the former address")
    if found is None or found.moved_to != actor.uri:
        found = await _asked(services, actor, uri)
    if found.deleted_at or found.suspended_at:
        raise Unauthorised("nothing is taken from whom it was before")
    return found


async def _asked(services: Services, actor: Actor, uri: str) -> Actor:
    document = (await services.fetcher.fetch(uri)).document
    thing = parse(document)
    if not isinstance(thing, ActorDocument) or (thing.id, thing.moved_to) != (uri, actor.uri):
        raise Unauthorised("the former actor does not say that it became this one")
    async with services.db.write() as session:
        found = await peers.remember(session, thing, orjson.dumps(document))
        found.moved_to = actor.uri
    return found
