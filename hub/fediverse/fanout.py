"""Expanding what was said into deliveries: set-based, in the order in which it was said.

Unexpanded rows are locked without `SKIP LOCKED`: a second worker waits and then finds them done,
so that an Update is never expanded before its Create.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, case, func, literal, or_, select, union, update
from sqlalchemy.ext.asyncio import AsyncSession

from federation.origins import authority
from hub.actors.models import Actor
from hub.core.clock import now
from hub.core.db import insert_for
from hub.core.services import Services
from hub.fediverse.models import Delivery, Follow, OutboxActivity, Peer, Receipt

BATCH = 20
BLOCKED = "blocked"


async def expand(services: Services) -> int:
    """How many activities were expanded into deliveries."""
    async with services.db.write() as session:
        rows = (
            await session.execute(
                select(
                    OutboxActivity.id,
                    OutboxActivity.actor_id,
                    OutboxActivity.object_uri,
                    OutboxActivity.to_followers,
                    OutboxActivity.to_receivers,
                    OutboxActivity.inboxes,
                )
                .where(OutboxActivity.expanded_at.is_(None), OutboxActivity.run_at <= now())
                .order_by(OutboxActivity.id)
                .limit(BATCH)
                .with_for_update()
            )
        ).all()
        for row in rows:
            await _expand_one(session, row)
    return len(rows)


async def _expand_one(session: AsyncSession, row: Any) -> None:
    sources: list[Select[str, str]] = []
    if row.to_followers:
        sources.append(_followers(row.actor_id))
    if row.to_receivers:
        sources.extend(_receivers(row.object_uri))
    sources.extend(
        select(literal(inbox).label("inbox"), literal(authority(inbox)).label("host"))
        for inbox in row.inboxes
    )
    if sources:
        await _insert_deliveries(session, row, sources)
        await _open_lanes(session, row.id)
    await session.execute(
        update(OutboxActivity).where(OutboxActivity.id == row.id).values(expanded_at=now())
    )


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


def _receivers(object_uri: str) -> list[Select[str, str]]:
    """Who has the object, or has it on the way."""
    return [
        select(Receipt.inbox, Receipt.host).where(Receipt.object_uri == object_uri),
        select(Delivery.inbox, Delivery.host).where(Delivery.object_uri == object_uri),
    ]


async def _insert_deliveries(
    session: AsyncSession, row: Any, sources: list[Select[str, str]]
) -> None:
    who = union(*sources).subquery()
    inbox, host = who.c[0], who.c[1]
    moment = now()
    blocked = select(Peer.host).where(Peer.standing == BLOCKED)
    targets = select(
        literal(row.id),
        literal(row.object_uri),
        inbox,
        func.min(host),
        literal(moment, OutboxActivity.created_at.type),
        literal(0),
        literal(moment, OutboxActivity.created_at.type),
    ).where(host.not_in(blocked))
    columns = ["activity_id", "object_uri", "inbox", "host", "run_at", "attempts", "created_at"]
    await session.execute(
        insert_for(session, Delivery)
        .from_select(columns, targets.group_by(inbox))
        .on_conflict_do_nothing()
    )


async def _open_lanes(session: AsyncSession, activity_id: int) -> None:
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
        .where(Delivery.activity_id == activity_id)
        .distinct()
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
