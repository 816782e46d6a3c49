"""A letter to moderators when something has waited for more than a day: once a day, or none."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, cast
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from hub.core.clock import now
from hub.core.services import Services
from hub.core.words import filled, made, on_day, say_many
from hub.jobs.registry import Run, job
from hub.moderation import cards
from hub.people import notices
from hub.people.models import Person, Told
from hub.people.notices import Notice
from hub.people.permissions import MAY
from hub.web.doors import Caller, Role

AFTER: Final = timedelta(days=1)
AGAIN: Final = timedelta(days=1)
KIND: Final = "queue"
QUEUE: Final = "/admin/moderation"


@job("moderation.remind", every=timedelta(hours=1))
async def remind(run: Run) -> None:
    """Tell each moderator of what waits for them."""
    services = run.services
    async with services.db.read() as session:
        people = await _moderators(session)
    for person_id in people:
        async with services.db.write() as session:
            await _remind(session, services, person_id)
    async with run.finish():
        pass


async def _moderators(session: AsyncSession) -> Sequence[UUID]:
    roles = [role for role, deeds in MAY.items() if "moderate" in deeds]
    query = select(Person.id).where(Person.role.in_(roles), Person.disabled_at.is_(None))
    return (await session.scalars(query.order_by(Person.id))).all()


async def _remind(session: AsyncSession, services: Services, person_id: UUID) -> None:
    person = await session.get_one(Person, person_id, with_for_update=True)
    moment = now()
    caller = Caller(person.id, person.name, cast(Role, person.role))
    waited = [key for key in await cards.keys(session, caller) if key.since <= moment - AFTER]
    if not waited or await _was_reminded(session, person_id, moment - AGAIN):
        return
    zone, number = services.settings.zone, len(waited)

    def subject() -> str:
        said = say_many(
            "{num} thing waits for a decision", "{num} things wait for a decision", number
        )
        return said.format(num=number)

    # The day is in it, since the same words about the same thing are said once.
    line = filled(
        "Until {today} somebody has waited for more than a day; the oldest since {day}.",
        today=on_day(moment.astimezone(zone)),
        day=on_day(min(key.since for key in waited).astimezone(zone)),
    )
    await notices.tell(session, services, person_id, Notice(KIND, made(subject), (line,), QUEUE))


async def _was_reminded(session: AsyncSession, person_id: UUID, since: datetime) -> bool:
    told = (Told.person_id == person_id, Told.item == f"{KIND} {QUEUE}", Told.created_at > since)
    return await session.scalar(select(Told.id).where(*told).limit(1)) is not None
