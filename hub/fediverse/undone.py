"""What was taken back before it came: remembered for a day, the late one dropped (PROTOCOL 4.1).

Mail overtakes mail. Whoever hears an Undo calls `remember`; whoever acts on a Like, an Announce, a
Join and the like asks `came_before` first. Only the actor who said it can have taken it back.
"""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from federation.vocab.activities import Activity
from hub.core.clock import now
from hub.core.db import insert_for
from hub.fediverse.models import Undone

LIFE: Final = timedelta(days=1)


async def remember(session: AsyncSession, actor: str, inner: Activity | str) -> None:
    """`actor` took this back; `inner` is the activity, or its id alone."""
    await session.execute(
        insert_for(session, Undone)
        .values(key=_key(actor, inner), undone_at=now())
        .on_conflict_do_nothing()
    )


async def came_before(session: AsyncSession, activity: Activity) -> bool:
    """Whether the Undo of this activity is here already.

    What has no id is known by what it was done to, and then one Undo takes back one of them.
    """
    key = _key(activity.actor, activity)
    if await session.scalar(select(Undone.key).where(Undone.key == key)) is None:
        return False
    if activity.id is None:
        await session.execute(delete(Undone).where(Undone.key == key))
    return True


def _key(actor: str, inner: Activity | str) -> str:
    """A short name, bound to the actor: nobody's Undo touches what another said."""
    named = inner if isinstance(inner, str) else inner.id or f"{inner.type} {inner.object_id}"
    return sha256(f"{actor} {named}".encode()).hexdigest()
