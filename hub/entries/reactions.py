"""Likes and boosts: counted once per actor and entry, and taken back by whoever gave them."""

from __future__ import annotations

from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from hub.core.db import insert_for
from hub.entries import publishing
from hub.entries.models import Entry, Reaction
from hub.entries.visibility import ANYBODY, visible_to

LIKE: Final = "like"
BOOST: Final = "boost"


async def add(session: AsyncSession, *, entry_uri: str, actor: str, kind: str, uri: str) -> bool:
    """Count a reaction, once (AP-40); False when there is no such entry to react to.

    One that was undone before it came is not counted (PROTOCOL 4.1).
    """
    visible = visible_to(ANYBODY)
    entry = await session.scalar(select(Entry.id).where(Entry.uri == entry_uri, visible))
    if entry is None:
        return False
    if await publishing.is_gone(session, uri):
        return True
    values = {"uri": uri, "entry_id": entry, "actor_uri": actor, "kind": kind}
    await session.execute(insert_for(session, Reaction).values(**values).on_conflict_do_nothing())
    return True


async def remove(
    session: AsyncSession, *, actor: str, uri: str | None, entry_uri: str | None, kind: str | None
) -> None:
    """Take a reaction back: found by its id, else by what was reacted to (AP-39)."""
    mine = delete(Reaction).where(Reaction.actor_uri == actor)
    if uri is not None:
        await session.execute(mine.where(Reaction.uri == uri))
        await publishing.remember_undone(session, uri, actor)
    if entry_uri is not None and kind is not None:
        entry = select(Entry.id).where(Entry.uri == entry_uri)
        await session.execute(
            mine.where(Reaction.kind == kind, Reaction.entry_id.in_(entry)).execution_options(
                synchronize_session=False
            )
        )


async def remove_of(session: AsyncSession, actor: str) -> None:
    """Take back everything of one actor."""
    await session.execute(delete(Reaction).where(Reaction.actor_uri == actor))
