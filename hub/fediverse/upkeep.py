"""Housekeeping of the traffic with other servers: collapse, forget, retention."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import and_, delete, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from hub.actors.models import Actor
from hub.core.clock import now
from hub.core.db import Base
from hub.fediverse import peers, undone
from hub.fediverse.models import (
    Delivery,
    InboxActivity,
    OutboxActivity,
    Peer,
    Receipt,
    Tombstone,
)
from hub.jobs.registry import Run, job

SILENT = timedelta(days=4)  # past the schedule of retries (SETTLED 4)
KEPT = timedelta(days=31)  # how long mail for the silent is kept: thirty days, and one to come back
STATES = ("Create", "Update", "Delete")  # activities that bring an object's state
PEER_LIFE = timedelta(days=90)  # how long a server is remembered that nothing binds us to
MOST_PEERS = 50_000  # such servers at most; those seen least lately go first (SECURITY B9)
TOMBSTONE_LIFE = timedelta(days=90)  # a late Create comes within days; its origin says 404
LOG_LIFE = timedelta(days=30)  # how long activity ids are remembered (PROTOCOL §2.6)


@job("fediverse.upkeep", every=timedelta(hours=1))
async def upkeep(run: Run) -> None:
    """Once an hour: collapse what waits for the silent, forget what is old."""
    async with run.finish() as session:
        await collapse(session)
        await expire(session)
        await _forget_peers(session)
        await peers.lose(session)
        await _forget_tombstones(session, run.services.settings.url)
        await undone.forget(session)
        await session.execute(
            delete(InboxActivity).where(
                InboxActivity.received_at < now() - LOG_LIFE,
                InboxActivity.state.in_(("done", "dropped")),
            )
        )


async def _forget_tombstones(session: AsyncSession, url: str) -> None:
    """Forget what was deleted elsewhere long ago, and never was an entry here; `url` is ours.

    Whoever signs may tell of as many deletions as they like (SECURITY B9).
    """
    entry, actor = Base.metadata.tables["entry"], Base.metadata.tables["actor"]
    await session.execute(
        delete(Tombstone)
        .where(
            Tombstone.deleted_at < now() - TOMBSTONE_LIFE,
            ~Tombstone.uri.startswith(f"{url}/", autoescape=True),
            or_(
                Tombstone.said_by != "",
                ~exists().where(entry.c.uri == Tombstone.uri)
                & ~exists().where(actor.c.uri == Tombstone.uri),
            ),
        )
        .execution_options(synchronize_session=False)
    )


async def collapse(session: AsyncSession) -> None:
    """Of each object that waits for a long-silent server, keep its newest state alone.

    An Update makes way for a later one, and everything for a Delete. A Create stays beside its
    last Update: it says the newest words by now (`outbox.restate`), and without it many would not
    take the Update of something that they never saw; Mastodon does not after a day. What brings no
    state (a Follow, an Accept) stays as it is, and what others wrote stands in for nothing: of an
    object that nobody announced there, it says nothing.
    """
    silent = select(Peer.host).where(Peer.failing_since < now() - SILENT)
    newer, said, later = aliased(Delivery), aliased(OutboxActivity), aliased(OutboxActivity)
    superseded = (
        select(newer.id)
        .join(later, later.id == newer.activity_id)
        .join(said, said.id == Delivery.activity_id)
        .where(
            later.from_host.is_(None),
            newer.host == Delivery.host,
            newer.inbox == Delivery.inbox,
            newer.object_uri == Delivery.object_uri,
            newer.activity_id > Delivery.activity_id,
            or_(
                and_(said.type == "Update", later.type == "Update"),
                and_(said.type.in_(STATES), later.type == "Delete"),
            ),
        )
        .correlate(Delivery)
        .exists()
    )
    await session.execute(
        delete(Delivery)
        .where(Delivery.host.in_(silent), superseded)
        .execution_options(synchronize_session=False)
    )


async def expire(session: AsyncSession) -> None:
    """Give up what waited for a silent server for its thirty days, never tried or not."""
    silent = select(Peer.host).where(Peer.failing_since < now() - SILENT)
    await session.execute(
        delete(Delivery)
        .where(Delivery.host.in_(silent), Delivery.created_at < now() - KEPT)
        .execution_options(synchronize_session=False)
    )


async def _forget_peers(session: AsyncSession) -> None:
    """Forget servers that we have nothing to do with: whoever signs may come by as many names.

    Kept are those with mail or actors here, and those of which a steward decided something.
    """
    idle = and_(
        Peer.standing == "open",
        Peer.passed_at.is_(None),
        ~exists().where(Delivery.host == Peer.host),
        ~exists().where(Actor.authority == Peer.host),
        ~exists().where(Receipt.host == Peer.host),
    )
    last = func.coalesce(Peer.last_seen_at, Peer.first_seen_at)
    beyond = select(Peer.host).where(idle).order_by(last.desc()).offset(MOST_PEERS)
    await session.execute(
        delete(Peer)
        .where(idle, or_(last < now() - PEER_LIFE, Peer.host.in_(beyond)))
        .execution_options(synchronize_session=False)
    )
