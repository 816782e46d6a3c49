"""A few entries that show what a board is for. They come as an import, so they go as one.

Neighbours alone see them: nothing that is made up leaves the hub.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from hub.core import words
from hub.core.clock import now
from hub.core.services import Services
from hub.core.settings import Settings
from hub.core.words import later, say
from hub.entries.visibility import HUB
from hub.feeds import importing, undoing
from hub.feeds.models import Import
from hub.feeds.rows import Row, digest, times

SOURCE: Final = "examples"
SATURDAY: Final = 5
OPENS, CLOSES = time(14), time(17)
STAY: Final = timedelta(weeks=8)
EVENT: Final = (
    later("Example: coffee in the yard"),
    later(
        "An event has a time and a place. People see it in the calendar, subscribe to it, and say "
        "that they come. Change this one, or post your own and take the examples away."
    ),
    later("In the yard"),
)
OFFER: Final = (
    later("Example: I lend my ladder"),
    later("An offer is a thing to lend or give, a skill, a room, or an hour of help."),
)
WANT: Final = (
    later("Example: who waters my plants in August?"),
    later("A want is something that somebody needs. Offers that may fit are shown beside it."),
)


async def there(session: AsyncSession) -> bool:
    """Whether the examples stand on the board."""
    return await _import(session) is not None


async def put_up(services: Services, person: UUID | None) -> None:
    """Put the examples on the board, in the hub's main language; they stand there once."""
    with words.speaking(words.base_of(services.settings.language)):
        rows = list(_rows(services.settings))
    async for _ in importing.taken(services, "csv", rows, SOURCE, quiet=True, person=person):
        continue


async def take_back(services: Services) -> None:
    """Take the examples away, as far as nobody made them their own."""
    async with services.db.read() as session:
        number = await _import(session)
    if number is not None:
        async for _ in undoing.lines(services, str(number)):
            continue


async def _import(session: AsyncSession) -> UUID | None:
    query = select(Import.id).where(
        Import.source == SOURCE, Import.undone_at.is_(None), Import.added > 0
    )
    return await session.scalar(query.order_by(Import.started_at.desc()).limit(1))


def _rows(settings: Settings) -> Iterator[Row]:
    title, description, location = EVENT
    day = _saturday(now().astimezone(settings.zone).date())
    begins, ends = (datetime.combine(day, at, settings.zone) for at in (OPENS, CLOSES))
    members = {"location": say(location), "timezone": settings.timezone}
    yield _row("event", title, description, members | times(settings.timezone, begins, ends))
    until = {"expires_at": (now() + STAY).isoformat(), "location": settings.area or settings.name}
    yield _row("offer", *OFFER, {"kind": "item", "mode": "lend", **until})
    yield _row("want", *WANT, {"kind": "time", "mode": "give", **until})


def _row(kind: str, title: str, description: str, members: dict[str, Any]) -> Row:
    said = {"title": say(title), "description": say(description), "visibility": HUB, **members}
    key = f"{SOURCE}:{kind}"
    return Row(
        key=key, place=kind, kind=kind, title=said["title"], members=said, fingerprint=digest(said)
    )


def _saturday(today: date) -> date:
    """The next one, at least two days from now."""
    return today + timedelta(days=2 + (SATURDAY - today.weekday() - 2) % 7)
