"""What our actors pass on of others: each object once for each actor, and taken back when it goes.

Only ids are announced, of what its author said to everybody. A server on which we know a Group
speaks FEP-1b12, and gets the whole activity besides (PROTOCOL §3.4, M11).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

import orjson
from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased, joinedload

from federation.vocab.activities import Announce, Undo
from federation.vocab.names import PUBLIC, Document
from hub.actors.channels import AUTHOR_OF
from hub.actors.models import Actor
from hub.core.clock import now
from hub.core.services import Services
from hub.fediverse import follows, outbox
from hub.fediverse.follows import ACCEPTED
from hub.fediverse.models import Announcement, Follow, OutboxActivity
from hub.jobs.queue import enqueue
from hub.jobs.registry import Run, job

MOST_A_DAY: Final = 10  # things of one author that one of our actors passes on unseen
MOST_OF_A_SERVER: Final = 50  # the same of one server, which may have any number of authors
DAY: Final = timedelta(days=1)
AT_ONCE: Final = 50  # Undos signed in one transaction; others write between two
UNDO: Final = "-undo"  # what the id of an Announce ends with in the id of its Undo


async def intend(
    session: AsyncSession, actor: Actor, author: Actor, object_uri: str, activity: bytes | None
) -> Announcement | None:
    """The one announcement of an object by one of our actors; None if there is one already.

    Nothing is said yet. `activity` is the Create as its author sent it, None if it came otherwise.
    """
    already = select(Announcement.id).where(
        Announcement.actor_id == actor.id, Announcement.object_uri == object_uri
    )
    if await session.scalar(already) is not None:
        return None
    row = Announcement(
        uri=f"{actor.uri}#announces/{uuid4()}",
        actor_id=actor.id,
        object_uri=object_uri,
        author_id=author.id,
        activity=activity,
    )
    row.actor, row.author = actor, author
    session.add(row)
    await session.flush()
    return row


async def say(session: AsyncSession, services: Services, row: Announcement) -> None:
    """Announce it now; actor and author must be loaded."""
    row.said_at = now()
    if not _widely(row.actor):
        boxes = await group_boxes(session, row.actor)
        await outbox.post(session, services, row.actor, _announce(row), inboxes=boxes)
        return
    await outbox.post(
        session,
        services,
        row.actor,
        _announce(row),
        to_followers=True,
        inboxes=[] if row.author.local else [row.author.delivery_inbox],
        listed=True,
    )
    if row.activity is not None:
        await pass_whole(session, services, row, orjson.loads(row.activity))


def _widely(actor: Actor) -> bool:
    """Whether all who follow it are told, or only hubs.

    Channels that publish pass on nothing but answers (`entries.carrying`), which their followers
    on Mastodon did not ask for.
    """
    return actor.name not in AUTHOR_OF.values()


async def pass_whole(
    session: AsyncSession, services: Services, row: Announcement, activity: Document
) -> None:
    """Announce a whole activity to the followers who speak FEP-1b12."""
    boxes = await group_boxes(session, row.actor)
    if not boxes or not isinstance(activity.get("id"), str):
        return
    announce = Announce(
        id=f"{row.actor.uri}#announces/{uuid4()}",
        actor=row.actor.uri,
        object=activity["id"],
        to=(PUBLIC,),
        cc=(f"{row.actor.uri}/followers",),
        audience=(row.actor.uri,),
        published=now(),
    )
    await outbox.post(
        session,
        services,
        row.actor,
        announce,
        inboxes=boxes,
        about=row.object_uri,
        whole=activity,
    )


async def undo(session: AsyncSession, services: Services, row: Announcement) -> None:
    """Take it back from everyone who got it; it is not announced again."""
    row.undone_at = now()
    if row.said_at is not None:
        await _say_undo(session, services, row)


async def undo_all_of(session: AsyncSession, hosts: Sequence[str]) -> int:
    """As `undo`, of everything from these servers; how much had been said.

    From now on nothing of it stands; a job tells those who got it, since that may be thousands.
    """
    moment = now()
    theirs = select(Actor.id).where(Actor.authority.in_(hosts))
    rows = await session.scalars(
        update(Announcement)
        .where(Announcement.author_id.in_(theirs), Announcement.undone_at.is_(None))
        .values(undone_at=moment)
        .returning(Announcement.said_at)
        .execution_options(synchronize_session=False)
    )
    said = sum(said_at is not None for said_at in rows)
    if said:
        await enqueue(session, tell_undone, moment=moment.isoformat())
    return said


@job("fediverse.tell_undone")
async def tell_undone(run: Run, *, moment: str) -> None:
    """Say the Undos of what was taken back at one moment, some at a time, until none is left."""
    undone = select(OutboxActivity.id).where(OutboxActivity.uri == Announcement.uri + UNDO)
    async with run.finish() as session:
        rows = await session.scalars(
            select(Announcement)
            .where(
                Announcement.undone_at == datetime.fromisoformat(moment),
                Announcement.said_at.is_not(None),
                ~undone.exists(),
            )
            .options(joinedload(Announcement.actor), joinedload(Announcement.author))
            .order_by(Announcement.created_at)
            .limit(AT_ONCE)
        )
        found = rows.all()
        for row in found:
            await _say_undo(session, run.services, row)
        if len(found) == AT_ONCE:
            await enqueue(session, tell_undone, moment=moment)


async def _say_undo(session: AsyncSession, services: Services, row: Announcement) -> None:
    taken_back = Undo(
        id=f"{row.uri}{UNDO}",
        actor=row.actor.uri,
        object=_announce(row),
        to=(PUBLIC,),
        cc=(f"{row.actor.uri}/followers", row.author.uri),
    )
    await outbox.post(
        session,
        services,
        row.actor,
        taken_back,
        to_followers=_widely(row.actor),
        to_receivers=True,
        about=row.object_uri,
    )


def _announce(row: Announcement) -> Announce:
    return Announce(
        id=row.uri,
        actor=row.actor.uri,
        object=row.object_uri,
        to=(PUBLIC,),
        cc=(f"{row.actor.uri}/followers", row.author.uri),
        published=row.said_at,
    )


async def of_object(session: AsyncSession, object_uri: str) -> list[Announcement]:
    """The announcements of an object that stand, or wait for a steward."""
    return await _listed(session, Announcement.object_uri == object_uri)


async def of_author(session: AsyncSession, author: Actor) -> list[Announcement]:
    """As `of_object`, of everything that somebody wrote."""
    return await _listed(session, Announcement.author_id == author.id)


async def _listed(session: AsyncSession, which: ColumnElement[bool]) -> list[Announcement]:
    rows = await session.scalars(
        select(Announcement)
        .where(which, Announcement.undone_at.is_(None))
        .options(joinedload(Announcement.actor), joinedload(Announcement.author))
        .order_by(Announcement.created_at)
    )
    return list(rows)


async def admits(session: AsyncSession, who: ColumnElement[bool], author: Actor) -> bool:
    """Whether something that is said of `Actor` is true of this author."""
    found = await session.scalar(select(Actor.id).where(Actor.id == author.id, who))
    return found is not None


def may_answer(actor_id: UUID) -> ColumnElement[bool]:
    """Said of `Actor`: this actor of ours passes on what they answer.

    Channels speak for many: ours, and those that we follow, are not counted.
    """
    return or_(Actor.local, Actor.id.in_(follows.by_us()), may_post(actor_id))


def may_post(actor_id: UUID) -> ColumnElement[bool]:
    """Said of `Actor`: this actor of ours passes on more of them, and of their server, unseen."""
    author = aliased(Actor)
    lately = (Announcement.actor_id == actor_id, Announcement.created_at > now() - DAY)
    enough = (
        select(Announcement.author_id)
        .where(*lately)
        .group_by(Announcement.author_id)
        .having(func.count() >= MOST_A_DAY)
    )
    enough_there = (
        select(author.authority)
        .join(Announcement, Announcement.author_id == author.id)
        .where(*lately)
        .group_by(author.authority)
        .having(func.count() >= MOST_OF_A_SERVER)
    )
    return and_(Actor.id.not_in(enough), Actor.authority.not_in(enough_there))


async def group_boxes(session: AsyncSession, actor: Actor) -> list[str]:
    """The inboxes of followers on servers that have a Group: those pass on whole activities."""
    group = aliased(Actor)
    groups = select(group.authority).where(group.kind == "Group", group.local.is_(False))
    query = (
        select(func.coalesce(Actor.shared_inbox, Actor.inbox))
        .join(Follow, Follow.follower_id == Actor.id)
        .where(
            Follow.followee_id == actor.id,
            Follow.state == ACCEPTED,
            Actor.authority.in_(groups),
            Actor.deleted_at.is_(None),
            Actor.suspended_at.is_(None),
        )
        .distinct()
    )
    return sorted(await session.scalars(query))
