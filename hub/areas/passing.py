"""Each channel of an area passes on what is new and fits, and takes back what does not any more.

Nothing else in the hub knows of channels: once a minute each is compared with what is there, by
whatever way that came to be so. What a follower gets is bounded whatever the hub takes in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from hub.areas import queries
from hub.areas.models import Area
from hub.core.clock import now
from hub.core.services import Services
from hub.entries.models import Entry, Reply
from hub.fediverse import announcing
from hub.fediverse.models import Announcement
from hub.jobs.registry import Run, job

AT_ONCE: Final = 10  # of a channel, each minute
MOST_AN_HOUR: Final = 30  # of a channel; more would drown all else that its followers read
HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Due:
    """What a channel has to do now: entries and answers to pass on, announcements to take back."""

    area_id: UUID
    say: Sequence[UUID]
    answers: Sequence[UUID]
    undo: Sequence[UUID]


@job("areas.pass_on", every=timedelta(minutes=1))
async def pass_on(run: Run) -> None:
    """Find out what is due while others may write, then say it."""
    async with run.services.db.read() as session:
        due = [await _due(session, area) for area in await queries.listed(session)]
    async with run.finish() as session:
        for one in due:
            await _do(session, run.services, one)


async def _due(session: AsyncSession, area: Area) -> Due:
    lately = await session.scalar(
        select(func.count())
        .select_from(Announcement)
        .where(Announcement.actor_id == area.actor_id, Announcement.said_at > now() - HOUR)
    )
    room = min(AT_ONCE, max(0, MOST_AN_HOUR - (lately or 0)))
    say = await queries.untold(session, area, room) if room else ()
    room -= len(say)
    # Of what goes out now the answers follow in a minute, when others know what they are about.
    answers = await queries.unheard(session, area, room) if room else ()
    return Due(area.actor_id, say, answers, await queries.unfit(session, area, AT_ONCE))


async def _do(session: AsyncSession, services: Services, due: Due) -> None:
    """Say it, as far as it is still so: a channel may be ended, an entry gone meanwhile."""
    if not due.say and not due.answers and not due.undo:
        return
    area = await session.get(Area, due.area_id, options=[joinedload(Area.actor)])
    if area is None:
        return
    undone = await session.scalars(
        select(Announcement)
        .where(Announcement.id.in_(due.undo), Announcement.undone_at.is_(None))
        .options(joinedload(Announcement.actor), joinedload(Announcement.author))
    )
    for row in undone.all():
        await announcing.undo(session, services, row)
    still = select(Entry).where(Entry.id.in_(due.say), *queries.fits(area))
    found = await session.scalars(still.options(joinedload(Entry.author)).order_by(Entry.number))
    for entry in found.all():
        await _say(session, services, area, entry)
    stand = select(Reply).where(Reply.id.in_(due.answers), *queries.answers(area))
    heard = await session.scalars(
        stand.options(joinedload(Reply.author)).order_by(Reply.received_at, Reply.id)
    )
    for reply in heard.all():
        if await announcing.admits(session, announcing.may_answer(area.actor_id), reply.author):
            await _say(session, services, area, reply)


async def _say(session: AsyncSession, services: Services, area: Area, thing: Entry | Reply) -> None:
    row = await announcing.intend(session, area.actor, thing.author, thing.uri, None)
    if row is not None:
        await announcing.say(session, services, row)
