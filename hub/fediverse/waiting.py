"""What waits to be delivered, as stewards see it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from hub.core.clock import now
from hub.fediverse.models import Delivery, OutboxActivity, Peer

MOST = 500  # shown at once, the oldest first

State = Literal["sending", "due", "later", "behind", "host closed"]


@dataclass(frozen=True)
class WaitingView:
    """One delivery; `due_at` is when it is tried next, as far as is known now.

    `state`: on its way, due, due later, behind what was said before of the same object, or held
    back with all the mail of its server. `behind` is the activity that goes first, None if it
    waits for none; `due_at` is no earlier than that one's.
    """

    object: str
    type: str
    host: str
    inbox: str
    state: State
    attempts: int
    due_at: datetime
    behind: str | None
    last_error: str | None


async def listed(session: AsyncSession, host: str | None) -> tuple[list[WaitingView], int]:
    """The oldest of what waits, for one server or all, and how much waits altogether."""
    mine = (Delivery.host == host,) if host else ()
    total = await session.scalar(select(func.count()).select_from(Delivery).where(*mine))
    first, said = aliased(Delivery), aliased(OutboxActivity)
    rows = await session.execute(
        select(Delivery, OutboxActivity.type, Peer, first.run_at, said.type)
        .join(OutboxActivity, OutboxActivity.id == Delivery.activity_id)
        .outerjoin(Peer, Peer.host == Delivery.host)
        .outerjoin(first, first.id == _first_of_its_object())
        .outerjoin(said, said.id == first.activity_id)
        .where(*mine)
        .order_by(Delivery.id)
        .limit(MOST)
    )
    return [_view(*row) for row in rows], total or 0


def _first_of_its_object() -> ColumnElement[int]:
    """What goes to the same server before it, since it speaks of the same object (AP-74)."""
    earlier = aliased(Delivery)
    return (
        select(earlier.id)
        .where(
            earlier.host == Delivery.host,
            earlier.object_uri == Delivery.object_uri,
            earlier.activity_id < Delivery.activity_id,
        )
        .order_by(earlier.activity_id, earlier.id)
        .limit(1)
        .correlate(Delivery)
        .scalar_subquery()
    )


def _view(
    row: Delivery, kind: str, peer: Peer | None, first_due: datetime | None, behind: str | None
) -> WaitingView:
    moment = now()
    due_at = max(row.run_at, first_due or row.run_at)
    state: State = "due" if row.run_at <= moment else "later"
    if behind is not None:
        state = "behind"
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
        behind=behind,
        last_error=row.last_error,
    )
