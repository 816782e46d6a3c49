"""Servers as stewards see them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from federation.delivery import first_scheme
from hub.actors.models import Actor
from hub.core.clock import now
from hub.fediverse.models import Delivery, Follow, Peer


@dataclass(frozen=True)
class PeerView:
    """A server as stewards see it; `waiting` counts deliveries.

    `lost`: nothing was heard of it for so long that its things are hidden. `breaker` is closed
    while mail goes out, else open until `closed_until`; `scheme` is the signature scheme that the
    next delivery begins with.
    """

    host: str
    standing: str
    software: str | None
    scheme: str
    breaker: str
    last_seen_at: datetime | None
    lost: bool
    last_delivered_at: datetime | None
    failures: int
    last_error: str | None
    closed_until: datetime | None
    waiting: int
    followed: bool
    followers: int
    flooded: bool


async def listed(session: AsyncSession) -> list[PeerView]:
    """Every server that we know, the busiest first."""
    waiting = select(Delivery.host, func.count().label("n")).group_by(Delivery.host).subquery()
    rows = await session.execute(
        select(Peer, func.coalesce(waiting.c.n, 0))
        .outerjoin(waiting, waiting.c.host == Peer.host)
        .order_by(func.coalesce(waiting.c.n, 0).desc(), Peer.host)
    )
    moment = now()
    followed = await _counts(session, Follow.follower_id, Follow.followee_id)
    followers = await _counts(session, Follow.followee_id, Follow.follower_id)
    return [
        PeerView(
            host=peer.host,
            standing=peer.standing,
            software=peer.software,
            scheme=first_scheme(peer.scheme, peer.rfc9421_at, moment),
            breaker=_breaker(peer, moment),
            last_seen_at=peer.last_seen_at,
            lost=peer.lost_at is not None,
            last_delivered_at=peer.last_delivered_at,
            failures=peer.failures,
            last_error=peer.last_error,
            closed_until=peer.closed_until,
            waiting=count,
            followed=peer.host in followed,
            followers=followers.get(peer.host, 0),
            flooded=peer.flooded_at is not None,
        )
        for peer, count in rows
    ]


def _breaker(peer: Peer, moment: datetime) -> str:
    closed = peer.closed_until is not None and peer.closed_until > moment
    return "open" if closed else "closed"


async def _counts(session: AsyncSession, our_side: object, their_side: object) -> dict[str, int]:
    """Accepted follows per server, seen from one side."""
    ours = select(Actor.id).where(Actor.local)
    rows = await session.execute(
        select(Actor.authority, func.count())
        .join(Follow, their_side == Actor.id)
        .where(our_side.in_(ours), Follow.state == "accepted")  # type: ignore[attr-defined]
        .group_by(Actor.authority)
    )
    return dict(rows.all())
