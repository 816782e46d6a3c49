"""What waits to be delivered, as stewards see it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from hub.core.clock import now
from hub.fediverse.models import Delivery, OutboxActivity, Peer

MOST = 500  # shown at once, the oldest first

State = Literal["sending", "due", "later", "host closed"]


@dataclass(frozen=True)
class WaitingView:
    """One delivery; `due_at` is when it is tried next, as far as is known now.

    `state`: on its way, due, due later, or held back with all the mail of its server.
    """

    object: str
    type: str
    host: str
    inbox: str
    state: State
    attempts: int
    due_at: datetime
    last_error: str | None


async def listed(session: AsyncSession, host: str | None) -> tuple[list[WaitingView], int]:
    """The oldest of what waits, for one server or all, and how much waits altogether."""
    mine = (Delivery.host == host,) if host else ()
    total = await session.scalar(select(func.count()).select_from(Delivery).where(*mine))
    rows = await session.execute(
        select(Delivery, OutboxActivity.type, Peer)
        .join(OutboxActivity, OutboxActivity.id == Delivery.activity_id)
        .outerjoin(Peer, Peer.host == Delivery.host)
        .where(*mine)
        .order_by(Delivery.id)
        .limit(MOST)
    )
    return [_view(delivery, kind, peer) for delivery, kind, peer in rows], total or 0


def _view(row: Delivery, kind: str, peer: Peer | None) -> WaitingView:
    moment = now()
    due_at, state = row.run_at, _state(row, moment)
    if peer is not None and peer.lease_until is not None and peer.lease_until > moment:
        state = "sending" if state == "due" else state
    elif peer is not None and peer.closed_until is not None and peer.closed_until > moment:
        state, due_at = "host closed", max(due_at, peer.closed_until)
    return WaitingView(
        object=row.object_uri,
        type=kind,
        host=row.host,
        inbox=row.inbox,
        state=state,
        attempts=row.attempts,
        due_at=due_at,
        last_error=row.last_error,
    )


def _state(row: Delivery, moment: datetime) -> State:
    return "due" if row.run_at <= moment else "later"
