"""Passing on the very bytes that somebody sent, to those whom their server could not reach.

A reply to something of ours goes to our followers when it is addressed to them (ActivityPub
§7.1.2, AP-42); a change of something that we passed on goes to whoever got it from us (AP-87).
Each is signed by us as it leaves, and believed elsewhere only by its proof or by its origin.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

import orjson
from sqlalchemy import delete, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from federation.authority import may_bury, may_change, may_prove_for
from federation.errors import Unauthentic
from federation.signatures.digest import digest_header
from federation.signatures.keys import keys_of_actor
from federation.signatures.proofs import proof_owner_key, verify_proof
from federation.vocab.activities import Activity, Create, Delete, Update
from federation.vocab.base import Object
from federation.vocab.names import is_public
from hub.actors.models import Actor
from hub.core.clock import now
from hub.core.db import Base
from hub.fediverse import announcing, outbox, peers
from hub.fediverse.models import Announcement, InboxActivity, OutboxActivity
from hub.fediverse.received import Received

DEEPEST: Final = 10  # links between an activity and what is ours (AP-42)
HELD_BACK: Final = datetime(9999, 1, 1, tzinfo=UTC)  # until a steward lets its object through


async def forward(received: Received, row: InboxActivity) -> None:
    """Pass on an activity that was just acted upon, if it is for others too, and as it came.

    `row` is how it came. What only its origin may tell is not passed on: nobody would believe it.
    """
    activity, session = received.activity, received.session
    announced = await _announced(received)
    if isinstance(activity, Delete) and activity.object_id is not None:
        await drop(session, activity.object_id)
    # Who has it is noted by its id, and a longer one would not fit there.
    fits = len((activity.object_id or row.uri).encode()) <= outbox.LONGEST_OBJECT
    if row.trust != "refetch" and fits:
        await _pass_on(received, row, announced)
    if isinstance(activity, Delete) or _is_withdrawn(activity):
        for one in announced:
            await announcing.undo(session, received.services, one)


async def _pass_on(
    received: Received, row: InboxActivity, announced: Sequence[Announcement]
) -> None:
    owners, passed_on = await _owners(received), await _has_passed_on(received, announced)
    if not owners and passed_on is None:
        return  # as most: it is about nothing of ours
    due = await _due(received)
    if owners and due is not None:
        for owner in owners:
            await _keep(received, row, owner, due, followers=True, receivers=passed_on is not None)
    elif passed_on is not None and (due is not None or isinstance(received.activity, Delete)):
        await _keep(received, row, passed_on, now(), followers=False, receivers=True)
    if passed_on is not None and isinstance(received.activity, Update):
        for one in announced:
            if one.said_at is not None:
                await announcing.pass_whole(
                    received.session, received.services, one, received.document
                )


async def release(session: AsyncSession) -> None:
    """Let go what waited for a steward, as far as its object is shown by now."""
    reply = Base.metadata.tables["reply"]
    shown = exists().where(reply.c.uri == OutboxActivity.object_uri, reply.c.state == "shown")
    await session.execute(
        update(OutboxActivity)
        .where(OutboxActivity.run_at == HELD_BACK, OutboxActivity.expanded_at.is_(None), shown)
        .values(run_at=now())
        .execution_options(synchronize_session=False)
    )


async def drop(session: AsyncSession, object_uri: str) -> None:
    """Forget what waits of an object that a steward did not let through."""
    await session.execute(
        delete(OutboxActivity)
        .where(OutboxActivity.run_at == HELD_BACK, OutboxActivity.object_uri == object_uri)
        .execution_options(synchronize_session=False)
    )


async def drop_from(session: AsyncSession, hosts: Sequence[str]) -> None:
    """Forget all that waits of servers that are blocked."""
    waits = OutboxActivity.run_at == HELD_BACK
    await session.execute(
        delete(OutboxActivity)
        .where(waits, OutboxActivity.from_host.in_(hosts))
        .execution_options(synchronize_session=False)
    )


async def _keep(
    received: Received,
    row: InboxActivity,
    owner: Actor,
    due: datetime,
    *,
    followers: bool,
    receivers: bool,
) -> None:
    """Put the bytes into our outbox as they are, once for each actor of ours."""
    activity = received.activity
    # An object is made once, whatever number of activities say so.
    name = f"Create {activity.object_id}" if isinstance(activity, Create) else row.uri
    key = f"{owner.uri}#forwards/{sha256(name.encode()).hexdigest()}"
    session = received.session
    if await session.scalar(select(OutboxActivity.id).where(OutboxActivity.uri == key)):
        return
    forwarded = OutboxActivity(
        uri=key,
        actor_id=owner.id,
        type=activity.type,
        object_uri=activity.object_id or row.uri,
        body=row.body,
        digest=digest_header(row.body),
        public=any(map(is_public, (*activity.to, *activity.cc))),
        listed=False,
        to_followers=followers,
        to_receivers=receivers,
        inboxes=[],
        from_host=row.host,
        run_at=due,
    )
    await outbox.keep(session, received.services, forwarded)


async def _due(received: Received) -> datetime | None:
    """When it may go: now if its author is heard; what waits for a steward waits here too.

    None: nobody here would let it through, so we lend it no voice.
    """
    reply = Base.metadata.tables["reply"]
    state = await received.session.scalar(
        select(reply.c.state).where(
            reply.c.uri == (received.activity.object_id or ""),
            reply.c.author_id == received.author.id,  # another's good name is not lent
        )
    )
    if state == "held":
        return HELD_BACK
    if state == "hidden":
        return None
    heard = await peers.hears(received.session, received.services, received.author)
    return now() if heard or state == "shown" else None


# ------------------------------------------------------------------- AP-42: for our followers


async def _owners(received: Received) -> Sequence[Actor]:
    """Our actors to whose followers it is to go, if it is about something of ours."""
    activity = received.activity
    ours = f"{received.services.settings.url}/"
    addressed = {*activity.to, *activity.cc, *activity.audience}
    wanted = [uri for uri in addressed if uri.startswith(ours)]
    if not wanted:
        return ()
    owners = await received.session.scalars(
        select(Actor).where(Actor.local, Actor.followers_uri.in_(wanted)).order_by(Actor.uri)
    )
    found = owners.all()
    return found if found and await _is_about_us(received) else ()


async def _is_about_us(received: Received) -> bool:
    """Whether `inReplyTo`, `object`, `target` or `tag` leads to something of ours (AP-42)."""
    links = _links(received.activity)
    for _ in range(DEEPEST):
        if not links:
            return False
        if await _holds_ours(received.session, links):
            return True
        links = await _next(received.session, links)
    return False


def _links(activity: Activity) -> set[str]:
    thing = activity.object
    found = {activity.object_id, activity.target}
    if isinstance(thing, Object):
        found |= {thing.in_reply_to, *(tag.href for tag in thing.tags)}
    return {uri for uri in found if uri}


async def _holds_ours(session: AsyncSession, uris: set[str]) -> bool:
    """Whether one of these was made here, or is what we forwarded before."""
    entry, reply = Base.metadata.tables["entry"], Base.metadata.tables["reply"]
    mine: tuple[Any, ...] = (
        select(Actor.id).where(Actor.local, Actor.uri.in_(uris)),
        select(entry.c.id).where(entry.c.origin == "", entry.c.uri.in_(uris)),
        select(reply.c.id).where(reply.c.from_us, reply.c.uri.in_(uris)),
        select(OutboxActivity.id).where(
            OutboxActivity.object_uri.in_(uris), OutboxActivity.from_host.is_not(None)
        ),
    )
    for query in mine:
        if await session.scalar(query.limit(1)) is not None:
            return True
    return False


async def _next(session: AsyncSession, uris: set[str]) -> set[str]:
    """What the replies among these answer."""
    entry, reply = Base.metadata.tables["entry"], Base.metadata.tables["reply"]
    parent = reply.alias()
    rows = await session.scalars(
        select(func.coalesce(parent.c.uri, entry.c.uri))
        .select_from(reply)
        .outerjoin(parent, parent.c.id == reply.c.answers_id)
        .outerjoin(entry, entry.c.id == reply.c.entry_id)
        .where(reply.c.uri.in_(uris))
    )
    return {uri for uri in rows if uri is not None}


# ------------------------------------------------------------------- AP-87: for those who have it


async def _announced(received: Received) -> list[Announcement]:
    """What our actors announced of what is changed or deleted, if its author says so."""
    activity, author = received.activity, received.author
    uri = activity.object_id
    if uri is None or not isinstance(activity, Update | Delete):
        return []
    if uri == author.uri and isinstance(activity, Delete):
        return await announcing.of_author(received.session, author)
    found = await announcing.of_object(received.session, uri)
    told = received.vouched and may_bury(author.uri, uri)
    return [one for one in found if told or may_change(one.author_id, author.id)]


async def _has_passed_on(received: Received, announced: Sequence[Announcement]) -> Actor | None:
    """Who of ours passed on what this proves to be changed; None: nobody, or it proves nothing."""
    activity = received.activity
    if not isinstance(activity, Update | Delete) or activity.object_id == received.author.uri:
        return None
    who = next((one.actor for one in announced if one.said_at is not None), None)
    if who is None:
        who = await received.session.scalar(
            select(Actor)
            .join(OutboxActivity, OutboxActivity.actor_id == Actor.id)
            .where(
                OutboxActivity.object_uri == (activity.object_id or ""),
                OutboxActivity.from_host.is_not(None),
            )
            .limit(1)
        )
    return who if who is not None and _is_proven(received) else None


def _is_proven(received: Received) -> bool:
    """Whether the document bears a valid proof of its author (FEP-8b32)."""
    key_id, known = proof_owner_key(received.document), received.author.document
    if key_id is None or known is None:
        return False
    for key in keys_of_actor(orjson.loads(known), ("assertionMethod",)):
        if key.id == key_id and may_prove_for(key.owner, key.id, received.author.uri, asserts=True):
            try:
                verify_proof(received.document, key, received.now)
            except Unauthentic:
                return False
            return True
    return False


def _is_withdrawn(activity: Activity) -> bool:
    """Whether it is no longer for everybody."""
    thing = activity.object
    if not isinstance(activity, Update) or not isinstance(thing, Object):
        return False
    return not any(map(is_public, (*thing.to, *thing.cc)))
