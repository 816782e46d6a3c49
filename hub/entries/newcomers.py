"""What those may do whom nobody here knows yet, people and servers: the numbers, in one place.

Whoever sends more is not refused: it waits for a moderator (SECURITY G1, G2).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from federation.errors import Unauthorised
from hub.actors.models import Actor
from hub.core.clock import now
from hub.entries.models import Entry, Report
from hub.fediverse import peers
from hub.fediverse.received import Received

DAY: Final = timedelta(days=1)
HOUR: Final = timedelta(hours=1)
NEW_FOR: Final = timedelta(days=7)  # a member's account
NEW_POSTS_MOST: Final = 10  # of such a member, in a day
SERVER_POSTS_MOST: Final = 10  # in a day, of a server that we do not follow
FLAGS_MOST: Final = 10  # reports of one server in an hour
NAMED_MOST: Final = 20  # things of ours that one of them is about


async def watch(received: Received) -> None:
    """Hold everything of a server that we do not follow once it publishes too much here."""
    session, host = received.session, received.author.authority
    if received.author.local or await peers.follows_host(session, host):
        return
    lately = select(func.count(Entry.id)).where(
        Entry.origin == host, Entry.created_at > now() - DAY
    )
    if (await session.scalar(lately) or 0) > SERVER_POSTS_MOST:
        await peers.hold(session, received.services, host)


async def check_flags(session: AsyncSession, author: Actor) -> None:
    """Let a report of another server pass, unless there were too many from there.

    Raises:
        Unauthorised: there were.
    """
    lately = (
        select(func.count(Report.uri.distinct()))
        .join(Actor, Actor.id == Report.actor_id)
        .where(Actor.authority == author.authority, Report.created_at > now() - HOUR)
    )
    if (await session.scalar(lately) or 0) >= FLAGS_MOST:
        raise Unauthorised("too many reports from there within an hour")
