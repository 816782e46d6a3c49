"""What a followed actor published before we followed it, read from its own collections.

Page by page, one job each: the place is kept in the database, so a restart, or a server that goes
away in the middle, costs nothing that was read. What stands on a page goes into the inbox log like
any mail, and through the same handlers (DESIGN §2.4); the actor's own server lists it, which is as
good as its signature. No number of items ends it (SETTLED 19), but its pace is slow, and it waits
while much of that server's mail still is to be acted upon.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from federation import collections
from federation.errors import FederationError, MalformedDocument
from federation.vocab.activities import Announce, Create
from federation.vocab.actors import Actor as ActorDocument
from federation.vocab.base import Object
from federation.vocab.names import AS2, PUBLIC
from federation.vocab.objects import Event, Note
from federation.vocab.parse import parse
from federation.vocab.proposals import Proposal
from federation.vocab.reading import uri as address_in
from hub.actors.models import Actor
from hub.core.clock import now
from hub.core.db import Base, insert_for
from hub.core.services import Services
from hub.fediverse import follows
from hub.fediverse.models import LISTED, Backfill, Follow, InboxActivity
from hub.jobs.queue import enqueue
from hub.jobs.registry import Run, job

# In this order: whole activities first, then the ids of what was published without one.
COLLECTIONS: Final = ("outbox", "upcoming", "featured")
PACE: Final = timedelta(seconds=1)  # between two pages of one actor
MOST_WAITING: Final = 200  # of one server's mail that is not acted upon yet; more waits for that
AGAIN: Final = (timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1), timedelta(hours=6))
NOTHING_AFTER: Final = 20  # pages without anything that hubs keep: it is somebody who chats
MOST_PAGES: Final = 50_000  # whoever has more has pages without end


@dataclass(frozen=True, slots=True)
class Found:
    """What one page holds for us: how much of a kind that hubs keep, and activities to act upon."""

    kept: int = 0
    bodies: tuple[tuple[str, bytes], ...] = ()


async def begin(session: AsyncSession, follow_id: UUID) -> None:
    """Read everything from the start; a reading that is under way goes on instead."""
    row = await session.get(Backfill, follow_id)
    if row is None:
        session.add(Backfill(follow_id=follow_id, collection=COLLECTIONS[0]))
    elif row.finished_at is not None:
        row.run, row.collection, row.page, row.started_at = row.run + 1, COLLECTIONS[0], None, now()
        row.pages = row.items = row.taken = row.tried = 0
        row.error = row.finished_at = None
    await session.flush()
    await _later(session, follow_id, now())


async def _later(session: AsyncSession, follow_id: UUID, at: datetime) -> None:
    key = f"backfill:{follow_id}"
    await enqueue(session, read_on, key=key, run_at=at, follow_id=str(follow_id))


@job("fediverse.backfill")
async def read_on(run: Run, *, follow_id: str) -> None:
    """Read one page of what a followed actor published, and hand it on."""
    id_, services = UUID(follow_id), run.services
    async with services.db.read() as session:
        row = await session.get(Backfill, id_)
        followee = await _followee(session, id_)
        busy = followee is not None and await _is_busy(session, followee.authority)
    if row is None or row.finished_at is not None or followee is None:
        async with run.finish():
            return  # they are followed no more, or all is read
    if busy:
        async with run.finish() as session:
            await _later(session, id_, now() + PACE)
            return
    try:
        home = _address(followee, row.collection)
        page = collections.Part((), None, None)
        if home is not None:
            page = await collections.part(services.fetcher, row.page or home, home)
        found = await _worth(services, followee, page.items)
    except FederationError as error:
        async with run.finish() as session:
            await _note_failure(session, id_, error)
            return
    async with run.finish() as session:
        new = await _hand_on(session, followee, row, found)
        await _go_on(session, id_, page, found, new)
    services.wake.ring()


async def _followee(session: AsyncSession, follow_id: UUID) -> Actor | None:
    """Whom we follow by this Follow, if it holds."""
    row = await session.scalar(
        select(Follow)
        .where(Follow.id == follow_id, Follow.state == follows.ACCEPTED)
        .options(joinedload(Follow.followee))
    )
    gone = row is None or row.followee.deleted_at or row.followee.suspended_at
    return None if gone or row is None else row.followee


async def _is_busy(session: AsyncSession, host: str) -> bool:
    waiting = select(func.count()).where(
        InboxActivity.host == host, InboxActivity.run_at.is_not(None)
    )
    return (await session.scalar(waiting) or 0) > MOST_WAITING


def _address(followee: Actor, collection: str) -> str | None:
    """Where a collection of the actor's is; None if it has none."""
    thing = parse(orjson.loads(followee.document or b"{}"))
    if not isinstance(thing, ActorDocument):
        return None
    found: str | None = getattr(thing, collection)
    return found


async def _worth(services: Services, followee: Actor, items: Sequence[Any]) -> Found:
    """What of a page is to be acted upon: what the actor made or passed on and is not over.

    Of what a page names by its id alone, whatever is not here yet.
    """
    moment, kept, bodies = now(), 0, []
    ids = [uri for uri in map(_id_alone, items) if uri is not None]
    there = await _here(services, ids)
    for item in items:
        uri = _id_alone(item)
        if uri is not None:
            kept += 1
            if uri not in there:
                said = Create(actor=followee.uri, object=uri, to=(PUBLIC,))
                bodies.append((uri, orjson.dumps(said.document(context=True))))
            continue
        # On a page of Mastodon's the context stands once, above them all.
        whole = {"@context": AS2, **item} if isinstance(item, dict) else item
        thing = _activity(followee, whole)
        if thing is None:
            continue
        kept += 1
        if isinstance(thing, Announce) or not is_over(thing.object, moment):
            bodies.append((thing.id or thing.object_id or "", orjson.dumps(whole)))
    return Found(kept, tuple(bodies))


def _id_alone(item: Any) -> str | None:
    return address_in(item) if isinstance(item, str) else None


def _activity(followee: Actor, item: Any) -> Create | Announce | None:
    """What the actor itself made or passed on; a plain post is nothing that hubs keep."""
    try:
        thing = parse(item)
    except MalformedDocument:
        return None
    if not isinstance(thing, Create | Announce) or thing.actor != followee.uri:
        return None
    return None if type(thing.object) is Note else thing


def is_over(thing: object, moment: datetime) -> bool:
    """Whether something has passed, or is settled: nobody needs to hear of it now."""
    if isinstance(thing, Event):
        ends = thing.end_time or (thing.start_time and thing.start_time + timedelta(days=1))
        return ends is not None and ends < moment
    if isinstance(thing, Proposal):
        taken = thing.publishes.available == "0"
        return taken or (thing.end_time is not None and thing.end_time < moment)
    return not isinstance(thing, Object | str)


async def _here(services: Services, uris: Sequence[str]) -> set[str]:
    """Which of these stand here already, by the table alone: entries are a floor above."""
    if not uris:
        return set()
    entry = Base.metadata.tables["entry"]
    async with services.db.read() as session:
        return set(await session.scalars(select(entry.c.uri).where(entry.c.uri.in_(uris))))


async def _hand_on(session: AsyncSession, followee: Actor, row: Backfill, found: Found) -> int:
    """Put activities into the inbox log; how many were not there from this reading."""
    if not found.bodies:
        return 0
    moment = now()
    values = [
        {
            "uri": f"{followee.uri}#listed-{row.run}-{sha256(name.encode()).hexdigest()}",
            "actor_uri": followee.uri,
            "host": followee.authority,
            "trust": LISTED,
            "body": body,
            "received_at": moment,
            "run_at": moment,
            "attempts": 0,
            "fence": 0,
            "state": "waiting",
        }
        for name, body in found.bodies
    ]
    kept = await session.scalars(
        insert_for(session, InboxActivity)
        .values(values)
        .on_conflict_do_nothing()
        .returning(InboxActivity.id)
    )
    return len(kept.all())


async def _go_on(
    session: AsyncSession, follow_id: UUID, page: collections.Part, found: Found, new: int
) -> None:
    """Note what was read, and when it goes on; the end of the last collection is the end."""
    row = await session.get(Backfill, follow_id)
    if row is None:
        return
    here = row.page
    row.pages, row.items, row.taken = row.pages + 1, row.items + found.kept, row.taken + new
    row.tried, row.error = 0, None
    if row.collection == COLLECTIONS[0] and page.total is not None:
        row.total = page.total
    circles = bool(found.bodies) and not new  # what stood there had been read before (AP-82)
    chats = row.pages >= NOTHING_AFTER and not row.items
    row.page = page.next
    if page.next in {None, here} or circles or chats or row.pages >= MOST_PAGES:
        await _next_collection(session, row)
        return
    await _later(session, follow_id, now() + (PACE if page.items else timedelta(0)))


async def _next_collection(session: AsyncSession, row: Backfill) -> None:
    row.page, row.tried = None, 0
    later = COLLECTIONS[COLLECTIONS.index(row.collection) + 1 :]
    if not later:
        row.finished_at = now()
        return
    row.collection = later[0]
    await _later(session, row.follow_id, now())


async def _note_failure(session: AsyncSession, follow_id: UUID, error: FederationError) -> None:
    """Try again later, ever more rarely: a server that goes away comes back some day.

    A collection that is not for us, or is none, is left.
    """
    row = await session.get(Backfill, follow_id)
    if row is None:
        return
    row.error = str(error)[:300]
    if not error.retry:
        await _next_collection(session, row)
        return
    pause = AGAIN[min(row.tried, len(AGAIN) - 1)]
    row.tried += 1
    await _later(session, follow_id, now() + pause)


@dataclass(frozen=True, slots=True)
class Reading:
    """How far we are with all whom we follow on one server; `open` are not read to the end yet.

    `read` of `total` things were looked at, `taken` of them are not over.
    """

    open: int
    read: int
    taken: int
    total: int
    error: str | None


async def by_server(session: AsyncSession) -> dict[str, Reading]:
    """How far we are with each server."""
    unfinished = Backfill.finished_at.is_(None)
    rows = await session.execute(
        select(
            Actor.authority,
            func.count().filter(unfinished),
            func.sum(Backfill.items),
            func.sum(Backfill.taken),
            func.sum(func.coalesce(Backfill.total, Backfill.items)),
            func.max(case((unfinished & (Backfill.tried > 0), Backfill.error))),
        )
        .join(Follow, Follow.id == Backfill.follow_id)
        .join(Actor, Actor.id == Follow.followee_id)
        .group_by(Actor.authority)
    )
    # PostgreSQL sums up in decimals.
    return {
        host: Reading(int(open_), int(read), int(taken), int(total), error)
        for host, open_, read, taken, total, error in rows
    }


async def progress(session: AsyncSession) -> dict[UUID, Backfill]:
    """All readings, by their Follow."""
    return {row.follow_id: row for row in await session.scalars(select(Backfill))}
