"""Moving the hub to another address after others learnt the old one (FEP-7628, PROTOCOL §4.2).

Ids stay as they are: what was published before keeps its author, who keeps its key and answers
under the old name for as long as that leads here. Beside each of our actors stands a new one; the
old one says in a Move that it is the new one now, and the new one that it was the old one.
Followers whose servers obey a Move come along by themselves; others still get what is said of old
things.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased, joinedload

from federation.origins import authority
from federation.vocab.activities import Move
from federation.vocab.names import PUBLIC
from hub.actors.models import Actor
from hub.audit import log as audit
from hub.core.clock import now
from hub.core.errors import CommandFailed
from hub.core.services import Services
from hub.core.settings import Settings
from hub.fediverse import facts, follows, outbox
from hub.fediverse.models import Delivery, Follow, OutboxActivity, Receipt

MOVING: Final = "moving to"  # where a steward said that the hub will be


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a move is: followers before and now, and what became of the word to their servers."""

    stayed: int
    came: int
    waiting: int
    delivered: int


async def may_move(session: AsyncSession, settings: Settings, new: str) -> None:
    """Return if there is something to move, and another address to move to.

    Raises:
        CommandFailed: it is there already, or nobody knows the old address yet.
    """
    if new == settings.url:
        raise CommandFailed(f"This hub is at {new}.")
    if await facts.get(session, facts.FEDERATED) is None:
        raise CommandFailed(
            f"No other server knows this hub yet, so nothing needs to move: set HUB_URL={new} "
            "and restart it."
        )


async def intend(session: AsyncSession, new: str) -> None:
    """Note that the hub will be at `new`; the start with that as `HUB_URL` does it."""
    await facts.note(session, MOVING, new)
    await audit.note(session, "moving", new)


async def check(session: AsyncSession, settings: Settings, old: str) -> None:
    """Return if the hub, which others know as `old`, may begin at the address of its settings.

    Raises:
        CommandFailed: a steward did not say so, or the old name would not be answered any more.
    """
    new = settings.url
    if await facts.get(session, MOVING) != new:
        raise CommandFailed(
            f"Other servers know this hub as {old}; it cannot simply become {new}. "
            f"Set HUB_URL={old}, and say: hub move {new}"
        )
    if authority(old) not in settings.authorities:
        raise CommandFailed(
            f"This hub is moving from {old}. Set HUB_FORMER_URLS={old} too, so that it still "
            "answers there."
        )


async def depart(session: AsyncSession, old: str, new: str) -> None:
    """Our actors of the old address are those of the new one from now on."""
    moment = now()
    ours = (Actor.local, Actor.moved_to.is_(None), Actor.deleted_at.is_(None))
    target = func.replace(Actor.uri, old, new)
    await session.execute(update(Actor).where(*ours).values(moved_to=target, moved_at=moment))


async def announce(session: AsyncSession, services: Services, old: str) -> None:
    """Let each of our old actors say that it moved, and follow as the new one whom it followed.

    The outbox carries it to all, in steps and for as long as it takes; nothing is said twice.
    """
    moved = await session.scalars(
        select(Actor).where(Actor.local, Actor.uri.startswith(f"{old}/", autoescape=True))
    )
    for actor in moved.all():
        move = Move(
            id=f"{actor.uri}#move",
            actor=actor.uri,
            object=actor.uri,
            target=actor.moved_to,
            to=(PUBLIC,),
            cc=(f"{actor.uri}/followers",),
        )
        await outbox.post(session, services, actor, move, to_followers=True)
    rows = await session.scalars(
        select(Follow)
        .join(Actor, Actor.id == Follow.follower_id)
        .where(Actor.local, Actor.moved_to.is_not(None), Follow.state != follows.REJECTED)
        .options(joinedload(Follow.follower), joinedload(Follow.followee))
    )
    for row in rows.all():
        await follows.ask(session, services, row.followee)
        await follows.stop(session, services, row)


async def progress(session: AsyncSession) -> Progress | None:
    """How far the last move is; None if this hub never moved."""
    if await facts.get(session, MOVING) is None:
        return None
    ours, them = aliased(Actor), aliased(Actor)
    counted: Any = await session.execute(
        select(
            func.count().filter(ours.moved_to.is_not(None)),
            func.count().filter(ours.moved_to.is_(None)),
        )
        .select_from(Follow)
        .join(ours, ours.id == Follow.followee_id)
        .join(them, them.id == Follow.follower_id)
        .where(ours.local, them.local.is_(False), Follow.state == follows.ACCEPTED)
    )
    stayed, came = counted.one()
    said = select(OutboxActivity.id).where(OutboxActivity.type == "Move")
    waiting = await session.scalar(
        select(func.count(func.distinct(Delivery.host))).where(Delivery.activity_id.in_(said))
    )
    actors = select(Actor.uri).where(Actor.local, Actor.moved_to.is_not(None))
    delivered = await session.scalar(
        select(func.count(func.distinct(Receipt.host))).where(Receipt.object_uri.in_(actors))
    )
    return Progress(stayed, came, waiting or 0, delivered or 0)
