"""What stewards look at: servers, follows, deliveries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from hub.actors.models import Actor
from hub.audit.models import Act
from hub.core.errors import Invalid, NotFound
from hub.entries.models import Entry
from hub.entries.paging import NO_CURSOR, Listed
from hub.entries.visibility import PRIVATE
from hub.fediverse import follows, rulings
from hub.fediverse.models import Delivery, Follow, OutboxActivity, Peer, Receipt
from hub.people.models import Person

State = Literal["waiting", "retrying", "delivered"]
MOST_HIDDEN = 50


@dataclass(frozen=True, slots=True)
class FollowView:
    """A follow, seen from here: `handle` is the other side, `channel` ours; `relay` see `Follow`.

    `direction` is out where we follow them, in where they follow us.
    """

    id: UUID
    handle: str
    name: str
    uri: str
    url: str
    channel: str
    relay: str | None
    direction: Literal["in", "out"]
    state: str
    created_at: datetime
    answered_at: datetime | None


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """One activity on its way to one inbox, or one object that arrived there."""

    activity: str | None
    type: str | None
    object: str
    host: str
    inbox: str
    state: State
    attempts: int
    created_at: datetime | None
    due_at: datetime | None
    delivered_at: datetime | None
    last_error: str | None


async def following(session: AsyncSession) -> list[FollowView]:
    """Whom this hub follows or asked to follow."""
    return [view_of(row, "out") for row in await follows.ours(session)]


async def followers(session: AsyncSession) -> list[FollowView]:
    """Who follows this hub's channels."""
    return [view_of(row, "in") for row in await follows.followers(session)]


async def follow_by_id(session: AsyncSession, follow_id: UUID) -> Follow:
    """A follow, with both sides.

    Raises:
        NotFound: there is none.
    """
    row = await session.scalar(
        select(Follow)
        .where(Follow.id == follow_id)
        .options(joinedload(Follow.follower), joinedload(Follow.followee))
    )
    if row is None:
        raise NotFound("There is no such follow.")
    return row


async def deliveries(
    session: AsyncSession, *, host: str | None, state: State | None, limit: int, cursor: str | None
) -> Listed[DeliveryView]:
    """Deliveries, oldest first; without `state`, all that have not arrived.

    `delivered` reads the receipts instead, newest first.

    Raises:
        Invalid: the cursor is none of ours.
    """
    if state == "delivered":
        return await _delivered(session, host, limit, _offset(cursor))
    query = (
        select(Delivery, OutboxActivity.uri, OutboxActivity.type)
        .join(OutboxActivity, OutboxActivity.id == Delivery.activity_id)
        .where(Delivery.id > _offset(cursor))
        .order_by(Delivery.id)
        .limit(limit + 1)
    )
    if host is not None:
        query = query.where(Delivery.host == host)
    if state is not None:
        query = query.where(Delivery.attempts == 0 if state == "waiting" else Delivery.attempts > 0)
    rows = (await session.execute(query)).all()
    views = tuple(_waiting(*row) for row in rows[:limit])
    following_page = str(rows[limit - 1][0].id) if len(rows) > limit else None
    return Listed(views, following_page)


async def _delivered(
    session: AsyncSession, host: str | None, limit: int, offset: int
) -> Listed[DeliveryView]:
    query = select(Receipt).order_by(Receipt.delivered_at.desc(), Receipt.object_uri, Receipt.inbox)
    if host is not None:
        query = query.where(Receipt.host == host)
    rows = (await session.scalars(query.offset(offset).limit(limit + 1))).all()
    views = tuple(
        DeliveryView(
            activity=None,
            type=None,
            object=row.object_uri,
            host=row.host,
            inbox=row.inbox,
            state="delivered",
            attempts=0,
            created_at=None,
            due_at=None,
            delivered_at=row.delivered_at,
            last_error=None,
        )
        for row in rows[:limit]
    )
    return Listed(views, str(offset + limit) if len(rows) > limit else None)


def _offset(cursor: str | None) -> int:
    if not cursor:
        return 0
    if not (cursor.isascii() and cursor.isdigit()) or len(cursor) > len(str(2**63)) - 1:
        raise Invalid(NO_CURSOR, {"cursor": NO_CURSOR})
    return int(cursor)


def _waiting(row: Delivery, activity: str, kind: str) -> DeliveryView:
    return DeliveryView(
        activity=activity,
        type=kind,
        object=row.object_uri,
        host=row.host,
        inbox=row.inbox,
        state="retrying" if row.attempts else "waiting",
        attempts=row.attempts,
        created_at=row.created_at,
        due_at=row.run_at,
        delivered_at=None,
        last_error=row.last_error,
    )


def view_of(row: Follow, direction: Literal["in", "out"]) -> FollowView:
    """A follow with both sides loaded, as stewards see it."""
    sides: tuple[Any, Any] = (row.followee, row.follower)
    theirs, ours = sides if direction == "out" else sides[::-1]
    return FollowView(
        id=row.id,
        handle=theirs.handle,
        name=theirs.display_name or theirs.name,
        uri=theirs.uri,
        url=theirs.url or theirs.uri,
        channel=ours.name,
        relay=row.relay,
        direction=direction,
        state=row.state,
        created_at=row.created_at,
        answered_at=row.answered_at,
    )


async def names(session: AsyncSession, acts: Sequence[Act]) -> dict[str, str]:
    """How whoever did something, and what it was about, is called now, by id as text.

    Private wants have no name here: this is read by stewards who may not see them.
    """
    wanted = {str(act.by_id) for act in acts} | {act.about for act in acts}
    wanted |= {str(value) for act in acts for value in act.details.values()}
    ids = [found for each in wanted if (found := id_in(each)) is not None]
    people = await session.execute(select(Person.id, Person.name).where(Person.id.in_(ids)))
    actors = await session.execute(
        select(Actor.id, Actor.name, Actor.authority).where(Actor.id.in_(ids))
    )
    entries = await session.execute(
        select(Entry.id, Entry.title).where(
            Entry.id.in_(ids), Entry.visibility != PRIVATE, Entry.deleted_at.is_(None)
        )
    )
    called = {str(id_): name for id_, name in (*people.all(), *entries.all())}
    return called | {str(actor_id): f"@{name}@{host}" for actor_id, name, host in actors.all()}


async def doers(session: AsyncSession) -> list[tuple[str, str]]:
    """Whoever did something that is written down, by id as text, with their names."""
    did = select(Act.by_id).where(Act.by_id.is_not(None)).distinct()
    query = select(Person.id, Person.name).where(Person.id.in_(did)).order_by(Person.name)
    return [(str(person_id), name) for person_id, name in (await session.execute(query)).all()]


def id_in(text: str) -> UUID | None:
    """The id that a text is; None if it is none."""
    try:
        return UUID(text)
    except ValueError:
        return None


async def hidden_entries(session: AsyncSession) -> Sequence[Entry]:
    """What stewards took out of sight here, or silenced servers sent, the last first."""
    silenced = exists().where(Peer.host == Entry.origin, Peer.standing == rulings.SILENCED)
    query = select(Entry).where(
        or_(Entry.hidden_at.is_not(None), silenced & Entry.passed_at.is_(None)),
        or_(Entry.origin != "", Entry.visibility != PRIVATE),  # that is for those who are named
        Entry.deleted_at.is_(None),
    )
    last = func.coalesce(Entry.hidden_at, Entry.created_at).desc()
    return (await session.scalars(query.order_by(last).limit(MOST_HIDDEN))).all()
