"""Likes and boosts: counted once per actor and entry, and taken back by whoever gave them."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from sqlalchemy import Select, delete, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from hub.actors.models import Actor
from hub.core.db import insert_for
from hub.entries import paging
from hub.entries.models import Entry, Reaction
from hub.entries.paging import Cursor, Listed

LIKE: Final = "like"
BOOST: Final = "boost"

MOST_OF_ONE: Final = 8  # reactions of one actor to one entry that are kept (SECURITY B9)


async def add(session: AsyncSession, *, entry: UUID, actor: str, kind: str, uri: str) -> None:
    """Keep a reaction; those of one actor count once (AP-40), and are taken back one by one."""
    mine = Reaction.entry_id == entry, Reaction.actor_uri == actor, Reaction.kind == kind
    held = await session.scalar(select(func.count(Reaction.id)).where(*mine))
    if held is not None and held >= MOST_OF_ONE:
        return
    values = {"uri": uri, "entry_id": entry, "actor_uri": actor, "kind": kind}
    await session.execute(insert_for(session, Reaction).values(**values).on_conflict_do_nothing())


async def remove(session: AsyncSession, *, actor: str, uri: str) -> None:
    """Take back the reaction of this id (AP-39)."""
    mine = delete(Reaction).where(Reaction.actor_uri == actor)
    await session.execute(mine.where(Reaction.uri == uri))


async def remove_all(session: AsyncSession, *, actor: str, entry_uri: str, kind: str) -> bool:
    """Take back whatever of a kind one actor gave an entry; False when there was nothing."""
    entry = select(Entry.id).where(Entry.uri == entry_uri)
    gone = await session.execute(
        delete(Reaction)
        .where(Reaction.actor_uri == actor, Reaction.kind == kind, Reaction.entry_id.in_(entry))
        .returning(Reaction.id)
        .execution_options(synchronize_session=False)
    )
    return gone.first() is not None


async def listed(
    session: AsyncSession, entry: UUID, kind: str, *, limit: int, cursor: str | None = None
) -> Listed[Reaction]:
    """One page of the reactions to an entry, one of each actor, oldest first.

    Raises:
        Invalid: the cursor is none of ours.
    """
    query = _of_each(entry, kind).order_by(Reaction.created_at, Reaction.id).limit(limit + 1)
    place = Cursor.decode(cursor)
    if place is not None:
        query = query.where(paging.after(Reaction.created_at, Reaction.id, place))
    return paging.page(list(await session.scalars(query)), limit, "created_at")


async def count(session: AsyncSession, entry: UUID, kind: str) -> int:
    """How many actors reacted to an entry."""
    query = _of_each(entry, kind).with_only_columns(func.count(Reaction.id))
    return await session.scalar(query) or 0


def _of_each(entry: UUID, kind: str) -> Select[Reaction]:
    """One reaction of each actor who is not barred."""
    other = aliased(Reaction)
    earlier = exists().where(
        other.entry_id == Reaction.entry_id,
        other.kind == Reaction.kind,
        other.actor_uri == Reaction.actor_uri,
        other.id < Reaction.id,
    )
    barred = exists().where(Actor.uri == Reaction.actor_uri, Actor.suspended_at.is_not(None))
    mine = (Reaction.entry_id == entry, Reaction.kind == kind)
    return select(Reaction).where(*mine, ~earlier, ~barred)


async def remove_of(session: AsyncSession, actor: str) -> None:
    """Take back everything of one actor."""
    await session.execute(delete(Reaction).where(Reaction.actor_uri == actor))
