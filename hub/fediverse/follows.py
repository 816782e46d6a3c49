"""Who follows whom, both ways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID, uuid4

import orjson
from sqlalchemy import Select, bindparam, delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from federation.discovery import webfinger
from federation.errors import FederationError, Unauthorised
from federation.origins import authority
from federation.vocab.activities import Accept, Reject, Undo
from federation.vocab.activities import Follow as FollowActivity
from federation.vocab.actors import Actor as ActorDocument
from federation.vocab.names import PUBLIC
from federation.vocab.parse import parse
from hub.actors import service
from hub.actors.channels import RELAY
from hub.actors.models import Actor
from hub.audit import log as audit
from hub.core.clock import now
from hub.core.errors import Conflict, Elsewhere, NotFound
from hub.core.questions import Question
from hub.core.services import Services
from hub.core.words import filled
from hub.fediverse import facts, outbox, peers, rulings
from hub.fediverse.models import Follow

ACCEPTED = "accepted"
PENDING = "pending"
REJECTED = "rejected"
AS_ACTOR = "actor"  # how we subscribed to a relay: as its follower, or to what is public
AS_PUBLIC = "public"
# Written once: it is asked for each activity that comes in.
_FOLLOWED = select(Follow.followee_id).where(
    Follow.followee_id.in_(bindparam("actors", expanding=True)),
    Follow.follower_id.in_(select(Actor.id).where(Actor.local)),
    Follow.state == ACCEPTED,
)


def by_us() -> Select[UUID]:
    """Whom our actors follow, relays aside: those speak for the whole world."""
    ours = select(Actor.id).where(Actor.local)
    return select(Follow.followee_id).where(
        Follow.follower_id.in_(ours), Follow.state == ACCEPTED, Follow.relay.is_(None)
    )


async def is_followed(session: AsyncSession, actors: Sequence[UUID]) -> bool:
    """Whether one of our actors follows one of these, and was accepted."""
    for actor in actors:
        if await FOLLOWED.of(session, actor):
            return True
    return False


async def _followed(session: AsyncSession, actors: Sequence[UUID]) -> Mapping[UUID, bool]:
    return dict.fromkeys(await session.scalars(_FOLLOWED, {"actors": actors}), True)


FOLLOWED: Question[UUID, bool] = Question(_followed, Follow, otherwise=False)


async def follow(services: Services, handle: str) -> Follow:
    """Ask to follow `@name@host`, or an address; it is pending until the other side accepts.

    Raises:
        Elsewhere: the other server did not answer as it should.
        Conflict: it is one of our own, or its server is blocked.
    """
    return await begin(services, handle, await look_up(services, handle))


async def begin(
    services: Services, handle: str, document: dict[str, object], *, relay: str | None = None
) -> Follow:
    """Ask to follow the actor of a document, which was found as `handle`.

    Raises:
        Elsewhere: it is none that can be followed.
        Conflict: its server is blocked.
    """
    thing = parse(document)
    if not isinstance(thing, ActorDocument):
        raise Elsewhere(filled("{handle} is not something that can be followed.", handle=handle))
    async with services.db.write() as session:
        try:
            followee = await peers.remember(session, thing, orjson.dumps(document))
        except FederationError as error:
            raise Elsewhere(
                filled("{handle} cannot be followed: {error}.", handle=handle, error=error)
            ) from error
        if await rulings.is_blocked(session, followee.authority):
            raise Conflict(
                filled("{host} is blocked here. Unblock it first.", host=followee.authority)
            )
        await audit.note(session, "followed", followee.authority, actor=str(followee.id))
        return await ask(session, services, followee, relay)


async def ask_again(session: AsyncSession, services: Services) -> None:
    """Ask anew for all that we follow, such as after an old backup: what was said since is lost.

    Who has us as a follower still just says yes once more.
    """
    for row in await ours(session):
        if row.state != REJECTED:
            await ask(session, services, row.followee, row.relay)


async def ask(
    session: AsyncSession, services: Services, followee: Actor, way: str | None = None
) -> Follow:
    """Ask, as `@relay`, to follow an actor that we know; `way` is how, if that is a relay."""
    relay = await service.local(session, RELAY)
    # Asked anew, it is a new activity: the first may have been lost over there.
    uri = f"{relay.uri}#follows/{uuid4()}"
    row = await between(session, relay.id, followee.id)
    if row is None:
        row = Follow(uri=uri, follower_id=relay.id, followee_id=followee.id)
        session.add(row)
    elif row.state == REJECTED:
        row.state = PENDING
    row.uri, row.relay = uri, way
    row.follower, row.followee = relay, followee
    await outbox.post(
        session,
        services,
        relay,
        replace(activity_of(row), to=(followee.uri,)),
        inboxes=[followee.inbox],
        about=uri,
    )
    await facts.note_federated(session)
    return row


async def look_up(services: Services, handle: str) -> dict[str, object]:
    """The actor document behind a handle, or the address of an actor or of its page.

    Raises:
        Elsewhere: it could not be had.
        Conflict: it is one of our own.
    """
    try:
        uri = handle.strip()
        if not uri.lower().startswith(("https://", "http://")):
            uri = await webfinger.resolve(services.fetcher, uri, fresh=True)
        if services.is_ours(authority(uri)):
            raise Conflict(filled("{handle} is this hub itself.", handle=handle))
        return (await services.fetcher.fetch(uri, fresh=True)).document
    except FederationError as error:
        raise Elsewhere(
            filled("{handle} could not be looked up: {error}.", handle=handle, error=error)
        ) from error


async def unfollow(services: Services, handle: str) -> None:
    """Stop following; the other side is told.

    Raises:
        NotFound: we do not follow it.
    """
    async with services.db.write() as session:
        row = next((row for row in await ours(session) if _is_meant(handle, row)), None)
        if row is None:
            raise NotFound(filled("This hub does not follow {handle}.", handle=handle))
        there = row.followee
        await audit.note(session, "unfollowed", there.authority, actor=str(there.id))
        await stop(session, services, row)


async def stop(session: AsyncSession, services: Services, row: Follow) -> None:
    """Take a Follow of ours back; both sides must be loaded."""
    undo = Undo(
        id=f"{row.follower.uri}#undoes/{uuid4()}",
        actor=row.follower.uri,
        object=activity_of(row),
        to=(row.followee.uri,),
    )
    await outbox.post(session, services, row.follower, undo, inboxes=[row.followee.inbox])
    await session.delete(row)
    if row.relay == AS_PUBLIC:
        await forget(session, row.followee_id, row.follower_id)


def _is_meant(handle: str, row: Follow) -> bool:
    given, actor = handle.strip(), row.followee
    addresses = {actor.uri, actor.url}
    if row.relay is not None:  # the inbox of any other may be that of all on its server
        addresses |= {actor.inbox, actor.shared_inbox or actor.inbox}
    return given in addresses or given.lstrip("@").lower() == actor.handle.lower()


def activity_of(row: Follow) -> FollowActivity:
    """The Follow as it was said; needs follower and followee loaded."""
    thing = PUBLIC if row.relay == AS_PUBLIC else row.followee.uri
    return FollowActivity(id=row.uri, actor=row.follower.uri, object=thing)


async def agreed(session: AsyncSession, row: Follow) -> None:
    """Whom we asked accepts; a relay that we asked for what is public gets ours from now on."""
    row.state, row.answered_at = ACCEPTED, now()
    back = await between(session, row.followee_id, row.follower_id)
    if row.relay != AS_PUBLIC or back is not None:
        return
    uri = f"{row.uri}-back"
    both = {"follower_id": row.followee_id, "followee_id": row.follower_id}
    session.add(Follow(uri=uri, state=ACCEPTED, answered_at=now(), **both))


async def between(session: AsyncSession, follower: UUID, followee: UUID) -> Follow | None:
    """The follow of one by the other, in whatever state."""
    return await session.scalar(
        select(Follow).where(Follow.follower_id == follower, Follow.followee_id == followee)
    )


async def by_uri(session: AsyncSession, uri: str) -> Follow | None:
    """A follow by the id of its activity."""
    return await session.scalar(
        select(Follow)
        .where(Follow.uri == uri)
        .options(joinedload(Follow.follower), joinedload(Follow.followee))
    )


async def ours(session: AsyncSession) -> list[Follow]:
    """Everything that our actors follow or asked to follow, oldest first."""
    return await _listed(session, Follow.follower_id)


async def followed_servers(session: AsyncSession) -> list[str]:
    """The servers of all whom our actors follow or asked to follow."""
    followed = (
        select(Follow.followee_id)
        .join(Actor, Actor.id == Follow.follower_id)
        .where(Actor.local)
        .correlate(None)
    )
    query = select(Actor.authority).where(Actor.id.in_(followed)).distinct()
    return list(await session.scalars(query))


async def followers(session: AsyncSession) -> list[Follow]:
    """Everyone who follows one of our actors, oldest first."""
    return await _listed(session, Follow.followee_id)


async def _listed(session: AsyncSession, ours_side: object) -> list[Follow]:
    local = select(Actor.id).where(Actor.local)
    rows = await session.scalars(
        select(Follow)
        .where(ours_side.in_(local))  # type: ignore[attr-defined]
        .options(joinedload(Follow.follower), joinedload(Follow.followee))
        .order_by(Follow.created_at)
    )
    return list(rows)


async def count(session: AsyncSession, *, followee: UUID | None = None) -> int:
    """How many follow `followee`; None: how many others our actors follow."""
    statement = select(func.count()).select_from(Follow).where(Follow.state == ACCEPTED)
    if followee is not None:
        statement = statement.where(Follow.followee_id == followee)
    else:
        statement = statement.join(Actor, Actor.id == Follow.follower_id).where(Actor.local)
    return await session.scalar(statement) or 0


async def accept(
    session: AsyncSession,
    services: Services,
    follower: Actor,
    followee: Actor,
    activity: FollowActivity,
) -> None:
    """Take a follower, and say so; the answer embeds the Follow (AP-35, AP-36).

    Raises:
        Unauthorised: another Follow has this id.
    """
    uri = activity.id or f"{follower.uri}#follows/{followee.name}"
    row = await between(session, follower.id, followee.id)
    other = await session.scalar(select(Follow).where(Follow.uri == uri))
    if other is not None and other is not row:
        raise Unauthorised("it has the id of another Follow")
    if row is None:
        row = Follow(uri=uri, follower_id=follower.id, followee_id=followee.id)
        session.add(row)
    row.uri, row.state, row.answered_at = uri, ACCEPTED, now()
    answer = Accept(
        id=f"{followee.uri}#accepts/{uuid4()}",
        actor=followee.uri,
        object=FollowActivity(id=activity.id, actor=follower.uri, object=activity.object_id),
        to=(follower.uri,),
    )
    await outbox.post(session, services, followee, answer, inboxes=[follower.inbox])
    await facts.note_federated(session)


async def reject(
    session: AsyncSession,
    services: Services,
    follower: Actor,
    followee: Actor,
    activity: FollowActivity,
) -> None:
    """Refuse a follower, and say so."""
    answer = Reject(
        id=f"{followee.uri}#rejects/{uuid4()}",
        actor=followee.uri,
        object=FollowActivity(id=activity.id, actor=follower.uri, object=followee.uri),
        to=(follower.uri,),
    )
    await outbox.post(session, services, followee, answer, inboxes=[follower.inbox])


async def forget(session: AsyncSession, follower: UUID, followee: UUID | None = None) -> None:
    """The follower is no more, for one of our actors; or is gone for all, and followed no more."""
    gone = Follow.follower_id == follower
    if followee is not None:
        gone &= Follow.followee_id == followee
    else:
        gone |= Follow.followee_id == follower
    await session.execute(delete(Follow).where(gone))
