"""Whom an actor elsewhere was before it moved, perhaps more than once (FEP-7628), as all say."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import Select, exists, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from federation.errors import Unauthorised
from federation.origins import authority
from federation.vocab.actors import Actor as ActorDocument
from federation.vocab.parse import parse
from hub.actors import remote, service
from hub.actors.models import Actor
from hub.core.clock import now
from hub.core.db import Base
from hub.core.services import Services
from hub.fediverse import follows, peers, rulings
from hub.fediverse.models import Follow, Peer

MOST: Final = 5  # former addresses of one actor that are asked, and moves that are followed
NOT_SO: Final = "the former actor does not say that it became this one"


async def claimed(session: AsyncSession, actor: Actor) -> tuple[str, ...]:
    """Whom it says that it was, and whom those that we know to have become it say the same of.

    Nothing of that needs to be true.
    """
    found: list[str] = []
    speakers = [actor]
    while speakers:
        thing = remote.document_of(speakers.pop(0))
        for uri in () if thing is None else thing.also_known_as:
            if len(found) == MOST:
                return tuple(found)
            if uri in {actor.uri, *found}:
                continue
            found.append(uri)
            before = await service.by_uri(session, uri)
            if before is not None and before.moved_to in {actor.uri, *found}:
                speakers.append(before)
    return tuple(found)


async def confirmed(services: Services, actor: Actor, uri: str) -> Actor:
    """The actor at `uri`, which says itself that it became `actor`, in its document or by a Move.

    Or that it became one that says so, and so on: each address is asked for itself.

    Raises:
        Unauthorised: one does not say so, or nothing is taken of it.
        FederationError: one could not be asked.
    """
    await _check(services, uri)
    async with services.db.read() as session:
        found = await service.by_uri(session, uri)
        known = found is not None and await _became(session, found, actor)
    if found is None or not known:
        found = await _asked(services, actor, uri)
    if found.deleted_at or found.suspended_at:
        raise Unauthorised("nothing is taken from whom it was before")
    return found


async def heirs(session: AsyncSession, actor: Actor) -> list[UUID]:
    """Whom an actor became, one after the other, as far as we know it."""
    found: list[UUID] = []
    here: Actor | None = actor
    while here is not None and here.moved_to is not None and len(found) < MOST:
        here = await service.by_uri(session, here.moved_to)
        found += [here.id] if here is not None else []
    return found


def before(actors: Select[Any]) -> Select[str]:
    """The servers of these and of all who became one of them; `actors` gives ids."""
    chain = select(Actor.uri, Actor.authority).where(Actor.id.in_(actors)).cte(recursive=True)
    earlier = aliased(Actor)
    step = select(earlier.uri, earlier.authority).join(chain, earlier.moved_to == chain.c.uri)
    return select(chain.union(step).c.authority)


async def lose(session: AsyncSession) -> None:
    """Hide what lost servers published before they moved, and show it once they are heard again.

    A server of which something stands that is of somebody else, who did not move, is left alone.
    """
    entry = Base.metadata.tables["entry"]
    ours = aliased(Actor)
    followed = (
        select(Follow.followee_id)
        .join(ours, ours.id == Follow.follower_id)
        .where(Follow.state == follows.ACCEPTED)
    )
    somebody, silent = aliased(Actor), aliased(Peer)
    there = select(somebody.authority).where(somebody.id.in_(followed.where(ours.local)))
    moved = select(Actor.authority).where(Actor.local.is_(False), Actor.moved_to.is_not(None))
    gone = (
        select(Actor.id)
        .join(silent, silent.host == Actor.authority)
        .where(silent.lost_at.is_not(None), Actor.authority.in_(there))
    )
    stayed = exists().where(
        Actor.authority == Peer.host,
        Actor.moved_to.is_(None),
        entry.c.author_id == Actor.id,
        entry.c.deleted_at.is_(None),
    )
    left = (Peer.host.in_(moved), Peer.host.not_in(there), ~stayed)
    lost = Peer.host.in_(before(gone))
    for which, value in (
        ((lost, Peer.lost_at.is_(None)), now()),
        ((~lost, Peer.lost_at.is_not(None)), None),
    ):
        await session.execute(
            update(Peer)
            .where(*left, *which)
            .values(lost_at=value)
            .execution_options(synchronize_session=False)
        )


async def _became(session: AsyncSession, former: Actor, actor: Actor) -> bool:
    return actor.id in await heirs(session, former)


async def _check(services: Services, uri: str) -> None:
    """Go on unless nothing is taken from there.

    Raises:
        Unauthorised: nothing is.
    """
    host = authority(uri)
    async with services.db.read() as session:
        if services.is_ours(host) or await rulings.is_closed(session, services, host):
            raise Unauthorised("nothing is taken from the former address")


async def _asked(services: Services, actor: Actor, uri: str) -> Actor:
    """The same, as all between say today; what they say is kept only if it leads to the actor."""
    said: list[tuple[ActorDocument, dict[str, Any]]] = []
    here = uri
    while here != actor.uri:
        if len(said) == MOST:
            raise Unauthorised(NOT_SO)
        await _check(services, here)
        document = (await services.fetcher.fetch(here)).document
        thing = parse(document)
        if not isinstance(thing, ActorDocument) or thing.id != here or thing.moved_to is None:
            raise Unauthorised(NOT_SO)
        said.append((thing, document))
        here = thing.moved_to
    async with services.db.write() as session:
        found = []
        for thing, document in said:
            one = await peers.remember(session, thing, orjson.dumps(document))
            one.moved_to = thing.moved_to
            found.append(one)
    return found[0]
