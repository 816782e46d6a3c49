"""Collections of our actors, read as stored JSON: nothing is parsed on the way out."""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from federation.site import Page
from hub.actors.channels import NAMES
from hub.actors.models import Actor
from hub.core.clock import now
from hub.core.db import Base
from hub.fediverse import follows
from hub.fediverse.models import Announcement, OutboxActivity

LONGEST_CURSOR = 18  # digits; more may be beyond 2^63
CURRENT = ("scheduled", "moved_online", "open")  # of an entry whose time has not passed
FEATURED = 5  # current things that are pinned to a profile (PROTOCOL §1.2)


async def total(session: AsyncSession, actor: Actor, which: str) -> int | None:
    """How many items; None when there is no such collection."""
    match which:
        case "outbox":
            return await _outbox_total(session, actor)
        case "followers":
            return await follows.count(session, followee=actor.id)
        case "following":
            return await follows.count(session) if actor.kind == "Application" else 0
        case "featured":
            return len(await _current(session, actor, FEATURED, None))
        case "upcoming" if actor.name == "events":
            return await _current_total(session, actor)
    return None


async def page(
    session: AsyncSession, actor: Actor, which: str, cursor: str | None, limit: int
) -> Page:
    """One page; followers and following show their number alone."""
    if which == "outbox":
        return await _outbox_page(session, actor, cursor, limit)
    if which == "featured":
        return Page(items=tuple(await _current(session, actor, FEATURED, None)))
    if which == "upcoming":
        skip = _number(cursor) or 0
        items = await _current(session, actor, limit + 1, skip)
        more = str(skip + limit) if len(items) > limit else None
        return Page(items=tuple(items[:limit]), next=more)
    return Page(items=())


def _listed(actor: Actor) -> tuple[ColumnElement[bool], ...]:
    """What an actor's outbox shows: what it said of things that are still there for everybody."""
    entry, reply = Base.metadata.tables["entry"], Base.metadata.tables["reply"]
    said = OutboxActivity.object_uri
    public_entry = exists().where(
        entry.c.uri == said,
        entry.c.visibility == "public",
        entry.c.deleted_at.is_(None),
        entry.c.hidden_at.is_(None),
    )
    public_reply = exists().where(reply.c.uri == said, reply.c.public, reply.c.state == "shown")
    taken_back = exists().where(
        Announcement.uri == OutboxActivity.uri, Announcement.undone_at.is_not(None)
    )
    mine = (OutboxActivity.actor_id == actor.id, OutboxActivity.listed.is_(True))
    return (*mine, or_(public_entry, public_reply), ~taken_back)


async def _outbox_total(session: AsyncSession, actor: Actor) -> int:
    return (
        await session.scalar(
            select(func.count()).select_from(OutboxActivity).where(*_listed(actor))
        )
        or 0
    )


async def _outbox_page(session: AsyncSession, actor: Actor, cursor: str | None, limit: int) -> Page:
    """Newest first; the cursor is the last row's number, so pages stay as they are."""
    statement = (
        select(OutboxActivity.id, OutboxActivity.body)
        .where(*_listed(actor))
        .order_by(OutboxActivity.id.desc())
        .limit(limit + 1)
    )
    last = _number(cursor)
    if last is not None:
        statement = statement.where(OutboxActivity.id < last)
    rows = (await session.execute(statement)).all()
    more = str(rows[limit - 1].id) if len(rows) > limit else None
    return Page(items=tuple(row.body for row in rows[:limit]), next=more)


def _number(cursor: str | None) -> int | None:
    """The number in a cursor of ours; none where a database would not take it."""
    good = cursor is not None and cursor.isascii() and cursor.isdecimal()
    return int(cursor) if good and cursor is not None and len(cursor) <= LONGEST_CURSOR else None


def _shown(actor: Actor) -> Any:
    """What is current of what an actor wrote, or passed on if it is no channel that every hub has.

    By the table alone: entries are a floor above.
    """
    entry = Base.metadata.tables["entry"]
    # What was published before the hub moved is its author's of then, who has the same name.
    authors = select(Actor.id).where(Actor.local, Actor.name == actor.name)
    passed_on = select(Announcement.object_uri).where(
        Announcement.actor_id == actor.id,
        Announcement.said_at.is_not(None),
        Announcement.undone_at.is_(None),
    )
    return entry, (
        (entry.c.author_id.in_(authors) if actor.name in NAMES else entry.c.uri.in_(passed_on))
        & (entry.c.visibility == "public")
        & entry.c.deleted_at.is_(None)
        & entry.c.hidden_at.is_(None)
        & entry.c.published_at.is_not(None)
        & (entry.c.relevant_until.is_(None) | (entry.c.relevant_until > now()))
        & entry.c.status.in_(CURRENT)
    )


async def _current_total(session: AsyncSession, actor: Actor) -> int:
    entry, shown = _shown(actor)
    return await session.scalar(select(func.count()).select_from(entry).where(shown)) or 0


async def _current(
    session: AsyncSession, actor: Actor, limit: int, skip: int | None
) -> list[bytes]:
    """Ids of what comes next (events) or came last (the rest), as JSON strings."""
    entry, shown = _shown(actor)
    order = entry.c.happens_at if actor.name == "events" else entry.c.published_at.desc()
    statement = select(entry.c.uri).where(shown).order_by(order, entry.c.id).limit(limit)
    rows = await session.scalars(statement.offset(skip or 0))
    return [orjson.dumps(uri) for uri in rows]
