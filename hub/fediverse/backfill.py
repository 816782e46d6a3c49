"""What a followed actor published before we followed it, read from its own collections.

Page by page, one job each: the place is kept in the database, so a restart, or a server that goes
away in the middle, costs nothing that was read. What stands on a page goes into the inbox log like
any mail, and through the same handlers (DESIGN §2.4); the actor's own server lists it, which is as
good as its signature. No number of items ends it (SETTLED 19), but its pace is slow, and it waits
while much of that server's mail still is to be acted upon.

Everything is read again now and then: what stands here and is listed there still stands, and of
what is listed there no more its server is asked whether it is gone. So a Delete that never arrived
is honoured all the same (SECURITY D7), and a hub that publishes nothing is known to be there.

Who moved here began with empty collections (FEP-7628): those of whom they were before are read too,
if each says so itself. What stands there is said by the former actor, as on any mail of its.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from federation import collections
from federation.errors import FederationError, MalformedDocument
from federation.vocab.activities import Announce, Create, Delete
from federation.vocab.base import Object
from federation.vocab.names import AS2, PUBLIC
from federation.vocab.objects import Event, Note
from federation.vocab.parse import parse
from federation.vocab.proposals import Proposal
from federation.vocab.reading import uri as address_in
from hub.actors import remote
from hub.actors.models import Actor
from hub.core.clock import now
from hub.core.db import Base, insert_for
from hub.core.services import Services
from hub.fediverse import follows, former, peers
from hub.fediverse.models import LISTED, Backfill, Follow, InboxActivity
from hub.jobs.queue import enqueue
from hub.jobs.registry import Run, job

# In this order: whole activities first, then the ids of what was published without one.
COLLECTIONS: Final = ("outbox", "upcoming", "featured")
PACE: Final = timedelta(seconds=1)  # between two pages of one actor
EVERY: Final = timedelta(minutes=45)  # with its pages and its timer within the hour (AP-87, T28)
SHARE: Final = timedelta(minutes=1)  # for each page, so that much is not read all of the time
MOST_WAITING: Final = 200  # of one server's mail that is not acted upon yet; more waits for that
AGAIN: Final = (timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1), timedelta(hours=6))
NOTHING_AFTER: Final = 20  # pages without anything that hubs keep: it is somebody who chats
MOST_PAGES: Final = 50_000  # whoever has more has pages without end


@dataclass(frozen=True, slots=True)
class Found:
    """What one page holds for us: how much of a kind that hubs keep, and activities to act upon.

    `standing` are the ids of what is here already, as it is there.
    """

    kept: int = 0
    bodies: tuple[tuple[str, bytes], ...] = ()
    standing: frozenset[str] = frozenset()


async def begin(session: AsyncSession, follow_id: UUID) -> None:
    """Read everything from the start; a reading that is under way goes on instead."""
    row = await session.get(Backfill, follow_id)
    if row is None:
        session.add(Backfill(follow_id=follow_id, collection=COLLECTIONS[0]))
    elif row.finished_at is not None:
        _anew(row)
    await session.flush()
    await _later(session, follow_id, now())


async def began(session: AsyncSession, follow_id: UUID) -> bool:
    """Whether what somebody said of old was, or is, read because of this Follow."""
    return await session.get(Backfill, follow_id) is not None


def _anew(row: Backfill) -> None:
    row.run, row.collection, row.page, row.started_at = row.run + 1, COLLECTIONS[0], None, now()
    row.pages = row.items = row.tried = 0
    row.error = row.finished_at = None


@job("fediverse.read_again", every=timedelta(minutes=5))
async def read_again(run: Run) -> None:
    """Begin to read again what was read to its end an hour ago, long lists less often."""
    async with run.finish() as session:
        done = Backfill.finished_at < now() - EVERY
        for row in await session.scalars(select(Backfill).where(done)):
            if row.finished_at is not None and row.finished_at < now() - row.pages * SHARE:
                _anew(row)
                await session.flush()
                await _later(session, row.follow_id, now())


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
    if row is None or row.finished_at is not None or followee is None:
        async with run.finish():
            return  # they are followed no more, or all is read
    try:
        speaker = await _speaker(services, followee, row.collection)
        if await _is_busy(services, speaker.authority):
            async with run.finish() as session:
                await _later(session, id_, now() + PACE)
                return
        page = await _page(services, speaker, row)
        found = await _worth(services, speaker, page.items)
    except FederationError as error:
        async with run.finish() as session:
            await _note_failure(session, followee, id_, error)
            return
    async with run.finish() as session:
        await peers.answered(session, speaker.authority)
        await note_standing(session, speaker.authority, found.standing)
        new = await _hand_on(session, speaker, row, found)
        if await _go_on(session, followee, id_, page, found, new):
            await _ask_after(session, speaker, row)
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


async def _steps(session: AsyncSession, followee: Actor) -> list[str]:
    """What is read, in order: the actor's collections, then those of each that it was before.

    The latter are named `outbox https://old.example/actors/events`.
    """
    before = await former.claimed(session, followee)
    return [*COLLECTIONS, *(f"{one} {uri}" for uri in before for one in COLLECTIONS)]


async def _speaker(services: Services, followee: Actor, collection: str) -> Actor:
    """Who says what this collection holds: the actor that we follow, or whom it was before.

    Raises:
        FederationError: that one does not say that it became the actor, or could not be asked.
    """
    uri = collection.partition(" ")[2]
    return await former.confirmed(services, followee, uri) if uri else followee


async def _is_busy(services: Services, host: str) -> bool:
    waiting = select(func.count()).where(
        InboxActivity.host == host, InboxActivity.run_at.is_not(None)
    )
    async with services.db.read() as session:
        return (await session.scalar(waiting) or 0) > MOST_WAITING


async def _page(services: Services, speaker: Actor, row: Backfill) -> collections.Part:
    """Where the reading is; nothing if the speaker has no such collection."""
    thing = remote.document_of(speaker)
    home: str | None = getattr(thing, row.collection.partition(" ")[0], None)
    if home is None:
        return collections.Part((), None, None)
    return await collections.part(services.fetcher, row.page or home, home)


async def _worth(services: Services, speaker: Actor, items: Sequence[Any]) -> Found:
    """What of a page is to be acted upon: what the actor made or passed on and is not over.

    Of what a page names by its id alone, whatever is not here yet.
    """
    moment, bodies, standing = now(), [], set()
    said = [one for one in (_said(speaker, item) for item in items) if one is not None]
    there = await _here(services, [one.object_id or "" for one, _ in said])
    for one, whole in said:
        uri, known = one.object_id or "", there.get(one.object_id or "")
        if known is not None and not _is_newer(one.object, known):
            standing.add(uri)
        elif known is not None or isinstance(one, Announce) or not is_over(one.object, moment):
            bodies.append((f"{one.type} {uri}", whole))
    return Found(len(said), tuple(bodies), frozenset(standing))


def _said(speaker: Actor, item: Any) -> tuple[Create | Announce, bytes] | None:
    """What the actor itself made or passed on; a plain post is nothing that hubs keep.

    What its collection names by the id alone counts as made.
    """
    uri = address_in(item) if isinstance(item, str) else None
    if uri is not None:
        made = Create(actor=speaker.uri, object=uri, to=(PUBLIC,))
        return made, orjson.dumps(made.document(context=True))
    if not isinstance(item, dict):
        return None
    # On a page of Mastodon's the context stands once, above them all.
    whole = {"@context": AS2, **item}
    try:
        thing = parse(whole)
    except MalformedDocument:
        return None
    if not isinstance(thing, Create | Announce) or thing.actor != speaker.uri:
        return None
    return None if type(thing.object) is Note else (thing, orjson.dumps(whole))


def _is_newer(thing: object, known: datetime) -> bool:
    """Whether it was changed after what we know of it; an id alone does not say."""
    stamp = (thing.updated or thing.published) if isinstance(thing, Object) else None
    return stamp is not None and stamp > known


def is_over(thing: object, moment: datetime) -> bool:
    """Whether something has passed, or is settled: nobody needs to hear of it now."""
    if isinstance(thing, Event):
        ends = thing.end_time or (thing.start_time and thing.start_time + timedelta(days=1))
        return ends is not None and ends < moment
    if isinstance(thing, Proposal):
        taken = thing.publishes.available == "0"
        return taken or (thing.end_time is not None and thing.end_time < moment)
    return not isinstance(thing, Object | str)


async def _here(services: Services, uris: Sequence[str]) -> dict[str, datetime]:
    """Which of these stand here, and their last change; by the table: entries are a floor above.

    Of an answer, which waits for no steward, when it was published: what it says is told by others.
    """
    if not uris:
        return {}
    entry, reply = Base.metadata.tables["entry"], Base.metadata.tables["reply"]
    entries = select(entry.c.uri, entry.c.updated_at).where(
        entry.c.uri.in_(uris), entry.c.deleted_at.is_(None)
    )
    answers = select(reply.c.uri, reply.c.published_at).where(
        reply.c.uri.in_(uris), reply.c.state != "held"
    )
    async with services.db.read() as session:
        return dict((await session.execute(entries.union_all(answers))).all())


async def note_standing(session: AsyncSession, host: str, uris: Collection[str]) -> None:
    """A server has just said of these that they stand; it counts for its own things alone."""
    entry = Base.metadata.tables["entry"]
    if uris:
        theirs = (entry.c.uri.in_(uris), entry.c.origin == host)
        await session.execute(update(entry).where(*theirs).values(heard_at=now()))


async def _ask_after(session: AsyncSession, speaker: Actor, row: Backfill) -> None:
    """Ask its server of each thing of theirs that this reading did not meet, whether it is gone.

    As a Delete that nobody signed: it counts if the origin answers that there is nothing.
    """
    entry = Base.metadata.tables["entry"]
    relayed = speaker.kind == "Application"  # it lists what all of its server publish
    theirs = entry.c.origin == speaker.authority if relayed else entry.c.author_id == speaker.id
    author = Base.metadata.tables["actor"]
    rows = await session.execute(
        select(entry.c.uri, author.c.uri)
        .join(author, author.c.id == entry.c.author_id)
        .where(
            theirs,
            or_(entry.c.heard_at.is_(None), entry.c.heard_at < row.started_at),
            entry.c.created_at < row.started_at,
            entry.c.deleted_at.is_(None),
            or_(entry.c.relevant_until.is_(None), entry.c.relevant_until > now()),
        )
    )
    values = []
    for uri, owner in rows:
        doubt = Delete(id=f"{uri}#gone-{row.run}", actor=owner, object=uri, to=(PUBLIC,))
        body = orjson.dumps(doubt.document(context=True))
        values.append(_mail(owner, speaker.authority, f"{uri}#gone-{row.run}", "refetch", body))
    if values:
        await session.execute(insert_for(session, InboxActivity).on_conflict_do_nothing(), values)


async def _hand_on(session: AsyncSession, speaker: Actor, row: Backfill, found: Found) -> int:
    """Put activities into the inbox log; how many were not there from this reading."""
    if not found.bodies:
        return 0
    values = []
    for name, body in found.bodies:
        uri = f"{speaker.uri}#listed-{row.run}-{sha256(name.encode()).hexdigest()}"
        values.append(_mail(speaker.uri, speaker.authority, uri, LISTED, body))
    kept = await session.scalars(
        insert_for(session, InboxActivity)
        .values(values)
        .on_conflict_do_nothing()
        .returning(InboxActivity.id)
    )
    return len(kept.all())


def _mail(actor: str, host: str, uri: str, trust: str, body: bytes) -> dict[str, Any]:
    """A row of the inbox log, to be acted upon now."""
    moment = now()
    return {
        "uri": uri,
        "actor_uri": actor,
        "host": host,
        "trust": trust,
        "body": body,
        "received_at": moment,
        "run_at": moment,
        "attempts": 0,
        "fence": 0,
        "state": "waiting",
    }


async def _go_on(
    session: AsyncSession,
    followee: Actor,
    follow_id: UUID,
    page: collections.Part,
    found: Found,
    new: int,
) -> bool:
    """Note what was read, and when it goes on; true at the end of the speaker's last collection."""
    row = await session.get(Backfill, follow_id)
    if row is None:
        return False
    here = row.page
    row.pages, row.items, row.taken = row.pages + 1, row.items + found.kept, row.taken + new
    row.tried, row.error = 0, None
    name, _, before = row.collection.partition(" ")
    if name == COLLECTIONS[0] and page.total is not None:
        row.total = page.total + ((row.total or 0) if before else 0)
    circles = bool(found.bodies) and not new  # what stood there had been read before (AP-82)
    chats = row.pages >= NOTHING_AFTER and not row.items
    row.page = page.next
    if page.next in {None, here} or circles or chats or row.pages >= MOST_PAGES:
        await _next_collection(session, followee, row)
        return name == COLLECTIONS[-1]
    await _later(session, follow_id, now() + (PACE if page.items else timedelta(0)))
    return False


async def _next_collection(session: AsyncSession, followee: Actor, row: Backfill) -> None:
    row.page, row.tried = None, 0
    steps = await _steps(session, followee)  # which may have been others when this one began
    later = steps[steps.index(row.collection) + 1 :] if row.collection in steps else []
    if not later:
        row.finished_at = now()
        return
    row.collection = later[0]
    await _later(session, row.follow_id, now())


async def _note_failure(
    session: AsyncSession, followee: Actor, follow_id: UUID, error: FederationError
) -> None:
    """Try again later, ever more rarely: a server that goes away comes back some day.

    A collection that is not for us, or is none, is left. So is a former address that does not
    answer, until all is read again: nothing of today waits for it.
    """
    row = await session.get(Backfill, follow_id)
    if row is None:
        return
    row.error = str(error)[:300]
    if not error.retry or " " in row.collection:
        await _next_collection(session, followee, row)
        return
    pause = AGAIN[min(row.tried, len(AGAIN) - 1)]
    row.tried += 1
    await _later(session, follow_id, now() + pause)
