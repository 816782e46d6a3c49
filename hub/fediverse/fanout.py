"""Expanding what was said into deliveries: set-based, in the order in which it was said.

Unexpanded rows are locked without `SKIP LOCKED`: a second worker waits and then finds them done,
so that an Update is never expanded before its Create.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    case,
    exists,
    func,
    literal,
    or_,
    select,
    union,
    update,
)
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from federation.origins import authority
from hub.actors.models import Actor
from hub.core.clock import now
from hub.core.db import insert_for
from hub.core.services import Services
from hub.fediverse import facts, rulings
from hub.fediverse.models import Delivery, Follow, OutboxActivity, Peer, Receipt
from hub.fediverse.rulings import BLOCKED

log = logging.getLogger(__name__)

BATCH = 20  # activities looked at in one step
CHUNK = 1000  # deliveries written in one step
PAUSE = timedelta(minutes=5)  # until an activity that could not be addressed is looked at again


async def expand(services: Services) -> int:
    """How many steps were made; each is a transaction of at most CHUNK deliveries.

    Small steps leave the writer to others in between, and the first deliveries go out while the
    last are still being written.
    """
    async with services.db.write() as session:
        rows = (
            await session.execute(
                select(OutboxActivity)
                .where(OutboxActivity.expanded_at.is_(None), OutboxActivity.run_at <= now())
                .order_by(OutboxActivity.id)
                .limit(BATCH)
                .with_for_update()
            )
        ).scalars()
        steps, room = 0, CHUNK
        for row in rows:
            room -= await _expand_by_itself(session, services, row, room)
            steps += 1
            if room <= 0:
                break
    return steps


async def _expand_by_itself(
    session: AsyncSession, services: Services, row: OutboxActivity, room: int
) -> int:
    """As `_expand_one`; one that cannot be expanded waits, and holds up no other (R14)."""
    number, uri = row.id, row.uri
    try:
        async with session.begin_nested():
            return await _expand_one(session, services, row, room)
    except (OperationalError, InterfaceError, OSError):
        raise  # the database itself is in trouble
    except Exception as error:
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            raise
        log.exception("outbound %s could not be addressed", uri)
    await session.execute(
        update(OutboxActivity).where(OutboxActivity.id == number).values(run_at=now() + PAUSE)
    )
    return 0


async def _expand_one(
    session: AsyncSession, services: Services, row: OutboxActivity, room: int
) -> int:
    """How many deliveries were written; the row is done when there was room for more."""
    sources: list[Select[str, str]] = []
    if row.to_followers:
        followers = _followers(row.actor_id)
        if await rulings.mode(session, services) == rulings.ALLOW_LIST:
            followers = followers.where(_is_listed())
        sources.append(followers)
    if row.to_receivers:
        sources.extend(_receivers(row.object_uri))
    sources.extend(
        select(literal(inbox).label("inbox"), literal(authority(inbox)).label("host"))
        for inbox in row.inboxes
        if not services.is_ours(authority(inbox))  # what we say, we know (AP-69)
    )
    written = 0
    if sources:
        await _insert_deliveries(session, row, sources, room)
        await _open_lanes(session, row)
        written, last = await _written(session, row)
        row.expanded_to = last or row.expanded_to
        if written:
            # From here on somebody else knows our address, and it must stay.
            await facts.note_federated(session)
    if written < room:
        row.expanded_at = now()
    return written


async def _written(session: AsyncSession, row: OutboxActivity) -> tuple[int, str | None]:
    """How many deliveries the last step made, and the last of their inboxes."""
    found = await session.execute(
        select(func.count(), func.max(Delivery.inbox)).where(*_this_step(row))
    )
    count, last = found.one()
    return count, last


def _this_step(row: OutboxActivity) -> tuple[ColumnElement[bool], ...]:
    return (Delivery.activity_id == row.id, Delivery.inbox > row.expanded_to)


def _followers(actor_id: Any) -> Select[str, str]:
    """Each server's shared inbox once; the personal inbox where there is none (AP-72)."""
    return (
        select(func.coalesce(Actor.shared_inbox, Actor.inbox).label("inbox"), Actor.authority)
        .join(Follow, Follow.follower_id == Actor.id)
        .where(
            Follow.followee_id == actor_id,
            Follow.state == "accepted",
            Actor.local.is_(False),
            Actor.deleted_at.is_(None),
            Actor.suspended_at.is_(None),
        )
    )


def _is_listed() -> ColumnElement[bool]:
    """Followers on servers that the allow list lets in; what others have, they hear the end of."""
    allowed = exists().where(Peer.host == Actor.authority, Peer.standing == rulings.ALLOWED)
    return or_(allowed, Actor.authority.in_(rulings.followed_hosts()))


def _receivers(object_uri: str) -> list[Select[str, str]]:
    """Who has the object, or has it on the way."""
    return [
        select(Receipt.inbox, Receipt.host).where(Receipt.object_uri == object_uri),
        select(Delivery.inbox, Delivery.host).where(Delivery.object_uri == object_uri),
    ]


async def _insert_deliveries(
    session: AsyncSession, row: OutboxActivity, sources: list[Select[str, str]], room: int
) -> None:
    who = union(*sources).subquery()
    inbox, host = who.c[0], who.c[1]
    moment = now()
    # That a block of a name holds for the names under it stands in their rows (`rulings`).
    heard = [~exists().where(Peer.host == host, Peer.standing == BLOCKED)]
    if row.from_host is not None:
        heard.append(host != row.from_host)
    targets = select(
        literal(row.id),
        literal(row.object_uri),
        inbox,
        func.min(host),
        literal(moment, OutboxActivity.created_at.type),
        literal(0),
        literal(moment, OutboxActivity.created_at.type),
    ).where(inbox > row.expanded_to, *heard)
    columns = ["activity_id", "object_uri", "inbox", "host", "run_at", "attempts", "created_at"]
    await session.execute(
        insert_for(session, Delivery)
        .from_select(columns, targets.group_by(inbox).order_by(inbox).limit(room))
        .on_conflict_do_nothing()
    )


async def _open_lanes(session: AsyncSession, row: OutboxActivity) -> None:
    """Every server with new mail is due now, or when its breaker closes."""
    moment = now()
    hosts = (
        select(
            Delivery.host,
            literal(moment, OutboxActivity.created_at.type),
            literal(moment, OutboxActivity.created_at.type),
            literal("open"),
            literal(0),
            literal(0),
        )
        .where(*_this_step(row))
        .distinct()
        .order_by(Delivery.host)  # locked in this order by everyone
    )
    columns = ["host", "run_at", "first_seen_at", "standing", "failures", "fence"]
    statement = insert_for(session, Peer).from_select(columns, hosts)
    due = case(
        (
            or_(Peer.closed_until.is_(None), Peer.closed_until <= moment),
            case(
                (or_(Peer.run_at.is_(None), Peer.run_at > moment), statement.excluded.run_at),
                else_=Peer.run_at,
            ),
        ),
        else_=Peer.closed_until,
    )
    await session.execute(
        statement.on_conflict_do_update(index_elements=["host"], set_={"run_at": due})
    )
