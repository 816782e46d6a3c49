"""Housekeeping of the traffic with other servers: collapse, forget, retention."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import and_, delete, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from hub.actors.models import Actor
from hub.core.clock import now
from hub.core.db import Base
from hub.core.services import Services
from hub.fediverse import former, outbox, peers, undone
from hub.fediverse.models import (
    Delivery,
    InboxActivity,
    OutboxActivity,
    Peer,
    Receipt,
    Tombstone,
    Undone,
)
from hub.jobs.registry import Run, job
from hub.jobs.retention import clock, let_go

SILENT = timedelta(days=4)  # past the schedule of retries (SETTLED 4)
KEPT = timedelta(days=31)  # how long mail for the silent is kept: thirty days, and one to come back
STATES = ("Create", "Update", "Delete")  # activities that bring an object's state
PEER_LIFE = timedelta(days=90)  # how long a server is remembered that nothing binds us to
MOST_PEERS = 50_000  # such servers at most; those seen least lately go first (SECURITY B9)
TOMBSTONE_LIFE = timedelta(days=90)  # a late Create comes within days; its origin says 404
RECEIPT_LIFE = timedelta(days=90)  # till then every Delete arrived, or was given up
LOG_LIFE = timedelta(days=30)  # how long activity ids are remembered (PROTOCOL §2.6)


@job("fediverse.upkeep", every=timedelta(hours=1))
async def upkeep(run: Run) -> None:
    """Once an hour: collapse what waits for the silent, and bound what strangers can make grow."""
    async with run.finish() as session:
        await collapse(session)
        await expire(session)
        await _forget_peers(session)
        await peers.lose(session)
        await former.lose(session)


@clock(
    "fediverse.inbox_log",
    "what other servers sent, as they sent it",
    kept=LOG_LIFE,
    since="it came",
)
async def forget_log(services: Services) -> int:
    """Mail that was dealt with; what failed is looked at within the same time."""
    settled = InboxActivity.state.in_(("done", "dropped", "failed"))
    old = InboxActivity.received_at < now() - LOG_LIFE
    return await let_go(services, InboxActivity, old, settled)


@clock(
    "fediverse.tombstones",
    "that something of elsewhere was deleted, which never was here",
    kept=TOMBSTONE_LIFE,
    since="its server said so",
)
async def forget_tombstones(services: Services) -> int:
    """What was deleted elsewhere long ago, and never was an entry here.

    Whoever signs may tell of as many deletions as they like (SECURITY B9).
    """
    entry, actor = Base.metadata.tables["entry"], Base.metadata.tables["actor"]
    addresses = (services.settings.url, *services.settings.former_urls)
    ours = or_(*(Tombstone.uri.startswith(f"{url}/", autoescape=True) for url in addresses))
    unknown = or_(
        Tombstone.said_by != "",
        ~exists().where(entry.c.uri == Tombstone.uri)
        & ~exists().where(actor.c.uri == Tombstone.uri),
    )
    old = Tombstone.deleted_at < now() - TOMBSTONE_LIFE
    return await let_go(services, Tombstone, old, ~ours, unknown)


@clock("fediverse.undone", "that something was taken back", kept=undone.LIFE, since="it was")
async def forget_undone(services: Services) -> int:
    """What was taken back, and cannot come late any more."""
    return await let_go(services, Undone, Undone.undone_at < now() - undone.LIFE)


@clock(
    "fediverse.receipts",
    "which servers had something of ours, and when it reached them",
    kept=RECEIPT_LIFE,
    since="it was taken back",
)
async def forget_receipts(services: Services) -> int:
    """Receipts of what is long gone here and, as far as they answered, everywhere."""
    gone = select(Tombstone.uri).where(Tombstone.deleted_at < now() - RECEIPT_LIFE)
    return await let_go(services, Receipt, Receipt.object_uri.in_(gone))


@clock(
    "fediverse.words",
    "the words of what was taken back, for servers that have not got them yet",
    kept=KEPT,
    since="it was taken back",
)
async def forget_words(services: Services) -> int:
    """What we said of things that are gone; only that they are gone is still said.

    While a server is silent its mail waits whole for four days, and then only the Delete does
    (`collapse`); what nobody waits for goes at once (`outbox.forget`).
    """
    gone = select(Tombstone.uri).where(Tombstone.said_by == "")
    waits = exists().where(Delivery.activity_id == OutboxActivity.id)
    over = (OutboxActivity.type.in_(outbox.WORDS), OutboxActivity.object_uri.in_(gone), ~waits)
    return await let_go(services, OutboxActivity, *over, OutboxActivity.expanded_at.is_not(None))


@clock(
    "fediverse.private",
    "what we said to one server alone, as it was sent",
    kept=LOG_LIFE,
    since="it was said, if it arrived",
)
async def forget_private(services: Services) -> int:
    """Answers, requests and letters to somebody elsewhere, once nobody waits for them."""
    old = OutboxActivity.created_at < now() - LOG_LIFE
    waits = exists().where(Delivery.activity_id == OutboxActivity.id)
    sent = (OutboxActivity.expanded_at.is_not(None), ~waits)
    return await let_go(services, OutboxActivity, old, OutboxActivity.public.is_(False), *sent)


@clock(
    "fediverse.deliveries",
    "what waits for a server that is silent",
    kept=KEPT,
    since="it was said",
)
async def forget_deliveries(services: Services) -> int:
    """What waited for a silent server for its thirty days, never tried or not."""
    async with services.db.write() as session:
        return await expire(session)


@clock(
    "fediverse.peers",
    "a server that nothing binds us to",
    kept=PEER_LIFE,
    since="it was last seen",
)
async def forget_peers(services: Services) -> int:
    """Servers that we have nothing to do with."""
    async with services.db.write() as session:
        return await _forget_peers(session)


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


async def expire(session: AsyncSession) -> int:
    """Give up what waited for a silent server for its thirty days, never tried or not."""
    silent = select(Peer.host).where(Peer.failing_since < now() - SILENT)
    gone = await session.execute(
        delete(Delivery)
        .where(Delivery.host.in_(silent), Delivery.created_at < now() - KEPT)
        .execution_options(synchronize_session=False)
    )
    return int(gone.rowcount)  # type: ignore[attr-defined]


async def _forget_peers(session: AsyncSession) -> int:
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
    gone = await session.execute(
        delete(Peer)
        .where(idle, or_(last < now() - PEER_LIFE, Peer.host.in_(beyond)))
        .execution_options(synchronize_session=False)
    )
    return int(gone.rowcount)  # type: ignore[attr-defined]
