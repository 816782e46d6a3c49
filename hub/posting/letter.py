"""The weekly letter about the neighbourhood, for those who asked for it: what is on, what is new.

It goes on Fridays, before the weekend. With interests it holds only what has one of their words.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Final, TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from hub.core import dates
from hub.core.clock import now
from hub.core.services import Services
from hub.core.settings import Settings
from hub.core.text import fold, tidy
from hub.entries.models import Entry
from hub.events import queries as events
from hub.events.models import Event
from hub.exchange import queries as exchange
from hub.jobs.registry import Run, job
from hub.mail import outbox
from hub.mail.composing import Letter
from hub.people import entrusting
from hub.people.models import Person
from hub.people.notices import stop_address

E = TypeVar("E", bound=Entry)

FRIDAY: Final = 4
AT: Final = time(8)
AHEAD: Final = timedelta(days=9)  # until the end of the next week's weekend
BACK: Final = timedelta(days=7)
LOOKED_AT: Final = 100  # of each kind, of which interests choose
MOST_ITEMS: Final = 12
MOST_INTERESTS: Final = 20
LONGEST_INTEREST: Final = 40


def interests_of(entered: str) -> list[str]:
    """The words that somebody entered, with commas between them."""
    words = (tidy(word)[:LONGEST_INTEREST] for word in entered.split(","))
    return list(dict.fromkeys(word for word in words if word))[:MOST_INTERESTS]


def next_time(settings: Settings, after: datetime) -> datetime:
    """The next Friday morning on the clock of the neighbourhood."""
    local = after.astimezone(settings.zone)
    day = local.date() + timedelta(days=(FRIDAY - local.weekday()) % 7)
    due = datetime.combine(day, AT, settings.zone)
    return due if due > local else datetime.combine(day + timedelta(days=7), AT, settings.zone)


@job("posting.weekly_letter", every=timedelta(hours=1))
async def weekly_letter(run: Run) -> None:
    """Write the letters whose time has come."""
    services = run.services
    async with services.db.read() as session:
        query = select(Person.id).where(Person.letter_at <= now(), Person.disabled_at.is_(None))
        people = list(await session.scalars(query.order_by(Person.id)))
    for person_id in people:
        async with services.db.write() as session:
            await _write(session, services, person_id)
    async with run.finish():
        pass


async def _write(session: AsyncSession, services: Services, person_id: UUID) -> None:
    person = await session.get_one(Person, person_id, with_for_update=True)
    moment, settings = now(), services.settings
    if person.letter_at is None or person.letter_at > moment:
        return  # another worker was quicker
    person.letter_at = next_time(settings, moment)
    items = await _items(session, settings, person, moment)
    if person.email is None or not items:
        return
    letter = Letter(
        to=person.email,
        subject=f"This week at {settings.name}",
        lines=("What is on, and what is new among neighbours:",),
        items=tuple(items),
        link=settings.url,
        button="See everything",
        unsubscribe=stop_address(person, settings.url),
    )
    await outbox.put(session, services, letter)


async def _items(
    session: AsyncSession, settings: Settings, person: Person, moment: datetime
) -> list[tuple[str, str]]:
    """Words and addresses of what the letter tells, as far as its reader may see it."""
    viewer = await entrusting.viewer(session, person)
    coming = await events.listed(
        session, viewer, since=moment, until=moment + AHEAD, limit=LOOKED_AT
    )
    new = await exchange.listed(session, viewer, limit=LOOKED_AT)
    fresh = [one for one in new.items if one.created_at > moment - BACK]
    told: list[tuple[str, Entry]] = [
        (_when(event, settings), event) for event in _fitting(coming.items, person)
    ]
    words = {"offer": "Offer", "want": "Want"}
    told += [(f"{words[one.kind]}: {one.title}", one) for one in _fitting(fresh, person)]
    return [(said, settings.url + entry.path) for said, entry in told]


def _fitting(found: Sequence[E], person: Person) -> Sequence[E]:
    wanted = [fold(word) for word in person.interests]
    fits = (one for one in found if not wanted or any(w in one.search_text for w in wanted))
    return list(fits)[:MOST_ITEMS]


def _when(event: Event, settings: Settings) -> str:
    start, end = event.starts_at, event.ends_at
    span = dates.span(
        start, end, event.timezone, settings.language, all_day=event.all_day, year=False
    )
    return f"{span}: {event.title}"
