"""What others say under a hashtag while something happens (T21): noted as it comes, read at once.

What is shown is what the hub's rules show anywhere: posts on the board, and answers to what
everybody may see. Those who look after what others say see what waits, too.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import delete, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from federation.vocab.base import Object
from hub.actors.models import Actor
from hub.entries import activitypub, rendering
from hub.entries.models import HELD, SHOWN, Entry, Reply, ReplyTag
from hub.entries.visibility import ANYBODY, visible_to

MOST_SHOWN: Final = 100


async def note_tags(session: AsyncSession, reply: Reply, thing: Object) -> None:
    """Keep the hashtags of what somebody said, and no others; `reply` is written already."""
    await session.execute(delete(ReplyTag).where(ReplyTag.reply_id == reply.id))
    if reply.public:
        tags = dict.fromkeys(map(rendering.tag_name, activitypub.tags_of(thing)))
        session.add_all(ReplyTag(reply_id=reply.id, tag=tag) for tag in tags if tag)


async def posts(session: AsyncSession, tag: str, *, held: bool = False) -> list[Reply]:
    """The newest public posts and answers with this hashtag; `held`: also those that wait."""
    seen = select(Entry.id).where(visible_to(ANYBODY))
    rows = await session.scalars(
        select(Reply)
        .join(ReplyTag, ReplyTag.reply_id == Reply.id)
        .join(Actor, Actor.id == Reply.author_id)
        .where(
            ReplyTag.tag == rendering.tag_name(tag),
            Reply.public,
            Reply.state.in_((SHOWN, HELD) if held else (SHOWN,)),
            or_(Reply.entry_id.is_(None), Reply.entry_id.in_(seen)),
            Actor.suspended_at.is_(None),
            Actor.deleted_at.is_(None),
        )
        .options(selectinload(Reply.author), selectinload(Reply.entry))
        .order_by(Reply.published_at.desc(), Reply.id.desc())
        .limit(MOST_SHOWN)
    )
    return list(rows)
