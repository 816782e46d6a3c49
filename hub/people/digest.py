"""The weekly letter: what waits for those who want to be told once a week."""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from hub.core.clock import now
from hub.core.services import Services
from hub.core.words import as_written, filled, later
from hub.jobs.registry import Run, job
from hub.mail import outbox
from hub.mail.composing import Letter
from hub.people.models import Person, Told
from hub.people.notices import language_of, stop_address

WEEK: Final = timedelta(days=7)
MOST_ITEMS: Final = 50


@job("people.weekly", every=timedelta(hours=1))
async def weekly(run: Run) -> None:
    """Write the letter to each for whom something has waited for a week.

    The first thing that waits begins the week, so nobody waits longer, and nobody gets two.
    """
    services = run.services
    async with services.db.read() as session:
        people = await _due(session)
    for person_id in people:
        async with services.db.write() as session:
            await _write(session, services, person_id)
    async with run.finish():
        pass


async def _due(session: AsyncSession) -> list[UUID]:
    waited = exists().where(
        Told.person_id == Person.id, Told.told_at.is_(None), Told.created_at <= now() - WEEK
    )
    return list(await session.scalars(select(Person.id).where(waited).order_by(Person.id)))


async def _write(session: AsyncSession, services: Services, person_id: UUID) -> None:
    person = await session.get_one(Person, person_id, with_for_update=True)
    waiting = (
        await session.scalars(
            select(Told)
            .where(Told.person_id == person_id, Told.told_at.is_(None))
            .order_by(Told.created_at)
        )
    ).all()
    for row in waiting:
        row.told_at = now()
    if not waiting or person.email is None or person.disabled_at is not None:
        return
    settings = services.settings
    letter = Letter(
        to=person.email,
        subject=filled("This week at {hub}", hub=settings.name),
        lines=(later("This concerns you:"),),
        items=tuple(
            (as_written(row.subject), settings.url + row.path) for row in waiting[:MOST_ITEMS]
        ),
        language=language_of(person, settings),
        unsubscribe=stop_address(person, settings.url, "weekly"),
    )
    await outbox.put(session, services, letter)
