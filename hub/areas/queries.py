"""Which channels of areas there are, and what fits each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased, joinedload

from hub.actors import service as actors
from hub.actors.models import Actor
from hub.areas.models import Area
from hub.areas.schemas import LOCAL
from hub.core.clock import now
from hub.core.errors import NotFound
from hub.core.words import filled
from hub.entries import finding, merging, search
from hub.entries import queries as entries
from hub.entries.board import GROUP
from hub.entries.finding import Found
from hub.entries.merging import OTHER
from hub.entries.models import SHOWN, Entry, Reply, numbered
from hub.entries.paging import Listed
from hub.entries.queries import Filter
from hub.entries.visibility import ANYBODY, PUBLIC, standing
from hub.events import queries as events
from hub.events.models import Event
from hub.fediverse import announcing, follows, former
from hub.fediverse.follows import ACCEPTED
from hub.fediverse.models import Announcement, Follow
from hub.fediverse.outbox import LONGEST_OBJECT

# Worth telling people of.
CURRENT: Final = ("scheduled", "moved_online", "open", "published", "listed")
FRESH: Final = timedelta(days=14)  # what is older stands on the channel's page, and is no news


async def listed(session: AsyncSession) -> Sequence[Area]:
    """Every channel, with its actor, by name."""
    query = select(Area).join(Area.actor).options(joinedload(Area.actor)).order_by(Actor.name)
    return (await session.scalars(query)).all()


async def of_actor(session: AsyncSession, actor: Actor) -> Area | None:
    """The channel that this actor of ours is; None if it is none."""
    query = select(Area).where(Area.actor_id == actor.id).options(joinedload(Area.actor))
    return await session.scalar(query)


async def by_name(session: AsyncSession, name: str) -> Area:
    """A channel by the name of its actor.

    Raises:
        NotFound: there is none.
        Gone: it was ended.
    """
    area = await of_actor(session, await actors.local(session, name))
    if area is None:
        raise NotFound(filled("There is no @{name} here.", name=name))
    return area


async def counts(session: AsyncSession) -> dict[UUID, tuple[int, int]]:
    """How many follow each channel, and how much of what it passed on stands."""
    followers = dict(
        (
            await session.execute(
                select(Follow.followee_id, func.count())
                .where(Follow.state == ACCEPTED, Follow.followee_id.in_(select(Area.actor_id)))
                .group_by(Follow.followee_id)
            )
        ).all()
    )
    said = dict(
        (
            await session.execute(
                select(Announcement.actor_id, func.count())
                .where(Announcement.said_at.is_not(None), Announcement.undone_at.is_(None))
                .where(Announcement.actor_id.in_(select(Area.actor_id)))
                .group_by(Announcement.actor_id)
            )
        ).all()
    )
    return {id_: (followers.get(id_, 0), said.get(id_, 0)) for id_ in {*followers, *said}}


def fits(area: Area, entry: Any = Entry) -> list[ColumnElement[bool]]:
    """Said of `entry`: everybody may see it, and it is what the channel is about."""
    found = [entry.visibility == PUBLIC, standing(entry)]
    if area.kinds:
        found.append(entry.kind.in_(area.kinds))
    if area.tags:
        found.append(or_(*(search.has_tag(tag, entry) for tag in area.tags)))
    if area.origins:
        found.append(entry.origin.in_(["" if one == LOCAL else one for one in area.origins]))
    if area.latitude is not None and area.longitude is not None:
        found.append(entries.within(area.latitude, area.longitude, area.within_m, entry))
    return found


def first_hand(entry: Any = Entry) -> ColumnElement[bool]:
    """Said of `entry`: it was published here, or on a server that this hub follows itself.

    Or where those whom it follows were before they moved.
    So nothing that came through a relay or somebody else's channel is passed on once more, by
    whatever way it came first, and two hubs that follow each other's channels add nothing (AP-88).
    """
    return or_(entry.origin == "", entry.origin.in_(former.before(follows.by_us())))


def current(moment: datetime) -> list[ColumnElement[bool]]:
    """Said of `Entry`: it is to come, or to be had; of a series the next date alone."""
    return [finding.not_over(moment), events.first_of_its_kind(moment)]


async def untold(session: AsyncSession, area: Area, limit: int) -> Sequence[UUID]:
    """The entries that a channel has yet to pass on, the newest first.

    Of the same thing from several hubs only the one that stands for it, and none while another is
    passed on.
    """
    moment = now()
    by_it = Announcement.actor_id == area.actor_id
    told = exists().where(by_it, Announcement.object_uri == Entry.uri)
    told_of_another = merging.another(
        by_it, Announcement.object_uri == OTHER.uri, Announcement.undone_at.is_(None)
    )
    query = (
        select(Entry.id)
        .where(
            *_news_of(area, moment),
            *current(moment),
            ~told,
            ~told_of_another,
            merging.shown_once(*_news_of(area, moment, OTHER)),
        )
        .order_by(Entry.number.desc())
        .limit(limit)
    )
    return list(await session.scalars(query))


def _news_of(area: Area, moment: datetime, entry: Any = Entry) -> list[ColumnElement[bool]]:
    """Said of `entry`: it is worth passing on."""
    return [
        entry.number >= numbered(moment - FRESH, 0),
        entry.published_at.is_not(None),
        entry.status.in_(CURRENT),
        first_hand(entry),
        *fits(area, entry),
    ]


async def unheard(session: AsyncSession, area: Area, limit: int) -> Sequence[UUID]:
    """The answers that a channel which takes posts has yet to pass on, the oldest first (FEP-1b12).

    They answer what it passed on itself and stand here; so they take the way of what they answer,
    and two channels that follow each other repeat nothing (AP-88). Those of whoever said much of
    late wait.
    """
    if area.actor.kind != GROUP:
        return []
    told = exists().where(
        Announcement.actor_id == area.actor_id, Announcement.object_uri == Reply.uri
    )
    query = (
        select(Reply.id)
        .join(Reply.author)
        .where(
            *answers(area),
            Reply.received_at > now() - FRESH,
            func.length(Reply.uri) <= LONGEST_OBJECT,
            Actor.suspended_at.is_(None),
            Actor.deleted_at.is_(None),
            announcing.may_answer(area.actor_id),
            ~told,
        )
        .order_by(Reply.received_at, Reply.id)
        .limit(limit)
    )
    return list(await session.scalars(query))


def answers(area: Area) -> Sequence[ColumnElement[bool]]:
    """Said of `Reply`: it answers something that the channel passed on, and stands here."""
    above = aliased(Reply)
    by_it = (
        Announcement.actor_id == area.actor_id,
        Announcement.said_at.is_not(None),
        Announcement.undone_at.is_(None),
    )
    an_entry = exists().where(
        *by_it, Announcement.object_uri == Entry.uri, Entry.id == Reply.entry_id
    )
    a_reply = exists().where(
        *by_it, Announcement.object_uri == above.uri, above.id == Reply.answers_id
    )
    return (Reply.public.is_(True), Reply.state == SHOWN, or_(an_entry, a_reply))


async def unfit(session: AsyncSession, area: Area, limit: int) -> Sequence[UUID]:
    """Announcements of a channel whose thing is gone, hidden, or not what it is about any more.

    What somebody posted to it by mentioning it is for stewards to take back (`entries.board`);
    answers go with what they answer.
    """
    still = exists().where(Entry.uri == Announcement.object_uri, *fits(area))
    posted = exists().where(
        Reply.uri == Announcement.object_uri,
        or_(and_(Reply.entry_id.is_(None), Reply.answers_id.is_(None)), and_(*answers(area))),
    )
    query = (
        select(Announcement.id)
        .where(
            Announcement.actor_id == area.actor_id,
            Announcement.said_at.is_not(None),
            Announcement.undone_at.is_(None),
            ~still,
            ~posted,
        )
        .order_by(Announcement.created_at)
        .limit(limit)
    )
    return list(await session.scalars(query))


async def shown(
    session: AsyncSession, area: Area, *, limit: int, cursor: str | None = None
) -> Found:
    """What a channel is about, current and first-hand, the newest first; for its page and feeds.

    Raises:
        Invalid: the cursor is none of ours.
    """
    return await finding.found(
        session,
        ANYBODY,
        Filter(limit=limit, cursor=cursor),
        ranked=False,
        conditions=[first_hand(), *fits(area), *current(now())],
        others=[first_hand(OTHER), *fits(area, OTHER)],
    )


async def calendar(
    session: AsyncSession, area: Area, since: datetime, *, limit: int, cursor: str | None = None
) -> Listed[Event]:
    """The events of a channel that are not over at `since`, the next first."""
    query = select(Event).where(first_hand(), *fits(area), *events.narrowed(since))
    return await entries.page(
        session,
        Event,
        query,
        Filter(limit=limit, cursor=cursor),
        ANYBODY,
        others=[first_hand(OTHER), *fits(area, OTHER)],
    )
