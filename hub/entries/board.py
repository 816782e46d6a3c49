"""Groups of ours: who mentions one in a post for everybody is heard by its followers.

`@board` is one, and so is each channel of an area that takes posts. What somebody posts who may is
announced at once, what others post when a steward nods (FEP-1b12, AP-85). What is not for everybody
stays a message to the stewards. Answers are not announced: on Mastodon each would mention the group
again, and every follower would get every word of a thread.
"""

from __future__ import annotations

from typing import Final

import orjson
from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload, selectinload

from federation.errors import MalformedDocument, Unauthorised
from federation.vocab.base import Object
from hub.actors.models import Actor
from hub.core import text
from hub.core.services import Services
from hub.entries import live, notes, publishing
from hub.entries.models import HELD, SHOWN, Reply
from hub.fediverse import announcing, follows, forwarding, outbox, peers
from hub.fediverse.models import Announcement, Follow
from hub.fediverse.received import Received

GROUP: Final = "Group"  # the type of an actor that takes posts
MOST_WAITING: Final = 100  # posts of one server that wait for a steward; no more are kept
MOST_WAITING_IN_ALL: Final = 1000  # the same of all servers: more than anybody looks through


async def receive(received: Received, thing: Object) -> bool:
    """Take a post for some of our groups; False if it is none.

    For several it is announced at once if its author may post to each of them.

    Raises:
        MalformedDocument: it says nothing.
        Unauthorised: it was deleted before, or too much waits for a steward already.
    """
    if thing.in_reply_to is not None or not notes.is_for_all(thing):
        return False
    session = received.session
    groups = await _addressed(session, thing)
    if not groups:
        return False
    uri = _id_of(thing)
    if await publishing.is_gone(session, uri, received.author.uri):
        raise Unauthorised("it was deleted before (AP-34)")
    before = select(Announcement.id).where(Announcement.object_uri == uri).limit(1)
    if await session.scalar(before) is not None:
        return True
    # What an author sent is worth passing on as it is; what was fetched is not theirs word by word.
    direct = received.via is None and isinstance(received.document.get("object"), dict)
    sent = orjson.dumps(received.document) if direct and received.activity.id else None
    permitted = all([await _may_post(received, group, thing) for group in groups])
    if not permitted:
        for group in groups:
            await _find_room(session, group, received.author)
    await _keep(received, groups[0], thing, SHOWN if permitted else HELD)
    for group in groups:
        row = await announcing.intend(session, group, received.author, uri, sent)
        if permitted and row is not None:
            await announcing.say(session, received.services, row)
    return True


def _id_of(thing: Object) -> str:
    """What the post is announced by.

    Raises:
        MalformedDocument: it has none that can be passed on, or says nothing.
    """
    if thing.id is None or not (thing.content or thing.attachments):
        raise MalformedDocument("a post without id or text")
    if len(thing.id.encode()) > outbox.LONGEST_OBJECT:
        raise MalformedDocument("a post whose id is too long to be passed on")
    return thing.id


async def _addressed(session: AsyncSession, thing: Object) -> list[Actor]:
    """Those of our groups that it names, by name."""
    named = select(Actor).where(
        Actor.local,
        Actor.kind == GROUP,
        Actor.uri.in_(notes.addressees(thing)),
        Actor.moved_to.is_(None),
        Actor.deleted_at.is_(None),
    )
    return list(await session.scalars(named.order_by(Actor.name)))


async def _may_post(received: Received, group: Actor, thing: Object) -> bool:
    """Followers of the group and those whom we follow, of servers that are heard, not too often."""
    session, author = received.session, received.author
    if notes.calls_many(thing) or not await peers.hears(session, received.services, author):
        return False
    knows_us = or_(
        (Follow.follower_id == author.id) & (Follow.followee_id == group.id),
        (Follow.followee_id == author.id)
        & Follow.follower_id.in_(select(Actor.id).where(Actor.local)),
    )
    known = select(Follow.id).where(knows_us, Follow.state == follows.ACCEPTED).limit(1)
    if await session.scalar(known) is None:
        return False
    return await announcing.admits(session, announcing.may_post(group.id), author)


async def _find_room(session: AsyncSession, group: Actor, author: Actor) -> None:
    """Return if one more may wait for a steward.

    Raises:
        Unauthorised: too much does already, of the author's server or of all.
    """
    there = func.count().filter(Actor.authority == author.authority)
    query = (
        select(there, func.count())
        .select_from(Announcement)
        .join(Reply, Reply.uri == Announcement.object_uri)
        .join(Actor, Actor.id == Reply.author_id)
        .where(
            Announcement.actor_id == group.id,
            Announcement.said_at.is_(None),
            Announcement.undone_at.is_(None),
            Reply.state == HELD,
            Actor.suspended_at.is_(None),
        )
    )
    waiting_there, waiting = (await session.execute(query)).one()
    if waiting_there >= MOST_WAITING:
        raise Unauthorised("as many posts of its server as are kept wait for a steward")
    if waiting >= MOST_WAITING_IN_ALL:
        raise Unauthorised("as many posts as are kept wait for a steward")


async def _keep(received: Received, group: Actor, thing: Object, state: str) -> None:
    """Among the messages, where the stewards find it: to let it through, or to take it back."""
    content = await text.cleaned(notes.html_of(thing))
    post = notes.row_of_theirs(thing, received.author, content, received.now)
    post.channel_id, post.public, post.state = group.id, True, state
    received.session.add(post)
    await received.session.flush()
    await live.note_tags(received.session, post, thing)


async def catch_up(session: AsyncSession, services: Services) -> None:
    """Announce and forward what a steward has just let through."""
    await session.flush()
    rows = await session.scalars(
        select(Announcement)
        .join(Reply, Reply.uri == Announcement.object_uri)
        .where(
            Announcement.said_at.is_(None),
            Announcement.undone_at.is_(None),
            Reply.state == SHOWN,
            Reply.public,
            Announcement.actor.has(Actor.deleted_at.is_(None)),
        )
        .options(joinedload(Announcement.actor), joinedload(Announcement.author))
        .order_by(Announcement.created_at)
    )
    for row in rows.all():
        await announcing.say(session, services, row)
    await forwarding.release(session)


async def take_back(session: AsyncSession, services: Services, reply: Reply) -> None:
    """A steward hid it: our followers get it no more, and those who did are told."""
    for row in await announcing.of_object(session, reply.uri):
        if row.said_at is not None:
            await announcing.undo(session, services, row)
    await forwarding.drop(session, reply.uri)


async def listed(session: AsyncSession, group: Actor, limit: int) -> list[Reply]:
    """The newest posts that a group passed on, with their authors."""
    rows = await session.scalars(
        select(Reply)
        .join(Announcement, Announcement.object_uri == Reply.uri)
        .where(
            Announcement.actor_id == group.id,
            Announcement.undone_at.is_(None),
            Reply.public,
            Reply.state == SHOWN,
            Reply.author.has(Actor.suspended_at.is_(None) & Actor.deleted_at.is_(None)),
        )
        .options(selectinload(Reply.author))
        .order_by(Reply.published_at.desc(), Reply.id.desc())
        .limit(limit)
    )
    return list(rows)
